// Asks the node for something to check. Whatever stands in the way says nothing about the records, and has a name.

/** How long a node may be silent, in milliseconds, before or in the midst of an answer. */
const SILENCE_MS_MAX = 20_000;

/**
 * What could not be fetched, which proves nothing against any party. `why` names it:
 * - `offline`: nothing was reached; `late`: no answer came in time; `cut`: the answer broke off.
 * - `foreign`: something else answered, such as the page to sign in with of a hotel's network.
 * - `busy`: the node asks to come again; `broken`: it has a fault; `refused`: it does not give that.
 */
export class Failed extends Error {
  constructor(why, status) {
    super(status === undefined ? why : `${why} ${status}`);
    this.why = why;
  }
}

/** Fetches JSON. */
export const askJson = async (path) => parsed(await askText(path));

/** Fetches a text of a media type. */
export const askText = async (path, accept) => new TextDecoder().decode((await askBytes(path, { accept })).bytes);

/**
 * Fetches bytes of a media type: `{bytes, isCut}`, or `undefined` if the status is `gone`, of which it is no fault. An answer that says its
 * length in `X-Evidence-Bytes` may be shorter than that: then it `isCut`. `progress` hears how far it has come, `{read, bytes,
 * statements}`, the last two as far as the node says them, and throws to refuse more.
 */
export async function askBytes(path, { accept = "application/json", gone, progress = () => {} } = {}) {
  const { answer, stop } = taken(path) ?? sent(path, accept);
  progress({ read: 0 });
  const response = await inTime(answer, stop, "offline");
  const type = response.headers.get("content-type")?.split(";")[0].trim().toLowerCase();
  const isOurs = response.status !== 511 && (type === accept || type === "application/problem+json");
  if (!isOurs) throw refused(stop, "foreign");
  if (response.status === gone) return undefined;
  if (!response.ok) throw refused(stop, reasonOf(response.status), response.status);
  return read(response, stop, progress);
}

/** Text as a part of a query: everything but letters, digits and - . _ ~ percent-encoded, as the server does. */
export const encoded = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

function reasonOf(status) {
  if (status === 429 || status === 503) return "busy";
  return status >= 500 ? "broken" : "refused";
}

/** What the page asked for before its script was there (first.js). It is taken once. */
function taken(path) {
  const asked = globalThis.sealane?.asked;
  const found = asked?.get(path);
  asked?.delete(path);
  return found;
}

function sent(path, accept) {
  const stop = new AbortController();
  return { answer: fetch(path, { headers: { accept }, cache: "no-store", credentials: "omit", signal: stop.signal }), stop };
}

function refused(stop, why, status) {
  stop.abort();
  return new Failed(why, status);
}

async function read(response, stop, progress) {
  const [bytes, statements] = ["X-Evidence-Bytes", "X-Evidence-Statements"].map((name) => {
    const text = response.headers.get(name);
    return /^\d{1,15}$/.test(text ?? "") ? Number(text) : undefined;
  });
  const reader = response.body.getReader();
  const pieces = [];
  let read = 0;
  try {
    for (;;) {
      progress({ read, bytes, statements });
      const { done, value } = await inTime(reader.read(), stop, "cut");
      if (done) break;
      pieces.push(value);
      read += value.length;
    }
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error;
  }
  progress();
  return { bytes: new Uint8Array(await new Blob(pieces).arrayBuffer()), isCut: bytes !== undefined && read < bytes };
}

/** Waits for something for as long as a node may be silent. */
async function inTime(promise, stop, why) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(refused(stop, "late")), SILENCE_MS_MAX);
  });
  const coming = promise.catch(() => {
    throw new Failed(why);
  });
  try {
    return await Promise.race([coming, late]);
  } finally {
    clearTimeout(timer);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Failed("cut");
  }
}
