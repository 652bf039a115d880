// The messages of a page's language, fetched once.

/** Fetches the messages: `{say, fill, find}`. */
export async function messages(language = document.documentElement.lang || "en") {
  const answer = await fetch(`/assets/messages.${language}.json`);
  const table = answer.ok ? await answer.json() : {};
  const find = (key) => (Object.hasOwn(table, key) ? table[key] : undefined);
  const say = (key) => find(key) ?? "…";
  // By function: a "$&" in what is filled in is text.
  const fill = (key, values) =>
    say(key).replace(/\{([a-z]+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
  return { say, fill, find };
}
