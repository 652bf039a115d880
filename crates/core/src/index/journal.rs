//! What blocks have changed in the index, as it was before them: to take a block back, and to answer as of an earlier one.
//!
//! A block changes the places on the ways to its subjects, and appends to the two arrays. Its journal keeps each changed
//! place, each changed list and the lengths of the arrays. Taking the block back puts them in again. Answering as of an
//! earlier block reads a place from the oldest journal since then that has it, and from the map if none has.

use std::collections::VecDeque;

use crate::hash::Hash;
use crate::index::list::LeafList;
use crate::index::map::{Child, Path, Place, SubjectIndex, Target};
use crate::index::{SubjectKey, empty_hash};

/// Blocks whose changes are kept after they are final. An answer as of the oldest of them looks each place up in all.
pub const KEPT_BLOCKS_MAX: usize = 64;

/// Changed places that are kept, over all kept blocks, at 56 bytes each: some 22 MB. A full block changes some 150,000.
pub const KEPT_PLACES_MAX: usize = 400_000;

/// The journals of the last blocks, and of the one that is open.
#[derive(Debug, Clone, Default)]
pub(super) struct Journals {
    open: Option<Journal>,
    /// Of final blocks, the oldest first.
    kept: VecDeque<Journal>,
    /// Changed places in all of `kept`.
    places: usize,
}

/// What one block has changed, as it was before.
#[derive(Debug, Clone)]
struct Journal {
    inners: usize,
    subjects: usize,
    places: Vec<(Place, Child)>,
    lists: Vec<(u32, LeafList)>,
    is_sorted: bool,
}

impl Journals {
    pub const fn new() -> Self {
        Self { open: None, kept: VecDeque::new(), places: 0 }
    }

    /// Keeps what stands at a place, if a block is open, the place was there before it, and nothing below it has
    /// changed yet.
    pub fn note(&mut self, place: Place, before: Child) {
        let Some(open) = &mut self.open else { return };
        let is_old = match place {
            Place::Top => true,
            Place::Below { inner, .. } => inner < open.inners,
        };
        if is_old && before.hash.is_some() {
            open.places.push((place, before));
            open.is_sorted = false;
        }
    }
}

impl Journal {
    /// Sorts what is kept by its place, so that it can be looked up. Of a place that is kept twice the first stays first.
    fn sort(&mut self) {
        if !self.is_sorted {
            self.places.sort_by_key(|(place, _)| *place);
            self.lists.sort_by_key(|(subject, _)| *subject);
            self.is_sorted = true;
        }
    }

    fn child(&self, place: Place) -> Option<Child> {
        let at = self.places.partition_point(|(kept, _)| *kept < place);
        self.places.get(at).filter(|(kept, _)| *kept == place).map(|(_, child)| *child)
    }

    fn list(&self, subject: usize) -> Option<&LeafList> {
        let at = self.lists.partition_point(|(kept, _)| (*kept as usize) < subject);
        self.lists.get(at).filter(|(kept, _)| *kept as usize == subject).map(|(_, list)| list)
    }
}

impl SubjectIndex {
    /// Opens a journal: what is appended from now on can be taken back. Takes back what an open journal has.
    pub fn begin(&mut self) {
        self.roll_back();
        // From here on a place without a hash is one that has changed since.
        self.root();
        self.journals.open = Some(Journal {
            inners: self.inners.len(),
            subjects: self.subjects.len(),
            places: Vec::new(),
            lists: Vec::new(),
            is_sorted: false,
        });
    }

    /// Takes back all that was appended since `begin`, as if it had never been.
    pub fn roll_back(&mut self) {
        let Some(journal) = self.journals.open.take() else { return };
        for (place, child) in journal.places.into_iter().rev() {
            *self.child_mut(place) = child;
        }
        for (subject, list) in journal.lists.into_iter().rev() {
            self.subjects[subject as usize].list = list;
        }
        self.inners.truncate(journal.inners);
        self.subjects.truncate(journal.subjects);
    }

    /// Makes what was appended since `begin` final. It can still be answered as of before, for the last
    /// `KEPT_BLOCKS_MAX` blocks and `KEPT_PLACES_MAX` places.
    pub fn keep(&mut self) {
        let Some(journal) = self.journals.open.take() else { return };
        self.root();
        let journals = &mut self.journals;
        journals.places += journal.places.len();
        journals.kept.push_back(journal);
        while journals.kept.len() > KEPT_BLOCKS_MAX || journals.places > KEPT_PLACES_MAX {
            let Some(oldest) = journals.kept.pop_front() else { break };
            journals.places -= oldest.places.len();
        }
    }

