// GS1 identifiers: one canonical id out of every spelling that the trade uses.
//
// An id is `{text, kind, key, value, qualifier}`: the canonical text, what it names, and for a GS1 key its AI, its
// decoded value and `[ai, value]` of the qualifier that makes it another id than the key's own. An id that is not GS1's
// has the kind "other" and no key.

import { byBytes, charLength } from "./bytes.js";

const ID_CHARS_MAX = 1024;

/** Text that is no identifier, and why. */
export class IdError extends Error {}

const wrong = (message) => {
  throw new IdError(message);
};
const quote = (text) => JSON.stringify([...text.slice(0, 160)].slice(0, 80).join(""));
const isDigits = (text) => /^[0-9]*$/.test(text);

// Application identifiers (GS1 General Specifications §3.2). `=` marks a predefined length. Then come the parts of the
// value: N digits, X CSET 82, Y CSET 39, B base64url; a length or a range; `?` where the value may end before it; rules
// by their letters in RULES.
const AI_TABLE = `
=00 N18c;=01 02 03 N14c;253 N13c X1-17?;255 N13c N1-12?;401 7023 X1-30p;402 N17c;=410-417 N13c;8003 N1z N13c X1-16?
8004 X1-30p;8006 8026 N14c N4t;8010 Y1-30p;8011 N1-12l;8013 X1-25pm;8014 X1-25pdm;8017 8018 N18c;8019 N1-10;235 X1-28
7040 N1 X1 X1 X1;=11-13 15-17 N6b;4324 4325 N6b N4h;4326 7006 N6a;7003 N6a N4h;7007 N6a N6a?;7011 N6a N4h?;7250 N8y
7251 N8y N4h;8008 N6a N2o N2s? N2s?
=3100-3105 3110-3115 3120-3125 3130-3135 3140-3145 3150-3155 3160-3165 N6
=3200-3205 3210-3215 3220-3225 3230-3235 3240-3245 3250-3255 3260-3265 N6
=3270-3275 3280-3285 3290-3295 3300-3305 3310-3315 3320-3325 3330-3335 N6
=3340-3345 3350-3355 3360-3365 3370-3375 3400-3405 3410-3415 3420-3425 N6
=3430-3435 3440-3445 3450-3455 3460-3465 3470-3475 3480-3485 3490-3495 N6
=3500-3505 3510-3515 3520-3525 3530-3535 3540-3545 3550-3555 3560-3565 N6
=3570-3575 3600-3605 3610-3615 3620-3625 3630-3635 3640-3645 3650-3655 N6
=3660-3665 3670-3675 3680-3685 3690-3695 N6
30 37 N1-8;3900-3909 3920-3929 N1-15;3910-3919 3930-3939 N3 N1-15;3940-3943 8111 N4;3950-3955 8005 N6;=20 N2;242 N1-6
422 424 426 N3;423 425 N3 N3? N3? N3? N3?;4309 N10 N10;4321-4323 7252 N1;4330-4333 N6 X1?;7001 N13;7004 N1-4;7241 N2
8001 N4 N5 N3 N1 N1;8040 8041 N15;8042 N32;8043 N18 N1-2?
10 21 22 243 254 420 4318 7020-7021 7022 710-717 7240 8002 8012 X1-20;240-241 250-251 400 403 4308 4319 7002 90 X1-30
421 N3 X1-9;427 7008 X1-3;4300-4301 4310-4311 4320 X1-35;4302-4306 4312-4316 7257 8110 8112 8200 X1-70;4307 4317 X2
7005 X1-12;7009 7255 X1-10;7010 X1-2;7030-7039 N3 X1-27;7041 X1-4;7230-7239 X2 X1-28;7242 8020 X1-25
7253-7254 7259 X1-40;7256 91-99 X1-90;7258 X3;8007 X1-34;8009 X1-50;8030 B1-90`;

