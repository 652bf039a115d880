use std::iter;

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use p256::ProjectivePoint;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{self, SigningKey, VerifyingKey};
use p256::elliptic_curve::Group;
use p256::elliptic_curve::point::{AffineCoordinates, DecompressPoint};
use p256::elliptic_curve::subtle::Choice;
use proptest::prelude::*;

use sealane_core::statement::{P256, SignatureVerifier};

use super::*;

const N: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const P: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

/// A number of 32 bytes, a little more or less.
fn number(hex: &str, more: i8) -> [u8; 32] {
    let mut bytes: [u8; 32] = std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap());
    bytes[31] = bytes[31].checked_add_signed(more).unwrap();
    bytes
}

fn small(value: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[31] = value;
    bytes
}

fn scalar(value: u64) -> Scalar {
    Scalar::from(value)
}

fn reduced(bytes: [u8; 32]) -> Scalar {
    Scalar::reduce(&FieldBytes::from(bytes))
}

fn inverse(of: Scalar) -> Scalar {
    of.invert_vartime().unwrap()
}

fn public(point: ProjectivePoint) -> PublicKey {
    PublicKey::from_sec1(point.to_affine().to_sec1_point(false).as_bytes()).unwrap()
}

fn signature(r: [u8; 32], s: [u8; 32]) -> Signature {
    Signature::from_slice(&[r, s].concat()).unwrap()
}

/// Verifies a digest with tables, with p256 and with aws-lc-rs, which must agree.
fn judge(known: &KnownKey, digest: [u8; 32], signature: &Signature) -> bool {
    let ours = known.holds(&digest, signature) == Some(true);
    let key = VerifyingKey::from_sec1_bytes(known.public().sec1()).unwrap();
    let p256 = ecdsa::Signature::from_slice(signature.as_bytes())
        .is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok());
    let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, known.public().sec1()).unwrap();
    let imported = digest::Digest::import_less_safe(&digest, &SHA256).unwrap();
    let aws = parsed.verify_digest_sig(&imported, signature.as_bytes()).is_ok();
    assert_eq!((ours, ours), (p256, aws), "{known:?}, {digest:02x?}, {signature}");
    ours
}

/// The digest and the signature for which verification computes u1·G + u2·Q, and compares it with r.
fn asking(u1: Scalar, u2: Scalar, r: Scalar) -> ([u8; 32], Signature) {
    let s = r * inverse(u2);
    ((u1 * s).to_repr().into(), signature(r.to_repr().into(), s.to_repr().into()))
}

/// Asks for u1·G + u2·Q with its true x coordinate, which must hold, and with three others, which must not.
fn assert_computed(known: &KnownKey, point: ProjectivePoint, u1: Scalar, u2: Scalar) {
    let x = (ProjectivePoint::GENERATOR * u1 + point * u2).to_affine().x();
    let r = Scalar::reduce(&x);
    let (digest, right) = asking(u1, u2, r);
    assert!(judge(known, digest, &right), "u1 {u1:?}, u2 {u2:?}");
    for wrong in [r + Scalar::ONE, -r, r.double()] {
        let (digest, wrong) = asking(u1, u2, wrong);
        assert!(!judge(known, digest, &wrong), "u1 {u1:?}, u2 {u2:?}");
    }
}

/// Scalars that fill, empty and carry the windows of both tables.
fn edges() -> Vec<Scalar> {
    let mut scalars: Vec<Scalar> = [1, 2, 3, 63, 64, 65, 127, 128, 2047, 2048, 2049, 4096].map(scalar).to_vec();
    for bits in [6, 7, 11, 12, 13, 128, 251, 252, 254] {
        let power = scalar(2).pow_vartime(&p256::U256::from_u32(bits));
        scalars.extend([power - Scalar::ONE, power, power + Scalar::ONE]);
    }
    for byte in [0x55, 0x7f, 0x80, 0xaa, 0xf7, 0xff] {
        scalars.push(reduced([byte; 32]));
    }
    let half = inverse(scalar(2));
    scalars.extend([half, half - Scalar::ONE]);
    let negative: Vec<Scalar> = scalars.iter().map(|scalar| -scalar).collect();
    scalars.extend(negative);
    scalars
}

fn random_key(seed: u8) -> (Scalar, ProjectivePoint, KnownKey) {
    let secret = reduced(*Hash::of(&[seed]).as_bytes());
    let point = ProjectivePoint::GENERATOR * secret;
    (secret, point, KnownKey::new(&public(point)))
}

#[test]
fn a_table_holds_the_multiples_of_its_point() {
    let (_, point, known) = random_key(1);
    let mut entries = known.table.entries().iter();
    let mut base = point;
    for window in 0..KeyTable::WINDOWS {
        let count = if window + 1 == KeyTable::WINDOWS { 8 } else { 64 };
        let mut multiple = base;
        for entry in entries.by_ref().take(count) {
            assert_eq!(*entry, affine(multiple.to_affine().to_sec1_point(false).as_bytes()), "window {window}");
            multiple += base;
        }
        base = iter::successors(Some(base), |base| Some(base.double())).nth(KEY_WINDOW).unwrap();
    }
    assert_eq!(entries.next(), None);
}

