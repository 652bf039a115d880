//! JSON that knows where in the XML each of its values began.

use indexmap::IndexMap;

use sealane_core::json::Json;

/// A value and the byte of the text at which it began.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) at: usize,
    pub(super) value: PlacedValue,
}

#[derive(Debug)]
pub(super) enum PlacedValue {
    Scalar(Json),
    List {
        items: Vec<Placed>,
        /// It is a list because elements of one name stood beside each other.
        gathered: bool,
    },
    Object(PlacedMembers),
}

/// The members of an object, in the order of the text.
#[derive(Debug, Default)]
pub(super) struct PlacedMembers(IndexMap<String, Placed>);

impl Placed {
    pub(super) fn text(at: usize, text: impl Into<String>) -> Self {
        Self { at, value: PlacedValue::Scalar(Json::String(text.into())) }
    }

    pub(super) fn scalar(at: usize, value: Json) -> Self {
        Self { at, value: PlacedValue::Scalar(value) }
    }

    pub(super) fn list(at: usize, items: Vec<Self>) -> Self {
        Self { at, value: PlacedValue::List { items, gathered: false } }
    }

    pub(super) fn object(at: usize, members: PlacedMembers) -> Self {
        Self { at, value: PlacedValue::Object(members) }
    }

    pub(super) fn into_json(self) -> Json {
        match self.value {
            PlacedValue::Scalar(value) => value,
            PlacedValue::List { items, .. } => Json::Array(items.into_iter().map(Self::into_json).collect()),
            PlacedValue::Object(members) => {
                Json::Object(members.0.into_iter().map(|(name, value)| (name, value.into_json())).collect())
            }
        }
    }

    /// Where the value begins that a JSON pointer leads to, or the innermost one on the way to it that is there.
    pub(super) fn find(&self, pointer: &str) -> usize {
        let Some(rest) = pointer.strip_prefix('/') else { return self.at };
        let (segment, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        self.step(segment).map_or(self.at, |found| found.find(rest))
    }

    fn step(&self, segment: &str) -> Option<&Self> {
        match &self.value {
            PlacedValue::Scalar(_) => None,
            PlacedValue::List { items, .. } => items.get(segment.parse::<usize>().ok()?),
            PlacedValue::Object(members) => members.0.get(&segment.replace("~1", "/").replace("~0", "~")),
        }
    }
}

impl PlacedMembers {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a member that stands once. False if it was there: nothing is changed then.
    pub(super) fn put(&mut self, name: impl Into<String>, value: Placed) -> bool {
        let name = name.into();
        if self.0.contains_key(&name) {
            return false;
        }
        self.0.insert(name, value);
        true
    }

    /// Adds an item to a member that is a list. False if it is another value.
    pub(super) fn push(&mut self, name: &str, item: Placed) -> bool {
        match self.0.get_mut(name) {
            Some(Placed { value: PlacedValue::List { items, .. }, .. }) => items.push(item),
            Some(_) => return false,
            None => {
                let list = Placed::list(item.at, vec![item]);
                self.0.insert(name.to_owned(), list);
            }
        }
        true
    }

    /// Adds a member of an extension: several of one name become a list.
    pub(super) fn gather(&mut self, name: String, item: Placed) {
        let Some(there) = self.0.get_mut(&name) else {
            self.0.insert(name, item);
            return;
        };
        if let Placed { value: PlacedValue::List { items, gathered: true }, .. } = there {
            items.push(item);
            return;
        }
        let at = there.at;
        let first = std::mem::replace(there, Placed::scalar(at, Json::Null));
        there.value = PlacedValue::List { items: vec![first, item], gathered: true };
    }

    /// Puts a value first.
    pub(super) fn put_first(&mut self, name: &str, value: Placed) {
        self.0.shift_insert(0, name.to_owned(), value);
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = (String, Placed)> {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lead_to_places() {
        let mut inner = PlacedMembers::default();
        assert!(inner.put("a/b", Placed::text(7, "x")) && !inner.put("a/b", Placed::text(8, "y")));
        let mut members = PlacedMembers::default();
        members.put("list", Placed::list(3, vec![Placed::text(4, "x"), Placed::object(6, inner)]));
        let whole = Placed::object(1, members);
        for (pointer, at) in [
            ("", 1),
            ("/list", 3),
            ("/list/0", 4),
            ("/list/1/a~1b", 7),
            ("/list/1/c", 6),
            ("/list/2", 3),
            ("/no/where", 1),
            ("/list/0/x", 4),
        ] {
            assert_eq!(whole.find(pointer), at, "{pointer}");
        }
        assert_eq!(whole.into_json().to_string(), r#"{"list":["x",{"a/b":"x"}]}"#);
    }

    #[test]
    fn siblings_become_a_list_and_lists_stay_apart() {
        let mut members = PlacedMembers::default();
        members.gather("a".to_owned(), Placed::list(1, vec![Placed::text(2, "x")]));
        members.gather("a".to_owned(), Placed::text(3, "y"));
        members.gather("a".to_owned(), Placed::text(4, "z"));
        assert!(members.push("b", Placed::text(5, "1")) && members.push("b", Placed::text(6, "2")));
        assert_eq!(Placed::object(0, members).into_json().to_string(), r#"{"a":[["x"],"y","z"],"b":["1","2"]}"#);
    }
}
