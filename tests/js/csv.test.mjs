import assert from "node:assert/strict";
import { test } from "node:test";

import { csv } from "../../web/csv.js";

test("a file has a mark, commas and whole lines", () => {
  assert.equal(csv([["no.", "word"], [1, "정품"]]), "\ufeffno.,word\r\n1,정품\r\n");
});

test("what would break the form is quoted, and no code becomes a formula", () => {
  assert.equal(csv([['a"b', "c,d", "e\nf"]]), '\ufeff"a""b","c,d","e\nf"\r\n');
  assert.equal(csv([["=1+1", "+1", "-1", "@x", "(01)1"]]), "\ufeff'=1+1,'+1,'-1,'@x,(01)1\r\n");
});
