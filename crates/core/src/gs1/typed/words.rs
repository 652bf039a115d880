//! What typed text is recognised by: the widths of characters, the words on labels, and codes that are no product's.

/// Codes that are no product's by how they begin, in lower case, and the rule that refuses each. Only the kind is ever
/// told: they may hold secrets.
const KINDS: [(&str, &[&str]); 6] = [
    ("kind.wifi", &["wifi:"]),
    ("kind.contact", &["begin:vcard", "mecard:", "bizcard:"]),
    ("kind.event", &["begin:vevent", "begin:vcalendar"]),
    ("kind.message", &["mailto:", "matmsg:", "smtp:", "tel:", "sms:", "smsto:", "mms:", "mmsto:"]),
    (
        "kind.payment",
        &[
            "bitcoin:",
            "bitcoincash:",
            "ethereum:",
            "litecoin:",
            "lightning:",
            "monero:",
            "upi:",
            "spd*",
            "bcd\n",
            "bcd\r",
            "spc\n",
            "spc\r",
            "hqvdufywmq",
        ],
    ),
    ("kind.secret", &["otpauth:", "otpauth-migration:", "lpa:", "fido:", "wc:"]),
];

/// What stands before a value on labels, in lower case, by application identifier.
const WORDS: [(&str, &[&str]); 7] = [
    (
        "01",
        &[
            "gtin",
            "gtin-8",
            "gtin-12",
            "gtin-13",
            "gtin-14",
            "ean",
            "ean-8",
            "ean-13",
            "upc",
            "upc-a",
            "pc",
            "product code",
            "상품코드",
            "상품 코드",
            "제품코드",
            "제품 코드",
            "표준코드",
            "표준 코드",
            "바코드",
        ],
    ),
    ("00", &["sscc"]),
    (
        "21",
        &[
            "sn",
            "s/n",
            "ser",
            "serial",
            "serial no",
            "serial nr",
            "serial number",
            "일련번호",
            "일련 번호",
            "시리얼",
            "시리얼번호",
            "시리얼 번호",
        ],
    ),
    (
        "10",
        &[
            "lot",
            "lot no",
            "lot nr",
            "lot number",
            "batch",
            "batch no",
            "batch number",
            "bn",
            "제조번호",
            "제조 번호",
            "로트",
            "로트번호",
            "로트 번호",
            "배치번호",
        ],
    ),
    (
        "17",
        &[
            "exp",
            "exp date",
            "expiry",
            "expiry date",
            "expires",
            "expiration date",
            "use by",
            "사용기한",
            "사용 기한",
            "유효기한",
            "유효 기한",
            "유통기한",
            "유통 기한",
            "소비기한",
            "소비 기한",
        ],
    ),
    ("15", &["best before", "bbe", "bb"]),
    ("11", &["mfg", "mfd", "mfg date", "production date", "제조일", "제조일자", "제조 일자"]),
];

/// Room between characters, once the text is folded.
pub(super) const ROOM: [char; 4] = [' ', '\t', '\r', '\n'];

/// One character for each of those that are typed in another width, and one space for each kind of it; what has no width
/// is left out.
pub(super) fn fold(text: &str) -> String {
    let folded: String = text.chars().filter_map(folded).collect();
    folded.trim_matches(ROOM).to_owned()
}

fn folded(char: char) -> Option<char> {
    match char {
        // The full-width forms stand in the order of ASCII (Unicode block Halfwidth and Fullwidth Forms).
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(char) - 0xfee0),
        '【' | '〔' => Some('['),
        '】' | '〕' => Some(']'),
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => None,
        '\u{2028}' | '\u{2029}' => Some('\n'),
        '\u{2000}'..='\u{200a}' | '\u{a0}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Some(' '),
        other => Some(other),
    }
}

/// The rule that refuses a code which is known to be no product's.
pub(super) fn foreign_kind(text: &str) -> Option<&'static str> {
    if is_emv(text) {
        return Some("kind.payment");
    }
    let begins = |beginning: &&str| starts_with(text, beginning);
    KINDS.iter().find(|(_, beginnings)| beginnings.iter().any(begins)).map(|(rule, _)| *rule)
}

/// EMV's payment codes: digits that look like an SSCC, and end with a checksum of four digits (EMV QRCPS §4.7.3).
fn is_emv(text: &str) -> bool {
    let Some(end) = text.len().checked_sub(8).filter(|end| *end >= 6) else { return false };
    let checksum = text.get(end..).and_then(|tail| tail.strip_prefix("6304"));
    text.starts_with("000201") && checksum.is_some_and(|sum| sum.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The word of a label that a text begins with: its application identifier, and the bytes of it. The longest is meant.
pub(super) fn word(text: &str) -> Option<(&'static str, usize)> {
    let ends =
        |rest: &str| rest.is_empty() || rest.starts_with([':', '=', '#', '.', '(', '[']) || rest.starts_with(ROOM);
    let all = WORDS.iter().flat_map(|(ai, words)| words.iter().map(move |word| (*ai, *word)));
    all.filter(|(_, word)| starts_with(text, word) && text.get(word.len()..).is_some_and(ends))
        .map(|(ai, word)| (ai, word.len()))
        .max_by_key(|(_, length)| *length)
}

/// The case of A to Z apart.
fn starts_with(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}
