// The digits of a fingerprint, and what of the pages' own links and contacts a script lets through.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isContact, reportHref, whatToDo } from "../../web/now.js";
import { groupsOf } from "../../web/verify/standing.js";

test("a fingerprint's groups are those of docs/FORMATS.md", () => {
  const told = "42836 46762 60408 02289 04748 54920 44418 19927 00210 14762 14214 27170 36494 03911 11473 07382";
  assert.equal(groupsOf("p1S2quv4CPESjNaIrYJN1wDSOao3hmoijo4PRyzRHNY").join(" "), told);
});

test("only what a contact may be becomes a link", () => {
  for (const uri of ["https://example.com/report", "mailto:quality@example.com", "tel:+32-2-788-78-00"]) assert.ok(isContact(uri), uri);
  for (const uri of ["javascript:alert(1)", "JAVASCRIPT:alert(1)", "http://example.com", "data:text/html,x", " https://example.com", "//example.com", ""]) {
    assert.ok(!isContact(uri), uri);
  }
});

test("a mail says what was looked up, as the server writes it", () => {
  const href = reportHref("mailto:quality@example.com", "A & B?", "(01)1\nword");
  assert.equal(href, "mailto:quality@example.com?subject=A%20%26%20B%3F&body=%2801%291%0D%0Aword");
  assert.equal(reportHref("https://example.com/report", "A", "B"), "https://example.com/report");
});

test("each verdict that is not good says what to do", () => {
  const key = (verdict, light = "amber", rule = "x", kind = "item") => whatToDo({ verdict, light, reasons: [{ rule }] }, kind);
  assert.equal(key("authentic"), undefined);
  assert.equal(key("traced"), undefined);
  for (const word of ["suspect", "recalled", "disputed", "incomplete", "unknown"]) assert.equal(key(word), `now.${word}`);
  assert.equal(key("ended", "red", "destroyed"), "now.ended-red");
  assert.equal(key("ended", "amber", "sold"), "now.ended");
  assert.equal(key("ended", "amber", "expired"), "now.expired");
  assert.equal(key("unknown", "amber", "x", "place"), undefined);
  assert.equal(key("unknown", "amber", "x", "lot"), "now.unknown");
});
