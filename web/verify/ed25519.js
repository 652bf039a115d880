// Ed25519 public keys, by which members sign notes (RFC 8032; docs/FORMATS.md, "Example keys").

const P = 2n ** 255n - 19n;
const TOP_BIT = 2n ** 255n;

const mod = (number) => ((number % P) + P) % P;

function power(base, exponent) {
  let result = 1n;
  for (let square = mod(base), rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % P) {
    if (rest & 1n) result = (result * square) % P;
  }
  return result;
}

const D = mod(-121665n * power(121666n, P - 2n));

/** True for 32 bytes that are a point of the curve (RFC 8032 §5.1.3), and not one of small order. */
export function isEd25519Key(bytes) {
  if (bytes.length !== 32) return false;
  const number = bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const y = number % TOP_BIT;
  if (y >= P) return false;
  const square = mod(y * y);
  // x² = (y² − 1) / (d y² + 1), which is a square where Euler's criterion says so.
  const xSquare = mod((square - 1n) * power(mod(D * square + 1n), P - 2n));
  if (xSquare === 0n) return false;
  if (power(xSquare, (P - 1n) / 2n) !== 1n) return false;
  return !isOfSmallOrder(xSquare, square);
}

/**
 * True where 8 times the point is the neutral element, which is so where 4 times it has x = 0: of order 4 are the points
 * with y = 0, and of order 8 those whose double has y = 0, which is where x² = −y².
 */
const isOfSmallOrder = (xSquare, ySquare) => ySquare === 0n || mod(xSquare + ySquare) === 0n;
