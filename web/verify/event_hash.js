// The CBV 2.0 event hash (§8.9.2): what an event says, in one string, and its SHA-256. It names an event that was given no
// eventID, and tells whether two events say the same. Numbers are written by their digits, and text stays text.

import { byBytes, byteLength, charLength, fail, millisOf, nanosOf, sha256, toHex, trim, utf8 } from "./bytes.js";
import { timeText } from "./days.js";
import { IdError, parseUri } from "./gs1.js";
import { isMap, isNumber, isText, plainNumber } from "./json.js";
import * as words from "./vocabulary.js";

const LEFT_OUT = ["@context", "type", "eventID", "recordTime", "errorDeclaration", "rdfs:comment", "comment"];
const EVENT_ORDER = [
  "eventTime", "eventTimeZoneOffset", "certificationInfo", "parentID", "epcList", "inputEPCList", "childEPCs",
  "quantityList", "childQuantityList", "inputQuantityList", "outputEPCList", "outputQuantityList", "action",
  "transformationID", "bizStep", "disposition", "persistentDisposition", "readPoint", "bizLocation", "sensorElementList",
];
const QUANTITY_ORDER = ["epcClass", "quantity", "uom"];
const METADATA_ORDER = [
  "time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules",
];
const REPORT_ORDER = [
  "type", "exception", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time", "microorganism",
  "chemicalSubstance", "value", "component", "stringValue", "booleanValue", "hexBinaryValue", "uriValue", "minValue",
  "maxValue", "meanValue", "sDev", "percRank", "percValue", "uom", "coordinateReferenceSystem",
];

const NAMESPACE_CHARS_MAX = 256;
const NAME_CHARS_MAX = 256;
const CONTEXT_BYTES_MAX = 16 * 1024;
const CONTEXT_VALUE_BYTES = 8;
const PRE_HASH_BYTES_MAX = 8 * 4 * 1024 * 1024;

const tooLong = (what) => fail("epcis", `the payload is not an EPCIS document: ${what}`);
const hasMoreChars = (text, max) => text.length > max && charLength(text) > max;

/** The namespaces in force, by prefix. What a context adds lies above what was in force. */
class Prefixes {
  #own = new Map();
  #outer;

  constructor(outer) {
    this.#outer = outer;
  }

