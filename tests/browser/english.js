(() => {
  // English on a Korean page: a list of the texts that hold some. Run in the page by `language.rs`.
  //
  // English may stand where it is marked as such, in what is technical (code, ids, hashes), in names that their owners chose, which are
  // quoted, in addresses and names of files, and in these words. The member of a test is called Test Member.
  const KNOWN = ["Sealane", "JavaScript", "Enter", "https"];
  const UNREAD = "[lang=en], code, pre, script, style, noscript, svg, .mono, .number, #council th";
  const OTHERS_WORDS = /Test Member|base64url|[\w+/-]{43}=?|“[^”]*”|‘[^’]*’|\S+@\S+|[a-z]+:\/\/\S+|\(\d{2,4}\)\S+|[\w-]+\.(?:json|bin|jose|csv|example)\b|urn:\S+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b\d+(?:kB|MB|ms)\b/g;
  const found = [];
  const look = (text, where) => {
    const left = text.replace(OTHERS_WORDS, " ");
    const words = (left.match(/[A-Za-z][A-Za-z'’]*/g) ?? []).filter((word) => /[a-z]{3}/.test(word) && !KNOWN.includes(word));
    if (words.length > 0) found.push(`${where}: ${text.trim().slice(0, 200)}`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: parent, data } = walker.currentNode;
    if (!parent.closest(UNREAD)) look(data, parent.outerHTML.slice(0, 60));
  }
  for (const name of ["aria-label", "alt", "title", "placeholder"]) {
    for (const one of document.querySelectorAll(`body [${name}]`)) if (!one.closest("[lang=en]")) look(one.getAttribute(name), name);
  }
  look(document.title, "title");
  if (document.documentElement.lang !== "ko") found.push(`the page is in ${document.documentElement.lang}`);
  return found;
})()
