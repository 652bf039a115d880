(() => {
  // What is wrong with how a page looks and with how it is read out: a list of sentences. Run in the page by `looks.rs`.
  const faults = [];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const short = (element) => element.outerHTML.slice(0, 100);

  // Room.
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1);
    faults.push(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}: ${wide.map(short).join(" | ")}`);
  }

  // What a screen reader needs.
  const all = (css) => [...document.querySelectorAll(css)];
  if (all("h1").filter(shown).length !== 1) faults.push(`${all("h1").length} h1`);
  let level = 0;
  for (const heading of all("h1, h2, h3, h4").filter(shown)) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) faults.push(`level ${own} after level ${level}: ${short(heading)}`);
    level = own;
  }
  if (!["en", "ko"].includes(root.lang)) faults.push(`lang is ${root.lang}`);
  if (all("main").length !== 1 || all("header").length !== 1 || all("header nav[aria-label]").length !== 1 || all("nav:not([aria-label])").length > 0) faults.push("landmarks");
  for (const field of all("input:not([type=hidden]), select, textarea")) {
    if (field.labels.length === 0 && !field.hasAttribute("aria-label")) faults.push(`no label: ${short(field)}`);
  }
  for (const picture of all("svg")) {
    const told = picture.getAttribute("role") === "img" && picture.getAttribute("aria-label");
    if (!told && picture.getAttribute("aria-hidden") !== "true") faults.push(`neither told nor hidden: ${short(picture)}`);
  }
  for (const picture of all("img")) if (!picture.hasAttribute("alt")) faults.push(`no alt: ${short(picture)}`);
  for (const control of all("a[href], button")) {
    if (!control.textContent.trim() && !control.hasAttribute("aria-label")) faults.push(`no name: ${short(control)}`);
  }
  for (const element of all("[aria-labelledby], [aria-describedby]")) {
    const ids = `${element.getAttribute("aria-labelledby") ?? ""} ${element.getAttribute("aria-describedby") ?? ""}`;
    for (const id of ids.split(" ").filter(Boolean)) if (!document.getElementById(id)) faults.push(`no #${id}: ${short(element)}`);
  }
  const ids = all("[id]").map(({ id }) => id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`#${id} twice`);
  if (all("[tabindex]").some(({ tabIndex }) => tabIndex > 0)) faults.push("a tabindex");

  // Contrast (WCAG 2.2 §1.4.3): colours as the browser paints them, whatever they are written as.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  canvas.canvas.width = canvas.canvas.height = 1;
  const painted = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const colours = [];
    for (let at = element; at; at = at.parentElement) colours.unshift(getComputedStyle(at).backgroundColor);
    return ["Canvas", ...colours];
  };
  for (const element of all("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!own || !shown(element) || element instanceof SVGElement || element.closest(".visually-hidden, noscript")) continue;
    const back = ground(element);
    const [one, other] = [painted(back), painted([...back, getComputedStyle(element).color])].map(luminance);
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${short(element)}`);
  }
  return faults;
})()