const SETS = {
  N: /^[0-9]*$/,
  X: /^[A-Za-z0-9!"%&'()*+,\-./:;<=>?_]*$/,
  Y: /^[0-9A-Z#\-/]*$/,
  B: /^[A-Za-z0-9\-_=]*$/,
};

const numbers = (text, ...widths) => {
  if (!/^[0-9]+$/.test(text) || text.length !== widths.reduce((sum, width) => sum + width)) return undefined;
  let at = 0;
  return widths.map((width) => Number(text.slice(at, (at += width))));
};
const isLeap = (year) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
export const daysIn = (year, month) => [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
const onDay = (found, from) => found !== undefined && found[2] >= from && found[1] > 0 && found[2] <= daysIn(found[0], found[1]);

const RULES = {
  c: (text) => text.length > 1 && checkDigit(text.slice(0, -1)) === text.at(-1),
  m: (text) => text.length >= 2 && checkPair(text.slice(0, -2)) === text.slice(-2),
  p: (text) => /^[0-9]{4}/.test(text),
  z: (text) => /^0+$/.test(text),
  l: (text) => /^[1-9][0-9]*$/.test(text),
  d: (text) => /[^0-9]/.test(text),
  t: (text) => {
    const found = numbers(text, 2, 2);
    return found !== undefined && found[0] > 0 && found[0] <= found[1];
  },
  a: (text) => onDay(numbers(text, 2, 2, 2), 1),
  b: (text) => onDay(numbers(text, 2, 2, 2), 0),
  y: (text) => onDay(numbers(text, 4, 2, 2), 1),
  h: (text) => {
    const found = numbers(text, 2, 2);
    return found !== undefined && found[0] < 24 && found[1] < 60;
  },
  o: (text) => numbers(text, 2)?.[0] < 24,
  s: (text) => numbers(text, 2)?.[0] < 60,
};
const SHAPING = "zp";

/** The check digit after `digits` (GS1 General Specifications §7.9.1). */
export function checkDigit(digits) {
  if (!/^[0-9]+$/.test(digits)) return undefined;
  let sum = 0;
  for (let at = 0; at < digits.length; at++) sum += Number(digits.at(-1 - at)) * (at % 2 === 0 ? 3 : 1);
  return String((10 - (sum % 10)) % 10);
}

const PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83];
const PAIR_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const CSET_82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/** The pair of check characters after `text` (§7.9.5). */
export function checkPair(text) {
  if (text.length > PRIMES.length) return undefined;
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum += CSET_82.indexOf(text.at(-1 - at)) * PRIMES[at];
  sum %= 1021;
  return PAIR_ALPHABET[sum >> 5] + PAIR_ALPHABET[sum & 31];
}

const AIS = new Map();
for (const line of AI_TABLE.trim().split(/[;\n]/)) {
  const predefined = line.startsWith("=");
  const words = line.replace("=", "").split(" ");
  const parts = words.filter((word) => /^[NXYB]/.test(word)).map((word) => {
    const [, set, min, max, optional, rules] = /^(.)(\d+)(?:-(\d+))?(\??)([a-z]*)$/.exec(word.replace(/([a-z])\?/, "?$1"));
    return { set: SETS[set], min: Number(min), max: Number(max ?? min), optional: optional === "?", rules };
  });
  for (const codes of words.filter((word) => /^\d/.test(word))) {
    const [first, last = first] = codes.split("-");
    for (let code = Number(first); code <= Number(last); code++) {
      AIS.set(String(code).padStart(first.length, "0"), { predefined, parts });
    }
  }
}

/** Cuts a value into its parts; `undefined` when its length or characters do not fit. */
function split(ai, value) {
  const found = [];
  let rest = value;
  for (const part of ai.parts) {
    if (rest === "" && part.optional) break;
    const text = rest.slice(0, part.max);
    if (text.length < part.min || !part.set.test(text)) return undefined;
    found.push([part, text]);
    rest = rest.slice(part.max);
  }
  return rest === "" ? found : undefined;
}

function fits(code, value, rules) {
  const parts = AIS.has(code) ? split(AIS.get(code), value) : undefined;
  return parts !== undefined && parts.every(([part, text]) => [...part.rules].every((rule) => !rules(rule) || RULES[rule](text)));
}

/** What typed text is read by: whether an AI is known, whether it names a key, whether its values are digits, whether a value fits it. */
export const isAi = (code) => AIS.has(code);
export const isKey = (code) => KEYS.has(code);
export const hasOnlyDigits = (code) => AIS.get(code)?.parts.every(({ set }) => set === SETS.N) ?? false;
export const isValue = (code, value) => fits(code, value, () => true);

const hasShape = (code, value) => fits(code, value, (rule) => SHAPING.includes(rule));

function checkValue(code, value) {
  if (!fits(code, value, () => true)) wrong(`(${code}) ${quote(value)} has a wrong length, character or check digit`);
}

// The AIs that identify something: alias, kind, sequences of qualifiers, those that identify, where the company prefix
// begins and ends (no end: free text), and a qualifier that must be there.
const key = (ai, alias, kind, start, end, sequences = [], identifying = [], required) => [
  ai,
  { ai, alias, kind, start, end, sequences, identifying, required },
];
const KEYS = new Map([
  key("01", "gtin", "class", 1, 13, [["22", "10", "21"], ["235"]], ["235", "21", "10"]),
  key("00", "sscc", "logistic-unit", 1, 17),
  key("414", "gln", "location", 0, 12, [["254"], ["7040"]], ["254"]),
  key("417", "party", "party", 0, 12, [["7040"]]),
  key("8003", "grai", "returnable-asset", 1, 13),
  key("8004", "giai", "individual-asset", 0, undefined, [["7040"]]),
  key("253", "gdti", "document", 0, 12),
  key("255", "gcn", "coupon", 0, 12),
  key("8017", "gsrnp", "service-relation", 0, 17, [["8019"]], ["8019"]),
  key("8018", "gsrn", "service-relation", 0, 17, [["8019"]], ["8019"]),
  key("8010", "cpid", "component", 0, undefined, [["8011"]], ["8011"]),
  key("8006", "itip", "piece", 1, 13, [["22", "10", "21"]], ["21", "10"]),
  key("401", "ginc", "consignment", 0),
  key("402", "gsin", "shipment", 0, 16),
  key("415", "payTo", "payment-slip", 0, 12, [["8020"]], ["8020"], "8020"),
  key("8013", "gmn", "model", 0),
]);
const BY_SEGMENT = new Map([...KEYS.values()].flatMap((one) => [[one.ai, one], [one.alias, one]]));
const QUALIFIERS = new Map([
  ["22", "cpv"], ["10", "lot"], ["21", "ser"], ["235", "tpx"], ["254", "glnx"], ["7040", "uic"], ["8011", "cpsn"],
  ["8019", "srin"], ["8020", "refno"],
].flatMap(([ai, alias]) => [[ai, ai], [alias, ai]]));

function qualifierOf(one, segment) {
  const ai = QUALIFIERS.get(segment);
  return one.sequences.some((sequence) => sequence.includes(ai)) ? ai : undefined;
}

const takes = (one, names) =>
  one.sequences.some((sequence) => {
    let at = -1;
    return names.every((name) => (at = sequence.indexOf(name, at + 1)) >= 0);
  });

const encode = (value) =>
  encodeURIComponent(value).replace(/[!'()*]/g, (found) => "%" + found.charCodeAt(0).toString(16).toUpperCase());

/** Makes a GS1 id of a key's AI, its value and qualifiers as `[ai, value]`, after checking every value. */
function gs1Id(ai, value, qualifiers) {
  const one = KEYS.get(ai);
  checkValue(ai, value);
  for (const [name, text] of qualifiers) checkValue(name, text);
  // The EPC scheme writes "no extension" of a GLN as 0 (GS1 EPC Tag Data Standard §6.3.3).
  const counts = qualifiers.filter(([name, text]) => !(name === "254" && text === "0"));
  const named = one.identifying.map((name) => counts.find(([found]) => found === name)).find((found) => found);
  if (one.required && !named) wrong(`(${ai}) identifies nothing without (${one.required})`);
  const kind = one.kind === "class" && named ? (named[0] === "10" ? "lot" : "item") : one.kind;
  const tail = named ? `/${named[0]}/${encode(named[1])}` : "";
  return { text: `https://id.gs1.org/${ai}/${encode(value)}${tail}`, kind, key: one, value, qualifier: named };
}

function checkLength(text) {
  if (text === "") wrong("no identifier: the text is empty");
  if (text.length > ID_CHARS_MAX && charLength(text) > ID_CHARS_MAX) wrong("an identifier has at most 1024 characters");
}

// --- URIs, by the letter of RFC 3986

const PART = (extra) => new RegExp(`^[A-Za-z0-9\\-._~%!$&'()*+,;=${extra}]*$`);
const [IN_PATH, IN_QUERY, IN_USER, IN_HOST] = [":@/", ":@/?", ":", ""].map(PART);

function cutUri(text) {
  const no = (fault) => wrong(`${quote(text)} is no absolute URI: ${fault}`);
  if (!/^[\x21-\x7e]*$/.test(text) || /["<>\\^\x60{|}]/.test(text)) no("a character must be percent-encoded");
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) no("a percent sign without two hexadecimal digits");
  const colon = text.indexOf(":");
  const scheme = text.slice(0, colon).toLowerCase();
  if (colon < 0 || !/^[a-z][a-z0-9+.-]*$/.test(scheme)) no("it has no scheme such as https: or urn:");
  const [beforeFragment, fragment] = cutAt(text.slice(colon + 1), "#");
  const [rest, query] = cutAt(beforeFragment, "?");
  let [authority, path] = [undefined, rest];
  if (rest.startsWith("//")) {
    const end = rest.indexOf("/", 2);
    [authority, path] = end < 0 ? [rest.slice(2), ""] : [rest.slice(2, end), rest.slice(end)];
  }
  if (!IN_PATH.test(path) || !IN_QUERY.test(query) || !IN_QUERY.test(fragment)) no("a character cannot stand there");
  const host = authority === undefined ? undefined : hostOf(authority, no);
  const isHttp = scheme === "http" || scheme === "https";
  if (isHttp && !host) no("an http URI needs a host");
  if (path === "" && host === undefined) no("nothing follows its scheme");
  return { scheme, host, path, query, isHttp, hasMore: query !== "" || fragment !== "" };
}

function cutAt(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function hostOf(authority, no) {
  const at = authority.lastIndexOf("@");
  if (!IN_USER.test(authority.slice(0, Math.max(at, 0)))) no("its user information");
  const hostPort = authority.slice(at + 1);
  let [host, port] = ["", ""];
  if (hostPort.startsWith("[")) {
    const end = hostPort.indexOf("]");
    if (end < 0) no("its address in [ has no ]");
    [host, port] = [hostPort.slice(1, end), hostPort.slice(end + 1)];
    if (!/^[A-Za-z0-9:.]+$/.test(host)) no("no IP address");
  } else {
    const colon = hostPort.indexOf(":");
    [host, port] = colon < 0 ? [hostPort, ""] : [hostPort.slice(0, colon), hostPort.slice(colon)];
    if (!IN_HOST.test(host)) no("its host");
  }
  if (!/^(:[0-9]*)?$/.test(port)) no("its port");
  return host;
}

const lossy = new TextDecoder();

/** Replaces each `%XX` by its byte; bytes that are not UTF-8 become U+FFFD. */
export function decode(text) {
  if (!text.includes("%")) return text;
  const bytes = [];
  for (let at = 0; at < text.length; at++) {
    const digits = text.slice(at + 1, at + 3);
    if (text[at] === "%" && /^[0-9A-Fa-f]{2}$/.test(digits)) {
      bytes.push(parseInt(digits, 16));
      at += 2;
    } else {
      bytes.push(text.charCodeAt(at));
    }
  }
  // A byte order mark is a character like any other here.
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? "\ufeff" : lossy.decode(Uint8Array.from(bytes));
}

// --- Digital Links

function readDigitalLink(uri) {
  const segments = uri.path.split("/").slice(1).map(decode);
  const official = uri.host.replace(/\.$/, "").toLowerCase() === "id.gs1.org";
  for (let at = segments.length - 1; at >= 0; at--) {
    const found = candidateAt(segments, at, official);
    if (found) return linkId(found);
  }
  return official ? wrong(`${quote(uri.path)} holds no GS1 key with a right value`) : undefined;
}

function candidateAt(segments, at, official) {
  const one = BY_SEGMENT.get(segments[at]);
  if (!one || at + 1 >= segments.length) return undefined;
  let value = segments[at + 1];
  if (one.ai === "01" && [8, 12, 13].includes(value.length)) value = value.padStart(14, "0");
  const rest = segments.slice(at + 2);
  const freeText = one.end === undefined;
  const convinces = official || !freeText || rest.length === 0 || qualifierOf(one, rest[0]) !== undefined;
  return hasShape(one.ai, value) && convinces ? { one, value, rest } : undefined;
}

function linkId({ one, value, rest }) {
  const qualifiers = [];
  for (let at = 0; at < rest.length; at += 2) {
    const ai = at + 1 < rest.length ? qualifierOf(one, rest[at]) : undefined;
    qualifiers.push([ai, rest[at + 1]]);
    if (ai === undefined || !takes(one, qualifiers.map(([name]) => name))) {
      wrong(`${quote("/" + rest.slice(at, at + 2).join("/"))} cannot follow (${one.ai}) in a Digital Link`);
    }
  }
  return { ...gs1Id(one.ai, value, qualifiers), beside: qualifiers };
}

// --- EPC URNs: scheme, AI, form of the key, digits, last field ("" where it belongs to the key's value), fields between

const EPC_SCHEMES = new Map([
  ["id:sgtin", "01", "lead", 13, "21"], ["class:lgtin", "01", "lead", 13, "10"], ["id:upui", "01", "lead", 13, "235"],
  ["id:sscc", "00", "lead", 17], ["id:sgln", "414", "digits", 12, "254"], ["id:pgln", "417", "digits", 12],
  ["id:grai", "8003", "zero", 12, ""], ["id:giai", "8004", "text", 0], ["id:gdti", "253", "digits", 12, ""],
  ["id:sgcn", "255", "digits", 12, ""], ["id:gsrn", "8018", "digits", 17], ["id:gsrnp", "8017", "digits", 17],
  ["id:cpi", "8010", "text", 0, "8011"], ["id:ginc", "401", "text", 0], ["id:gsin", "402", "digits", 16],
  ["id:itip", "8006", "lead", 13, "21", 2], ["idpat:sgtin", "01", "lead", 13, "*"], ["idpat:upui", "01", "lead", 13, "*"],
  ["idpat:grai", "8003", "zero", 12, "*"], ["idpat:gdti", "253", "digits", 12, "*"], ["idpat:sgcn", "255", "digits", 12, "*"],
  ["idpat:cpi", "8010", "text", 0, "*"], ["idpat:itip", "8006", "lead", 13, "*", 2],
].map(([name, ...scheme]) => [name, scheme]));
const FOREIGN = ["id:gid", "id:usdod", "id:adi", "id:bic", "id:imovn"];

function readUrn(text, uri) {
  if (uri.scheme !== "urn") return undefined;
  const no = (expected) => wrong(`${quote(text)} is no EPC URN: ${expected}`);
  const [namespace, name] = cutAt(uri.path, ":");
  if (namespace === "" || name === "") wrong(`${quote(text)} is no URN`);
  const lower = namespace.toLowerCase();
  if (lower === "epcglobal") return name.split(":").includes("") ? no("names have no empty part") : undefined;
  if (lower !== "epc") return undefined;
  if (uri.hasMore) no("it ends before ? or #");
  const second = name.indexOf(":", name.indexOf(":") + 1);
  if (!name.includes(":") || second < 0) no("write one like urn:epc:id:sgtin:9506000.013435.A1");
  const [scheme, body] = [name.slice(0, second), name.slice(second + 1)];
  if (FOREIGN.includes(scheme) && body !== "") return undefined;
  const known = EPC_SCHEMES.get(scheme) ?? no("its scheme is none of a pure identity, a class or a pattern");
  return readEpc(known, body, no);
}

function readEpc([ai, form, length, last, between = 0], body, no) {
  const count = 2 + between + (last === undefined ? 0 : 1);
  // The last field takes the dots that are left, since a serial may hold some.
  const all = body.split(".");
  if (all.length < count) no(`it has ${count} fields with a dot between two`);
  const parts = [...all.slice(0, count - 1), all.slice(count - 1).join(".")];
  if (last === "*" && parts.at(-1) !== "*") no("a pattern stands for a class only where its last field alone is *");
  if (parts.slice(2, 2 + between).some((field) => field.length !== 2)) no("piece and total have two digits each");
  const value = epcKey(form, length, parts[0], decode(parts[1]), no) + parts.slice(2, 2 + between).join("");
  const tail = decode(parts.at(-1));
  if (last === undefined || last === "*") return gs1Id(ai, value, []);
  if (last !== "") return gs1Id(ai, value, [[last, tail]]);
  return tail === "" ? no("it ends in a serial") : gs1Id(ai, value + tail, []);
}

function epcKey(form, length, prefix, reference, no) {
  if (!isDigits(prefix) || prefix.length < 6 || prefix.length > 12) no("its company prefix has 6 to 12 digits");
  if (form === "text") return reference === "" ? no("something follows its company prefix") : prefix + reference;
  if (!isDigits(reference) || prefix.length + reference.length !== length) {
    no(`company prefix and reference have ${length} digits together`);
  }
  const digits = form === "lead" ? reference.slice(0, 1) + prefix + reference.slice(1) : prefix + reference;
  return (form === "zero" ? "0" : "") + digits + checkDigit(digits);
}

/** Reads a GS1 Digital Link URI of any domain, an EPC URN, or another absolute URI, which stands as it is. */
export function parseUri(text) {
  checkLength(text);
  const uri = cutUri(text);
  const id = uri.isHttp ? readDigitalLink(uri) : readUrn(text, uri);
  return id ? (uri.query ? { ...id, query: uri.query } : id) : { text, kind: "other" };
}

// --- Element strings

const FNC1 = "\x1d";
const SYMBOLOGIES = ["]C1", "]e0", "]d2", "]Q3", "]J1"];

/** Reads what `parseUri` reads, element strings with brackets or plain, and the bare digits of a GTIN. */
export function parseId(input) {
  const text = input.replace(/^[ \t\r\n]+/, "").replace(/[ \t\r\n]+$/, "");
  checkLength(text);
  const announced = SYMBOLOGIES.some((symbology) => text.startsWith(symbology));
  const bare = text.startsWith("]") && text.length >= 3 ? text.slice(3) : text;
  // What is announced to be an EAN-13 or an EAN-8 has its digits.
  const digits = { "]E0": 13, "]E4": 8 }[text.slice(0, 3)];
  if (digits && !(isDigits(bare) && bare.length === digits)) wrong(`${quote(text)} should be ${digits} digits`);
  if (!announced && isDigits(bare) && [8, 12, 13, 14].includes(bare.length)) {
    return gs1Id("01", bare.padStart(14, "0"), []);
  }
  const plain = bare === text && /^[\x1d0-9]/.test(text);
  return announced || plain || text.startsWith("(") ? elementsId(announced ? bare : text) : parseUri(bare);
}

/** The id alone, as canonical text. */
export const canonicalId = (text) => parseId(text).text;

function elementsId(text) {
  const elements = new Map();
  for (const [ai, value] of text.startsWith("(") ? bracketed(text) : unbracketed(text)) {
    checkValue(ai, value);
    if (elements.has(ai) && elements.get(ai) !== value) wrong(`(${ai}) stands twice, with two values`);
    elements.set(ai, value);
  }
  if (elements.size === 0) wrong("no identifier: the text is empty");
  const one = [...elements.keys()].map((ai) => KEYS.get(ai)).find((found) => found) ?? wrong("no GS1 key that identifies something");
  const qualifiers = [...elements].filter(([ai]) => qualifierOf(one, ai) !== undefined);
  const has = (ai) => qualifiers.some(([name]) => name === ai);
  if (has("21") && has("235")) wrong("(21) and (235) exclude each other");
  return { ...gs1Id(one.ai, elements.get(one.ai), qualifiers), beside: [...elements] };
}

// --- What a code says beside the id

/** The application identifiers of a label: lot, dates, variant, TPX, time of expiry. */
const LABEL = ["10", "11", "15", "16", "17", "22", "235", "7003"];

/**
 * Reads an id with what its code says beside it: `{id, label}`. The label maps AIs to values, as the element string, the
 * Digital Link's path and query, or `more`, `{ai: value}`, have them.
 */
export function parseQuestion(input, more = {}) {
  const id = parseId(withoutSlash(input));
  const pairs = [...(id.beside ?? []), ...Object.entries(more)];
  for (const pair of id.beside && id.query ? id.query.split("&") : []) {
    const [ai, value] = cutAt(pair, "=").map(decode);
    if (AIS.has(ai)) pairs.push([ai, value]);
  }
  return besideOf(id, pairs);
}

/** A Digital Link without the `/` at the end of its path, which a resolver tolerates and an EPC never has; any other text as it is. */
function withoutSlash(input) {
  const [, path, rest] = /^([^?#]*)\/[ \t\r\n]*((?:[?#].*)?)$/s.exec(input) ?? [];
  if (path === undefined || !/^[ \t\r\n]*(?:\][A-Za-z][0-9])?https?:\/\/[^/]+\/./i.test(path)) return input;
  try {
    return parseId(path + rest).key ? path + rest : input;
  } catch (error) {
    if (error instanceof IdError) return path + rest;
    throw error;
  }
}

function besideOf(id, pairs) {
  const label = new Map();
  for (const [ai, value] of pairs) {
    checkValue(ai, value);
    if (!LABEL.includes(ai) || !["01", "8006"].includes(id.key?.ai)) continue;
    const own = id.qualifier?.[0] === ai;
    const first = own ? id.qualifier[1] : label.get(ai);
    if (first !== undefined && first !== value) wrong(`(${ai}) stands twice, with two values`);
    if (!own) label.set(ai, value);
  }
  // A GTIN with a lot is that lot, wherever its number stands.
  const isLot = id.kind === "class" && label.has("10");
  const found = isLot ? gs1Id("01", id.value, [["10", label.get("10")]]) : id;
  if (isLot) label.delete("10");
  return { id: found, label: new Map(LABEL.filter((ai) => label.has(ai)).map((ai) => [ai, label.get(ai)])) };
}

/** `[id, lot]` of an EPC with a lot beside its serial, such as `…/10/L8/21/S8`; of others nothing. */
export function lotBeside(text) {
  // Most have none. What is percent-encoded may be anything.
  if (!/10|lot|%/.test(text)) return undefined;
  try {
    const id = parseUri(text);
    const number = id.beside?.find(([ai]) => ai === "10")?.[1];
    return number !== undefined && lotOf(id, number) ? [id.text, number] : undefined;
  } catch (error) {
    if (error instanceof IdError) return undefined;
    throw error;
  }
}

function* bracketed(text) {
  let rest = text;
  while (rest.startsWith("(")) {
    const close = rest.indexOf(")");
    const code = close < 0 ? rest : rest.slice(1, close);
    if (!AIS.has(code)) wrong(`${quote(code)} is no GS1 application identifier`);
    let [value, at] = ["", close + 1];
    for (; at < rest.length && rest[at] !== "("; at++) {
      if (rest[at] === "\\" && rest[at + 1] === "(") at++;
      value += rest[at];
    }
    yield [code, value.replace(/^ +/, "").replace(/ +$/, "")];
    rest = rest.slice(at);
  }
}

function* unbracketed(text) {
  let rest = text.startsWith(FNC1) ? text.slice(1) : text;
  while (rest !== "") {
    const code = [2, 3, 4].map((length) => rest.slice(0, length)).find((found) => AIS.has(found));
    if (code === undefined) wrong(`${quote(rest.slice(0, 4))} begins with no GS1 application identifier`);
    const { predefined, parts } = AIS.get(code);
    const after = rest.slice(code.length);
    let end = after.includes(FNC1) ? after.indexOf(FNC1) : after.length;
    if (predefined) end = Math.min(end, parts.reduce((sum, part) => sum + part.max, 0));
    yield [code, after.slice(0, end)];
    rest = after.slice(end);
    if (rest.startsWith(FNC1)) rest = rest.slice(1);
  }
}

// --- What the rules ask of an id

export const isGln = (text) => /^[0-9]{13}$/.test(text) && RULES.c(text);
export const isCompanyPrefix = (text) => /^(?!00000)[0-9]{4,12}$/.test(text);

/** The text of the id from which its company prefix begins: only its leading digits can be one. */
const prefixText = ({ key: one, value }) => (one ? value.slice(one.start, one.end) : "");

// A GTIN-8 holds no company prefix; padded, it is known by these zeros, which no prefix begins with.
const isGtin8 = (id) => ["01", "8006"].includes(id.key?.ai) && prefixText(id).startsWith("00000");

/** The texts of digits under which a claim that could be about the id is named; a GTIN-8 has but that of its own key. */
export function claimDigits(id) {
  const digits = /^[0-9]*/.exec(prefixText(id))[0].slice(0, 12);
  if (isGtin8(id)) return [digits];
  return Array.from({ length: Math.max(digits.length - 3, 0) }, (_, at) => digits.slice(0, at + 4));
}

export const prefixCovers = (prefix, id) => !isGtin8(id) && prefixText(id).startsWith(prefix);

/** True for the canonical id of a GTIN or GLN alone, as it is claimed. */
export function isSingleKey(text) {
  try {
    const id = parseUri(text);
    return id.text === text && (id.kind === "class" || (id.kind === "location" && !id.qualifier));
  } catch (error) {
    if (error instanceof IdError) return false;
    throw error;
  }
}

/** True where the id belongs to a single key, which is an id too. */
export function keyCovers(single, id) {
  if (single.key.ai === "01") return ["01", "8006"].includes(id.key?.ai) && id.value.slice(0, 14) === single.value;
  return ["414", "415", "417"].includes(id.key?.ai) && id.value === single.value;
}

/** The id of the class of an item, a lot or a piece. */
export function classOf(id) {
  const within = ["item", "lot", "piece"].includes(id.kind);
  return within ? gs1Id("01", id.value.slice(0, 14), []) : undefined;
}

/** The trade item that a piece is a part of, or its lot: the GTIN with the piece's serial or lot; `undefined` for what is no piece of either. */
export function wholeOf(id) {
  const [ai, number] = id.qualifier ?? [];
  return id.kind === "piece" && ["10", "21"].includes(ai) ? gs1Id("01", id.value.slice(0, 14), [[ai, number]]) : undefined;
}

/** True for what carries other things: a logistic unit, or one returnable asset. */
export const isLoad = (id) => ["logistic-unit", "returnable-asset"].includes(id.kind) && !isClassLevel(id);

/** The lot of this number under the GTIN of an item; `undefined` where the number cannot be one. */
export function lotOf(id, number) {
  const valid = id.kind === "item" && id.key.ai === "01" && fits("10", number, () => true);
  return valid ? gs1Id("01", id.value, [["10", number]]) : undefined;
}

/** The 13 digits of a GLN without an extension. */
export const glnOf = (id) => (["414", "417"].includes(id.key?.ai) && !id.qualifier ? id.value : undefined);

/** True where many objects share the id. */
export function isClassLevel({ key: one, value, qualifier }) {
  switch (one?.kind) {
    case "class":
    case "piece":
    case "component":
      return !["21", "235", "8011"].includes(qualifier?.[0]);
    case "returnable-asset":
      return value.length === 14;
    case "document":
    case "coupon":
      return value.length === 13;
    default:
      return one?.kind === "model";
  }
}

export const byText = (one, other) => byBytes(one.text, other.text);