  get(prefix) {
    for (let layer = this; layer; layer = layer.#outer) if (layer.#own.has(prefix)) return layer.#own.get(prefix);
    return undefined;
  }

  /** Declares a prefix, or takes it away. */
  set(prefix, namespace) {
    if (namespace !== undefined && hasMoreChars(namespace, NAMESPACE_CHARS_MAX)) {
      tooLong(`a namespace has at most ${NAMESPACE_CHARS_MAX} characters, with the prefixes in it written out`);
    }
    this.#own.set(prefix, namespace);
  }

  /** The namespace of a prefix, with the prefixes in it resolved. */
  whole(prefix) {
    let namespace = this.get(prefix);
    for (let step = 0; step < 8; step++) {
      namespace = split(this, namespace)?.join("") ?? namespace;
      if (hasMoreChars(namespace, NAMESPACE_CHARS_MAX)) {
        tooLong(`a namespace has at most ${NAMESPACE_CHARS_MAX} characters, with the prefixes in it written out`);
      }
    }
    return namespace;
  }
}

/** The bytes of the names and texts of a value, and some for each value in it. */
function weight(value) {
  let bytes = CONTEXT_VALUE_BYTES;
  if (isText(value)) bytes += byteLength(value);
  else if (Array.isArray(value)) for (const item of value) bytes += weight(item);
  else if (isMap(value)) for (const [name, inner] of value) bytes += byteLength(name) + weight(inner);
  return bytes;
}

/** What the contexts of a document say about names, and which extensions it keeps out of its events' hashes. */
export function namingOf(frame) {
  const ignored = [...frame].filter(([name, value]) => name.endsWith(":ignoreFields") && Array.isArray(value));
  const names = ignored.flatMap(([, value]) => value.filter((name) => isText(name) && name.includes(":")));
  return inside({ prefixes: new Prefixes(), ignored: new Set(names), written: { bytes: 0 } }, frame);
}

/** The naming inside an object, which may have a context of its own. */
function inside(naming, object) {
  if (!object.has("@context")) return naming;
  if (weight(object.get("@context")) > CONTEXT_BYTES_MAX) tooLong(`a context has at most ${CONTEXT_BYTES_MAX} bytes`);
  const prefixes = new Prefixes(naming.prefixes);
  for (const inline of [object.get("@context")].flat().filter(isMap)) {
    const own = [...inline.keys()].filter((name) => !name.startsWith("@"));
    for (const prefix of own) {
      const given = inline.get(prefix);
      const namespace = isMap(given) ? given.get("@id") : given;
      prefixes.set(prefix, isText(namespace) ? namespace : undefined);
    }
    const whole = own.filter((prefix) => prefixes.get(prefix) !== undefined).map((prefix) => [prefix, prefixes.whole(prefix)]);
    for (const [prefix, namespace] of whole) prefixes.set(prefix, namespace);
  }
  return { ...naming, prefixes };
}

/** Namespace and name of `prefix:name`, if the prefix is declared. What begins with `scheme://` is a URI. */
function split(prefixes, text) {
  const colon = text.indexOf(":");
  const namespace = colon < 0 || text.startsWith("//", colon + 1) ? undefined : prefixes.get(text.slice(0, colon));
  return namespace === undefined ? undefined : [namespace, text.slice(colon + 1)];
}

/** Refuses what would be too long when names are written out, before any is: contexts and names in an event, at any depth. */
export function checkLengths(value, naming) {
  if (Array.isArray(value)) for (const item of value) checkLengths(item, naming);
  if (!isMap(value)) return;
  const inner = inside(naming, value);
  for (const [name, held] of value) {
    if (name === "@context") continue;
    if (hasMoreChars(name, NAME_CHARS_MAX)) tooLong(`the name of a member has at most ${NAME_CHARS_MAX} characters`);
    checkLengths(held, inner);
  }
}

/** The event's hash id, such as `ni:///sha-256;…?ver=CBV2.0`. */
export function eventHashId(event, naming) {
  const before = naming.written.bytes;
  const text = utf8(new PreHash(inside(naming, event)).event(event));
  naming.written.bytes = before;
  counted(naming, text);
  return `ni:///sha-256;${toHex(sha256(text))}?ver=CBV2.0`;
}

/** Counts what the pre-hash strings of a document take in; of text its UTF-16 units, which are no more than its bytes. */
function counted(naming, text) {
  naming.written.bytes += text.length;
  if (naming.written.bytes > PRE_HASH_BYTES_MAX) {
    tooLong(`the pre-hash strings of one capture (CBV 2.0 §8.9.2) have at most ${PRE_HASH_BYTES_MAX} bytes`);
  }
  return text;
}

/** True for an eventID that says of itself that it is such an id. */
export const isHashId = (text) => /^ni:\/\/\/sha-256;.*\?ver=cbv2\.0$/is.test(text);

const items = (value) => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
const sorted = (texts) => texts.sort(byBytes).join("");
const wrapped = (name, content) => (content === "" ? "" : name + content);

class PreHash {
  constructor(naming) {
    this.naming = naming;
  }

  event(event) {
    const first = EVENT_ORDER.filter((name) => event.has(name)).map((name) => this.standard(name, event.get(name)));
    const rest = [...event].filter(
      ([name]) => !EVENT_ORDER.includes(name) && !LEFT_OUT.includes(name) && !this.naming.ignored.has(name),
    );
    return `eventType=${event.get("type")}` + first.join("") + sorted(rest.flatMap(([name, value]) => this.last(name, value)));
  }

  standard(name, value) {
    switch (name) {
      case "epcList":
      case "inputEPCList":
      case "childEPCs":
      case "outputEPCList":
        return wrapped(name, sorted(items(value).map((item) => this.field("epc", item))));
      case "quantityList":
      case "childQuantityList":
      case "inputQuantityList":
      case "outputQuantityList":
        return wrapped(name, sorted(items(value).map((item) => wrapped("quantityElement", this.ordered(item, QUANTITY_ORDER)))));
      case "persistentDisposition": {
        const change = (which) => sorted(items(value.get(which)).map((to) => this.field(which, to)));
        return wrapped(name, change("set") + change("unset"));
      }
      case "readPoint":
      case "bizLocation":
        return wrapped(name, this.ordered(value, ["id"]));
      case "sensorElementList":
        return wrapped(name, sorted(items(value).map((element) => this.sensorElement(element))));
      default:
        return sorted(items(value).map((item) => this.field(name, item)));
    }
  }

