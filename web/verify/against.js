// What a participant says against the account of a product, told beside what the account has.

import { placed } from "./case.js";

/** What a participant says, beside where the product is by its own records. */
export function against(one, signer, says) {
  const { last } = one.account.end;
  if (last === undefined) return { own: "", says, warning: "" };
  const warning = one.signer(last) === signer ? "" : { key: "claimed.warning", params: { who: one.who(last) } };
  return { own: { key: "claimed.own", params: placed(one, last) }, says, warning };
}
