// The sentences of each language, as a page fetches them.

import { readFileSync } from "node:fs";

import { sentencesOf } from "../../../web/verify/sentences.js";

export const TABLE = JSON.parse(readFileSync(new URL("../../../web/verify/sentences.json", import.meta.url), "utf8"));

export const ENGLISH = sentencesOf(TABLE, "en");
export const KOREAN = sentencesOf(TABLE, "ko");
