//! Arithmetic modulo p = 2^256 − 2^224 + 2^192 + 2^96 − 1, the field of P-256's coordinates.
//!
//! Numbers are held in Montgomery form, a·2^256 mod p, always below p, in four limbs of which the least comes first.
//! Equal numbers have therefore equal limbs.

/// An element of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element([u64; 4]);

const P: [u64; 4] = [u64::MAX, 0xffff_ffff, 0, 0xffff_ffff_0000_0001];

/// 2^512 mod p: multiplied by it, a plain number comes into Montgomery form.
const R_SQUARED: Element = Element([3, 0xffff_fffb_ffff_ffff, 0xffff_ffff_ffff_fffe, 0x4_ffff_fffd]);

/// p − 2, the exponent of inversion (Fermat).
const INVERTING: [u64; 4] = [u64::MAX - 2, P[1], P[2], P[3]];

impl Element {
    pub const ZERO: Self = Self([0; 4]);

    /// 2^256 mod p.
    pub const ONE: Self = Self([1, 0xffff_ffff_0000_0000, u64::MAX, 0xffff_fffe]);

    /// Takes a number of 32 bytes, big-endian, modulo p.
    pub fn from_be_bytes(bytes: &[u8; 32]) -> Self {
        let mut limbs = [0; 4];
        for (limb, chunk) in limbs.iter_mut().rev().zip(bytes.as_chunks().0) {
            *limb = u64::from_be_bytes(*chunk);
        }
        Self(limbs).multiply(&R_SQUARED)
    }

    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    #[inline(always)]
    pub fn add(&self, other: &Self) -> Self {
        let (a, b) = (&self.0, &other.0);
        let (s0, carry) = a[0].overflowing_add(b[0]);
        let (s1, carry) = a[1].carrying_add(b[1], carry);
        let (s2, carry) = a[2].carrying_add(b[2], carry);
        let (s3, carry) = a[3].carrying_add(b[3], carry);
        Self::reduce([s0, s1, s2, s3], carry)
    }

    #[inline(always)]
    pub fn double(&self) -> Self {
        self.add(self)
    }

    #[inline(always)]
    pub fn subtract(&self, other: &Self) -> Self {
        let (a, b) = (&self.0, &other.0);
        let (d0, borrow) = a[0].overflowing_sub(b[0]);
        let (d1, borrow) = a[1].borrowing_sub(b[1], borrow);
        let (d2, borrow) = a[2].borrowing_sub(b[2], borrow);
        let (d3, borrow) = a[3].borrowing_sub(b[3], borrow);
        let mask = u64::from(borrow).wrapping_neg();
        let (d0, carry) = d0.overflowing_add(P[0] & mask);
        let (d1, carry) = d1.carrying_add(P[1] & mask, carry);
        let (d2, carry) = d2.carrying_add(P[2] & mask, carry);
        let (d3, _) = d3.carrying_add(P[3] & mask, carry);
        Self([d0, d1, d2, d3])
    }

    pub fn negate(&self) -> Self {
        Self::ZERO.subtract(self)
    }

    /// Montgomery's product, a·b/2^256, limb by limb.
    ///
    /// Before each of the four rounds the sum is below 2p, whatever `self` holds, as long as `other` is below p. A round
    /// adds a limb's product (so that the sum stays below 2^320: five limbs), then the multiple of p that clears the
    /// lowest limb, and drops that limb. −1/p is 1 modulo 2^64, hence the multiple is the lowest limb itself, `m`.
    #[inline(always)]
    pub fn multiply(&self, other: &Self) -> Self {
        let b = &other.0;
        let mut sum = [0_u64; 4];
        let mut top = 0_u64;
        for a in self.0 {
            let (m, carry) = a.carrying_mul_add(b[0], sum[0], 0);
            let (s1, carry) = a.carrying_mul_add(b[1], sum[1], carry);
            let (s2, carry) = a.carrying_mul_add(b[2], sum[2], carry);
            let (s3, carry) = a.carrying_mul_add(b[3], sum[3], carry);
            let s4 = top + carry;
            // m·(2^64 − 1) + m is m·2^64: the lowest limb is cleared and m goes up. p's third limb is zero.
            let (s1, carry) = m.carrying_mul_add(P[1], s1, m);
            let (s2, carry) = s2.overflowing_add(carry);
            let (s3, carry) = m.carrying_mul_add(P[3], s3, u64::from(carry));
            let (s4, carry) = s4.overflowing_add(carry);
            sum = [s1, s2, s3, s4];
            top = u64::from(carry);
        }
        Self::reduce(sum, top != 0)
    }

    #[inline(always)]
    pub fn square(&self) -> Self {
        self.multiply(self)
    }

    /// 1/self; of zero, zero. Slow: some 400 multiplications.
    pub fn invert(&self) -> Self {
        let mut power = Self::ONE;
        for bit in (0..256).rev() {
            power = power.square();
            if INVERTING[bit / 64] >> (bit % 64) & 1 == 1 {
                power = power.multiply(self);
            }
        }
        power
    }

    /// Takes p away once, if there is so much. `carry` is the sum's bit 256; the sum is below 2p.
    #[inline(always)]
    fn reduce(sum: [u64; 4], carry: bool) -> Self {
        let (r0, borrow) = sum[0].overflowing_sub(P[0]);
        let (r1, borrow) = sum[1].borrowing_sub(P[1], borrow);
        let (r2, borrow) = sum[2].borrowing_sub(P[2], borrow);
        let (r3, borrow) = sum[3].borrowing_sub(P[3], borrow);
        let below = u64::from(borrow & !carry).wrapping_neg();
        let pick = |whole: u64, rest: u64| (whole & below) | (rest & !below);
        Self([pick(sum[0], r0), pick(sum[1], r1), pick(sum[2], r2), pick(sum[3], r3)])
    }
}

#[cfg(test)]
mod tests;
