// The messages of a page's language, fetched once.

/**
 * Fetches the messages: `{say, fill, find}`. `scanning` are those of the pages to scan with, `proving` those of
 * the pages of single records, beside those of all pages.
 */
export async function messages({ scanning = false, proving = false } = {}) {
  const language = document.documentElement.lang || "en";
  const fetched = async (name) => {
    const answer = await fetch(`/assets/${name}.${language}.json`);
    return answer.ok ? answer.json() : {};
  };
  const table = Object.assign({}, ...(await Promise.all(["messages", ...(scanning ? ["scanning"] : []), ...(proving ? ["proving"] : [])].map(fetched))));
  const find = (key) => (Object.hasOwn(table, key) ? table[key] : undefined);
  const say = (key) => find(key) ?? "…";
  // By function: a "$&" in what is filled in is text.
  const fill = (key, values) =>
    say(key).replace(/\{([a-z]+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
  return { say, fill, find };
}