#[test]
fn a_table_has_the_bytes_that_are_told() {
    let (_, _, known) = random_key(1);
    assert_eq!(size_of_val(known.table.entries()), KnownKey::TABLE_BYTES);
    assert_eq!(size_of_val(GENERATOR.entries()), KnownKey::SHARED_BYTES);
    assert_eq!((KnownKey::TABLE_BYTES, KnownKey::SHARED_BYTES), (147_968, 2_753_024));
}

#[test]
fn edges_of_the_windows_are_summed_right() {
    let (_, point, known) = random_key(2);
    let other = scalar(0x1234_5678_9abc_def1);
    for edge in edges() {
        assert_computed(&known, point, edge, other);
        assert_computed(&known, point, other, edge);
        assert_computed(&known, point, edge, edge);
    }
}

#[test]
fn a_digest_of_zero_leaves_the_key_alone() {
    let (_, point, known) = random_key(3);
    for u2 in [Scalar::ONE, -Scalar::ONE, scalar(77), reduced([0xa5; 32])] {
        assert_computed(&known, point, Scalar::ZERO, u2);
        let (digest, signature) = asking(Scalar::ZERO, u2, Scalar::reduce(&(point * u2).to_affine().x()));
        assert_eq!(digest, [0; 32]);
        assert!(judge(&known, number(N, 0), &signature), "the order itself is zero too");
        assert!(!judge(&known, number(N, 1), &signature));
    }
}

#[test]
fn a_digest_of_the_order_or_more_is_reduced() {
    let (secret, _, known) = random_key(4);
    let k = scalar(0x0bad_cafe);
    let r = Scalar::reduce(&(ProjectivePoint::GENERATOR * k).to_affine().x());
    for digest in [number(N, -1), number(N, 0), number(N, 1), number(P, -1), number(P, 0), [0xff; 32]] {
        let s = (reduced(digest) + r * secret) * inverse(k);
        let signature = signature(r.to_repr().into(), s.to_repr().into());
        assert!(judge(&known, digest, &signature));
        let mut other = digest;
        other[31] ^= 2;
        assert!(!judge(&known, other, &signature));
    }
}

#[test]
fn a_sum_at_infinity_holds_for_no_r() {
    let (secret, _, known) = random_key(5);
    for u2 in [Scalar::ONE, -Scalar::ONE, scalar(5), reduced([0x77; 32])] {
        for r in [Scalar::ONE, scalar(2), -Scalar::ONE, reduced([0x31; 32])] {
            let (digest, signature) = asking(-(u2 * secret), u2, r);
            assert!(!judge(&known, digest, &signature));
        }
    }
}

#[test]
fn a_sum_that_passes_infinity_or_doubles_goes_on() {
    // With the key 1·G, −1·G, 2·G, … the addends of both tables are the same points, or each other's negatives.
    for multiple in [1, 2, 3, 64, 128, 4096] {
        for secret in [scalar(multiple), -scalar(multiple)] {
            let point = ProjectivePoint::GENERATOR * secret;
            let known = KnownKey::new(&public(point));
            for u1 in [1, 2, 64, 2048, 1 << 14, 1 << 36].map(scalar) {
                let u2 = u1 * inverse(secret);
                assert_computed(&known, point, u1, u2);
                // The sum of all but the last addend is infinity, and what follows is not lost.
                let further = scalar(2).pow_vartime(&p256::U256::from_u32(140));
                assert_computed(&known, point, u1, further - u2);
                assert_computed(&known, point, u1, -u2 - further);
                let (digest, signature) = asking(u1, -u2, scalar(9));
                assert!(!judge(&known, digest, &signature));
            }
        }
    }
}

/// The key for which u1·G + u2·Q is `sum`.
fn key_for(sum: ProjectivePoint, u1: Scalar, u2: Scalar) -> KnownKey {
    KnownKey::new(&public((sum - ProjectivePoint::GENERATOR * u1) * inverse(u2)))
}

/// A point whose x coordinate is this.
fn lift(x: [u8; 32]) -> Option<ProjectivePoint> {
    AffinePoint::decompress(&x.into(), Choice::from(0)).into_option().map(ProjectivePoint::from)
}

#[test]
fn an_x_of_the_order_or_more_is_reduced() {
    let (u1, u2) = (scalar(0xaaaa_bbbb), scalar(0x1111_2222));
    let low = (1..=60).map(|more| number(N, more));
    let high = (1..=60).map(|less| number(P, -less));
    let mut tried = 0;
    for x in low.chain(high) {
        let Some(sum) = lift(x) else { continue };
        let (digest, right) = asking(u1, u2, reduced(x));
        assert!(judge(&key_for(sum, u1, u2), digest, &right), "x {x:02x?}");
        tried += 1;
        if tried % 8 == 0 {
            let (digest, wrong) = asking(u1, u2, reduced(x) + Scalar::ONE);
            assert!(!judge(&key_for(sum, u1, u2), digest, &wrong), "x {x:02x?}");
        }
    }
    assert!(tried > 30);
}

