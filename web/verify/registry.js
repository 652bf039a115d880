// The consortium: admin statements, the registry as their fold, and what each role may record
// (docs/FORMATS.md, "Admin statements").

import { byBytes, byteLength, charLength, concat, digest, fail, fromBase64url, hasControl, isHash, sha256, timeOf, trim, utf8 } from "./bytes.js";
import { declares } from "./epcis.js";
import { IdError, glnOf, isCompanyPrefix, isGln, isSingleKey, keyCovers, parseUri, prefixCovers } from "./gs1.js";
import { asEvidence, checkVersion, isMap, isText, isWhole, membersOf, parse } from "./json.js";
import { keyOf } from "./jws.js";
import { OLDER_LEDGER, checkRules, isOrigin, isSignature, parseCheckpoint, readMembers } from "./ledger.js";

const TYPES = {
  genesis: ["version", "origin", "rules", "members", "founders", "created"],
  registration: ["participant", "claims", "request", "certificate"],
  renewal: ["participant", "request", "current", "consent", "certificate"],
  revocation: ["participant", "reason"],
  rejection: ["participant", "key", "reason"],
  endorsement: ["registration"],
  proposal: ["changes", "expires"],
};
const OPTIONAL = { genesis: ["continues"], registration: ["evidence", "similarTo"], revocation: ["compromisedSince", "dismissesClaims"] };
/** Types whose bytes are kept for later (docs/FORMATS.md): refused by name until then. */
const RESERVED = ["withdrawal", "ballot", "ready", "fault"];
/** What a proposal may change, and of what evidence reads the members. Who is a member and by which rules is for who counts votes. */
const CHANGES = {
  admit: undefined,
  remove: undefined,
  replace: undefined,
  revoke: ["participant", "reason"],
  dismiss: ["participant", "claims", "reason"],
  lift: ["recall", "ids", "reason"],
  authority: ["registration"],
  succeeds: ["former", "participant"],
  policy: ["name", "value"],
  rules: undefined,
};
/** The policies that a verdict reads, each with the least and the most that it may be. */
const VERDICT_POLICIES = { maxSpeedKmh: [1, 28000], clockToleranceMinutes: [0, 1440] };
const DISMISSED_RANGES_MAX = 100;
const LIFTED_IDS_MAX = 1000;
const GENESIS_VERSION = 2;
const INVISIBLE =
  /[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\u{e0000}-\u{e007f}\u{e0100}-\u{e01ef}]/u;
