// EPCIS 2.0 documents, read as the ledger reads them: strictly, by their bytes and the tables below.
//
// Checking and canonicalising are one pass: a word becomes its bare word, an id its canonical URI, a time milliseconds
// in UTC. What the standard leaves to extensions is not touched.

import { byteLength, fail, timeOf } from "./bytes.js";
import { timeText } from "./days.js";
import { checkLengths, eventHashId, isHashId, namingOf } from "./event_hash.js";
import { IdError, lotBeside, parseUri } from "./gs1.js";
import { asEvidence, isMap, isNumber, isText, parse } from "./json.js";
import * as words from "./vocabulary.js";
import { isAbsoluteUri } from "./vocabulary.js";

const EVENTS_PER_CAPTURE_MAX = 10000;
const IDS_PER_CAPTURE_MAX = 50000;
const URI_BYTES_MAX = 1024;

// A shape is a letter and what belongs to it: a word list, an item's shape, members. A member's name ends in `!` where it
// is required.
const [TEXT, NUMBER, BOOLEAN, URI, ID, TIME, OFFSET, HEX, UOM, ACTION, VERSION, URIS, CONTEXT, ATTRIBUTE] = [
  "text", "number", "boolean", "uri", "id", "time", "offset", "hex", "uom", "action", "version", "uris", "context",
  "attribute",
].map((kind) => ({ kind }));
const word = (list) => ({ kind: "word", list });
const list = (item, min = 0, unique = false) => ({ kind: "list", item, min, unique });
const exactly = (only) => ({ kind: "exactly", only });
const object = (others, members) => ({
  kind: "object",
  others,
  members: Object.entries(members).map(([name, shape]) => ({ name: name.replace("!", ""), required: name.endsWith("!"), shape })),
});
const named = (names, shape) => Object.fromEntries(names.split(" ").map((name) => [name, shape]));

const QUANTITIES = list(object("refused", { "epcClass!": ID, quantity: NUMBER, uom: UOM }));
const DISPOSITION_LIST = list(word(words.DISPOSITIONS), 1, true);
const BIZ_TRANSACTION = object("refused", { type: word(words.BIZ_TRANSACTION_TYPES), "bizTransaction!": URI });
const PLACE = object("anything", { "id!": ID });
const SENSOR_REPORT = object("extensions", {
  "type!": word(words.MEASUREMENT_TYPES),
  exception: word(words.SENSOR_ALERTS),
  ...named("deviceID deviceMetadata rawData dataProcessingMethod bizRules microorganism chemicalSubstance", URI),
  ...named("coordinateReferenceSystem uriValue", URI),
  ...named("value minValue maxValue meanValue sDev percRank percValue", NUMBER),
  ...named("stringValue uom", TEXT),
  time: TIME,
  component: word(words.COMPONENTS),
  booleanValue: BOOLEAN,
  hexBinaryValue: HEX,
});
const SENSOR_METADATA = object("extensions", {
  ...named("time startTime endTime", TIME),
  ...named("deviceID deviceMetadata rawData dataProcessingMethod bizRules", URI),
});
const SOURCES = list(object("refused", { "type!": word(words.SOURCE_DEST_TYPES), "source!": ID }));
const DESTINATIONS = list(object("refused", { "type!": word(words.SOURCE_DEST_TYPES), "destination!": ID }));
const COMMON = {
  "@context": CONTEXT,
  "type!": TEXT,
  eventID: URI,
  "eventTime!": TIME,
  "eventTimeZoneOffset!": OFFSET,
  recordTime: TIME,
  certificationInfo: URIS,
  errorDeclaration: object("extensions", {
    "declarationTime!": TIME,
    reason: word(words.ERROR_REASONS),
    correctiveEventIDs: list(URI),
  }),
  bizStep: word(words.BIZ_STEPS),
  disposition: word(words.DISPOSITIONS),
  persistentDisposition: object("refused", { set: DISPOSITION_LIST, unset: DISPOSITION_LIST }),
  readPoint: PLACE,
  bizLocation: PLACE,
  sourceList: SOURCES,
  destinationList: DESTINATIONS,
  sensorElementList: list(
    object("extensions", { sensorMetadata: SENSOR_METADATA, "sensorReport!": list(SENSOR_REPORT, 1) }),
  ),
};
const IDS = list(ID);
const UNIQUE_IDS = list(ID, 0, true);
const TRANSACTIONS = { bizTransactionList: list(BIZ_TRANSACTION) };
const CHILDREN = { childEPCs: IDS, childQuantityList: QUANTITIES };
const ILMD = { ilmd: object("extensions", {}) };
const event = (members) => object("extensions", { ...COMMON, ...members });
const EVENT_TYPES = new Map([
  ["ObjectEvent", event({ "action!": ACTION, epcList: UNIQUE_IDS, quantityList: QUANTITIES, ...TRANSACTIONS, ...ILMD })],
  ["AggregationEvent", event({ "action!": ACTION, parentID: ID, ...CHILDREN, ...TRANSACTIONS })],
  ["TransactionEvent", event({
    "action!": ACTION,
    "bizTransactionList!": list(BIZ_TRANSACTION, 1),
    parentID: ID,
    epcList: IDS,
    quantityList: QUANTITIES,
  })],
  ["TransformationEvent", event({
    ...named("inputEPCList outputEPCList", UNIQUE_IDS),
    ...named("inputQuantityList outputQuantityList", QUANTITIES),
    transformationID: ID,
    ...TRANSACTIONS,
    ...ILMD,
  })],
  ["AssociationEvent", event({ "action!": ACTION, "parentID!": ID, ...CHILDREN, ...TRANSACTIONS })],
]);
const DOCUMENT = object("extensions", {
  "@context!": CONTEXT,
  id: URI,
  "type!": exactly("EPCISDocument"),
  "schemaVersion!": VERSION,
  "creationDate!": TIME,
  ...named("instanceIdentifier sender receiver", TEXT),
  epcisHeader: object("extensions", {
    epcisMasterData: object("anything", {
      vocabularyList: list(object("anything", {
        "type!": URI,
        vocabularyElementList: list(object("anything", {
          "id!": URI,
          attributes: list(object("anything", { "id!": URI, attribute: ATTRIBUTE })),
          children: list(URI),
        })),
      })),
    }),
  }),
});