    /// Tells whether a block is staged.
    pub const fn is_open(&self) -> bool {
        self.journals.open.is_some()
    }

    /// How many final blocks back an answer can be given.
    pub fn kept_blocks(&self) -> usize {
        self.journals.kept.len()
    }

    /// The root as it was `blocks` final blocks ago: 0 is the last final block, whether or not another one is open.
    /// `None` of more blocks than are kept.
    pub fn root_before(&mut self, blocks: usize) -> Option<Hash> {
        let first = self.first_journal(blocks)?;
        if self.is_now(first) {
            return Some(self.root());
        }
        Some(self.child_as_of(Place::Top, first).hash.unwrap_or_else(empty_hash))
    }

    /// What lies beside the way to `key` and at its end, as of `blocks` final blocks ago.
    pub(super) fn path_before(&mut self, key: &SubjectKey, blocks: usize) -> Option<Path> {
        let first = self.first_journal(blocks)?;
        if self.is_now(first) {
            return Some(self.path(key));
        }
        let mut siblings = Vec::new();
        let mut at = self.child_as_of(Place::Top, first);
        loop {
            match at.link.target() {
                Target::Inner(inner) => {
                    let right = key.turns_right(siblings.len());
                    let beside = self.child_as_of(Place::Below { inner, right: !right }, first);
                    siblings.push(match beside.link.target() {
                        Target::Empty => None,
                        _ => beside.hash,
                    });
                    at = self.child_as_of(Place::Below { inner, right }, first);
                }
                Target::Subject(subject) => {
                    let entry = &self.subjects[subject];
                    let list = self.journals_since(first).find_map(|journal| journal.list(subject));
                    let value = list.unwrap_or(&entry.list).value();
                    return Some(Path { siblings, end: Some((entry.key, value)) });
                }
                Target::Empty => return Some(Path { siblings, end: None }),
            }
        }
    }

    /// Keeps the list of a subject that stands at `place`, if it has not changed in this block and was there before it.
    pub(super) fn note_list(&mut self, place: Place, subject: usize) {
        let is_first = self.child(place).hash.is_some();
        let Some(open) = &mut self.journals.open else { return };
        if is_first && subject < open.subjects {
            // Numbers of subjects stay below INDEX_NODES_MAX, which fits.
            open.lists.push((subject as u32, self.subjects[subject].list.clone()));
            open.is_sorted = false;
        }
    }

    /// The position among the kept journals of the first one after the state of `blocks` final blocks ago, and makes
    /// it and those after it ready to be read.
    fn first_journal(&mut self, blocks: usize) -> Option<usize> {
        let first = self.journals.kept.len().checked_sub(blocks)?;
        let Journals { kept, open, .. } = &mut self.journals;
        kept.range_mut(first..).chain(open.as_mut()).for_each(Journal::sort);
        Some(first)
    }

    /// Tells whether nothing has changed since the state before the journal at `first`.
    fn is_now(&self, first: usize) -> bool {
        self.journals_since(first).next().is_none()
    }

    fn journals_since(&self, first: usize) -> impl Iterator<Item = &Journal> {
        self.journals.kept.range(first..).chain(self.journals.open.as_ref())
    }