const LOOKED_AT_MAX = 20;
const LOOKALIKES_MAX = 16;
const TITLE_CHARS_MAX = 200;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&\-^_.+]*\/[a-z0-9][a-z0-9!#$&\-^_.+]*$/;
const MEDIA_TYPE_CHARS_MAX = 255;

/** Reads the payload of an admin statement; `wrong` refuses it. Bytes, keys and times become what they stand for. */
export function readAdmin(payload, wrong) {
  const value = asEvidence("admin", "the admin statement's payload", () => parse(payload));
  if (isMap(value) && RESERVED.includes(value.get("type"))) {
    fail("type-reserved", `an admin statement of type ${value.get("type")} is not taken yet: a later version will`);
  }
  if (!isMap(value) || !isText(value.get("type")) || !Object.hasOwn(TYPES, value.get("type"))) wrong("its type is unknown");
  const type = value.get("type");
  if (type === "genesis" && value.has("version")) {
    checkVersion(value.get("version"), GENESIS_VERSION, OLDER_LEDGER, wrong);
  }
  const admin = membersOf(value, ["type", ...TYPES[type]], OPTIONAL[type] ?? [], wrong);
  const time = (text) => (isText(text) ? timeOf(text) : undefined) ?? wrong("a time is malformed");
  const bytes = (text) => (isText(text) ? fromBase64url(text) : undefined) ?? wrong("bytes are malformed");
  if (type === "genesis") {
    return readGenesis(admin, time, wrong);
  }
  if (type === "proposal") return readProposal(admin, payload, time, wrong);
  if (type === "endorsement") {
    if (!isParticipant(admin.registration)) wrong("its registration is no UUID in lower case");
    return { type, participant: admin.registration };
  }
  if (!isParticipant(admin.participant)) wrong("its participant is no UUID in lower case");
  if (type === "registration") {
    admin.claims = readClaims(admin.claims, wrong);
    checkLookedAt(admin.evidence, wrong);
    checkSimilar(admin, wrong);
  }
  if (type === "renewal") {
    if (!isHash(admin.current) || !isSignature(admin.consent)) wrong("its consent is malformed");
    admin.consent = fromBase64url(admin.consent);
  }
  if (type === "registration" || type === "renewal") {
    admin.request = bytes(admin.request);
    admin.certificate = readCertificate(admin.certificate, bytes, time, wrong);
    return admin;
  }
  checkReason(admin, wrong);
  if (type === "rejection" && !isHash(admin.key)) wrong("its key is malformed");
  if (type === "revocation") {
    admin.compromisedSince = admin.compromisedSince == null ? undefined : time(admin.compromisedSince);
    checkFlag(admin.dismissesClaims, wrong);
  }
  return admin;
}

/** Checks what the member says it looked at; it may be left out. */
function checkLookedAt(files, wrong) {
  if (files === undefined) return;
  if (!Array.isArray(files) || files.length === 0 || files.length > LOOKED_AT_MAX) wrong(`its evidence is 1 to ${LOOKED_AT_MAX} files`);
  const all = files.map((file) => membersOf(file, ["mediaType", "sha256", "title"], [], wrong));
  for (const { mediaType, sha256, title } of all) {
    if (!isText(mediaType) || mediaType.length > MEDIA_TYPE_CHARS_MAX || !MEDIA_TYPE.test(mediaType)) wrong("a mediaType is malformed");
    if (!isHash(sha256)) wrong("the sha256 of a file is malformed");
    const isShown = isText(title) && title !== "" && charLength(title) <= TITLE_CHARS_MAX && trim(title) === title;
    if (!isShown || hasControl(title) || INVISIBLE.test(title)) wrong("the title of a file is malformed");
  }
  if (new Set(all.map((file) => file.sha256)).size < all.length) wrong("a file is named twice");
}

/** Checks which organisations with look-alike names the member knows to be others; it may be left out. */
function checkSimilar({ participant, similarTo }, wrong) {
  if (similarTo === undefined) return;
  const isList = Array.isArray(similarTo) && similarTo.length > 0 && similarTo.length <= LOOKALIKES_MAX;
  if (!isList || !similarTo.every(isParticipant)) wrong(`its similarTo is 1 to ${LOOKALIKES_MAX} UUIDs in lower case`);
  if (similarTo.includes(participant)) wrong("it is named as similar to itself");
  if (similarTo.some((id, at) => at > 0 && similarTo[at - 1] >= id)) wrong("its similarTo is not in order");
}

function checkReason({ reason }, wrong) {
  if (!isText(reason) || trim(reason) === "" || charLength(reason) > 1000) wrong("a reason has 1 to 1000 characters");
}

/** A flag that may be left out. */
function checkFlag(flag, wrong) {
  if (flag !== undefined && flag !== true) wrong("a flag that is not set is left out");
}

/**
 * Reads what evidence reads of a proposal: the `changes` about participants, recalls and the verdict, and what they name,
 * `names`, as pairs of kind and text. The rest is for who counts votes, and in no evidence.
 */
function readProposal({ type, changes, expires }, { length }, time, wrong) {
  time(expires);
  if (!Array.isArray(changes) || !changes.length || changes.length > 10) wrong("a proposal has 1 to 10 changes");
  const [read, names] = [[], []];
  for (const change of changes) {
    const kind = isMap(change) && change.get("type");
    if (!Object.hasOwn(CHANGES, kind)) fail("type-reserved", `a change ${kind} is not taken yet: a later version may`);
    if (CHANGES[kind]) read.push(readChange(change, kind, time, wrong));
    if (kind === "rules") names.push(["policy", "rules"]);
  }
  for (const one of read) names.push(...namesOfChange(one));
  const about = names.filter(([kind]) => kind === "party").map(([, id]) => id);
  if (!about.every(isParticipant)) wrong("a participant is no UUID in lower case");
  if (about.length && length > 16384) wrong("a proposal about participants has at most 16384 bytes");
  return { type, changes: read, names };
}

function readChange(change, kind, time, wrong) {
  const optional = { revoke: ["compromisedSince", "dismissesClaims"], policy: ["participant"] };
  const one = membersOf(change, ["type", ...CHANGES[kind]], optional[kind] ?? [], wrong);
  if (one.reason !== undefined) checkReason(one, wrong);
  if (kind === "revoke") {
    if (one.compromisedSince !== undefined) one.compromisedSince = time(one.compromisedSince);
    checkFlag(one.dismissesClaims, wrong);
  }
  if (kind === "dismiss") one.claims = readRanges(one.claims, wrong);
  if (kind === "lift") checkLift(one, wrong);
  if (kind === "succeeds" && one.former === one.participant) wrong("a participant does not succeed itself");
  if (kind === "policy" && !isText(one.name)) wrong("a policy has no name");
  if (kind === "policy" && Object.hasOwn(VERDICT_POLICIES, one.name)) {
    const [least, most] = VERDICT_POLICIES[one.name];
    if (!isWhole(one.value) || one.value < least || one.value > most) wrong(`the policy ${one.name} is ${least} to ${most}`);
    if (one.participant !== undefined) wrong(`the policy ${one.name} is the same for all`);
  }
  return one;
}

const isLeaf = (value) => isWhole(value) && value >= 0 && value < Number.MAX_SAFE_INTEGER;

/** Reads ranges of leaves: ascending, none touching another. */
function readRanges(list, wrong) {
  if (!Array.isArray(list) || !list.length || list.length > DISMISSED_RANGES_MAX) wrong(`a dismissal names 1 to ${DISMISSED_RANGES_MAX} ranges`);
  const ranges = list.map((item) => membersOf(item, ["from", "to"], [], wrong));
  if (!ranges.every(({ from, to }) => isLeaf(from) && isLeaf(to) && from <= to)) wrong("a range of leaves is none");
  if (ranges.some(({ from }, at) => at > 0 && ranges[at - 1].to + 1 >= from)) wrong("a range does not lie after and apart from the one before");
  return ranges;
}

function checkLift({ recall, ids }, wrong) {
  if (!isLeaf(recall)) wrong("a recall is no leaf");
  if (!Array.isArray(ids) || !ids.length || ids.length > LIFTED_IDS_MAX) wrong(`a recall is lifted for 1 to ${LIFTED_IDS_MAX} ids`);
  if (!ids.every((id) => isText(id) && isCanonical(id))) wrong("an id is not canonical");
  if (new Set(ids).size < ids.length) wrong("an id is named twice");
}

function isCanonical(text) {
  try {
    return parseUri(text).text === text;
  } catch (error) {
    if (error instanceof IdError) return false;
    throw error;
  }
}

function namesOfChange({ type, ...one }) {
  switch (type) {
    case "authority":
      return [["party", one.registration], ["policy", "verdict"]];
    case "succeeds":
      return [["party", one.former], ["party", one.participant]];
    case "lift":
      return one.ids.map((id) => ["recall", id]);
    case "policy":
      return [
        ["policy", one.name],
        ...(Object.hasOwn(VERDICT_POLICIES, one.name) ? [["policy", "verdict"]] : []),
        ...(one.participant === undefined ? [] : [["party", one.participant]]),
      ];
    default:
      return [["party", one.participant]];
  }
}

function readGenesis({ type, origin, rules, created, ...genesis }, time, wrong) {
  if (!isOrigin(origin)) wrong("its origin is malformed");
  checkRules(rules, wrong);
  const members = readMembers(genesis.members, wrong);
  if (!Array.isArray(genesis.founders) || genesis.founders.length !== members.length) wrong("it has not one founder's consent for each member");
  const founders = genesis.founders.map((item, at) => {
    const { kid, signature } = membersOf(item, ["kid", "signature"], [], wrong);
    if (kid !== members[at].kid || !isSignature(signature)) wrong("a founder's consent is malformed, or not in the order of the members");
    return fromBase64url(signature);
  });
  if (genesis.continues !== undefined) checkLost(genesis.continues, origin, wrong);
  return { type, origin, rules, members, founders, created: time(created) };
}

/** Checks what genesis says of the ledger that was lost, from which this one goes on. */
function checkLost(value, origin, wrong) {
  const lost = membersOf(value, ["origin", "checkpoint", "fingerprint"], [], wrong);
  if (!isOrigin(lost.origin) || lost.origin === origin) wrong("what it continues is no other ledger's origin");
  if (!isText(lost.checkpoint) || parseCheckpoint(lost.checkpoint).origin !== lost.origin) {
    wrong("what it continues has no checkpoint of that origin");
  }
  if (!isHash(lost.fingerprint)) wrong("what it continues has no fingerprint");
}

const isParticipant = (text) => isText(text) && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

function readCertificate(value, bytes, time, wrong) {
  const record = membersOf(value, ["x509", "jwk", "notBefore", "notAfter"], [], wrong);
  const key = keyOf(record.jwk) ?? wrong("the certificate's jwk is no P-256 key");
  const [notBefore, notAfter] = [time(record.notBefore), time(record.notAfter)];
  const thumbprint = digest(bytes(record.x509));
  if (notAfter <= notBefore) wrong("notAfter must be later than notBefore");
  return { thumbprint, key, notBefore, notAfter };
}

function readClaims(value, wrong) {
  const claims = membersOf(value, ["organization", "roles", "glns", "gs1CompanyPrefixes", "namespaces"], ["gs1Keys", "lei", "contact", "terms"], wrong);
  const { organization, glns, gs1CompanyPrefixes, gs1Keys = [], namespaces } = claims;
  const name = isText(organization) ? trim(organization) : "";
  if (name === "" || charLength(name) > 200 || hasControl(name) || INVISIBLE.test(name)) wrong("its organization is wrong");
  const each = (list, holds, what) => {
    if (!Array.isArray(list) || !list.every((item) => isText(item) && holds(item))) wrong(`${what} are malformed`);
    if (list.length > 100 || new Set(list).size < list.length) wrong(`${what} are more than 100, or one stands twice`);
    return list;
  };
  if (!Array.isArray(claims.roles) || claims.roles.length === 0) wrong("there is no role");
  const roles = each(claims.roles.map((role) => (role === "carrier" ? "shipper" : role)), (role) => ROLES.has(role), "roles");
  if (roles.includes("authority") && roles.length > 1) wrong("authority stands alone");
  each(glns, isGln, "glns");
  each(gs1CompanyPrefixes, isCompanyPrefix, "gs1CompanyPrefixes");
  each(gs1Keys, isSingleKey, "gs1Keys");
  if (claims.gs1Keys?.length === 0) wrong("its gs1Keys are empty");
  each(namespaces, isNamespace, "namespaces");
  if (collide(gs1CompanyPrefixes) || collide(namespaces.map(plainHttp))) wrong("two claims collide");
  if (gs1Keys.some((key) => gs1CompanyPrefixes.some((prefix) => prefixCovers(prefix, parseUri(key))))) wrong("two claims collide");
  const { lei, contact, terms } = claims;
  if (lei !== undefined && !isLei(lei)) wrong("its lei is malformed");
  if (contact !== undefined && !isContact(contact)) wrong("its contact is malformed");
  if (terms !== undefined && !isHash(terms)) wrong("its terms are malformed");
  return { organization: name, roles, glns, gs1CompanyPrefixes, gs1Keys, namespaces, ...(contact !== undefined && { contact }) };
}

/** Tells whether text is a Legal Entity Identifier (ISO 17442-1), by its check digits (ISO 7064, MOD 97-10). */
function isLei(text) {
  if (!isText(text) || !/^[A-Z0-9]{18}[0-9]{2}$/.test(text)) return false;
  const number = [...text.slice(0, 18)].map((character) => parseInt(character, 36)).join("");
  return text.slice(18) === String(98n - ((BigInt(number) * 100n) % 97n)).padStart(2, "0");
}

const CONTACT_CHARS_MAX = 500;
const URI = /^([A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;
const WEB = /^https:\/\/([^/?#:]*)(:[0-9]{1,5})?([/?#].*)?$/;
const MAIL = /^mailto:[A-Za-z0-9\-._~!$'*+%]+@([^@]*)$/;
const TELEPHONE = /^tel:\+[0-9\-.()]*$/;

/** Tells whether text is a contact for who scans a product: a page, a mail address or a telephone number. */
function isContact(text) {
  if (!isText(text) || text.length > CONTACT_CHARS_MAX || !URI.test(text)) return false;
  const [, host] = WEB.exec(text) ?? MAIL.exec(text) ?? [];
  if (host !== undefined) return isHost(host);
  const digits = text.replace(/[^0-9]/g, "").length;
  return TELEPHONE.test(text) && digits >= 3 && digits <= 15;
}

/** Two names or more of the DNS, the last of them no number. */
function isHost(host) {
  const names = host.split(".");
  return names.length >= 2 && names.every((name) => /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/.test(name)) && !/^[0-9]+$/.test(names.at(-1));
}

/** True where one of a list begins with another one of it. */
const collide = (list) => list.some((one, at) => list.some((other, before) => before !== at && one.startsWith(other)));

/** A URI with `https://` written as `http://`: the two count as one. */
export const plainHttp = (uri) => (uri.startsWith("https://") ? `http://${uri.slice(8)}` : uri);

const DEPTH_MAX = 16;

/** What a namespace may end with: in a URN a dot, too, which parts a company from its own numbers. */
const delimitersOf = (uri) => (uri.startsWith("urn:") ? "/:#=." : "/:#=");

/** The namespaces in which a URI could lie. */
export function namespaceCandidates(uri) {
  const text = plainHttp(uri);
  const delimiters = delimitersOf(text);
  const found = [];
  let named = false;
  for (let at = text.indexOf(":") + 1 || text.length; at < text.length && found.length < DEPTH_MAX; at++) {
    const delimiter = delimiters.includes(text[at]);
    named ||= !delimiter && text[at] !== ".";
    if (delimiter && named) found.push(text.slice(0, at + 1));
  }
  return found;
}

const SHARED = ["did:", "urn:ietf:", "urn:isbn:", "urn:issn:", "urn:nbn:", "urn:oid:", "urn:uuid:"];

function isNamespace(text) {
  if (byteLength(text) > 1024 || !delimitersOf(text).includes(text.at(-1))) return false;
  const colon = text.indexOf(":");
  const [scheme, rest] = [text.slice(0, colon), text.slice(colon + 1)];
  if (colon <= 0 || !/[\p{Alphabetic}\p{N}]/u.test(rest)) return false;
  if (SHARED.some((shared) => text.slice(0, shared.length).toLowerCase() === shared)) return false;
  if (!isPlainlySpelt(scheme, rest)) return false;
  if (!namespaceCandidates(text).includes(plainHttp(text))) return false;
  try {
    const id = parseUri(`${text}x`);
    return !id.key && id.text.startsWith(text);
  } catch (error) {
    if (error instanceof IdError) return false;
    throw error;
  }
}

function isPlainlySpelt(scheme, rest) {
  if (/[A-Z]/.test(scheme)) return false;
  for (const [, digits] of rest.matchAll(/%(.{0,2})/gsu)) {
    if (/[a-z]/.test(digits) || /[A-Za-z0-9\-._~]/.test(String.fromCharCode(parseInt(digits, 16) || 0))) return false;
  }
  if (!rest.startsWith("//")) return scheme !== "urn" || !/[A-Z]/.test(rest.split(":")[0]);
  const slash = rest.indexOf("/", 2);
  if (slash < 0) return false;
  const path = rest.slice(slash + 1).split(/[?#]/)[0];
  return isPlainAuthority(scheme, rest.slice(2, slash)) && !path.split("/").some((part) => part === "." || part === "..");
}

function isPlainAuthority(scheme, authority) {
  const colon = authority.indexOf(":");
  const [host, port] = colon < 0 ? [authority] : [authority.slice(0, colon), authority.slice(colon + 1)];
  if (/[@A-Z]/.test(authority) || (port !== undefined && !/^[1-9][0-9]*$/.test(port))) return false;
  if ((scheme === "http" && port === "80") || (scheme === "https" && port === "443")) return false;
  return host.includes(".") && host.split(".").every((label) => /^[a-z0-9-]+$/.test(label));
}

const keysOf = ({ gs1Keys = [] }) => gs1Keys.map(parseUri);

/** True where a company prefix, a single key or a namespace of `claims` covers the id. */
export function covers(claims, id) {
  const byKey = () => keysOf(claims).some((key) => keyCovers(key, id));
  if (id.key) return claims.gs1CompanyPrefixes.some((prefix) => prefixCovers(prefix, id)) || byKey();
  const text = plainHttp(id.text);
  return claims.namespaces.map(plainHttp).some((namespace) => text.length > namespace.length && text.startsWith(namespace));
}

/** True where the id is one of the GLNs of `claims`, as a place or a party. */
export const holdsLocation = (claims, id) =>
  (id.key?.ai === "414" || id.key?.ai === "417") && !id.qualifier && claims.glns.includes(id.value);

/** Who was registered, with what, from which leaf to which. A `place` is `{leaf, time}`. */
export class Registry {
  /** In the order of their ids: `{id, claims, registered, certificates, revoked: {at, reason, compromisedSince}}`. */
  participants = [];
  #byId = new Map();
  #byLeaf = new Map();
  #byCertificate = new Map();
  #byKey = new Map();
  #proposed = new Map();
  #dismissals = new Map();
  #lifts = new Map();
  #authorities = new Map();
  #successions = new Map();
  #policies = new Map();

  constructor(origin, members) {
    this.origin = origin;
    this.members = members;
  }

  participant(id) {
    return this.#byId.get(id);
  }

  /** The participant that the registration at a leaf registers. */
  registeredAt(leaf) {
    return this.#byLeaf.get(leaf);
  }

  /** The proposal at a leaf, as it was read, with its `id`. */
  proposedAt(leaf) {
    return this.#proposed.get(leaf);
  }

  /** `{participant, certificate}` of a certificate that some registration or renewal named. */
  certificate(thumbprint) {
    return this.#byCertificate.get(thumbprint);
  }

  /** The participant whose certificate may sign at a place, or why none may: `{participant}` or `{refusal, time}`. */
  signerAt(thumbprint, place) {
    const found = this.certificate(thumbprint);
    if (!found || found.certificate.since >= place.leaf) return { refusal: "unknown" };
    const { participant, certificate } = found;
    if (participant.revoked && participant.revoked.at.leaf < place.leaf) {
      return { refusal: "revoked", time: participant.revoked.at.time };
    }
    if (place.time > certificate.notAfter) return { refusal: "expired", time: certificate.notAfter };
    if (place.time < certificate.notBefore) return { refusal: "not-yet-valid", time: certificate.notBefore };
    return { participant };
  }

  /** The participant whose company prefix or namespace governed the id at a leaf. */
  holderAt(id, leaf) {
    return this.participants.find((one) => inForce(one, leaf) && covers(one.claims, id));
  }

  /** The first dismissal of what a participant claimed in a leaf: `{claims, reason, at, proposal}`. Whether it is a claim, is judged. */
  dismissalOf(participant, leaf) {
    return this.dismissalsOf(participant).find(({ claims }) => claims.some(({ from, to }) => from <= leaf && leaf <= to));
  }

  dismissalsOf(participant) {
    return this.#dismissals.get(participant) ?? [];
  }

  /** The decisions that lift the recall in a leaf for an id, `{recall, ids, reason, at, proposal}`, in ledger order. */
  liftsOf(recall, id) {
    return (this.#lifts.get(recall) ?? []).filter(({ ids }) => ids.includes(id));
  }

  /** The decision that made a participant an authority, `{at, proposal}`. */
  authority(id) {
    return this.#authorities.get(id);
  }

  /** True where the members had made the participant an authority on an earlier leaf, and its registration is in force. */
  isAuthorityAt(id, leaf) {
    const [granted, participant] = [this.authority(id), this.participant(id)];
    return granted !== undefined && granted.at.leaf < leaf && participant !== undefined && inForce(participant, leaf);
  }

  /** Who goes on for a participant: `{former, participant, at, proposal}`. */
  successorOf(former) {
    return this.#successions.get(former);
  }

  /** Adds to a set of participants all who go on for them, and who go on for those in turn. */
  addSuccessors(participants) {
    // A set is walked to its end, and what is added meanwhile too.
    for (const former of participants) {
      const next = this.successorOf(former)?.participant;
      if (next !== undefined) participants.add(next);
    }
  }

  /** The participant itself, or the last of those who go on for it and were registered before a leaf. */
  custodianAt(id, leaf) {
    let last = id;
    for (;;) {
      const next = this.successorOf(last)?.participant;
      if (next === undefined || !(this.participant(next)?.registered.leaf < leaf)) return last;
      last = next;
    }
  }

  /** The value of a policy of the verdict, if the members have set one. */
  policy(name) {
    return this.#policies.get(name);
  }

  /** Applies an admin statement at a place; `wrong` says why it cannot stand there. */
  apply(admin, place, signatures, wrong) {
    switch (admin.type) {
      case "registration":
        return this.#register(admin, place, wrong);
      case "renewal":
        return this.#renew(admin, place, signatures, wrong);
      case "revocation":
        return this.#end(admin, place, wrong);
      case "proposal":
        this.#proposed.set(place.leaf, admin);
        return undefined;
      case "endorsement":
        // That a participant had enough of them where it signed, the quorum has seen.
        this.#inForce(admin.participant, wrong);
        return undefined;
      default:
        return wrong(`a ${admin.type} never stands there`);
    }
  }

  /** Makes the changes of a proposal that was enacted at a place, those that a verdict reads. */
  enact({ id: proposal, changes = [] }, at, wrong) {
    for (const one of changes) {
      if (one.type === "revoke") {
        if (this.#byId.has(one.participant)) this.#end(one, at, wrong, proposal);
        // Of a registration that is not shown, what the decision dismisses counts all the same.
        else if (one.dismissesClaims) this.#dismissAll(one, at, proposal);
      }
      if (one.type === "dismiss") push(this.#dismissals, one.participant, { claims: one.claims, reason: one.reason, at, proposal });
      if (one.type === "lift") push(this.#lifts, one.recall, { recall: one.recall, ids: one.ids, reason: one.reason, at, proposal });
      if (one.type === "authority") setOnce(this.#authorities, one.registration, { at, proposal });
      if (one.type === "succeeds") setOnce(this.#successions, one.former, { former: one.former, participant: one.participant, at, proposal });
      if (one.type === "policy" && Object.hasOwn(VERDICT_POLICIES, one.name)) this.#policies.set(one.name, one.value);
    }
  }

  #end(one, at, wrong, proposal) {
    const { participant, reason, compromisedSince } = one;
    this.#inForce(participant, wrong).revoked = { at, reason, compromisedSince };
    if (one.dismissesClaims) this.#dismissAll(one, at, proposal);
  }

  #dismissAll({ participant, reason }, at, proposal) {
    if (at.leaf > 0) push(this.#dismissals, participant, { claims: [{ from: 0, to: at.leaf - 1 }], reason, at, proposal });
  }

  #register({ participant: id, claims, certificate }, place, wrong) {
    if (this.#byId.has(id)) wrong(`participant ${id} is registered already`);
    this.#checkCertificate(certificate, place, wrong);
    if (this.#byKey.has(certificate.key.thumbprint)) wrong("its key is held by a participant");
    for (const other of this.participants) {
      if (!other.revoked && claimsCollide(claims, other.claims)) wrong(`a claim of it collides with one of ${other.id}`);
    }
    const participant = { id, claims, registered: place, certificates: [], revoked: undefined };
    this.#byId.set(id, participant);
    this.#byLeaf.set(place.leaf, participant);
    this.participants.push(participant);
    this.participants.sort((one, other) => byBytes(one.id, other.id));
    this.#certify(participant, certificate, place);
  }

  #renew(admin, place, signatures, wrong) {
    const participant = this.#inForce(admin.participant, wrong);
    this.#checkCertificate(admin.certificate, place, wrong);
    const holder = this.#byKey.get(admin.certificate.key.thumbprint);
    if (holder && holder !== participant) wrong("its key is held by another participant");
    const current = participant.certificates.find((one) => one.thumbprint === admin.current);
    if (!current) wrong("the certificate that agrees is not this participant's");
    if (place.time > current.notAfter) wrong("the certificate that agrees has expired");
    const consent = concat(
      utf8("sealane/renewal/v1\0"), sha256(utf8(this.origin)), utf8(`${participant.id}\0`), sha256(admin.request),
    );
    signatures.ask(current.key, consent, admin.consent, () => wrong("the participant's agreement does not hold"));
    this.#certify(participant, admin.certificate, place);
  }

  #checkCertificate(certificate, place, wrong) {
    if (this.#byCertificate.has(certificate.thumbprint)) wrong("its certificate is registered already");
    if (certificate.notAfter <= place.time) wrong("its certificate has expired already");
  }

  #inForce(id, wrong) {
    const participant = this.#byId.get(id) ?? wrong(`participant ${id} is not registered`);
    return participant.revoked ? wrong(`participant ${id} has been revoked`) : participant;
  }

  #certify(participant, record, place) {
    const certificate = { ...record, since: place.leaf };
    participant.certificates.push(certificate);
    this.#byCertificate.set(record.thumbprint, { participant, certificate });
    this.#byKey.set(record.key.thumbprint, participant);
  }
}

const push = (map, key, value) => map.set(key, [...(map.get(key) ?? []), value]);
const setOnce = (map, key, value) => map.has(key) || map.set(key, value);

const inForce = (participant, leaf) =>
  participant.registered.leaf < leaf && !(participant.revoked && participant.revoked.at.leaf <= leaf);

const begins = (one, other) => one.startsWith(other) || other.startsWith(one);

/** True where a single key of the one lies under a company prefix of the other, or is its GLN. */
const keyHeld = (one, other) =>
  keysOf(one).some(
    (key) => other.gs1CompanyPrefixes.some((prefix) => prefixCovers(prefix, key)) || other.glns.includes(glnOf(key)),
  );

function claimsCollide(one, other) {
  const pairs = (name, collides) => one[name].some((a) => other[name].some((b) => collides(a, b)));
  return (
    pairs("gs1CompanyPrefixes", begins) ||
    pairs("namespaces", (a, b) => begins(plainHttp(a), plainHttp(b))) ||
    pairs("glns", (a, b) => a === b) ||
    keysOf(one).some((a) => keysOf(other).some((b) => a.text === b.text)) ||
    keyHeld(one, other) ||
    keyHeld(other, one)
  );
}

// --- What each role may record. A manufacturer may record every step.

const MOVING = `accepting arriving collecting consigning cycle_counting departing entering_exiting holding inspecting
loading other packing picking receiving sampling sensor_reporting shipping staging_outbound stock_taking storing
transporting unloading unpacking void_shipping`.split(/\s+/);
const TRADING = `decommissioning destroying dispensing removing repairing replacing reserving retail_selling
stocking`.split(/\s+/);
const ROLES = new Map([
  ["manufacturer", undefined],
  ["shipper", new Set(MOVING)],
  ["distributor", new Set([...MOVING, ...TRADING])],
  ["authority", new Set(["holding", "inspecting", "sampling"])],
]);
const ENDS = [
  ["destroyed", "destroying"],
  ["dispensed", "dispensing"],
  ["disposed", "destroying"],
  ["inactive", "decommissioning"],
  ["retail_sold", "retail_selling"],
];

export const hasRole = (participant, role) => participant?.claims.roles.includes(role) ?? false;

/** The ids that an event brings into being (EPCIS 2.0 §7.4.2, §7.4.5). */
export function broughtIntoBeing({ type, action, ids }) {
  const part = type === "ObjectEvent" && action === "ADD" ? "object" : type === "TransformationEvent" ? "output" : undefined;
  return ids.filter(([found]) => found === part).map(([, id]) => id);
}

/** The rule of the table that an event of the participant breaks: `{rule, key, params}`; `undefined` where it breaks none. */
export function breach(participant, event) {
  const roles = { key: "and-list", params: { items: participant.claims.roles.map((role) => ({ key: `role.${role}` })) } };
  const may = (step) => participant.claims.roles.some((role) => ROLES.get(role)?.has(step) ?? true);
  const { step } = event;
  if (step !== "" && !step.includes(":") && !may(step)) return { rule: "role-step", key: "step", params: { step, roles } };
  const deletes = event.type === "ObjectEvent" && event.action === "DELETE";
  const ends = [
    ...(deletes ? [["action", "decommissioning"]] : []),
    ...ENDS.filter(([disposition]) => declares(event, disposition)),
  ];
  const end = ends.find(([, meant]) => !may(meant));
  if (end) return { rule: "role-step", key: "end", params: { by: end[0], step: end[1] } };
  for (const id of broughtIntoBeing(event)) {
    if (!hasRole(participant, "manufacturer")) return { rule: "role-commission", key: "commission", params: {} };
    if (!covers(participant.claims, id)) return { rule: "own-claim", key: "claim", params: {} };
  }
  return undefined;
}