#[test]
fn r_is_not_reduced_by_the_fields_size() {
    // r = x + p − n: with the order added it is x modulo p, but not modulo n.
    let (u1, u2) = (scalar(0xaaaa_bbbb), scalar(0x1111_2222));
    let difference = reduced(number(P, 0));
    let mut tried = 0;
    for x in 0..40 {
        let Some(sum) = lift(small(x)) else { continue };
        let known = key_for(sum, u1, u2);
        let (digest, wrong) = asking(u1, u2, scalar(x.into()) + difference);
        assert!(!judge(&known, digest, &wrong), "x {x}");
        if x > 0 {
            let (digest, right) = asking(u1, u2, scalar(x.into()));
            assert!(judge(&known, digest, &right), "x {x}");
        }
        tried += 1;
    }
    assert!(tried > 10);
}

#[test]
fn r_and_s_out_of_range_are_refused() {
    let (_, _, known) = random_key(6);
    let generator = KnownKey::new(&public(ProjectivePoint::GENERATOR));
    let edges = [
        small(0),
        small(1),
        small(2),
        number(N, -1),
        number(N, 0),
        number(N, 1),
        number(P, -1),
        number(P, 0),
        [0xff; 32],
    ];
    for r in edges {
        for s in edges {
            for digest in edges {
                assert!(!judge(&known, digest, &signature(r, s)));
                judge(&generator, digest, &signature(r, s));
            }
        }
    }
}

#[test]
fn a_good_signature_with_the_order_added_to_r_or_s_is_refused() {
    // r and s so small that the order fits on top of them in 32 bytes.
    let (u1, sum) = (scalar(41), (1..).find_map(|x| lift(small(x)).map(|sum| (x, sum))).unwrap());
    let (r, s) = (scalar(sum.0.into()), scalar(3));
    let u2 = r * inverse(s);
    let known = key_for(sum.1, u1, u2);
    let digest: [u8; 32] = (u1 * s).to_repr().into();
    assert!(judge(&known, digest, &signature(small(sum.0), small(3))));
    assert!(!judge(&known, digest, &signature(number(N, sum.0.try_into().unwrap()), small(3))));
    assert!(!judge(&known, digest, &signature(small(sum.0), number(N, 3))));
    assert!(judge(&known, digest, &signature(small(sum.0), number(N, -3))), "both halves of s are taken");
}

#[test]
fn another_keys_table_refuses() {
    let secret = SigningKey::from_slice(&[7; 32]).unwrap();
    let signature = Signature::sign(&secret, b"message");
    let known = KnownKey::new(&PublicKey::from(secret.verifying_key()));
    assert_eq!(known.verify(b"message", &signature), Ok(()));
    assert_eq!(known.verify(b"massage", &signature), Err(SignatureError::DoesNotHold));
    assert_eq!(random_key(7).2.verify(b"message", &signature), Err(SignatureError::DoesNotHold));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn signatures_are_judged_as_without_a_table(
        secret in prop::array::uniform32(any::<u8>()),
        message in prop::collection::vec(any::<u8>(), 0..300),
        flip in 0_usize..512,
    ) {
        prop_assume!(reduced(secret) != Scalar::ZERO);
        let secret = SigningKey::from_slice(&reduced(secret).to_repr()).unwrap();
        let key = PublicKey::from(secret.verifying_key());
        let known = KnownKey::new(&key);
        let good = Signature::sign(&secret, &message);
        let mut flipped = *good.as_bytes();
        flipped[flip / 8] ^= 1 << (flip % 8);
        let (r, s) = good.as_bytes().split_at(32);
        let negative: [u8; 32] = (-reduced(s.try_into().unwrap())).to_repr().into();
        let twin = signature(r.try_into().unwrap(), negative);
        prop_assert_eq!(known.verify(&message, &good), Ok(()));
        prop_assert_eq!(known.verify(&message, &twin), Ok(()));
        for signature in [good, twin, Signature::from_bytes(flipped)] {
            prop_assert_eq!(known.verify(&message, &signature), P256.verify(&key, &message, &signature));
            judge(&known, *Hash::of(&message).as_bytes(), &signature);
        }
    }

    #[test]
    fn any_sum_is_computed_as_p256_computes_it(
        seed in any::<u8>(),
        u1 in prop::array::uniform32(any::<u8>()),
        u2 in prop::array::uniform32(any::<u8>()),
    ) {
        prop_assume!(reduced(u2) != Scalar::ZERO);
        let (_, point, known) = random_key(seed);
        assert_computed(&known, point, reduced(u1), reduced(u2));
    }
}
