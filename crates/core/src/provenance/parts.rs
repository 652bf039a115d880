//! The parts that one id plays in one event, as a set.

use crate::epcis::event::Part;

/// Some of the five parts. A journey asks for them at every turn, so that they are bits and nothing on the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Parts(u8);

impl Parts {
    pub fn insert(&mut self, part: Part) {
        self.0 |= Self::bit(part);
    }

    pub fn contains(self, part: Part) -> bool {
        self.0 & Self::bit(part) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn bit(part: Part) -> u8 {
        match part {
            Part::Object => 1,
            Part::Parent => 1 << 1,
            Part::Child => 1 << 2,
            Part::Input => 1 << 3,
            Part::Output => 1 << 4,
        }
    }
}

impl FromIterator<Part> for Parts {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        let mut all = Self::default();
        parts.into_iter().for_each(|part| all.insert(part));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        const ALL: [Part; 5] = [Part::Object, Part::Parent, Part::Child, Part::Input, Part::Output];
        assert!(Parts::default().is_empty());
        for one in ALL {
            for other in ALL {
                let parts: Parts = [one, other].into_iter().collect();
                let held = ALL.into_iter().filter(|part| parts.contains(*part)).collect::<Vec<_>>();
                assert!(held.iter().all(|part| *part == one || *part == other), "{held:?}");
                assert_eq!(held.len(), if one == other { 1 } else { 2 });
            }
        }
    }
}
