/** JSON as text, as bytes, or parsed. Of text a member that is named twice is found. */
export type Json = string | Uint8Array | object;

export type Word = "unknown" | "recalled" | "suspect" | "ended" | "disputed" | "incomplete" | "traced" | "authentic";

/** More words may come; these four lights stay. */
export type Light = "red" | "amber" | "grey" | "green";

export type Severity = "recall" | "fails" | "ended" | "disputes" | "gap" | "past" | "note" | "holds";

/** The sentences of a language, by key: `sentencesOf` takes them out of `sealane/sentences.json`. */
export type Sentences = Record<string, string>;

/** What a sentence says: its key, and the parts that stand in it. */
export interface Said {
  key: string;
  params?: Record<string, unknown>;
}

/** A rule that found something, and the leaves that it rests on. The weightiest comes first. */
export interface Reason {
  rule: string;
  severity: Severity;
  leaves: number[];
  params: Record<string, unknown>;
  /** There if `sentences` were given. */
  text?: string;
}

/** One record of the product's journey. Members that are not listed here may be there. */
export interface Step {
  leaf: number;
  /** RFC 3339, UTC. */
  eventTime: string;
  eventTimeZoneOffset?: string;
  type: string;
  bizStep?: string;
  location?: string;
  signer?: { id: string; organization?: string };
  note?: string;
  [member: string]: unknown;
}

export interface Checkpoint {
  origin: string;
  /** Leaves of the tree. */
  size: number;
  /** base64url. */
  root: string;
}

export interface Verdict {
  /** The canonical id. */
  id: string;
  /** What the code said beside it, by application identifier. */
  label: Record<string, unknown>;
  verdict: Word;
  light: Light;
  /** There if `sentences` were given. */
  summary?: string;
  summarySentence: Said;
  reasons: Reason[];
  state: Record<string, unknown>;
  timeline: Step[];
  /** Time of the block that it is as of, in milliseconds since 1970. */
  asOf: number;
  treeSize: number;
}

export interface Checked extends Verdict {
  /** What was checked for it. */
  checks: { signatures: number; proofs: number; subjects: number; leaves: number };
  checkpoint: Checkpoint;
  /** The text of the block's seal. */
  seal: string;
  /** Of the ledger, base64url: compare it with one that you got another way. */
  fingerprint: string;
  /** To whom the number belongs. */
  holder?: { id: string; organization: string; contact?: string };
}

export interface Policy {
  /** How old an answer may be, in milliseconds. */
  maxAgeMs?: number;
  /** Business steps that begin a life beside those of CBV. */
  originSteps?: string[];
  maxSpeedKmh?: number;
  clockToleranceMs?: number;
}

export interface Question {
  /** The trust anchor, `GET /trust`: all that is believed beforehand. */
  anchor: Json;
  /** The id that was asked about, in any spelling, with what its code says beside it. */
  id: string;
  label?: Record<string, string>;
  /** Milliseconds since 1970. If it is given, an answer that is too old is `incomplete`. */
  now?: number;
  /** The checkpoint that was seen last: an older answer and a fork are refused. */
  last?: { size: number; root: string };
  policy?: Policy;
  sentences?: Sentences;
}

/** Evidence that does not hold: its first fault. The code is stable. */
export class EvidenceError extends Error {
  code: string;
}

/** Checks evidence and judges what it shows. Throws an `EvidenceError` if it does not hold. */
export function verify(evidence: Json, question: Question): Promise<Checked>;

/** Reads a trust anchor and checks that its fingerprint and its founders' signatures hold. */
export function trustedAnchor(anchor: Json): Promise<{ fingerprint: string }>;

/** Checks by an RFC 9162 consistency proof that the ledger `to` begins with the ledger `from`; throws if it does not. Hashes are base64url. */
export function verifyConsistency(from: { size: number; root: string }, to: { size: number; root: string }, proof: string[]): void;

/** The one spelling of an id: a GS1 Digital Link below `https://id.gs1.org/`, or another URI as it stands. */
export function canonicalId(text: string): string;

/** The sentences of one language out of all. */
export function sentencesOf(all: Record<string, Record<string, string>>, language: string): Sentences;

/** A verdict with its texts in a language. */
export function tell<V extends Verdict>(verdict: V, sentences: Sentences): V;

/** Says one sentence. */
export function say(said: Said | string, sentences: Sentences): string;

export const DEFAULT_POLICY: Required<Policy>;
