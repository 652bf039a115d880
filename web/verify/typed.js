// What people type and paste, and what hand scanners send: read into what gs1.js reads, or refused in one sentence.
//
// The same rules stand in crates/core/src/gs1/typed/, and one table of inputs tests both (crates/core/tests/typed.json). Letters
// keep their case: in a serial it counts.

import { charLength } from "./bytes.js";
import { IdError, checkDigit, decode, hasOnlyDigits, isAi, isKey, isValue, parseQuestion } from "./gs1.js";

const ID_CHARS_MAX = 1024;

/** Characters of a visitor's text that a refusal repeats. */
const QUOTED_CHARS_MAX = 80;

/** Why a text names no product: the message `refused.` and `rule`, filled in by `values`. */
export class Refusal extends Error {
  constructor(rule, values = {}) {
    super(rule);
    this.rule = rule;
    this.values = values;
  }
}

const refuse = (rule, values) => {
  throw new Refusal(rule, values);
};
/** Of A to Z alone, so that every other character keeps its place. */
const inLowerCase = (text) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
const quote = (text) => [...text].slice(0, QUOTED_CHARS_MAX).join("");

/** Codes that are no product's by how they begin, in lower case, and what they are. Only the kind is ever told: they may hold secrets. */
const KINDS = [
  ["wifi", ["wifi:"]],
  ["contact", ["begin:vcard", "mecard:", "bizcard:"]],
  ["event", ["begin:vevent", "begin:vcalendar"]],
  ["message", ["mailto:", "matmsg:", "smtp:", "tel:", "sms:", "smsto:", "mms:", "mmsto:"]],
  ["payment", ["bitcoin:", "bitcoincash:", "ethereum:", "litecoin:", "lightning:", "monero:", "upi:", "spd*", "bcd\n", "bcd\r", "spc\n", "spc\r", "hqvdufywmq"]],
  ["secret", ["otpauth:", "otpauth-migration:", "lpa:", "fido:", "wc:"]],
];

/** EMV's payment codes: digits that look like an SSCC, and end with a checksum of four digits (EMV QRCPS §4.7.3). */
const EMV = /^000201.*6304[0-9a-f]{4}$/is;

/** The kind of a code that is known to be no product's, or nothing. */
export function foreignKind(text) {
  const start = inLowerCase(text.slice(0, 24));
  return EMV.test(text) ? "payment" : KINDS.find(([, beginnings]) => beginnings.some((beginning) => start.startsWith(beginning)))?.[0];
}

/** What stands before a value on labels, in lower case, by application identifier. */
const WORDS = [
  ["01", ["gtin", "gtin-8", "gtin-12", "gtin-13", "gtin-14", "ean", "ean-8", "ean-13", "upc", "upc-a", "pc", "product code", "상품코드", "상품 코드", "제품코드", "제품 코드", "표준코드", "표준 코드", "바코드"]],
  ["00", ["sscc"]],
  ["21", ["sn", "s/n", "ser", "serial", "serial no", "serial nr", "serial number", "일련번호", "일련 번호", "시리얼", "시리얼번호", "시리얼 번호"]],
  ["10", ["lot", "lot no", "lot nr", "lot number", "batch", "batch no", "batch number", "bn", "제조번호", "제조 번호", "로트", "로트번호", "로트 번호", "배치번호"]],
  ["17", ["exp", "exp date", "expiry", "expiry date", "expires", "expiration date", "use by", "사용기한", "사용 기한", "유효기한", "유효 기한", "유통기한", "유통 기한", "소비기한", "소비 기한"]],
  ["15", ["best before", "bbe", "bb"]],
  ["11", ["mfg", "mfd", "mfg date", "production date", "제조일", "제조일자", "제조 일자"]],
].flatMap(([ai, words]) => words.map((word) => [word, ai])).sort(([one], [other]) => other.length - one.length);

/** Room around a text. */
const OUTER = /^[ \t\r\n]+|[ \t\r\n]+$/g;

const GTIN_LENGTHS = [8, 12, 13, 14];
const DATES = ["11", "12", "13", "15", "16", "17"];

/** The identifiers that a label commonly has beside its GTIN, by which one that begins a piece of text is recognised. */
const COMMON = ["10", "11", "15", "16", "17", "21", "22", "235", "7003"];

/** Keys that are digits with a check digit, and how many. */
const CHECKED = { "00": 18, "01": 14, 414: 13, 417: 13, 402: 17, 8017: 18, 8018: 18 };

