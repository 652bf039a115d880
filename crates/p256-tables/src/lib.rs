//! A public key with a table of its multiples: the fast way to verify many signatures of one signer.
//!
//! ES256 asks whether u1·G + u2·Q has the x coordinate r. With G and Q fixed, both products are sums of points that were
//! computed before, and no doubling is left. All of it works on public data, in variable time.
//!
//! [`KnownKey::verify`] answers exactly as [`sealane_core::statement::P256`] does. Arithmetic modulo the curve's order is `p256`'s;
//! that of coordinates is in `field`, since `p256`'s takes three times as long.

mod comb;
mod field;

use std::fmt;
use std::sync::LazyLock;

use p256::elliptic_curve::sec1::ToSec1Point;
use p256::elliptic_curve::{Curve, PrimeField, ops::Reduce};
use p256::{AffinePoint, FieldBytes, NistP256, NonZeroScalar, Scalar};

use comb::{Affine, Comb, Jacobian};
use field::Element;
use sealane_core::hash::Hash;
use sealane_core::statement::{PublicKey, Signature, SignatureError};

/// Bits of a window of a key's table.
const KEY_WINDOW: usize = 7;

/// Bits of a window of the generator's table.
const GENERATOR_WINDOW: usize = 12;

type KeyTable = Comb<KEY_WINDOW>;
type GeneratorTable = Comb<GENERATOR_WINDOW>;

/// Points that one verification adds up, at most.
const ADDENDS_MAX: usize = KeyTable::WINDOWS + GeneratorTable::WINDOWS;

/// The field's size less the curve's order. An x coordinate of the order or more is reduced to an r below this.
const FIELD_LESS_ORDER: u128 = 0x4319_0553_58e8_617b_0c46_353d_039c_daae;

/// The generator's table: made with the first key's, then kept.
static GENERATOR: LazyLock<GeneratorTable> = LazyLock::new(|| {
    let point = AffinePoint::GENERATOR.to_sec1_point(false);
    Comb::new(affine(point.as_bytes()))
});

/// The curve's order as an element of the field.
static ORDER: LazyLock<Element> =
    LazyLock::new(|| Element::from_be_bytes(&NistP256::ORDER.as_ref().to_be_bytes().into()));

/// A public key whose signatures are verified by tables.
pub struct KnownKey {
    key: PublicKey,
    table: KeyTable,
}

impl KnownKey {
    /// Bytes that a key's table takes.
    pub const TABLE_BYTES: usize = KeyTable::BYTES;

    /// Bytes that the generator's table takes, once for all keys.
    pub const SHARED_BYTES: usize = GeneratorTable::BYTES;

    /// Makes the table of a key, and with the first one that of the generator.
    pub fn new(key: &PublicKey) -> Self {
        LazyLock::force(&GENERATOR);
        Self { key: key.clone(), table: Comb::new(affine(key.sec1())) }
    }

    pub const fn public(&self) -> &PublicKey {
        &self.key
    }

    /// Checks an ES256 signature over `message`. Both halves of the range of s are taken.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        match self.holds(Hash::of(message).as_bytes(), signature) {
            Some(true) => Ok(()),
            _ => Err(SignatureError::DoesNotHold),
        }
    }

    /// FIPS 186-5 §6.4.2. `None` if r or s is out of range.
    fn holds(&self, digest: &[u8; 32], signature: &Signature) -> Option<bool> {
        let (r, s) = signature.as_bytes().split_at(32);
        let r = NonZeroScalar::from_repr(FieldBytes::try_from(r).ok()?).into_option()?;
        let s = NonZeroScalar::from_repr(FieldBytes::try_from(s).ok()?).into_option()?;
        let z = Scalar::reduce(&FieldBytes::from(*digest));
        let w = s.as_ref().invert_vartime().into_option()?;
        Some(has_x(&self.sum(&(z * w), &(*r * w)), &r))
    }

    /// u1·G + u2·Q.
    fn sum(&self, u1: &Scalar, u2: &Scalar) -> Jacobian {
        // Read first, add later: the reads wait for memory side by side.
        let mut addends = [Affine::ZERO; ADDENDS_MAX];
        let mut count = 0;
        let mut take = |point| {
            addends[count] = point;
            count += 1;
        };
        GENERATOR.select(u1, &mut take);
        self.table.select(u2, &mut take);
        let mut sum = Jacobian::INFINITY;
        for addend in &addends[..count] {
            sum.add(addend);
        }
        sum
    }
}

impl fmt::Debug for KnownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownKey({})", self.key.thumbprint())
    }
}

/// Tells whether a point's x coordinate, modulo the order, is r. Multiplies r in place of dividing X by Z².
fn has_x(point: &Jacobian, r: &NonZeroScalar) -> bool {
    if point.is_infinity() {
        return false;
    }
    let zz = point.z.square();
    let bytes: [u8; 32] = r.to_repr().into();
    let x = Element::from_be_bytes(&bytes);
    if x.multiply(&zz) == point.x {
        return true;
    }
    let wraps = matches!(bytes.as_chunks::<16>().0, [high, low]
        if *high == [0; 16] && u128::from_be_bytes(*low) < FIELD_LESS_ORDER);
    wraps && x.add(&ORDER).multiply(&zz) == point.x
}

/// Reads an uncompressed SEC 1 point of the curve: 04, x, y.
fn affine(sec1: &[u8]) -> Affine {
    let mut coordinates = sec1.iter().skip(1).copied();
    let mut next = || Element::from_be_bytes(&std::array::from_fn(|_| coordinates.next().unwrap_or_default()));
    Affine { x: next(), y: next() }
}

#[cfg(test)]
mod tests;