  sensorElement(element) {
    const metadata = element.has("sensorMetadata") ? this.ordered(element.get("sensorMetadata"), METADATA_ORDER) : "";
    const report = (one) => wrapped("sensorReport", this.ordered(one, REPORT_ORDER));
    const reports = sorted(items(element.get("sensorReport")).map(report));
    const extensions = this.extensions(element, ["sensorMetadata", "sensorReport"]);
    return wrapped("sensorElement", wrapped("sensorMetadata", metadata) + reports + extensions);
  }

  /** The named members in their order, then the extensions, sorted. */
  ordered(object, order) {
    const fields = order.filter((name) => object.has(name)).map((name) => this.field(name, object.get(name)));
    return fields.join("") + this.extensions(object, order);
  }

  extensions(object, order) {
    const others = [...object].filter(([name]) => !order.includes(name));
    return sorted(others.flatMap(([name, value]) => this.extension(name, value)));
  }

  /** `name=value` of a standard member; nothing for an empty one. */
  field(name, value) {
    const text = isText(value) ? this.word(name, value) : this.scalar(value);
    return text ? `${name}=${text}` : "";
  }

  word(name, text) {
    switch (name) {
      case "eventTime":
      case "time":
      case "startTime":
      case "endTime":
        return utcMillis(text);
      case "eventTimeZoneOffset":
      case "action":
        return text;
      default:
        return this.text(VOCABULARIES.get(name)?.webUri(text) ?? text);
    }
  }

  /** The members of an event that come last: three standard lists, `ilmd` and the extensions. */
  last(name, value) {
    const pairs = (what, kinds) => {
      const pair = (item) => {
        const kind = item.get("type");
        return (isText(kind) ? `type=${this.text(kinds.webUri(kind))}` : "") + (item.has(what) ? this.field(what, item.get(what)) : "");
      };
      return [wrapped(name, sorted(items(value).map(pair)))];
    };
    if (name === "bizTransactionList") return pairs("bizTransaction", words.BIZ_TRANSACTION_TYPES);
    if (name === "sourceList") return pairs("source", words.SOURCE_DEST_TYPES);
    if (name === "destinationList") return pairs("destination", words.SOURCE_DEST_TYPES);
    return this.extension(name, value);
  }

  /** An extension and all below it; an array gives as many strings as it has items. */
  extension(name, value) {
    if (value === null || (LEFT_OUT.includes(name) && name !== "type")) return [];
    if (Array.isArray(value)) {
      const below = (stem) => value.flatMap((item) => this.extension(stem, item));
      return name.endsWith("List") ? [this.name(name) + sorted(below(name.slice(0, -4)))] : below(name);
    }
    if (isMap(value)) return [this.name(name) + new PreHash(inside(this.naming, value)).extensions(value, [])];
    const text = this.scalar(value);
    return [this.name(name) + (text === "" ? "" : "=") + text];
  }

  scalar(value) {
    if (isText(value)) return this.text(value);
    if (isNumber(value)) return plainNumber(value);
    return typeof value === "boolean" ? String(value) : "";
  }

  /** One spelling: prefixes resolved, GS1 keys as canonical Digital Link URIs. */
  text(text) {
    return counted(this.naming, this.spelt(text));
  }

  spelt(text) {
    const trimmed = trim(text);
    const whole = split(this.naming.prefixes, trimmed)?.join("") ?? trimmed;
    if (!whole.includes(":")) return whole;
    try {
      return parseUri(whole).text;
    } catch (error) {
      if (error instanceof IdError) return whole;
      throw error;
    }
  }

  name(name) {
    const [namespace, local] = split(this.naming.prefixes, name) ?? [];
    return counted(this.naming, local === undefined ? name : `{${namespace}}${local}`);
  }
}

const VOCABULARIES = new Map([
  ["bizStep", words.BIZ_STEPS],
  ["disposition", words.DISPOSITIONS],
  ["set", words.DISPOSITIONS],
  ["unset", words.DISPOSITIONS],
  ["type", words.MEASUREMENT_TYPES],
  ["exception", words.SENSOR_ALERTS],
  ["component", words.COMPONENTS],
]);

/** The point in UTC with three digits of a second, rounded half up. */
function utcMillis(text) {
  const nanos = nanosOf(text);
  const millis = nanos === undefined ? undefined : millisOf(nanos + 500000n);
  return millis === undefined ? text : timeText(millis);
}
