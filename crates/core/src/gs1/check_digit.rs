//! Check characters of the GS1 General Specifications §7.9: one digit, or a pair for the GMN.

/// Weights of the check pair, from its neighbour to the left: the primes that §7.9.5 lists.
const PAIR_WEIGHTS: [u32; 23] =
    [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83];

/// The characters a check pair is written in: 32 that are hard to confuse.
const PAIR_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// The 82 characters of CSET 82 in the order of their check values (GS1 General Specifications figure 7.11-1).
const CSET_82: &[u8; 82] = b"!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/// Computes the check digit that follows `digits`, `None` when they are not all ASCII digits (§7.9.1).
pub fn check_digit(digits: &str) -> Option<char> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Weights alternate 3, 1 from the right, so one rule serves every length; u64 cannot overflow below 2^59 digits.
    let sum: u64 = digits.bytes().rev().zip([3, 1].into_iter().cycle()).map(|(b, w)| u64::from(b - b'0') * w).sum();
    char::from_digit(((10 - sum % 10) % 10) as u32, 10)
}

/// Computes the check characters that follow `text`, `None` when it is longer than 23 or not CSET 82 (§7.9.5).
pub fn check_pair(text: &str) -> Option<String> {
    if text.len() > PAIR_WEIGHTS.len() {
        return None;
    }
    let mut sum = 0;
    for (byte, weight) in text.bytes().rev().zip(PAIR_WEIGHTS) {
        let value = CSET_82.iter().position(|c| *c == byte)?;
        sum += u32::try_from(value).ok()? * weight;
    }
    let sum = sum % 1021;
    let letter = |at: u32| PAIR_ALPHABET.get(at as usize).map(|c| char::from(*c));
    Some([letter(sum >> 5)?, letter(sum & 31)?].into_iter().collect())
}

/// Tells whether `byte` is one of the 82 characters that alphanumeric AI values are made of.
pub(super) fn is_cset_82(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!\"%&'()*+,-./:;<=>?_".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digit_is_the_one_on_the_barcode() {
        for whole in ["09506000134352", "96385074", "614141000036", "9506000134369", "106141412345678908"] {
            let (digits, last) = whole.split_at(whole.len() - 1);
            assert_eq!(check_digit(digits), last.chars().next(), "{whole}");
        }
        for bad in ["", "12a", "12 ", "⁰⁰⁰", "-1"] {
            assert_eq!(check_digit(bad), None, "{bad}");
        }
    }

    #[test]
    fn pair_of_the_general_specifications_example() {
        assert_eq!(check_pair("1987654Ad4X4bL5ttr2310c").as_deref(), Some("2K"));
        assert_eq!(check_pair("1987654 d4X4bL5ttr2310c"), None);
        assert_eq!(check_pair(&"1".repeat(24)), None);
    }

    #[test]
    fn the_two_lists_of_cset_82_agree() {
        for byte in 0..=255 {
            assert_eq!(is_cset_82(byte), CSET_82.contains(&byte), "{byte}");
        }
    }
}
