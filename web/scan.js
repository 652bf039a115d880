// The page to scan with. Camera and photos are read on this device, and what a code says is read here too: only a product's number
// is sent. A photo goes to the server only if the server takes photos, nothing was found in it here, and its owner presses the
// button that says so; what is sent then was drawn anew, smaller and without what the camera wrote into its file.

import { choose, pageOf, uriOf } from "./codes.js";
import { isBuiltIn, makeDecoder } from "./decoder.js";
import { element } from "./elements.js";
import "./lookup.js";
import { fill, say } from "./messages.js";

/** Between two looks at the camera's picture. */
const EVERY_MS = 200;

/** How long the camera looks for a code with a serial where it has seen one without: the bar code is often the easier one to read. */
const KIND_ALONE_MS = 1500;

/** From when on a picture is looked at by all that there is. */
const THOROUGH_AFTER_MS = 4000;

/**
 * The longer sides at which a photo is looked at, in pixels: a phone decodes the first in a tenth of a second, and the second shows a
 * small code on a large box. No larger copy is kept, whatever the camera made: this bounds the memory.
 */
const PHOTO_SIDES = [1600, 3200];

/** By how many degrees a picture is turned in which nothing was found: the decoder reads bars that are up to 10° off, and at a right angle. */
const TILTS = [20, -20, 40, -40];

/** The longer side of what is sent: the node looks at no larger one. */
const SENT_SIDE_MAX = 2200;
const SENT_QUALITY = 0.85;

/** Bytes of a file that is opened: no phone's photo has more. */
const FILE_BYTES_MAX = 100 * 1024 * 1024;

/** The same for the camera's picture, which the code fills, and which is looked at again and again. */
const VIEW_SIDE_MAX = 1000;

const $ = (id) => document.getElementById(id);
const builtIn = await isBuiltIn();
const size = $("scan").dataset.megabytes;
let decode;
let stream;
let photos = 0;

$("photo-part").hidden = false;
offerServer(false);
$("photo").addEventListener("change", readPhoto);
if (document.documentElement.classList.contains("with-camera")) {
  $("camera").hidden = false;
  $("loads").hidden = builtIn;
  $("start").addEventListener("click", () => (stream ? stop() : start()));
} else {
  tell(say("scan.insecure"));
}
$("scan").dataset.ready = "";

function tell(text) {
  // Said once, so that a screen reader does not repeat it.
  if ($("status").textContent !== text) $("status").textContent = text;
  $("codes").replaceChildren();
  $("codes").hidden = true;
}

/** Offers to send the photo to the server, if the server takes photos; until then says that it stays here. */
function offerServer(offered) {
  const send = $("send");
  if (send) send.hidden = !offered;
  $("photo-note").hidden = offered && send !== null;
}

/** The decoder, loaded if it is not there yet; nothing, and a word about it, if it cannot be. */
async function decoder() {
  if (!decode) {
    const loading = () => tell(fill("scan.loading", { size }));
    if (!builtIn) loading();
    decode = await makeDecoder(builtIn, loading).catch(() => undefined);
    if (decode) $("loads").hidden = true;
    else tell(say("scan.unloaded"));
  }
  return decode;
}

async function start() {
  $("start").disabled = true;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false });
    $("view").srcObject = stream;
    await $("view").play();
  } catch {
    stop();
    tell(say("scan.denied"));
    return;
  } finally {
    $("start").disabled = false;
  }
  $("scan").classList.add("scanning");
  $("start").textContent = say("scan.stop");
  if (!(await decoder())) return end();
  if (!stream) return;
  tell(say("scan.looking"));
  look();
}

async function look() {
  const view = $("view");
  const began = performance.now();
  let kindSeen;
  for (let nth = 0; stream; nth += 1) {
    const thorough = performance.now() - began > THOROUGH_AFTER_MS;
    // Each second look is at the picture turned.
    const tilt = nth % 2 === 0 ? 0 : TILTS[((nth - 1) / 2) % TILTS.length];
    const texts = await decode(drawn(view, view.videoWidth, view.videoHeight, VIEW_SIDE_MAX, tilt), thorough).catch(() => []);
    const found = choose(texts);
    if (found.products.length > 0) kindSeen ??= { at: performance.now(), found };
    const ripe = found.hasSerial ? found : kindSeen && performance.now() - kindSeen.at > KIND_ALONE_MS ? kindSeen.found : undefined;
    if (ripe && stream) {
      end();
      return lead(ripe);
    }
    // A package may have the maker's advertisement beside its number: it is told of, and looked past.
    if (stream && found.others.length > 0) tell(`${about(found.others[0])} ${say("scan.still")}`);
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}

function stop() {
  end();
  tell("");
}

/** Ends the camera, and leaves what was said. */
function end() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = undefined;
  $("view").srcObject = null;
  $("scan").classList.remove("scanning");
  $("start").textContent = say("scan.start");
}