const TERMS = new Set(["EPCISDocument", "epcisBody", "eventList", ...EVENT_TYPES.keys()]);
(function collect(shape) {
  if (shape.kind === "list") collect(shape.item);
  if (shape.kind !== "object") return;
  for (const member of shape.members) {
    TERMS.add(member.name);
    collect(member.shape);
  }
})(object("", Object.fromEntries([...EVENT_TYPES, ["EPCISDocument", DOCUMENT]])));

const wrong = (place, message) => fail("epcis", `the payload is not an EPCIS document, at ${place || "the top"}: ${message}`);

const EPCIS_NAMESPACES = ["epcis:", "https://ref.gs1.org/epcis/", "http://ref.gs1.org/epcis/"];
const respells = (name) =>
  EPCIS_NAMESPACES.some((namespace) => name.startsWith(namespace) && TERMS.has(name.slice(namespace.length)));

class Walk {
  ids = 0;

  members(shape, map, place) {
    for (const { name, required, shape: inner } of shape.members) {
      if (map.has(name)) map.set(name, this.value(inner, map.get(name), `${place}/${name}`));
      else if (required) wrong(place, `${name} is missing`);
    }
    for (const name of map.keys()) {
      if (shape.members.some((member) => member.name === name)) continue;
      if (name === "@context") wrong(place, "@context belongs to the document or to an event");
      if (respells(name)) wrong(place, `${name} is a standard member under another spelling`);
      const extends_ = shape.others === "anything" || (shape.others === "extensions" && isAbsoluteUri(name));
      if (!extends_) wrong(place, `${name.slice(0, 80)} is no member here`);
    }
  }

  value(shape, value, place) {
    switch (shape.kind) {
      case "list":
        return this.list(shape, value, place);
      case "object":
        if (!isMap(value)) wrong(place, "must be an object");
        this.members(shape, value, place);
        return value;
      case "context":
        checkContext(value, place);
        return value;
      case "uris":
        return Array.isArray(value) ? this.list(list(URI), value, place) : this.value(URI, value, place);
      case "number":
        return isNumber(value) ? value : wrong(place, "must be a number");
      case "boolean":
        return typeof value === "boolean" ? value : wrong(place, "must be true or false");
      case "attribute":
        return isNumber(value) || isText(value) || isMap(value) ? value : wrong(place, "must be a string, number or object");
      default:
        return isText(value) ? this.text(shape, value, place) : wrong(place, "must be a string");
    }
  }