/**
 * Reads typed text: `{id, label, orLot}`, the last the id of the lot that is meant if the second of two numbers is no serial, as which it was
 * read though nothing said what it is. Throws a `Refusal`.
 */
export function readTyped(input) {
  const text = fold(input);
  if (text === "") refuse("empty");
  if (charLength(text) > ID_CHARS_MAX) refuse("too-long", { max: ID_CHARS_MAX });
  const kind = foreignKind(text);
  if (kind) refuse(`kind.${kind}`);
  if (/^\]|[\x1d]/.test(text)) return strict(text) ?? refuse("scan", { text: quote(text.replaceAll("\x1d", " ")) });
  if (/^(https?:\/\/|urn:)/i.test(text)) return readLink(unwrapped(text));
  if (isHostAndPath(text)) return readLink(`https://${unwrapped(text.replace(/^\/\//, ""))}`, text);
  if (/^\/?(00|01|414|417|8003|8004|8006)\/[0-9]/.test(text)) return readLink(`https://id.gs1.org/${unwrapped(text.replace(/^\//, ""))}`, text);
  const exact = text.startsWith("(") ? strict(text) : undefined;
  if (exact) return exact;
  const marks = marksOf(text);
  if (marks.length > 0) return readMarked(text, marks);
  if (/^[0-9]/.test(text)) return readPlain(text);
  const other = /^[a-z][a-z0-9+.-]*:./i.test(text) ? strict(text) : undefined;
  return other ?? refuse("nothing", { text: quote(text) });
}

/** One character for each of those that are typed in another width, and one space for each kind of it. What has no width is left out. */
function fold(text) {
  const folded = [...text].map((char) => {
    const code = char.codePointAt(0);
    if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0);
    if ("【〔".includes(char)) return "[";
    if ("】〕".includes(char)) return "]";
    if ((code >= 0x200b && code <= 0x200f) || code === 0x2060 || code === 0xfeff) return "";
    if (code === 0x2028 || code === 0x2029) return "\n";
    return (code >= 0x2000 && code <= 0x200a) || [0xa0, 0x202f, 0x205f, 0x3000].includes(code) ? " " : char;
  });
  return folded.join("").replace(OUTER, "");
}

function strict(text) {
  try {
    return parseQuestion(text);
  } catch (error) {
    if (error instanceof IdError) return undefined;
    throw error;
  }
}

// --- Links

/** A link that was broken over lines, or has room between its digits, as one. */
const unwrapped = (text) => text.replace(/[ \t]*[\r\n]+[ \t]*/g, "").replace(/(?<=[0-9])[ \t]+(?=[0-9])/g, "");

const isHostAndPath = (text) => /^(\/\/)?([a-z0-9-]+(\.[a-z0-9-]+)+|localhost)(:[0-9]+)?\/./i.test(text);

/** Reads a link. One that was typed without its scheme is `typed`, and is to hold a number of GS1's. */
function readLink(link, typed) {
  const found = strict(link);
  if (found && (found.id.key || !typed)) return found;
  checkLink(link);
  return refuse(/^urn:/i.test(link) ? "urn" : "link", { text: quote(typed ?? link) });
}

/** Refuses the first wrong value in a link with a GTIN: its number, then what stands behind it and in its query. */
function checkLink(link) {
  const [path, query = ""] = link.split("#")[0].split("?");
  const segments = path.split("/");
  const at = segments.findIndex((segment, nth) => ["01", "gtin"].includes(segment) && /^[0-9]+$/.test(segments[nth + 1] ?? ""));
  if (at < 0) return;
  const number = segments[at + 1];
  if (GTIN_LENGTHS.includes(number.length)) checkEnd(number);
  const rest = segments.slice(at + 2);
  const pairs = rest.flatMap((ai, nth) => (nth % 2 === 0 ? [[ai, rest[nth + 1] ?? ""]] : []));
  const asked = query.split("&").map((pair) => [pair.split("=")[0], pair.slice(pair.indexOf("=") + 1 || pair.length)]);
  for (const [ai, value] of [...pairs, ...asked]) if (isAi(ai)) check(ai, decode(value));
}

// --- Brackets and label words

/** Where an application identifier is named: `[{ai, start, end}]`. */
function marksOf(text) {
  const marks = [];
  const lower = inLowerCase(text);
  for (let at = 0; at < text.length; ) {
    const mark = bracketAt(text, at) ?? wordAt(lower, at);
    if (mark) marks.push(mark);
    at = mark ? mark.end : at + 1;
  }
  return marks;
}

