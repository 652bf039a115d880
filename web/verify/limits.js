// How far an id is followed, and what each signer has had of it.

/** How far an id is followed (docs/FORMATS.md, "follows(id)"). */
export const LIMITS = {
  statements: 1000,
  bytes: 3 * 4 * 1024 * 1024,
  events: 10000,
  ids: 100,
  places: 100,
  containers: 16,
  list: 10000,
  listEnd: 5000,
  havers: 16,
  otherSigners: 16,
  otherLeaves: 32,
  otherLeavesTried: 64,
  otherBytes: 256 * 1024,
  otherStatementBytes: 64 * 1024,
  recalls: 100,
  otherRecalls: 16,
  lots: 8,
  contents: 200,
};

/** Shares of a limit: no signer takes more than one of them while another has something left. */
const SHARES = 4;

/** What each signer has had of the limits. */
export class Meter {
  #had = new Map();

  constructor({ statements, bytes, ids, places }) {
    this.limits = { leaves: { statements, bytes }, ids: { ids }, places: { places } };
  }

  /** How much of a good a signer has had, by which they take turns. */
  had(signer, good) {
    return this.#had.get(signer)?.[good === "leaves" ? "bytes" : good] ?? 0;
  }

  adds(signer, more) {
    const had = this.#had.get(signer) ?? { statements: 0, bytes: 0, ids: 0, places: 0 };
    for (const [way, much] of Object.entries(more)) had[way] += much;
    this.#had.set(signer, had);
  }

  /** True where a signer may have more: within its share, of what the shares that were taken leave; beyond it, of what there is. */
  may(signer, good, withinShare) {
    return Object.entries(this.limits[good]).every(([way, limit]) => {
      const most = withinShare ? Math.ceil(limit / SHARES) : Infinity;
      let all = 0;
      for (const had of this.#had.values()) all += Math.min(had[way], most);
      return (this.#had.get(signer)?.[way] ?? 0) < most && all < limit;
    });
  }
}

/** How many of its own each signer keeps, so that all together are no more than a limit. */
export function level(limit, counts) {
  let [room, left] = [limit, counts.length];
  for (const count of [...counts].sort((a, b) => a - b)) {
    if (count * left > room) return Math.floor(room / left);
    room -= count;
    left -= 1;
  }
  return Infinity;
}
