// Strict JSON (RFC 8259): what two readers could read differently is refused.
//
// Objects are `Map`s, so that no name means anything to JavaScript. A whole number that a double keeps exact is a
// `number`; every other number is a `Decimal`, which keeps its digits.

import { EvidenceError, fail, textOf } from "./bytes.js";

const DEPTH_MAX = 64;

/** A number with a fraction, an exponent or a sign of zero, or too large to be exact. */
export class Decimal {
  constructor(text, value) {
    Object.assign(this, { text, value });
  }
}

/** Text that is no strict JSON, with the place as a number of UTF-16 units. */
export class JsonError extends Error {
  constructor(message, at, kind) {
    super(`${message} at character ${at}`);
    this.kind = kind;
  }
}

export const isMap = (value) => value instanceof Map;
export const isWhole = (value) => typeof value === "number";
export const isText = (value) => typeof value === "string";
export const isNumber = (value) => isWhole(value) || value instanceof Decimal;
export const doubleOf = (number) => (isWhole(number) ? number : number.value);

/** A number without an exponent, and without zeros before its first digit and after its last one, by its digits as written. */
export function plainNumber(number) {
  if (isWhole(number)) return String(number);
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE](.+))?$/.exec(number.text);
  const digits = whole + fraction;
  const first = digits.search(/[1-9]/);
  if (first < 0) return "0";
  const known = digits.slice(first).replace(/0+$/, "");
  const point = Number(exponent) + whole.length - first;
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${known}`;
  if (point >= known.length) return sign + known.padEnd(point, "0");
  return `${sign}${known.slice(0, point)}.${known.slice(point)}`;
}

/** Reads one JSON text. `containersMax` bounds the memory that brackets alone can ask for. */
export function parse(input, containersMax = 1 << 21) {
  const text = isText(input) ? input : textOf(input);
  if (text === undefined) throw new JsonError("invalid UTF-8", 0);
  let at = 0;
  let containers = 0;

  const wrong = (message, kind) => {
    throw new JsonError(message, at, kind);
  };
  const skip = () => {
    for (;;) {
      const unit = text.charCodeAt(at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      at++;
    }
  };
  const deeper = (depth) => {
    if (depth === DEPTH_MAX) wrong(`nested deeper than ${DEPTH_MAX} levels`);
    if (++containers > containersMax) wrong("too many arrays and objects");
    return depth + 1;
  };

  function value(depth) {
    skip();
    const first = text[at];
    if (first === "{") return object(deeper(depth));
    if (first === "[") return array(deeper(depth));
    if (first === '"') return string();
    for (const [word, meaning] of WORDS) {
      if (text.startsWith(word, at)) {
        at += word.length;
        return meaning;
      }
    }
    return number();
  }

  function object(depth) {
    const members = new Map();
    at++;
    skip();
    if (text[at] === "}") {
      at++;
      return members;
    }
    for (;;) {
      skip();
      if (text[at] !== '"') wrong("a member's name was expected");
      const name = string();
      if (members.has(name)) wrong(`the member ${JSON.stringify(name.slice(0, 80))} is named twice`, "duplicate");
      skip();
      if (text[at++] !== ":") wrong("a colon was expected");
      members.set(name, value(depth));
      skip();
      const next = text[at++];
      if (next === "}") return members;
      if (next !== ",") wrong("a comma or } was expected");
    }
  }

  function array(depth) {
    const items = [];
    at++;
    skip();
    if (text[at] === "]") {
      at++;
      return items;
    }
    for (;;) {
      items.push(value(depth));
      skip();
      const next = text[at++];
      if (next === "]") return items;
      if (next !== ",") wrong("a comma or ] was expected");
    }
  }

  function string() {
    const from = ++at;
    let whole = "";
    let start = from;
    for (;;) {
      const unit = text.charCodeAt(at);
      if (unit === 0x22) {
        whole += text.slice(start, at++);
        return whole;
      }
      if (unit === 0x5c) {
        whole += text.slice(start, at) + escape();
        start = at;
      } else if (unit >= 0xd800 && unit < 0xe000) {
        const low = text.charCodeAt(at + 1);
        if (unit >= 0xdc00 || !(low >= 0xdc00 && low < 0xe000)) wrong("half a character");
        at += 2;
      } else if (unit >= 0x20) {
        at++;
      } else {
        wrong("a control character or the end inside a string");
      }
    }
  }

  function escape() {
    const letter = text[at + 1];
    at += 2;
    if (letter !== "u") return ESCAPES.get(letter) ?? wrong("an unknown escape");
    const high = unit();
    if (high < 0xd800 || high >= 0xe000) return String.fromCharCode(high);
    if (high >= 0xdc00 || text[at] !== "\\" || text[at + 1] !== "u") wrong("half a character");
    at += 2;
    const low = unit();
    if (low < 0xdc00 || low >= 0xe000) wrong("half a character");
    return String.fromCharCode(high, low);
  }

  function unit() {
    const digits = text.slice(at, at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) wrong("four hexadecimal digits were expected");
    at += 4;
    return parseInt(digits, 16);
  }

  function number() {
    NUMBER.lastIndex = at;
    const found = NUMBER.exec(text);
    if (!found) wrong("a value was expected");
    at += found[0].length;
    const double = Number(found[0]);
    if (!Number.isFinite(double) || (double === 0 && /^[^eE]*[1-9]/.test(found[0]))) wrong("a number out of range");
    const whole = found[1] === "" && Number.isSafeInteger(double) && !Object.is(double, -0);
    return whole ? double : new Decimal(found[0], double);
  }

  const top = value(0);
  skip();
  if (at !== text.length) wrong("the text goes on after its end");
  return top;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)/y;
const WORDS = [
  ["true", true],
  ["false", false],
  ["null", null],
];
const ESCAPES = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/** The members of an object that has each of `required`, perhaps some of `optional`, and no other. */
export function membersOf(value, required, optional, wrong) {
  if (!isMap(value)) wrong("it must be an object");
  for (const name of required) if (!value.has(name)) wrong(`${name} is missing`);
  for (const name of value.keys()) {
    if (!required.includes(name) && !optional.includes(name)) wrong(`${name.slice(0, 80)} is unknown`);
  }
  return Object.fromEntries([...required, ...optional].map((name) => [name, value.get(name)]));
}

/** Checks the version of a format: another one is named, with the one that is read here and what to do. */
export function checkVersion(found, known, ifOlder, wrong) {
  if (!isWhole(found) || found < 0) wrong("its version is no whole number");
  if (found === known) return;
  const remedy = found > known ? "use a newer version of this program" : ifOlder;
  wrong(`it is of version ${found}, and version ${known} is read here; ${remedy}`);
}

/** Runs a reader, and turns its JSON errors into refusals under `code`. */
export function asEvidence(code, what, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof EvidenceError) throw error;
    if (error instanceof JsonError) fail(code, `${what} is not strict JSON: ${error.message}`);
    throw error;
  }
}