  list({ item, min, unique }, items, place) {
    if (!Array.isArray(items)) wrong(place, "must be a list");
    if (items.length < min) wrong(place, `must be a list of at least ${min}`);
    const texts = items.filter(isText);
    if (unique && new Set(texts).size < texts.length) wrong(place, "an item stands in this list already");
    items.forEach((one, at) => (items[at] = this.value(item, one, `${place}/${at}`)));
    return items;
  }

  text(shape, text, place) {
    const must = (holds, what) => (holds ? text : wrong(place, `must be ${what}`));
    switch (shape.kind) {
      case "uri":
        return must(isUri(text), "an absolute URI");
      case "id":
        return this.id(text, place);
      case "time": {
        const time = timeOf(text);
        return time === undefined ? wrong(place, "must be an RFC 3339 date-time") : timeText(time);
      }
      case "word":
        must(shape.list.permits(text), "a word of the CBV, or a URI of another vocabulary");
        return shape.list.word(text) ?? text;
      case "offset":
        return must(isOffset(text), "an offset from UTC within 14 hours");
      case "hex":
        return must(/^[0-9a-fA-F]+$/.test(text), "hexadecimal digits");
      case "uom":
        return must(/^[A-Z0-9]{2,3}$/.test(text), "a code of two or three characters");
      case "action":
        return must(["ADD", "OBSERVE", "DELETE"].includes(text), "ADD, OBSERVE or DELETE");
      case "version":
        return must(text.split(".").every((part) => /^[0-9]+$/.test(part)), "a version");
      case "exactly":
        return must(text === shape.only, shape.only);
      default:
        return text;
    }
  }

  id(text, place) {
    if (++this.ids > IDS_PER_CAPTURE_MAX) wrong(place, `one capture names at most ${IDS_PER_CAPTURE_MAX} identifiers`);
    if (!isUri(text)) wrong(place, "must be an absolute URI");
    try {
      return parseUri(text).text;
    } catch (error) {
      if (error instanceof IdError) wrong(place, error.message);
      throw error;
    }
  }
}

const isUri = (text) => byteLength(text) <= URI_BYTES_MAX && isAbsoluteUri(text);

function isOffset(text) {
  const found = /^[+-](\d\d):(\d\d)$/.exec(text);
  return found !== null && Number(found[2]) < 60 && Number(found[1]) * 60 + Number(found[2]) <= 14 * 60;
}

// --- What a document's `@context` may say: inline contexts only add names of their own.

const STANDARD_PREFIXES = new Map([
  ["epcis", ["https://ref.gs1.org/epcis/"]],
  ["cbv", ["https://ref.gs1.org/cbv/"]],
  ["gs1", ["https://gs1.org/voc/", "https://ref.gs1.org/voc/", "https://www.gs1.org/voc/", "http://gs1.org/voc/"]],
  ["cbvmda", ["urn:epcglobal:cbv:mda", "urn:epcglobal:cbv:mda:"]],
]);

function checkContext(value, place) {
  if (!Array.isArray(value)) return checkEntry(value, place);
  const seen = new Set();
  for (const entry of value) {
    const text = JSON.stringify(plain(entry));
    if (seen.has(text)) wrong(place, "this entry stands in the list already");
    seen.add(text);
    checkEntry(entry, place);
  }
}

/** Something that JSON writes one way for one value, whatever the names. */
function plain(value) {
  if (isMap(value)) return { members: [...value].map(([name, inner]) => [name, plain(inner)]) };
  if (Array.isArray(value)) return value.map(plain);
  return value;
}

function checkEntry(entry, place) {
  if (isText(entry) && isAbsoluteUri(entry)) return;
  if (!isMap(entry)) wrong(place, "must be a context's URI, a context object, or a list of them");
  for (const [name, value] of entry) if (objectionable(name, value)) wrong(place, `${name.slice(0, 80)} would change a standard name`);
}

