// The rules: each by its stable id, with what its findings mean for the verdict (docs/VERDICT.md, "Rules").

/** By what they mean, the weightiest first. */
const RULES = {
  recall: ["recalled", "recalled-input", "recalled-content"],
  fails: [
    "claim-upheld", "commissioned-twice", "commissioned-without-authority", "event-after-terminal", "event-id-reused", "contradicts-itself",
    "impossible-travel", "label-differs", "reported-stolen", "shipped-twice", "signed-after-compromise", "signer-not-in-force",
    "signer-outside-rights",
  ],
  ended: ["decommissioned", "destroyed"],
  disputes: ["claimed"],
  gap: [
    "answer-too-old", "container-cycle", "custody-gap", "end-withdrawn", "inside-container", "limit-reached", "no-origin",
    "not-serialised", "returned-elsewhere",
  ],
  past: ["dispensed", "expired", "sold", "unpacked", "used-up"],
  note: [
    "code-can-be-copied", "compromised-stranger", "corrected", "correction-without-effect", "container-disputed", "date-passed",
    "dismissed", "expiry-unreadable", "label-incomplete", "label-unconfirmed", "late", "left-consortium", "load", "lot-claimed",
    "packed-elsewhere", "recall-claimed", "recall-lifted", "recall-lifted-by-vote", "stolen-claimed", "shared-number", "unannounced",
    "unnamed-carrier", "unpacked-without-packing", "void-without-shipping", "withdrawn-too-late",
  ],
  holds: ["commissioned-by-prefix-holder", "custody-unbroken", "signers-registered"],
};

/** What a finding means for the verdict, the weightiest first. */
export const SEVERITIES = Object.keys(RULES);

/** The severity of each rule. */
export const SEVERITY_OF = Object.fromEntries(Object.entries(RULES).flatMap(([severity, rules]) => rules.map((rule) => [rule, severity])));
