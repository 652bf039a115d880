// The route of a journey, drawn from the coordinates of its steps as the server draws it.

import { element } from "./elements.js";

const [WIDTH, HEIGHT, MARGIN, POINTS_MAX] = [640, 320, 48, 60];
const SVG = "http://www.w3.org/2000/svg";

/** The drawing of a timeline's route: one figure, or nothing where fewer than two of its places are known. */
export function drawing(timeline, fill, nameOf) {
  const points = pointsOf(timeline);
  if (points.length < 2) return [];
  const placed = project(points);
  const described = fill("route.described", { n: points.length });
  const line = placed.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const marks = marksOf(placed).map(({ x, y, numbers }) => {
    const text = numbers.length > 2 ? `${numbers[0]}…${numbers.at(-1)}` : numbers.join(",");
    const width = text.length < 3 ? 26 : 10 + 9 * text.length;
    return svg(
      "g",
      numbers.includes(placed.length) ? { class: "last" } : {},
      svg("rect", { x: (x - width / 2).toFixed(1), y: (y - 13).toFixed(1), width, height: 26, rx: 13 }),
      svg("text", { x: x.toFixed(1), y: (y + 5).toFixed(1), "text-anchor": "middle" }, text),
    );
  });
  const drawn = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": described },
    svg("polyline", { points: line, fill: "none", "stroke-linejoin": "round", "stroke-linecap": "round" }),
    ...marks,
  );
  const places = element("ol", { class: "places" }, ...points.map((step) => element("li", {}, nameOf(step.signer))));
  return [element("figure", { class: "route" }, drawn, element("figcaption", {}, places, described))];
}

function svg(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** One mark for each place, in the order of its last visit, so that the end of the journey is on top. */
function marksOf(placed) {
  const marks = [];
  for (const [at, [x, y]] of placed.entries()) {
    const same = marks.findIndex((mark) => Math.abs(mark.x - x) < 0.05 && Math.abs(mark.y - y) < 0.05);
    const [mark] = same < 0 ? [{ x, y, numbers: [] }] : marks.splice(same, 1);
    mark.numbers.push(at + 1);
    marks.push(mark);
  }
  return marks;
}

function pointsOf(timeline) {
  const within = (degrees, most) => typeof degrees === "number" && Math.abs(degrees) <= most;
  const found = timeline.filter((step) => within(step.latitude, 90) && within(step.longitude, 180));
  const points = found.filter(
    ({ latitude, longitude }, at) => at === 0 || latitude !== found[at - 1].latitude || longitude !== found[at - 1].longitude,
  );
  if (points.length <= POINTS_MAX) return points;
  return [...points.slice(0, POINTS_MAX / 2), ...points.slice(-POINTS_MAX / 2)];
}

/** North up, one scale for both directions, and from point to point the shorter way round. */
function project(points) {
  const unrolled = [];
  for (const { latitude, longitude } of points) {
    const before = unrolled.at(-1)?.[0] ?? longitude;
    unrolled.push([longitude + 360 * Math.round((before - longitude) / 360), latitude]);
  }
  const middle = unrolled.reduce((sum, [, y]) => sum + y, 0) / unrolled.length;
  const narrowing = Math.max(0.1, Math.cos((middle * Math.PI) / 180));
  const flat = unrolled.map(([x, y]) => [x * narrowing, -y]);
  const range = (values) => [Math.min(...values), Math.max(...values)];
  const [left, right] = range(flat.map(([x]) => x));
  const [top, bottom] = range(flat.map(([, y]) => y));
  const room = (size, span) => (size - 2 * MARGIN) / Math.max(span, 1e-6);
  const scale = Math.min(room(WIDTH, right - left), room(HEIGHT, bottom - top));
  return flat.map(([x, y]) => [
    WIDTH / 2 + (x - (left + right) / 2) * scale,
    HEIGHT / 2 + (y - (top + bottom) / 2) * scale,
  ]);
}