/** The keywords of JSON-LD 1.1 (§9.15) that say nothing of what a standard name means, and their values. */
const isBoolean = (value) => typeof value === "boolean";
const isUriText = (value) => isText(value) && isAbsoluteUri(value);
const KEYWORDS = {
  __proto__: null,
  "@version": (value) => value?.text === "1.1",
  "@protected": isBoolean,
  "@propagate": isBoolean,
  "@language": (value) => value === null || isText(value),
  "@direction": (value) => value === null || value === "ltr" || value === "rtl",
  "@base": (value) => value === null || isUriText(value),
  "@import": isUriText,
  "@type": (value) =>
    isMap(value) && value.get("@container") === "@set" &&
    [...value].every(([name, inner]) => name === "@container" || (name === "@protected" && isBoolean(inner))),
};

function objectionable(name, value) {
  const at = isMap(value) ? value.get("@id") : value;
  const target = isText(at) ? at : undefined;
  if ((name === "id" || name === "type") && target === `@${name}`) return false;
  if (name.startsWith("@")) return !(KEYWORDS[name]?.(value) ?? false);
  if (STANDARD_PREFIXES.has(name)) return !STANDARD_PREFIXES.get(name).includes(target);
  if (TERMS.has(name) || respells(name)) return true;
  if (target === undefined) return false;
  return target.startsWith("@") || EPCIS_NAMESPACES.some((namespace) => target.startsWith(namespace.replace(/\/$/, "")));
}

// --- What EPCIS 2.0 §7.4 asks of an event across its members

function checkRules(type, map, place) {
  const filled = (name) => map.has(name) && map.get(name).length > 0;
  const some = (...names) => names.some(filled);
  const action = map.get("action");
  switch (type) {
    case "ObjectEvent": {
      const sensed = filled("sensorElementList") && map.has("readPoint");
      if (!map.has("epcList") && !filled("quantityList") && !sensed) wrong(place, "an ObjectEvent names objects");
      if (map.has("ilmd") && action !== "ADD") wrong(place, "ilmd goes only with action ADD");
      break;
    }
    case "AggregationEvent":
      if (!map.has("parentID") && action !== "OBSERVE") wrong(place, "parentID is missing");
    // falls through
    case "AssociationEvent":
      if (!some("childEPCs", "childQuantityList") && action !== "DELETE") wrong(place, "no child is named");
      break;
    case "TransactionEvent":
      if (!map.has("epcList") && !filled("quantityList") && action !== "DELETE") wrong(place, "no object is named");
      break;
    default: {
      const [inputs, outputs] = [some("inputEPCList", "inputQuantityList"), some("outputEPCList", "outputQuantityList")];
      const enough = map.has("transformationID") ? inputs || outputs : inputs && outputs;
      if (!enough) wrong(place, "a TransformationEvent names inputs and outputs, or one of them and a transformationID");
    }
  }
  const lasting = map.get("persistentDisposition");
  if (lasting && !lasting.has("set") && !lasting.has("unset")) wrong(place, "persistentDisposition names no disposition");
}

/**
 * Reads an EPCISDocument, or a single event with its own `@context`, as a list of typed events:
 * `{type, action, time, offset, eventId, step, disposition, set, unset, ids: [part, id], parent, transformationId, transactions,
 * ilmd, readPoint, bizLocation, sources, destinations, declaration, content, lots}`.
 */
export function readEpcis(payload) {
  // A byte order mark is passed over (RFC 8259 §8.1).
  const text = [0xef, 0xbb, 0xbf].every((byte, at) => payload[at] === byte) ? payload.subarray(3) : payload;
  const read = () => parse(text);
  const document = asEvidence("epcis", "the payload", read);
  if (!isMap(document)) wrong("", "must be a JSON object");
  const walk = new Walk();
  if (document.get("type") !== "EPCISDocument") {
    if (!document.has("@context")) wrong("", "@context is missing");
    return [readEvent(walk, document, asEvidence("epcis", "the payload", read), undefined, "")];
  }
  const body = document.get("epcisBody");
  document.delete("epcisBody");
  const naming = namingOf(document);
  walk.members(DOCUMENT, document, "");
  const events = isMap(body) ? body.get("eventList") : undefined;
  if (!Array.isArray(events)) wrong("/epcisBody", "must be an object with the events in a list, eventList");
  if (events.length > EVENTS_PER_CAPTURE_MAX) wrong("/epcisBody/eventList", `at most ${EVENTS_PER_CAPTURE_MAX} events`);
  // What is hashed is the event as it was written.
  const seen = read().get("epcisBody").get("eventList");
  return events.map((one, at) => readEvent(walk, one, seen[at], naming, `/epcisBody/eventList/${at}`));
}

