//! Edits of evidence that keep most of it genuine: of its JSON, and of the document with its proofs made good again.

use arbitrary::{Result, Unstructured};
use sealane_core::evidence::Evidence;
use sealane_core::index::{Acts, SubjectEntry, SubjectKind};
use sealane_core::merkle::{LeafIndex, MultiProof};
use serde_json::Value;

use crate::genuine::{GENUINE, TEXTS, ids};

/// Numbers at the edges of what readers can hold.
const NUMBERS: [&str; 16] = [
    "0",
    "1",
    "-1",
    "-0",
    "1e3",
    "2e0",
    "0.5",
    "4294967295",
    "4294967296",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "123456789012345678901234567890",
];

const STRINGS: [&str; 14] = [
    "",
    "\n",
    "\0",
    "null",
    "{}",
    "\u{feff}",
    "\u{e9}",
    "e\u{301}",
    "\u{1f4a9}",
    "__proto__",
    "ES256",
    "none",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
];

/// Bytes that follow from a seed (xorshift).
pub fn noise(seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed) << 1 | 0x9e37_79b9_0000_0001;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..64).flat_map(|_| next().to_le_bytes()).collect()
}

/// Edits the JSON of a document in a few places.
pub fn edit_json(value: &mut Value, dice: &mut Unstructured<'_>) -> Result<()> {
    for _ in 0..=dice.int_in_range(0..=3)? {
        let places = count(value);
        let at = dice.int_in_range(0..=places - 1)?;
        let donor = if dice.ratio(1, 3)? { serde_json::from_str(dice.choose(&TEXTS)?).ok() } else { None };
        let donor = donor.unwrap_or_else(|| value.clone());
        let from = dice.int_in_range(0..=count(&donor) - 1)?;
        let gift = nth(&donor, &mut { from }).cloned().unwrap_or_default();
        if let Some(node) = nth_mut(value, &mut { at }) {
            edit_node(node, gift, dice)?;
        }
    }
    Ok(())
}

fn edit_node(node: &mut Value, gift: Value, dice: &mut Unstructured<'_>) -> Result<()> {
    match (dice.int_in_range(0..=9)?, &mut *node) {
        (0..=1, _) => *node = gift,
        (_, Value::Array(items)) if !items.is_empty() => {
            let (one, other) = (dice.choose_index(items.len())?, dice.choose_index(items.len())?);
            match dice.int_in_range(0..=5)? {
                0 => drop(items.remove(one)),
                1 => items.insert(other, items[one].clone()),
                2 => items.swap(one, other),
                3 => items.truncate(one),
                4 => items.insert(one, gift),
                _ => items.reverse(),
            }
        }
        (_, Value::Object(members)) if !members.is_empty() => {
            let name = members.keys().nth(dice.choose_index(members.len())?).cloned().unwrap_or_default();
            match dice.int_in_range(0..=2)? {
                0 => drop(members.shift_remove(&name)),
                1 => drop(members.insert(name, gift)),
                _ => drop(members.insert((*dice.choose(&STRINGS)?).to_owned(), gift)),
            }
        }
        (_, Value::String(text)) => *text = edited_text(text, dice)?,
        (0..=6, Value::Number(number)) => {
            let near = number.as_u64().unwrap_or_default().wrapping_add_signed(dice.int_in_range(-3..=3)?);
            *node = Value::from(near);
        }
        _ => *node = serde_json::from_str(dice.choose(&NUMBERS)?).unwrap_or_default(),
    }
    Ok(())
}

fn edited_text(text: &str, dice: &mut Unstructured<'_>) -> Result<String> {
    let mut letters: Vec<char> = text.chars().collect();
    let at = dice.int_in_range(0..=letters.len())?;
    match dice.int_in_range(0..=5)? {
        0 => letters.truncate(at),
        1 => drop(letters.drain(..at)),
        2 if at < letters.len() => letters[at] = char::from(dice.int_in_range(0x20..=0x7e)?),
        3 if at < letters.len() => drop(letters.remove(at)),
        4 => letters.splice(at..at, dice.choose(&STRINGS)?.chars()).for_each(drop),
        _ => return Ok((*dice.choose(&STRINGS)?).to_owned()),
    }
    Ok(letters.into_iter().collect())
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

fn nth<'a>(value: &'a Value, at: &mut usize) -> Option<&'a Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter().find_map(|item| nth(item, at)),
        Value::Object(members) => members.values().find_map(|item| nth(item, at)),
        _ => None,
    }
}

fn nth_mut<'a>(value: &'a mut Value, at: &mut usize) -> Option<&'a mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth_mut(item, at)),
        Value::Object(members) => members.values_mut().find_map(|item| nth_mut(item, at)),
        _ => None,
    }
}

/// Lies in a few places as somebody does who knows all that the seeds know, and proves whatever can be proven of it.
pub fn lie(evidence: &mut Evidence, dice: &mut Unstructured<'_>) -> Result<()> {
    GENUINE.widen_signers(evidence);
    for _ in 0..=dice.int_in_range(0..=2)? {
        lie_once(evidence, dice)?;
    }
    if dice.ratio(1, 2)? {
        GENUINE.furnish(evidence);
    }
    if dice.ratio(7, 8)? {
        GENUINE.mend(evidence);
    }
    Ok(())
}

