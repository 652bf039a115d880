// The page to scan with. Camera and photos are read on this device. A photo goes to the server only if the server takes
// photos, nothing was found in it here, and its owner presses the button that says so.

import { isBuiltIn, makeDecoder } from "./decoder.js";
import { element } from "./elements.js";
import { messages } from "./messages.js";

/** Between two looks at the camera's picture. */
const EVERY_MS = 200;

/** The longer side at which a photo is looked at, in pixels: a phone decodes it in a tenth of a second, and a code is still sharp. */
const PHOTO_SIDE_MAX = 1600;

/** The same for the camera's picture, which the code fills, and which is looked at again and again. */
const VIEW_SIDE_MAX = 1000;

const $ = (id) => document.getElementById(id);
const { say, fill } = await messages();
const builtIn = await isBuiltIn();
const size = $("scan").dataset.megabytes;
let decode;
let stream;
let photos = 0;

$("photo-part").hidden = false;
offerServer(false);
$("photo").addEventListener("change", readPhoto);
if (window.isSecureContext && navigator.mediaDevices?.getUserMedia) {
  $("camera").hidden = false;
  $("loads").hidden = builtIn;
  $("start").addEventListener("click", () => (stream ? stop() : start()));
} else {
  tell(say("scan.insecure"));
}
$("scan").dataset.ready = "";

function tell(text) {
  $("status").textContent = text;
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
    if (!builtIn) tell(fill("scan.loading", { size }));
    decode = await makeDecoder(builtIn).catch(() => undefined);
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
  while (stream) {
    const texts = await decode(drawn(view, view.videoWidth, view.videoHeight, VIEW_SIDE_MAX)).catch(() => []);
    if (texts.length > 0 && stream) {
      end();
      lead(texts);
      return;
    }
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
  tell(say("scan.reading"));
  const picture = await createImageBitmap(file).catch(() => undefined);
  const ready = picture && (await decoder());
  // Another one was chosen meanwhile.
  if (nth !== photos) return;
  if (!picture) return tell(say("photo.not-an-image"));
  if (!ready) return offerServer(true);
  tell(say("scan.reading"));
  const texts = await decode(drawn(picture, picture.width, picture.height, PHOTO_SIDE_MAX)).catch(() => []);
  picture.close();
  if (nth !== photos) return;
  if (texts.length > 0) return lead(texts);
  tell(say("photo.no-code"));
  offerServer(true);
}

/** A canvas with the picture, on white where it is transparent, and no longer than `side` on its longer side. */
function drawn(picture, width, height, side) {
  const scale = Math.min(1, side / Math.max(width, height, 1));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Leads to the page about the code, or asks which one is meant. */
function lead(texts) {
  const [text] = texts;
  if (texts.length === 1) {
    tell(fill("scan.found", { text }));
    location.assign(address(text));
    return;
  }
  tell(say("scan.several"));
  $("codes").append(...texts.map((each) => element("li", {}, element("a", { href: address(each) }, element("code", {}, each)))));
  $("codes").hidden = false;
}

function address(text) {
  const chosen = new URLSearchParams(location.search).get("lang");
  const language = chosen ? `&lang=${encodeURIComponent(chosen)}` : "";
  return `/verify?id=${encodeURIComponent(text)}${language}`;
}