function bracketAt(text, at) {
  if (!"([{".includes(text[at]) || text[at - 1] === "\\") return undefined;
  const found = /^.[ \t]*([0-9]{2,4})[ \t]*[)\]}]/.exec(text.slice(at, at + 16));
  return found ? { ai: found[1], start: at, end: at + found[0].length } : undefined;
}

function wordAt(lower, at) {
  if (at > 0 && !/[ \t\r\n,;|]/.test(lower[at - 1])) return undefined;
  const found = WORDS.find(([word]) => lower.startsWith(word, at) && /^([:=#. \t\r\n([]|$)/.test(lower.slice(at + word.length)));
  return found ? { ai: found[1], start: at, end: at + found[0].length, isWord: true } : undefined;
}

function readMarked(text, marks) {
  const pairs = [];
  const head = text.slice(0, marks[0].start).replace(/[ \t\r\n,;|/]+$/, "");
  const number = head.replace(/[ \t\r\n-]/g, "");
  if (/^[0-9]+$/.test(number)) pairs.push(["01", number]);
  else if (/[0-9]/.test(head)) refuse("unclear", { text: quote(text) });
  for (const [at, { ai, end, isWord }] of marks.entries()) {
    let value = text.slice(end, marks[at + 1]?.start);
    if (isWord) value = value.replace(/^[:=#. \t\r\n]+/, "");
    value = value.replace(/\\(?=\()/g, "");
    value = value.replace(OUTER, "");
    // "SN (21)", "GTIN (01)": the same said twice.
    if (value === "" && marks[at + 1]?.ai === ai) continue;
    if (isWord || marks[at + 1]?.isWord) value = value.replace(/[,;|]+$/, "");
    if (!isAi(ai)) refuse("unknown-ai", { ai });
    pairs.push([ai, value]);
  }
  return readPairs(pairs.map(([ai, value]) => [ai, cleaned(ai, value)]));
}

/** A value without what is printed for the eye alone. */
function cleaned(ai, value) {
  if (DATES.includes(ai)) return dayOf(value) ?? refuse("date", { ai, value: quote(value) });
  const bare = value.replace(hasOnlyDigits(ai) ? /[ \t\r\n-]/g : /[ \t\r\n]/g, "");
  if (ai !== "01" || ![8, 12, 13].includes(bare.length) || !/^[0-9]+$/.test(bare)) return bare;
  // Told as it was typed.
  checkEnd(bare);
  return bare.padStart(14, "0");
}

/** YYMMDD of a day or a month in the spellings that can be told apart. */
function dayOf(value) {
  const text = value.replace(/[ \t\r\n]/g, "");
  if (/^[0-9]{6}$/.test(text)) return text;
  const [, year, month, day = "00"] = /^20([0-9]{2})([0-9]{2})([0-9]{2})$/.exec(text) ?? /^20([0-9]{2})[-./년]([0-9]{1,2})(?:[-./월]([0-9]{1,2})일?|월)?$/.exec(text) ?? [];
  if (year) return year + month.padStart(2, "0") + day.padStart(2, "0");
  const [, first, late] = /^([0-9]{1,2})[-./]20([0-9]{2})$/.exec(text) ?? [];
  return late && `${late}${first.padStart(2, "0")}00`;
}

// --- Without either

function readPlain(text) {
  const tokens = text.split(/[ \t\r\n]+/);
  const compact = text.replace(/[ \t\r\n]/g, "");
  const digits = compact.replaceAll("-", "");
  const isNumber = /^[0-9]+$/.test(digits);
  if (isNumber && isGtin(digits)) return readPairs([["01", digits.padStart(14, "0")]]);
  const [gtin, rest] = gtinBefore(text, tokens);
  if (gtin) return readBehind(gtin.padStart(14, "0"), rest) ?? refuse("unclear", { text: quote(text) });
  if (isNumber && GTIN_LENGTHS.includes(digits.length)) checkEnd(digits);
  const pairs = alternating(tokens);
  if (pairs && pairs.some(([ai]) => isKey(ai))) return readPairs(pairs);
  // A scanner's separators may have become spaces.
  const separated = tokens.length > 1 ? strict(tokens.join("\x1d")) : undefined;
  if (separated) return separated;
  const joined = strict(isNumber ? digits : compact);
  if (joined?.id.key && !mayEndElsewhere(tokens)) return joined;
  if (joined?.id.key) refuse("unclear", { text: quote(text) });
  if (isNumber) refuse("digits", { text: quote(text), count: digits.length });
  // What begins as an element string is told what is wrong in it.
  const [, number, tail] = /^01([0-9]{14})(.+)$/s.exec(compact) ?? [];
  if (number) checkEnd(number);
  return refuse(tail ? "unclear" : "nothing", { text: quote(text) });
}

const isGtin = (digits) => GTIN_LENGTHS.includes(digits.length) && checkDigit(digits.slice(0, -1)) === digits.at(-1);

/** The GTIN that a text begins with and what follows: `9 506000 134352 A1` in pieces, or `9506000134352/A1`. */
function gtinBefore(text, tokens) {
  for (let count = tokens.length - 1; count > 0; count--) {
    const digits = tokens.slice(0, count).join("").replace(/[-,;|/]+$/, "");
    if (/^[0-9-]+$/.test(digits) && isGtin(digits.replaceAll("-", ""))) return [digits.replaceAll("-", ""), tokens.slice(count)];
  }
  const [, digits, rest] = /^([0-9]{8}|[0-9]{12,14})[/,;|](\S+)$/.exec(text) ?? [];
  return digits && isGtin(digits) ? [digits, [rest]] : [];
}

/** What stands behind a GTIN: identifiers and values in turn, or one number alone, which is read as a serial. */
function readBehind(gtin, rest) {
  const pairs = alternating(rest);
  if (pairs) return readPairs([["01", gtin], ...pairs]);
  if (rest.length !== 1) return undefined;
  const [asked, lot] = ["21", "10"].map((ai) => readPairs([["01", gtin], [ai, rest[0]]]));
  return { ...asked, orLot: lot.id };
}

/** The pairs of tokens that take turns, an identifier and its value. */
function alternating(tokens) {
  if (tokens.length === 0 || tokens.length % 2 !== 0) return undefined;
  const pairs = [];
  for (let at = 0; at < tokens.length; at += 2) {
    const [ai, value] = tokens.slice(at, at + 2);
    if (!isAi(ai) || !isValue(ai, value)) return undefined;
    pairs.push([ai, value]);
  }
  return pairs;
}

/** True where a piece after the GTIN looks like another element, so that joining the pieces could hide it in the one before. */
function mayEndElsewhere(tokens) {
  let at = 0;
  return tokens.some((token) => {
    const begins = at;
    at += token.length;
    return begins > 18 && COMMON.some((ai) => token.startsWith(ai));
  });
}

// --- What was found

function readPairs(pairs) {
  const found = new Map();
  for (const [ai, value] of pairs) {
    check(ai, value);
    const first = found.get(ai);
    if (first !== undefined && first !== value) refuse("twice", { ai, first: quote(first), second: quote(value) });
    found.set(ai, value);
  }
  if (![...found.keys()].some(isKey)) refuse("no-key", { found: [...found.keys()].map((ai) => `(${ai})`).join(" ") });
  const text = [...found].map(([ai, value]) => `(${ai})${value.replaceAll("(", "\\(")}`).join("");
  return strict(text) ?? refuse("together", { found: [...found.keys()].map((ai) => `(${ai})`).join(" ") });
}

function check(ai, value) {
  if (/^[0-9]+$/.test(value) && CHECKED[ai] === value.length) checkEnd(value);
  if (isValue(ai, value)) return;
  if (ai === "01") refuse("gtin", { value: quote(value) });
  if (DATES.includes(ai)) refuse("date", { ai, value: quote(value) });
  refuse(ai === "10" || ai === "21" ? "text" : "value", { ai, value: quote(value) });
}

function checkEnd(number) {
  const expected = checkDigit(number.slice(0, -1));
  if (expected !== number.at(-1)) refuse("check-digit", { number, found: number.at(-1), expected });
}

// --- Case

/** The ids that differ from this one's serial or lot in the case of letters alone: in capitals, and in small letters. */
export function otherCases(id) {
  if (id.key?.ai !== "01" || !id.qualifier) return [];
  const [ai, value] = id.qualifier;
  const others = [value.toUpperCase(), value.toLowerCase()].filter((other) => other !== value);
  return others.map((other) => strict(`(01)${id.value}(${ai})${other.replaceAll("(", "\\(")}`)?.id).filter((other) => other);
}
