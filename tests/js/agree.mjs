// Judges a folder of cases made elsewhere, so that two verifiers can be compared.
//
//   node tests/js/agree.mjs FOLDER
//
// Each `*.json` there is `{name, anchor, id, now, evidence, last, policy}`, the evidence as text or as JSON, all but the
// first three and the evidence optional. Prints one line of JSON for each, in the order of the file names:
// `{name, verdict, reasons: [[rule, severity, leaves, text]], told: {en, ko}}`, what is told apart from the reasons as `[summary, ...notes]`, in
// Korean with the reasons between them; or `{name, refused: true, code, error}`. A line with `defect` is
// an error of the verifier's own.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import "./webcrypto.mjs";
import { EvidenceError, tell, verify } from "../../web/verify.js";
import { ENGLISH, KOREAN } from "./builders/sentences.mjs";

export async function judgeCase({ name, evidence, ...rest }) {
  try {
    const { verdict, reasons, ...english } = await verify(evidence, { ...rest, sentences: ENGLISH });
    const korean = tell({ verdict, reasons, ...english }, KOREAN);
    const notes = ({ timeline }) => timeline.flatMap(({ note }) => note ?? []);
    const told = {
      en: [english.summary, ...notes(english)],
      ko: [korean.summary, ...korean.reasons.map(({ text }) => text), ...notes(korean)],
    };
    return { name, verdict, reasons: reasons.map(({ rule, severity, leaves, text }) => [rule, severity, leaves, text]), told };
  } catch (error) {
    if (error instanceof EvidenceError) return { name, refused: true, code: error.code, error: error.message };
    return { name, defect: true, error: String(error.stack) };
  }
}

const [folder] = process.argv.slice(2);
if (folder !== undefined) {
  for (const file of readdirSync(folder).filter((one) => one.endsWith(".json")).sort()) {
    const read = JSON.parse(readFileSync(join(folder, file), "utf8"));
    for (const one of Array.isArray(read) ? read : [read]) {
      process.stdout.write(`${JSON.stringify(await judgeCase({ name: file, ...one }))}\n`);
    }
  }
}
