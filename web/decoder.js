// Decodes codes in pictures, on this device: by the browser's own detector if it reads the formats of packages, else by ZXing as
// WebAssembly, which is loaded when it is first needed.

/**
 * The formats by the browser's names (W3C Shape Detection) and by ZXing's. UPC-E is none of them: its eight digits look like another
 * product's GTIN-8. No browser names DataBar.
 */
const FORMATS = { qr_code: "QRCode", data_matrix: "DataMatrix", ean_13: "EAN13", ean_8: "EAN8", upc_a: "UPCA", code_128: "Code128" };
const ALSO = { itf: "ITF" };
const OF_ZXING = ["DataBar", "DataBarLtd", "DataBarExp"];

/** Codes of one picture that are told. */
const CODES_MAX = 10;

const LIBRARY = "/assets/vendor/zxing-wasm/es/reader/index.js";
const LIBRARY_WASM = "/assets/vendor/zxing-wasm/reader/";

/** Tells whether the browser's own detector reads the formats of most packages. */
export async function isBuiltIn() {
  try {
    const supported = await globalThis.BarcodeDetector.getSupportedFormats();
    return Object.keys(FORMATS).every((format) => supported.includes(format));
  } catch {
    return false;
  }
}

/**
 * Makes a function that gives the texts of the codes in a canvas, each once. Rejects if the decoder cannot be loaded. If it is
 * asked to be `thorough`, the browser's own detector, where it finds nothing, is followed by ZXing, which reads more formats;
 * `loading` hears when that is loaded.
 */
export const makeDecoder = (builtIn, loading) => (builtIn ? ownDecoder(loading) : loadedDecoder());

async function ownDecoder(loading) {
  const supported = await globalThis.BarcodeDetector.getSupportedFormats();
  const formats = Object.keys({ ...FORMATS, ...ALSO }).filter((format) => supported.includes(format));
  const detector = new globalThis.BarcodeDetector({ formats });
  let further;
  return async (canvas, thorough = false) => {
    const found = texts((await detector.detect(canvas)).map(({ format, rawValue }) => ({ format, text: rawValue })));
    if (found.length > 0 || !thorough) return found;
    if (!further) {
      loading();
      further = loadedDecoder();
    }
    const decode = await further.catch(() => undefined);
    return decode ? decode(canvas) : found;
  };
}

async function loadedDecoder() {
  const { prepareZXingModule, purgeZXingModule, readBarcodes } = await import(LIBRARY);
  try {
    // Left alone, it would ask another site for its own half.
    await prepareZXingModule({ overrides: { locateFile: (file) => LIBRARY_WASM + file }, fireImmediately: true });
  } catch (error) {
    // Else it would remember the failure and never ask again.
    purgeZXingModule();
    throw error;
  }
  // HRI: a GS1 code comes as "(01)…(21)…", any other as its text. It turns the picture and looks at it in several sizes by itself.
  const formats = [...Object.values(FORMATS), ...Object.values(ALSO), ...OF_ZXING];
  const options = { formats, textMode: "HRI", maxNumberOfSymbols: CODES_MAX };
  return async (canvas) => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return texts(await readBarcodes(pixels, options));
  };
}

/**
 * The texts, each once. ITF has no check of its own, so that a part of one reads as a shorter one: only the 14 digits of an ITF-14
 * count.
 */
function texts(codes) {
  const whole = codes.filter(({ format, text }) => text !== "" && (!/^ITF/i.test(format) || /^[0-9]{14}$/.test(text)));
  return [...new Set(whole.map(({ text }) => text))].slice(0, CODES_MAX);
}
