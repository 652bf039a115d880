// What verdicts say: `{key, params}`, a sentence of the table sentences.json with the parts that stand in it. Core fills the same table.
//
// `{who}` in a sentence stands for a part, `{Who}` for the same with a capital at its beginning. A part is text, or itself
// `{key, params}`, or a list of either. What is filled in is not filled again, so no name can bring a part of its own.

/** The sentences of one language, `{key: sentence}`, from the whole of sentences.json. */
export const sentencesOf = (all, language) => Object.fromEntries(Object.entries(all).map(([key, texts]) => [key, texts[language]]));

/** Says `{key, params}` by the sentences of a language. */
export function say(said, sentences) {
  if (Array.isArray(said)) return said.map((one) => say(one, sentences)).join(sentences.comma);
  if (typeof said !== "object" || said === null) return String(said);
  const { key, params = {} } = said;
  if (key === "and-list") return params.items.map((one) => say(one, sentences)).join(sentences.and);
  return (sentences[key] ?? "").replace(/\{(\w+)\}/g, (_, name) => {
    const small = name[0].toLowerCase() + name.slice(1);
    const text = say(params[small] ?? "", sentences);
    return small === name ? text : capital(text);
  });
}

/** A verdict with all that it says as text by the sentences of a language: `summary`, each reason's `text`, and the timeline's `note`s. */
export function tell(verdict, sentences) {
  const reasons = verdict.reasons.map((reason) => ({ ...reason, text: say({ key: reason.rule, params: reason.params }, sentences) }));
  const noted = (step) => (step.noteSentence ? { ...step, note: say(step.noteSentence, sentences) } : step);
  return { ...verdict, summary: say(verdict.summarySentence, sentences), reasons, timeline: verdict.timeline.map(noted) };
}

function capital(text) {
  const [first = ""] = text;
  return first.toUpperCase() + text.slice(first.length);
}

const SHOWN_CHARS_MAX = 80;
const INVISIBLE = /[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
/** Quotation marks, single and double, of any script, and what looks like one. */
const MARKS =
  /["'\x60\xa8\xab\xb4\xbb\u02b9-\u02bd\u02c8\u02ca\u02cb\u02dd\u02ee\u02f4-\u02f6\u055a\u055b\u05f3\u05f4\u2018-\u201f\u2032-\u2037\u2039\u203a\u2057\u275b-\u2760\u276e\u276f\u2e42\u3003\u300c-\u300f\u301d-\u301f\ufe41-\ufe44\uff02\uff07\uff40\uff62\uff63]+/g;

/** Text cut to a length that a sentence bears, without characters that would turn or hide what stands beside them. */
export function shown(text) {
  const kept = [...text.replace(INVISIBLE, "")];
  return kept.length > SHOWN_CHARS_MAX ? `${kept.slice(0, SHOWN_CHARS_MAX).join("")}…` : kept.join("");
}

/** What a participant wrote, as it is shown, in quotation marks that it cannot close: each run of quotation marks in it becomes one `'`. */
export const quoted = (text) => `“${shown(text.replace(INVISIBLE, "").replace(MARKS, "'"))}”`;