function readEvent(walk, map, seen, naming, place) {
  const type = isMap(map) ? map.get("type") : undefined;
  if (!EVENT_TYPES.has(type)) wrong(place, "must be an event of one of EPCIS 2.0's types");
  const lots = writtenLots(type, map);
  walk.members(EVENT_TYPES.get(type), map, place);
  checkRules(type, map, place);
  const inForce = naming ?? namingOf(seen);
  checkLengths(seen, inForce);
  const hashId = eventHashId(seen, inForce);
  const given = map.get("eventID");
  if (given !== undefined && isHashId(given) && given !== hashId) wrong(`${place}/eventID`, `is not the hash id of this event, ${hashId}`);
  return { ...typed(type, map, hashId), lots };
}

/** `[id, lot]` of the EPCs that the event brings forth, as it was written: what is read of it is without these lots. */
function writtenLots(type, map) {
  const made = type === "TransformationEvent";
  const list = made || (type === "ObjectEvent" && map.get("action") === "ADD") ? map.get(made ? "outputEPCList" : "epcList") : [];
  return Array.isArray(list) ? list.filter(isText).map(lotBeside).filter((found) => found) : [];
}

function typed(type, map, hashId) {
  const ids = (part, listName, quantityName) => [
    ...(map.get(listName) ?? []).map((text) => [part, parseUri(text), false]),
    ...(map.get(quantityName) ?? []).map((item) => [part, parseUri(item.get("epcClass")), true]),
  ];
  const idAt = (name) => (map.has(name) ? parseUri(map.get(name)) : undefined);
  const placeAt = (name) => (map.has(name) ? parseUri(map.get(name).get("id")) : undefined);
  const parent = type === "ObjectEvent" || type === "TransformationEvent" ? undefined : idAt("parentID");
  const parts = {
    ObjectEvent: () => ids("object", "epcList", "quantityList"),
    TransactionEvent: () => ids("object", "epcList", "quantityList"),
    AggregationEvent: () => ids("child", "childEPCs", "childQuantityList"),
    AssociationEvent: () => ids("child", "childEPCs", "childQuantityList"),
    TransformationEvent: () => [
      ...ids("input", "inputEPCList", "inputQuantityList"),
      ...ids("output", "outputEPCList", "outputQuantityList"),
    ],
  };
  const lasting = map.get("persistentDisposition");
  const declaration = map.get("errorDeclaration");
  return {
    type,
    action: type === "TransformationEvent" ? undefined : map.get("action"),
    time: timeOf(map.get("eventTime")),
    offset: map.get("eventTimeZoneOffset"),
    eventId: map.get("eventID") ?? hashId,
    step: map.get("bizStep") ?? "",
    disposition: map.get("disposition"),
    set: lasting?.get("set") ?? [],
    unset: lasting?.get("unset") ?? [],
    ids: [...(parent ? [["parent", parent, false]] : []), ...parts[type]()],
    parent,
    transformationId: type === "TransformationEvent" ? idAt("transformationID") : undefined,
    transactions: (map.get("bizTransactionList") ?? []).map((item) => transactionOf(item.get("bizTransaction"))),
    ilmd: type === "ObjectEvent" || type === "TransformationEvent" ? map.get("ilmd") : undefined,
    readPoint: placeAt("readPoint"),
    bizLocation: placeAt("bizLocation"),
    readPointMembers: map.get("readPoint"),
    bizLocationMembers: map.get("bizLocation"),
    sources: (map.get("sourceList") ?? []).map((item) => parseUri(item.get("source"))),
    destinations: (map.get("destinationList") ?? []).map((item) => parseUri(item.get("destination"))),
    declaration: declaration && {
      time: timeOf(declaration.get("declarationTime")),
      reason: declaration.get("reason"),
    },
    content: hashId,
  };
}

/** A business transaction as it is indexed: as an id, or as it stands where no id may be written so. */
function transactionOf(text) {
  try {
    return parseUri(text).text;
  } catch (error) {
    if (error instanceof IdError) return text;
    throw error;
  }
}

/** True where the event gives what it names this disposition, by itself or lastingly. */
export const declares = (one, disposition) => one.disposition === disposition || one.set.includes(disposition);

export const names = (one, text) => one.ids.some(([, id]) => id.text === text);

export const plays = (one, text, part) => one.ids.some(([found, id]) => found === part && id.text === text);
