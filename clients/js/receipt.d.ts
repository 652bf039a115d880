import type { Checkpoint, Json } from "./index.d.ts";

/** Checks that a receipt shows a statement in the ledger of a trust anchor. Throws an `EvidenceError` if it does not. */
export function verifyReceipt(
  receipt: Json,
  with_: {
    anchor: Json;
    /** The compact JWS that was posted. */
    statement: string;
    /** The changes of members between the anchor's block and the receipt's, `GET /ledger/handovers`. */
    handovers?: Json;
  },
): Promise<{ leafIndex: number; checkpoint: Checkpoint; time?: number }>;
