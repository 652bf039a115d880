// Rows as a file that spreadsheets open (RFC 4180), in UTF-8 with the mark by which they know it.

/** What a spreadsheet would take for a formula, which a code could bring along. */
const FORMULA = /^[=+\-@\t\r]/;

/** Writes rows of values. */
export const csv = (rows) => `\ufeff${rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;

function cell(value) {
  const text = String(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
