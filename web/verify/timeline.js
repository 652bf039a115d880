// The timeline: every record of the product and of what it was in, for people to follow.

import { coordinatesOf } from "./coordinates.js";
import { timeText } from "./days.js";
import { locationOf } from "./reading.js";
import { quoted } from "./sentences.js";

/** A participant as verdicts name it. */
export const partyOf = (one, id) => ({ id, organization: one.registry.participant(id)?.claims.organization ?? null });

/** Tells all that is recorded of the product and of its containers, what was withdrawn too; a repeat at its first place alone. */
export function timelineOf(one) {
  const told = one.inOrder(one.told).filter((at) => one.entries[at].standing.is !== "repeats");
  return told.map((at) => {
    const { record, standing } = one.entries[at];
    const { event, place, position, signer } = record;
    const note = noteOf(one, at);
    const owner = one.locationOwner(at);
    const optional = {
      action: event.action,
      bizStep: event.step === "" ? undefined : event.step,
      disposition: event.disposition,
      location: locationOf(event)?.text,
      locationOwner: owner === undefined ? undefined : partyOf(one, owner),
      ...coordinatesOf(event),
      via: one.via(at)?.text,
      correctedBy: standing.is === "withdrawn" ? one.leaf(standing.of) : undefined,
      corrects: standing.is === "withdraws" ? one.leaf(standing.of) : undefined,
      noteSentence: note,
    };
    return {
      leaf: place.leaf,
      position,
      eventId: event.eventId,
      eventTime: timeText(event.time),
      eventTimeZoneOffset: event.offset,
      accepted: timeText(place.time),
      type: event.type,
      signer: partyOf(one, signer),
      ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    };
  });
}

function noteOf({ account, entries }, at) {
  const { record, standing } = entries[at];
  const note = (key, params = {}) => ({ key: `note.${key}`, params });
  switch (standing.is) {
    case "counts":
      if (account.disregarded.has(at)) return note("disregarded");
      if (account.takenBack.has(at)) return note("taken-back");
      return { contradiction: note("contradicts"), claim: note("claim") }[account.outcomes.get(at)];
    case "withdrawn":
      return note("withdrawn");
    case "withdraws": {
      const { reason } = record.event.declaration;
      return reason === undefined ? note("withdraws") : note("withdraws-for", { reason: quoted(reason) });
    }
    default:
      return note("withdraws-nothing");
  }
}
