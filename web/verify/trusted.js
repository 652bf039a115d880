// The trust anchor, read and checked: all that is believed beforehand.

import { readAnchor } from "./anchor.js";
import { readJson } from "./document.js";
import { Signatures } from "./jws.js";
import { readAdmin } from "./registry.js";

/** Reads a trust anchor and checks that its fingerprint and its founders' signatures hold. */
export async function trustedAnchor(anchor) {
  const signatures = new Signatures();
  const trusted = readAnchor(readJson(anchor, "anchor", "the trust anchor"), signatures, readAdmin);
  await signatures.settle();
  return trusted;
}
