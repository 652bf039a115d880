// The camera, where the browser reads codes by itself. The picture stays on the device.

import { messages } from "./messages.js";

const FORMATS = ["qr_code", "data_matrix", "ean_13", "ean_8", "upc_a", "code_128"];
const EVERY_MS = 200;

const $ = (id) => document.getElementById(id);
const { say, fill } = await messages();
let stream;

$("camera").hidden = false;
if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
  without("scan.insecure");
} else {
  const formats = await readable();
  if (formats.length === 0) {
    without("scan.none");
  } else {
    $("start").addEventListener("click", () => (stream ? stop() : start(formats)));
  }
}

/** The formats that this browser's own detector reads. */
async function readable() {
  try {
    const supported = await globalThis.BarcodeDetector.getSupportedFormats();
    return FORMATS.filter((format) => supported.includes(format));
  } catch {
    return [];
  }
}

function without(key) {
  $("camera").hidden = true;
  $("status").textContent = say(key);
}

async function start(formats) {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch {
    $("status").textContent = say("scan.denied");
    return;
  }
  const view = $("view");
  view.srcObject = stream;
  await view.play();
  $("scan").classList.add("scanning");
  $("start").textContent = say("scan.stop");
  $("status").textContent = say("scan.looking");
  look(new globalThis.BarcodeDetector({ formats }), view);
}

async function look(detector, view) {
  while (stream) {
    const [found] = await detector.detect(view).catch(() => []);
    if (found?.rawValue && stream) {
      stop();
      $("status").textContent = fill("scan.found", { text: found.rawValue });
      const chosen = new URLSearchParams(location.search).get("lang");
      const language = chosen ? `&lang=${encodeURIComponent(chosen)}` : "";
      location.assign(`/verify?id=${encodeURIComponent(found.rawValue)}${language}`);
      return;
    }
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}

function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = undefined;
  $("view").srcObject = null;
  $("scan").classList.remove("scanning");
  $("start").textContent = say("scan.start");
  $("status").textContent = "";
}
