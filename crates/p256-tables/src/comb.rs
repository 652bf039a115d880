//! Multiples of one point, for its product with any scalar without a doubling.
//!
//! A scalar is cut into windows of `W` bits, each a digit from −2^(W−1) to 2^(W−1). The table holds 1, 2, … 2^(W−1)
//! times the point for each window, in affine coordinates, so that a product is the sum of one entry, or its negative,
//! a window.

use std::array;

use p256::Scalar;
use p256::elliptic_curve::PrimeField;
use p256::elliptic_curve::scalar::IsHigh;

use super::field::Element;

/// A point other than infinity, in affine coordinates. It fills one cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(64))]
pub(super) struct Affine {
    pub x: Element,
    pub y: Element,
}

/// A point in Jacobian coordinates: X/Z², Y/Z³; infinity if Z is zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jacobian {
    pub x: Element,
    pub y: Element,
    pub z: Element,
}

/// The table of one point.
pub(super) struct Comb<const W: usize>(Box<[Affine]>);

impl<const W: usize> Comb<W> {
    /// Windows that hold 256 bits.
    pub const WINDOWS: usize = 256_usize.div_ceil(W);

    /// Entries of a window: the largest digit.
    const ENTRIES: usize = 1 << (W - 1);

    /// Entries of the last window. A scalar is below 2^255, and a carry comes on top of what is left of it.
    const LAST_ENTRIES: usize = 1 << (255 - (Self::WINDOWS - 1) * W);

    /// Bytes of a table.
    pub const BYTES: usize = ((Self::WINDOWS - 1) * Self::ENTRIES + Self::LAST_ENTRIES) * size_of::<Affine>();

    /// Makes the table: an addition and eight multiplications an entry, one inversion a window.
    pub fn new(point: Affine) -> Self {
        let mut entries = Vec::with_capacity(Self::BYTES / size_of::<Affine>());
        let mut base = point;
        for window in 1..=Self::WINDOWS {
            let count = if window == Self::WINDOWS { Self::LAST_ENTRIES } else { Self::ENTRIES };
            let mut multiples = Vec::with_capacity(count + 1);
            let mut multiple = Jacobian::from(base);
            for _ in 0..count {
                multiples.push(multiple);
                multiple.add(&base);
            }
            // The next window's base is twice the largest digit of this one.
            let mut next = multiples.last().copied().unwrap_or(multiple);
            next.double();
            multiples.push(next);
            entries.extend(normalise(&multiples));
            base = entries.pop().unwrap_or(base);
        }
        Self(entries.into_boxed_slice())
    }

    /// Gives each entry, with its sign, whose sum is `scalar` times the point.
    #[inline]
    pub fn select(&self, scalar: &Scalar, mut take: impl FnMut(Affine)) {
        // n − k in place of k keeps the scalar below 2^255, and the last window from carrying.
        let high = bool::from(scalar.is_high());
        let mut bytes = [0; 32 + size_of::<u32>()];
        bytes[..32].copy_from_slice(&if high { -scalar } else { *scalar }.to_repr());
        bytes[..32].reverse();
        let mut carry = 0;
        for window in 0..Self::WINDOWS {
            let (byte, shift) = (window * W / 8, window * W % 8);
            let word = u32::from_le_bytes(array::from_fn(|at| bytes[byte + at]));
            let digit = (word >> shift) as usize % (1 << W) + carry;
            carry = usize::from(digit > Self::ENTRIES);
            let size = if carry == 1 { (1 << W) - digit } else { digit };
            if size > 0 {
                let entry = self.0[window * Self::ENTRIES + size - 1];
                take(if high == (carry == 1) { entry } else { entry.negate() });
            }
        }
    }

    #[cfg(test)]
    pub fn entries(&self) -> &[Affine] {
        &self.0
    }
}

impl Affine {
    pub const ZERO: Self = Self { x: Element::ZERO, y: Element::ZERO };

    #[inline]
    fn negate(self) -> Self {
        Self { x: self.x, y: self.y.negate() }
    }
}

impl From<Affine> for Jacobian {
    fn from(Affine { x, y }: Affine) -> Self {
        Self { x, y, z: Element::ONE }
    }
}

impl Jacobian {
    pub const INFINITY: Self = Self { x: Element::ONE, y: Element::ONE, z: Element::ZERO };

    pub fn is_infinity(&self) -> bool {
        self.z.is_zero()
    }

    /// Adds a point: eight multiplications and three squarings, unless the points have one x.
    #[inline]
    pub fn add(&mut self, other: &Affine) {
        if self.is_infinity() {
            *self = Self::from(*other);
            return;
        }
        let zz = self.z.square();
        let h = other.x.multiply(&zz).subtract(&self.x);
        let r = other.y.multiply(&zz.multiply(&self.z)).subtract(&self.y);
        if h.is_zero() {
            if r.is_zero() {
                self.double()
            } else {
                *self = Self::INFINITY
            }
            return;
        }
        let hh = h.square();
        let hhh = hh.multiply(&h);
        let v = self.x.multiply(&hh);
        let x = r.square().subtract(&hhh).subtract(&v.double());
        self.y = r.multiply(&v.subtract(&x)).subtract(&self.y.multiply(&hhh));
        self.z = self.z.multiply(&h);
        self.x = x;
    }

    /// Doubles the point, on a curve with a = −3. No point has order two, and infinity stays: its Z is zero.
    pub fn double(&mut self) {
        let zz = self.z.square();
        let yy = self.y.square();
        let m = self.x.subtract(&zz).multiply(&self.x.add(&zz));
        let m = m.double().add(&m);
        let s = self.x.multiply(&yy).double().double();
        let x = m.square().subtract(&s.double());
        let y = m.multiply(&s.subtract(&x)).subtract(&yy.square().double().double().double());
        self.z = self.y.multiply(&self.z).double();
        self.y = y;
        self.x = x;
    }
}

/// Brings points, none of them infinity, into affine coordinates with one inversion for all (Montgomery's trick).
fn normalise(points: &[Jacobian]) -> Vec<Affine> {
    let mut product = Element::ONE;
    let mut affine: Vec<Affine> = Vec::with_capacity(points.len());
    for point in points {
        // Until its turn comes, an entry keeps the product of all Z before it.
        affine.push(Affine { x: product, y: Element::ZERO });
        product = product.multiply(&point.z);
    }
    let mut inverse = product.invert();
    for (entry, point) in affine.iter_mut().zip(points).rev() {
        let z = inverse.multiply(&entry.x);
        let zz = z.square();
        *entry = Affine { x: point.x.multiply(&zz), y: point.y.multiply(&zz.multiply(&z)) };
        inverse = inverse.multiply(&point.z);
    }
    affine
}