async function readPhoto() {
  const [file] = $("photo").files;
  const nth = ++photos;
  offerServer(false);
  if (!file) return tell("");
  if (file.size > FILE_BYTES_MAX) return tell(say("scan.photo.huge"));
  tell(say("scan.reading"));
  const picture = await opened(file).catch(() => undefined);
  const ready = picture && (await decoder());
  // Another one was chosen meanwhile.
  if (nth !== photos) return;
  if (!picture) return tell(say("scan.photo.unopened"));
  if (ready) tell(say("scan.reading"));
  const texts = ready ? await textsIn(picture) : [];
  if (nth !== photos) return;
  if (texts.length > 0) return lead(choose(texts));
  if (ready) tell(say("photo.no-code"));
  if ($("send") && (await putInPlace(picture))) offerServer(nth === photos);
}

/** The texts of the codes in a photo, looked at in two sizes and then turned. */
async function textsIn(picture) {
  const sides = PHOTO_SIDES.filter((side, at) => at === 0 || Math.max(picture.width, picture.height) > PHOTO_SIDES[at - 1]);
  for (const [side, tilt] of [...sides.map((each) => [each, 0]), ...TILTS.map((each) => [PHOTO_SIDES[0], each])]) {
    const texts = await decode(drawn(picture, picture.width, picture.height, side, tilt), true).catch(() => []);
    if (texts.length > 0) return texts;
  }
  return [];
}

/** A canvas with the photo, as it was held, and no larger than it is looked at. */
async function opened(file) {
  const picture = await createImageBitmap(file);
  const canvas = drawn(picture, picture.width, picture.height, PHOTO_SIDES.at(-1));
  picture.close();
  return canvas;
}

/**
 * Puts a smaller copy of the photo in the place of the chosen file, so that nothing else can be sent: a file tells where and when it
 * was taken, and with what.
 */
async function putInPlace(picture) {
  const canvas = drawn(picture, picture.width, picture.height, SENT_SIDE_MAX);
  const bytes = await new Promise((done) => canvas.toBlob(done, "image/jpeg", SENT_QUALITY));
  if (!bytes) return false;
  const files = new DataTransfer();
  files.items.add(new File([bytes], "photo.jpg", { type: "image/jpeg" }));
  $("photo").files = files.files;
  return true;
}

/** A canvas with the picture, on white where it is transparent, no longer than `side` on its longer side, and turned by some degrees. */
function drawn(picture, width, height, side, tilt = 0) {
  const scale = Math.min(1, side / Math.max(width, height, 1));
  const [wide, high] = [width * scale, height * scale];
  const [sin, cos] = [Math.sin((tilt * Math.PI) / 180), Math.cos((tilt * Math.PI) / 180)];
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(wide * cos + high * Math.abs(sin)));
  canvas.height = Math.max(1, Math.round(high * cos + wide * Math.abs(sin)));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((tilt * Math.PI) / 180);
  context.drawImage(picture, -wide / 2, -high / 2, wide, high);
  return canvas;
}

/** What a code is that is no product's. */
const about = ({ rule, values }) => `${fill(`refused.${rule}`, values)} ${say("refused.kept")}`;

/**
 * The page about a product's code. Of a text that is no link only the number goes there; of a number of which nothing says what it is, as such,
 * so that the page says how it was read.
 */
const address = ({ asked, text }) => pageOf(/^https?:/i.test(text) ? text : asked.orLot ? `${asked.id.value} ${asked.id.qualifier[1]}` : uriOf(asked));

/** Leads to the page about the code, or asks which one is meant, or says what it is instead. */
function lead({ products, others }) {
  const [one] = products;
  if (!one) {
    tell([...new Set(others.map(about))].join(" "));
    const uris = others.filter(({ uri }) => uri);
    $("codes").append(...uris.map(({ uri }) => element("li", {}, element("a", { href: pageOf(uri) }, say("refused.anyway")))));
    $("codes").hidden = uris.length === 0;
    return;
  }
  if (products.length === 1) {
    tell(fill("scan.found", { text: one.text }));
    location.assign(address(one));
    return;
  }
  tell(say("scan.several"));
  $("codes").append(...products.map((each) => element("li", {}, element("a", { href: address(each) }, element("code", {}, each.text)))));
  $("codes").hidden = false;
}
