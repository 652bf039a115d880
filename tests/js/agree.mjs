// Judges a folder of cases made elsewhere, so that two verifiers can be compared.
//
//   node tests/js/agree.mjs FOLDER
//
// Each `*.json` there is `{name, anchor, id, now, evidence, last, policy}`, the evidence as text or as JSON, all but the
// first three and the evidence optional. Prints one line of JSON for each, in the order of the file names:
// `{name, verdict, reasons: [[rule, severity, leaves]]}`, or `{name, refused: true, code, error}`. A line with `defect` is
// an error of the verifier's own.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import "./webcrypto.mjs";
import { EvidenceError, verify } from "../../web/verify.js";

export async function judgeCase({ name, evidence, ...rest }) {
  try {
    const { verdict, reasons } = await verify(evidence, rest);
    return { name, verdict, reasons: reasons.map(({ rule, severity, leaves }) => [rule, severity, leaves]) };
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
