// Runs before anything else of a page, inside of it: it asks for what the page's script is going to check, so that all of it comes at
// once, and says so if the script does not come.
{
  const PATIENCE_MS = 20_000;
  const { classList } = document.documentElement;
  const asked = new Map();
  const first = { asked, hasBegun: false };
  globalThis.sealane = first;
  // Read before anything is asked for: whatever is answered from here on must be at least as new.
  try {
    first.held = localStorage.getItem("sealane.trust.v2");
  } catch {
    // No storage: every visit is a first one.
  }
  for (const path of document.currentScript.dataset.asks?.split(" ") ?? []) {
    const stop = new AbortController();
    const answer = fetch(path, { headers: { accept: "application/json" }, cache: "no-store", credentials: "omit", signal: stop.signal });
    // The check that takes it hears of it.
    answer.catch(() => {});
    asked.set(path, { answer, stop });
  }
  classList.add("scripted");
  if (isSecureContext && navigator.mediaDevices?.getUserMedia) classList.add("with-camera");
  const missing = () => {
    if (!first.hasBegun) classList.add("unloaded");
  };
  addEventListener("error", missing, true);
  setTimeout(missing, PATIENCE_MS);
}
