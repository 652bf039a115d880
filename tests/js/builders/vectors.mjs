// Test vectors written by others. They are not part of the project: `SEALANE_VECTORS` names their folder, or they stand
// beside the checkout. A test that lacks them says so by name, in its line of the report.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const beside = fileURLToPath(new URL("../../../../shared/vectors", import.meta.url));

/** `{path, skip}` of a file or folder of vectors: `skip` is false, or says what is missing and how to give it. */
export function vectors(name) {
  const path = join(process.env.SEALANE_VECTORS ?? beside, name);
  const missing = `skipped: no vectors at ${path}; SEALANE_VECTORS names their folder (CONTRIBUTING.md, "Tests")`;
  return { path, skip: existsSync(path) ? false : missing };
}
