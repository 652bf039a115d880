//! Random queries about events that are there.

use fastrand::Rng;
use sealane_core::epcis::query::{Condition, EventQuery, Field, Key, KeyRange, OrderBy};

/// The fields and keys of all events.
pub struct Known(Vec<(Field, Vec<Key>)>);

impl Known {
    pub fn of<'a>(facts: impl Iterator<Item = &'a (Field, Key)>) -> Self {
        let mut all: std::collections::BTreeMap<Field, std::collections::BTreeSet<Key>> = Default::default();
        for (field, key) in facts {
            all.entry(field.clone()).or_default().insert(key.clone());
        }
        Self(all.into_iter().map(|(field, keys)| (field, keys.into_iter().collect())).collect())
    }

    fn field(&self, rng: &mut Rng) -> &(Field, Vec<Key>) {
        rng.choice(&self.0).unwrap()
    }

    /// A query of up to four conditions.
    pub fn query(&self, rng: &mut Rng) -> EventQuery {
        let unknown = || Field::new("nothing has this");
        let order = match rng.u8(0..10) {
            0..=2 => OrderBy::Recorded,
            3..=5 => OrderBy::EventTime,
            6 => OrderBy::Field(unknown()),
            7 => OrderBy::Field(Field::new(rng.choice(["epc", "bizStep", "quantity"]).unwrap())),
            _ => OrderBy::Field(self.field(rng).0.clone()),
        };
        let many = rng.choice([0_usize, 1, 1, 1, 2, 2, 3, 4]).unwrap();
        EventQuery {
            conditions: (0..many).map(|_| self.condition(rng)).collect(),
            order,
            is_descending: rng.bool(),
            ..EventQuery::default()
        }
    }

    fn condition(&self, rng: &mut Rng) -> Condition {
        let time = Field::new(rng.choice([Field::EVENT_TIME, Field::RECORD_TIME]).unwrap());
        let (field, keys) = match rng.u8(0..6) {
            0 => self.0.iter().find(|(field, _)| *field == time).unwrap(),
            _ => self.field(rng),
        };
        let mut fields = vec![field.clone()];
        while rng.u8(0..3) == 0 {
            fields.push(if rng.u8(0..8) == 0 { Field::new("nor this") } else { self.field(rng).0.clone() });
        }
        let mut ranges = vec![range(rng, keys)];
        while rng.u8(0..3) == 0 {
            let (_, others) = self.field(rng);
            let keys = if rng.bool() { keys } else { others };
            ranges.push(range(rng, keys));
        }
        if rng.u8(0..30) == 0 {
            ranges.clear();
        }
        Condition { fields, ranges }
    }
}

fn range(rng: &mut Rng, keys: &[Key]) -> KeyRange {
    let key = |rng: &mut Rng| rng.choice(keys).unwrap().clone();
    match rng.u8(0..10) {
        0..=3 => KeyRange::Exactly(key(rng)),
        4..=5 => {
            let one = key(rng);
            let text = one.as_text().unwrap_or("x");
            let start: String = text.chars().take(rng.usize(0..=text.chars().count())).collect();
            KeyRange::beginning(&start, rng.choice(["", "", "/21/", "/10/", "1", "ing"]).unwrap())
        }
        6 => KeyRange::all(),
        7 => KeyRange::Exactly(Key::text("no event has it")),
        // Of any kind: also ends that are the wrong way round.
        _ => {
            let behind = |key: Key, more: bool| {
                let mut bytes = key.as_bytes().to_vec();
                bytes.extend(more.then_some(0));
                Key::from_bytes(bytes)
            };
            let mut ends = [key(rng), key(rng)];
            if rng.u8(0..5) != 0 {
                ends.sort();
            }
            let [from, before] = ends.map(|end| behind(end, rng.bool()));
            KeyRange::Between { from, before, inside: "" }
        }
    }
}