    fn child_as_of(&self, place: Place, first: usize) -> Child {
        self.journals_since(first).find_map(|journal| journal.child(place)).unwrap_or_else(|| self.child(place))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::{Acts, ListEntry, SignerList, SignerTag, Subject, SubjectEntry};
    use crate::merkle::LeafIndex;

    fn subject(n: u8) -> Subject {
        Subject::id(format!("https://example.com/{n}"))
    }

    /// An entry whose signer, one of three, and acts follow from its leaf.
    fn entry(n: u64) -> ListEntry {
        let signer = match n % 3 {
            0 => SignerTag::Member([7; 16]),
            rest => SignerTag::Participant([rest as u8; 16]),
        };
        ListEntry { leaf: LeafIndex::new(n).unwrap(), signer, acts: Acts::from_byte(n as u8) }
    }

    fn signers() -> SignerList {
        SignerList::of((0..3).map(|n| entry(n).signer))
    }

    /// The lists of all subjects after some block, and the root over them, computed by a map without journals.
    #[derive(Clone, Default)]
    struct Model(Vec<Vec<ListEntry>>);

    impl Model {
        fn append(&mut self, n: u8, entry: ListEntry) {
            self.0.resize_with(self.0.len().max(usize::from(n) + 1), Vec::new);
            self.0[usize::from(n)].push(entry);
        }

        fn root(&self) -> Hash {
            let mut index = SubjectIndex::new();
            for (n, list) in (0..).zip(&self.0) {
                list.iter().for_each(|entry| assert!(index.append(subject(n).key(), *entry).unwrap()));
            }
            index.root()
        }

        fn list(&self, n: u8) -> &[ListEntry] {
            self.0.get(usize::from(n)).map(Vec::as_slice).unwrap_or_default()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Blocks come, some are taken back, some are asked about while they are open. What was taken back was never there,
        /// and each kept block still gives the proofs of its own time.
        #[test]
        fn a_block_taken_back_was_never_there_and_kept_ones_are_answered_as_they_were(
            blocks in prop::collection::vec(
                (prop::collection::vec(0..30_u8, 0..12), any::<bool>(), any::<bool>()), 1..14)
        ) {
            let (mut index, mut models) = (SubjectIndex::new(), vec![Model::default()]);
            let mut next = 0;
            for (subjects, is_final, is_asked) in blocks {
                index.begin();
                let mut model = models.last().unwrap().clone();
                for n in subjects {
                    next += 1;
                    index.append(subject(n).key(), entry(next)).unwrap();
                    model.append(n, entry(next));
                    if is_asked {
                        check(&mut index, &models)?;
                    }
                }
                prop_assert_eq!(index.root(), model.root());
                check(&mut index, &models)?;
                if is_final {
                    index.keep();
                    models.push(model);
                } else {
                    index.roll_back();
                    prop_assert_eq!(index.root(), models.last().unwrap().root());
                }
                check(&mut index, &models)?;
                prop_assert_eq!(index.len(), models.last().unwrap().0.iter().filter(|list| !list.is_empty()).count());
            }
        }
    }

    /// Holds the answers as of every kept block against its model.
    fn check(index: &mut SubjectIndex, models: &[Model]) -> Result<(), TestCaseError> {
        for (back, model) in models.iter().rev().enumerate() {
            let root = model.root();
            prop_assert_eq!(index.root_before(back), Some(root), "{} back", back);
            for n in (0..30).step_by(7) {
                let list = model.list(n);
                let proof = index.prove_before(&subject(n).key(), back).unwrap();
                let entry = SubjectEntry::new(&subject(n), list, 0..list.len(), proof, &signers());
                prop_assert_eq!(entry.verify(root, &signers()), Ok(()), "{} back, subject {}", back, n);
            }
        }
        prop_assert!(index.prove_before(&subject(0).key(), models.len()).is_none());
        Ok(())
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut index = SubjectIndex::new();
        for block in 0..2 * KEPT_BLOCKS_MAX as u64 {
            index.begin();
            index.append(subject(1).key(), entry(block)).unwrap();
            index.keep();
        }
        assert_eq!(index.kept_blocks(), KEPT_BLOCKS_MAX);
        assert!(index.root_before(KEPT_BLOCKS_MAX).is_some() && index.root_before(KEPT_BLOCKS_MAX + 1).is_none());
        // One block that changes more places than are kept for all.
        let mut next = 1_000;
        while index.journals.open.as_ref().is_none_or(|open| open.places.len() <= KEPT_PLACES_MAX) {
            if index.journals.open.is_none() {
                for n in 0..70_000_u32 {
                    next += 1;
                    index.append(Subject::party(n.to_string()).key(), entry(next)).unwrap();
                }
                index.begin();
            }
            for n in 0..70_000_u32 {
                next += 1;
                index.append(Subject::party(n.to_string()).key(), entry(next)).unwrap();
            }
            index.root();
        }
        index.keep();
        assert_eq!((index.kept_blocks(), index.journals.places), (0, 0));
    }

    #[test]
    fn as_many_places_are_kept_as_the_limit_says_and_no_more() {
        for (beyond, kept) in [(0, 1), (1, 0)] {
            let mut index = SubjectIndex::new();
            index.begin();
            index.append(subject(1).key(), entry(1)).unwrap();
            index.root();
            let changed = index.journals.open.as_ref().unwrap().places.len();
            // As if earlier blocks had changed the others.
            index.journals.places = KEPT_PLACES_MAX - changed + beyond;
            index.keep();
            assert_eq!(index.kept_blocks(), kept, "{beyond} beyond the limit");
        }
    }
}
