use p256::NistP256;
use p256::elliptic_curve::PrimeField;
use p256::elliptic_curve::hazmat::FieldArithmetic;
use proptest::prelude::*;

use super::*;

type Oracle = <NistP256 as FieldArithmetic>::FieldElement;

/// The number that p256 holds with the same Montgomery limbs.
fn oracle(element: Element) -> Oracle {
    let unit = Oracle::from_repr(bytes(Element::ONE.0).into()).unwrap();
    Oracle::from_repr(bytes(element.0).into()).unwrap() * unit.invert_vartime().unwrap()
}

fn bytes(limbs: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, limb) in bytes.chunks_mut(8).zip(limbs.iter().rev()) {
        chunk.copy_from_slice(&limb.to_be_bytes());
    }
    bytes
}

/// Limbs at which carries begin and end, as often as any others.
fn limb() -> impl Strategy<Value = u64> {
    let edges = [0, 1, 2, P[1] - 1, P[1], P[1] + 1, P[3] - 1, P[3], P[3] + 1, u64::MAX - 1, u64::MAX];
    prop_oneof![prop::sample::select(edges.to_vec()), any::<u64>()]
}

fn is_below_p(limbs: &[u64; 4]) -> bool {
    limbs.iter().rev().lt(P.iter().rev())
}

fn element() -> impl Strategy<Value = Element> {
    [limb(), limb(), limb(), limb()].prop_filter("not below p", is_below_p).prop_map(Element)
}

/// Every element whose limbs are all edges.
fn edges() -> Vec<Element> {
    let limbs = [0, 1, P[1], P[3] - 1, P[3], u64::MAX - 1, u64::MAX];
    let mut elements = Vec::new();
    for a in limbs {
        for b in limbs {
            for c in limbs {
                elements.extend(limbs.map(|d| [a, b, c, d]).into_iter().filter(is_below_p).map(Element));
            }
        }
    }
    elements
}

fn assert_as_p256_says(a: Element, b: Element) {
    let (x, y) = (oracle(a), oracle(b));
    for (name, ours, theirs) in [
        ("+", a.add(&b), x.add(&y)),
        ("-", a.subtract(&b), x.sub(&y)),
        ("·", a.multiply(&b), x.multiply(&y)),
        ("²", a.square(), x.square()),
        ("double", a.double(), x.double()),
        ("negate", a.negate(), x.neg()),
    ] {
        assert!(is_below_p(&ours.0), "{a:?} {name} {b:?} is {ours:?}, not below p");
        assert_eq!(oracle(ours), theirs, "{a:?} {name} {b:?}");
    }
}

#[test]
fn edges_are_computed_as_p256_computes_them() {
    let edges = edges();
    assert!(edges.len() > 1_300);
    for (at, a) in edges.iter().enumerate() {
        // Every element meets every other over the strides, and itself.
        for b in edges.iter().skip(at % 7).step_by(41).chain([a]) {
            assert_as_p256_says(*a, *b);
        }
    }
}

#[test]
fn an_inverse_times_its_number_is_one() {
    for a in edges().into_iter().step_by(5).filter(|a| !a.is_zero()) {
        assert_eq!(a.multiply(&a.invert()), Element::ONE);
    }
    assert_eq!(Element::ZERO.invert(), Element::ZERO);
}

#[test]
fn bytes_are_read_modulo_p() {
    let mut limbs = P;
    assert_eq!(Element::from_be_bytes(&bytes(limbs)), Element::ZERO);
    limbs[0] -= 1;
    assert_eq!(Element::from_be_bytes(&bytes(limbs)), Element::ONE.negate());
    // 2^256 − 1: one less than what ONE holds as its limbs.
    let most = Element::from_be_bytes(&bytes(Element::ONE.0)).subtract(&Element::ONE);
    assert_eq!(Element::from_be_bytes(&[0xff; 32]), most);
}

proptest! {
    #[test]
    fn numbers_are_computed_as_p256_computes_them(a in element(), b in element()) {
        assert_as_p256_says(a, b);
    }

    #[test]
    fn bytes_are_read_as_p256_reads_them(number in element()) {
        let read = Oracle::from_repr(bytes(number.0).into()).unwrap();
        prop_assert_eq!(oracle(Element::from_be_bytes(&bytes(number.0))), read);
    }

    #[test]
    fn any_limbs_times_a_number_are_below_p(limbs in [limb(), limb(), limb(), limb()], number in element()) {
        prop_assert!(is_below_p(&Element(limbs).multiply(&number).0));
    }
}