fn lie_once(evidence: &mut Evidence, dice: &mut Unstructured<'_>) -> Result<()> {
    let at = if evidence.index.is_empty() { 0 } else { dice.choose_index(evidence.index.len())? };
    match dice.int_in_range(0..=13)? {
        0 => remove(&mut evidence.statements, dice)?,
        1 => remove(&mut evidence.registrations, dice)?,
        2 => remove(&mut evidence.seals, dice)?,
        3 => remove(&mut evidence.index, dice)?,
        4 => evidence.statements.push(of(&GENUINE.statements, dice)?),
        5 => evidence.registrations.push(of(&GENUINE.registrations, dice)?),
        6 => evidence.seals.push(of(&GENUINE.seals, dice)?),
        7 => evidence.index.push(of(&GENUINE.entries, dice)?),
        8 => evidence.id = dice.choose(ids())?.as_str().to_owned(),
        9 => {
            let other = dice.choose(&GENUINE.documents)?.clone();
            *evidence = Evidence { id: evidence.id.clone(), ..other };
        }
        _ if evidence.index.is_empty() => {}
        10..=11 => {
            let subject = evidence.index[at].subject();
            let length = GENUINE.entries.get(&subject).map_or(0, |entry| entry.leaves.len());
            let (one, other) = (dice.int_in_range(0..=length)?, dice.int_in_range(0..=length)?);
            if let Some(part) = GENUINE.part(&subject, one.min(other)..one.max(other)) {
                evidence.index[at] = part;
            }
        }
        12 => edit_entry(&mut evidence.index[at], dice)?,
        _ => {
            let donor = of(&GENUINE.entries, dice)?;
            let entry = &mut evidence.index[at];
            *entry = SubjectEntry { kind: entry.kind, subject: std::mem::take(&mut entry.subject), ..donor };
        }
    }
    Ok(())
}

/// Changes one thing about what the index is said to say.
pub fn edit_entry(entry: &mut SubjectEntry, dice: &mut Unstructured<'_>) -> Result<()> {
    match dice.int_in_range(0..=17)? {
        0 => entry.count = near(entry.count, dice)?,
        1 => entry.first = near(entry.first, dice)?,
        2 => remove(&mut entry.leaves, dice)?,
        3 => {
            let (leaf, leaves) = (dice.int_in_range(0..=200_u64)?, &mut entry.leaves);
            leaves.extend(LeafIndex::new(leaf));
            leaves.sort();
        }
        4 => remove(&mut entry.path.0, dice)?,
        5 => {
            let gift = dice.choose(&GENUINE.documents)?.inclusion_proof.0.first().copied();
            entry.path.0.extend(gift);
        }
        6 => remove(&mut entry.siblings, dice)?,
        7 => entry.siblings.push(None),
        8 if !entry.siblings.is_empty() => {
            let (one, other) = (dice.choose_index(entry.siblings.len())?, dice.choose_index(entry.siblings.len())?);
            entry.siblings.swap(one, other);
        }
        9 if !entry.siblings.is_empty() => {
            let at = dice.choose_index(entry.siblings.len())?;
            entry.siblings[at] = None;
        }
        10 => entry.other = of(&GENUINE.entries, dice)?.other,
        11 => {
            entry.kind =
                *dice.choose(&[SubjectKind::Id, SubjectKind::Party, SubjectKind::Prefix, SubjectKind::Recall])?
        }
        12 => {
            let (count, first, leaves, path) = (0, 0, Vec::new(), MultiProof::default());
            (entry.count, entry.first, entry.leaves, entry.path) = (count, first, leaves, path);
            (entry.signers, entry.acts) = (Vec::new(), Vec::new());
        }
        13 => remove(&mut entry.signers, dice)?,
        14 => remove(&mut entry.acts, dice)?,
        15 if !entry.signers.is_empty() => {
            let at = dice.choose_index(entry.signers.len())?;
            entry.signers[at] = dice.int_in_range(0..=9)?;
        }
        16 if !entry.acts.is_empty() => {
            let at = dice.choose_index(entry.acts.len())?;
            entry.acts[at] = Acts::from_byte(dice.int_in_range(0..=255)?);
        }
        _ => entry.subject = of(&GENUINE.entries, dice)?.subject,
    }
    Ok(())
}

fn near(number: u64, dice: &mut Unstructured<'_>) -> Result<u64> {
    match dice.int_in_range(0..=3)? {
        0 => Ok(*dice.choose(&[0, 1, 1 << 32, (1 << 53) - 1, 1 << 53, u64::MAX - 1, u64::MAX])?),
        _ => Ok(number.wrapping_add_signed(dice.int_in_range(-2..=2)?)),
    }
}

fn remove<T>(items: &mut Vec<T>, dice: &mut Unstructured<'_>) -> Result<()> {
    if !items.is_empty() {
        items.remove(dice.choose_index(items.len())?);
    }
    Ok(())
}

fn of<K: Ord, V: Clone>(all: &std::collections::BTreeMap<K, V>, dice: &mut Unstructured<'_>) -> Result<V> {
    let at = dice.choose_index(all.len())?;
    all.values().nth(at).cloned().ok_or(arbitrary::Error::NotEnoughData)
}
