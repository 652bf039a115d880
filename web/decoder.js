// Decodes codes in pictures, on this device: by the browser's own detector if it reads every format, else by ZXing as
// WebAssembly, which is loaded when it is first needed.

/** The formats by the browser's names (W3C Shape Detection) and by ZXing's. UPC-E is none of them: its eight digits look like another product's GTIN-8. */
const FORMATS = { qr_code: "QRCode", data_matrix: "DataMatrix", ean_13: "EAN13", ean_8: "EAN8", upc_a: "UPCA", code_128: "Code128" };

/** Formats that hold a product's own number, where a bar code beside them holds that of its kind. */
const MATRIX = ["qr_code", "data_matrix", "QRCode", "DataMatrix"];

/** Codes of one picture that are told. */
const CODES_MAX = 10;

const LIBRARY = "/assets/vendor/zxing-wasm/es/reader/index.js";
const LIBRARY_WASM = "/assets/vendor/zxing-wasm/reader/";

/** Tells whether the browser's own detector reads every format. */
export async function isBuiltIn() {
  try {
    const supported = await globalThis.BarcodeDetector.getSupportedFormats();
    return Object.keys(FORMATS).every((format) => supported.includes(format));
  } catch {
    return false;
  }
}

/** Makes a function that gives the texts of the codes in a canvas, each once. Rejects if the decoder cannot be loaded. */
export const makeDecoder = (builtIn) => (builtIn ? ownDecoder() : loadedDecoder());

async function ownDecoder() {
  const detector = new globalThis.BarcodeDetector({ formats: Object.keys(FORMATS) });
  return async (canvas) => meant((await detector.detect(canvas)).map(({ format, rawValue }) => ({ format, text: rawValue })));
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
  // HRI: a GS1 code comes as "(01)…(21)…", any other as its text.
  const options = { formats: Object.values(FORMATS), textMode: "HRI", maxNumberOfSymbols: CODES_MAX };
  return async (canvas) => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return meant(await readBarcodes(pixels, options));
  };
}

/** The texts that count, each once. */
function meant(codes) {
  const found = codes.filter(({ text }) => text !== "");
  const matrix = found.filter(({ format }) => MATRIX.includes(format));
  return [...new Set((matrix.length > 0 ? matrix : found).map(({ text }) => text))].slice(0, CODES_MAX);
}
