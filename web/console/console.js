// The operator's page brings itself up to date until it is told to stop, and not at all while it is out of sight, or while text is
// marked to be copied. The page is whole without this.

const EVERY_MS = 15_000;

const button = document.getElementById("live");
const [stop, goOn] = [button.textContent, button.dataset.stopped];
let isLive = true;

button.hidden = false;
button.addEventListener("click", () => {
  isLive = !isLive;
  button.textContent = isLive ? stop : goOn;
});
setInterval(look, EVERY_MS);

async function look() {
  if (!isLive || document.hidden || !document.getSelection().isCollapsed) return;
  // A node that is starting again answers later.
  const answer = await fetch(location.href).catch(() => undefined);
  if (!answer) return;
  // The session has ended: the page that says so is shown in its own right.
  if (!answer.ok) return location.reload();
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("figures");
  if (fresh) show(fresh);
}

/** Puts new figures in the place of the old ones; who goes through a table by the keyboard stays in it. */
function show(fresh) {
  const table = document.activeElement?.getAttribute("aria-labelledby");
  document.getElementById("figures").replaceWith(fresh);
  if (table) fresh.querySelector(`[tabindex][aria-labelledby="${table}"]`)?.focus({ preventScroll: true });
}
