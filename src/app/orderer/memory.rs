//! What each member has said at the last heights, so that who says one thing to one node and another to the next is found out.
//!
//! A member may be caught long after its height is final: words come late, and nodes compare what they have heard once a
//! second. Each word is verified before it comes here. There is no I/O here.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use sealane_core::agreement::{
    Equivocation, HeightWords, LastSaid, MemberBits, ValueId, Vote, VoteKind, WordContent, WordKind, WordLine,
    WordPlace,
};
use sealane_core::block::{Commit, Height, Member, MemberSet};
use sealane_core::hash::Hash;
use sealane_core::limits::WORDS_HEIGHTS_MAX;

/// Words of one member at one height that are kept: three for each of 16 rounds. A member's votes are taken up to ten rounds
/// ahead, so by its own words it pushes out none of the round under way. For 100 members and all heights that are 485,000
/// words of some 250 bytes, if every member signs all it can; honest ones have a sixteenth of that.
const MEMBER_WORDS_MAX: usize = 48;

/// The words of the last heights. Of each member, height, round and kind the first one is kept: a second convicts it.
#[derive(Debug, Default)]
pub(super) struct Memory {
    heights: BTreeMap<Height, Remembered>,
}

#[derive(Debug)]
struct Remembered {
    members: Arc<MemberSet>,
    words: BTreeMap<Slot, Held>,
}

/// Where a word stands at its height: by whom, in which round, of which kind.
type Slot = (Hash, u32, WordKind);

#[derive(Debug)]
struct Held {
    word: LastSaid,
    is_told: bool,
}

/// What the memory has to say of a word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Remark {
    /// It is of a height that is not remembered, or not a member's in force there.
    Foreign,
    /// The same was heard before.
    Known,
    /// Nothing was heard in its place.
    New,
    /// Another was heard in its place.
    Other(LastSaid),
}

impl Memory {
    /// Remembers a height from now on, and forgets those long over.
    pub fn begin(&mut self, height: Height, members: &MemberSet) {
        let last = self.heights.last_key_value().map(|(_, last)| &last.members);
        let shared = last.filter(|last| ***last == *members).map(Arc::clone);
        self.heights.entry(height).or_insert_with(|| Remembered {
            members: shared.unwrap_or_else(|| Arc::new(members.clone())),
            words: BTreeMap::new(),
        });
        while self.heights.len() > WORDS_HEIGHTS_MAX {
            self.heights.pop_first();
        }
    }

    /// The members in force at a height that is remembered.
    pub fn members_at(&self, height: Height) -> Option<&MemberSet> {
        self.heights.get(&height).map(|one| &*one.members)
    }

    /// Compares a word with what is known. It need not be verified.
    pub fn remark(&self, word: &LastSaid) -> Remark {
        let place = word.place();
        let Some(at) = self.heights.get(&place.height) else { return Remark::Foreign };
        if at.members.get(&place.kid).is_none() {
            return Remark::Foreign;
        }
        match at.words.get(&slot_of(&place)) {
            None => Remark::New,
            Some(held) if held.word.content() == word.content() => Remark::Known,
            Some(held) => Remark::Other(held.word),
        }
    }

    /// Keeps a word that was verified. If another one is in its place, the pair of both.
    pub fn learn(&mut self, word: LastSaid) -> Option<Equivocation> {
        match self.remark(&word) {
            Remark::Foreign | Remark::Known => None,
            Remark::Other(held) => Equivocation::of_words(held, word).ok(),
            Remark::New => {
                let place = word.place();
                if let Some(at) = self.heights.get_mut(&place.height) {
                    at.keep(slot_of(&place), word);
                }
                None
            }
        }
    }

    /// Keeps the votes by which a block is final. Hands back the pairs that show in them.
    pub fn learn_commit(&mut self, commit: &Commit, value: ValueId) -> Vec<Equivocation> {
        votes_of(commit, value).filter_map(|vote| self.learn(LastSaid::Vote(vote))).collect()
    }

    /// The word in a place.
    pub fn word(&self, place: &WordPlace) -> Option<&LastSaid> {
        self.heights.get(&place.height)?.words.get(&slot_of(place)).map(|held| &held.word)
    }

    /// The places in which another node has heard something else, of at most so many words that it tells. The second is how
    /// many were looked at.
    pub fn compare(&self, told: &[HeightWords], words_max: usize) -> (Vec<WordPlace>, usize) {
        let (mut apart, mut looked_at) = (Vec::new(), 0);
        for HeightWords { height, members, lines } in told {
            // Who counts other members there stands on another ledger.
            let Some(at) = self.heights.get(height).filter(|at| at.members.members().len() == *members) else {
                continue;
            };
            let kids: Vec<Hash> = at.members.members().map(Member::kid).collect();
            for WordLine { word, by } in lines {
                for kid in by.numbers().filter_map(|number| kids.get(number)) {
                    if looked_at == words_max {
                        return (apart, looked_at);
                    }
                    looked_at += 1;
                    let held = at.words.get(&(*kid, word.round, word.kind));
                    if held.is_some_and(|held| held.word.content() != *word) {
                        apart.push(WordPlace { height: *height, round: word.round, kind: word.kind, kid: *kid });
                    }
                }
            }
        }
        (apart, looked_at)
    }

    /// What was not told yet, or all, in a short form: as much as fits into so many bytes. Counts as told from now on.
    pub fn tell(&mut self, bytes_max: usize) -> Vec<HeightWords> {
        let mut room = bytes_max;
        let mut told = Vec::new();
        for (height, at) in &mut self.heights {
            let untold = at.words.iter_mut().filter(|(_, held)| !held.is_told);
            let mut lines = Lines::new(*height, &at.members);
            let mut is_full = false;
            for (slot, held) in untold {
                match lines.add(slot.0, held.word.content(), &mut room) {
                    true => held.is_told = true,
                    false => is_full = true,
                }
            }
            told.extend(lines.finish());
            if is_full {
                break;
            }
        }
        told
    }

    /// Everything, told or not, in messages of so many bytes.
    pub fn tell_all(&self, bytes_max: usize) -> Vec<Vec<HeightWords>> {
        let (mut parts, mut part, mut room) = (Vec::new(), Vec::new(), bytes_max);
        for (height, at) in &self.heights {
            let mut words = at.words.iter().peekable();
            while words.peek().is_some() {
                let mut lines = Lines::new(*height, &at.members);
                while let Some((slot, held)) = words.peek() {
                    if !lines.add(slot.0, held.word.content(), &mut room) {
                        break;
                    }
                    words.next();
                }
                part.extend(lines.finish());
                if words.peek().is_some() {
                    if part.is_empty() {
                        // One line has no room: nothing can be told.
                        return parts;
                    }
                    parts.push(std::mem::take(&mut part));
                    room = bytes_max;
                }
            }
        }
        if !part.is_empty() {
            parts.push(part);
        }
        parts
    }
}

impl Remembered {
    /// Keeps a word in a place that is free. A member that has too many loses those of its lowest round.
    fn keep(&mut self, slot: Slot, word: LastSaid) {
        let (kid, round, _) = slot;
        let own = (kid, 0, WordKind::Proposal)..=(kid, u32::MAX, WordKind::Precommit);
        if self.words.range(own.clone()).count() >= MEMBER_WORDS_MAX {
            let lowest = self.words.range(own).next().map(|(slot, _)| *slot);
            match lowest {
                Some(lowest) if lowest.1 < round => drop(self.words.remove(&lowest)),
                _ => return,
            }
        }
        if let Entry::Vacant(place) = self.words.entry(slot) {
            place.insert(Held { word, is_told: false });
        }
    }
}

/// Lines of one height that are being put together.
struct Lines<'a> {
    height: Height,
    members: &'a MemberSet,
    kids: Vec<Hash>,
    lines: BTreeMap<WordContent, MemberBits>,
}

impl<'a> Lines<'a> {
    fn new(height: Height, members: &'a MemberSet) -> Self {
        Self { height, members, kids: Vec::new(), lines: BTreeMap::new() }
    }

    /// Adds a word, if there is room; takes that room.
    fn add(&mut self, kid: Hash, word: WordContent, room: &mut usize) -> bool {
        let members = self.members.members().len();
        if self.kids.is_empty() {
            self.kids = self.members.members().map(Member::kid).collect();
        }
        let Ok(number) = self.kids.binary_search(&kid) else { return true };
        if !self.lines.contains_key(&word) {
            let head = if self.lines.is_empty() { HeightWords::HEAD_BYTES } else { 0 };
            let bytes = head + WordContent::LINE_BYTES_MAX + members.div_ceil(8);
            let Some(left) = room.checked_sub(bytes) else { return false };
            *room = left;
        }
        self.lines.entry(word).or_insert_with(|| MemberBits::none(members)).insert(number);
        true
    }

    /// The height's words; `None` if there are none.
    fn finish(self) -> Option<HeightWords> {
        let members = self.members.members().len();
        let lines: Vec<WordLine> = self.lines.into_iter().map(|(word, by)| WordLine { word, by }).collect();
        (!lines.is_empty()).then_some(HeightWords { height: self.height, members, lines })
    }
}

const fn slot_of(place: &WordPlace) -> Slot {
    (place.kid, place.round, place.kind)
}

/// The votes that a commit is made of.
fn votes_of(commit: &Commit, value: ValueId) -> impl Iterator<Item = Vote> + '_ {
    let (height, round) = (commit.height, commit.round);
    commit.signatures.iter().map(move |one| Vote {
        kind: VoteKind::Precommit,
        height,
        round,
        value: Some(value),
        signer: one.kid,
        signature: one.signature,
    })
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;

    use super::*;
    use sealane_core::agreement::{Message, RoundProposal};
    use sealane_core::block::{CommitSignature, NoteSigningKey};
    use sealane_core::limits::WORDS_BYTES_MAX;
    use sealane_core::statement::{PublicKey, Signature};

    fn members(count: usize) -> MemberSet {
        let member = |number: usize| {
            let mut seed = [7; 32];
            seed[0] = u8::try_from(number).unwrap();
            let key = PublicKey::from(SigningKey::from_slice(&seed).unwrap().verifying_key());
            Member::new(format!("Member {number}"), key, NoteSigningKey::from_seed(&seed).public()).unwrap()
        };
        MemberSet::new((1..=count).map(member).collect()).unwrap()
    }

    fn at(height: u64) -> Height {
        Height::new(height).unwrap()
    }

    fn value(byte: u8) -> ValueId {
        ValueId::from_hash(Hash::of(&[byte]))
    }

    fn kid(members: &MemberSet, number: usize) -> Hash {
        members.members().nth(number).unwrap().kid()
    }

    fn vote(signer: Hash, height: u64, round: u32, value: Option<ValueId>) -> LastSaid {
        let (kind, signature) = (VoteKind::Prevote, Signature::from_bytes([9; 64]));
        LastSaid::Vote(Vote { kind, height: at(height), round, value, signer, signature })
    }

    fn proposal(signer: Hash, pol_round: Option<u32>) -> LastSaid {
        let signature = Signature::from_bytes([9; 64]);
        LastSaid::Proposal(RoundProposal { height: at(1), round: 3, pol_round, value: value(1), signer, signature })
    }

    fn two_memories() -> (Memory, Memory, MemberSet) {
        let members = members(4);
        let (mut one, mut other) = (Memory::default(), Memory::default());
        one.begin(at(1), &members);
        other.begin(at(1), &members);
        (one, other, members)
    }

    #[test]
    fn the_first_word_in_a_place_is_kept_and_another_makes_a_pair() {
        let (mut memory, _, members) = two_memories();
        let word = vote(kid(&members, 0), 1, 0, Some(value(1)));
        assert_eq!(memory.remark(&word), Remark::New);
        assert_eq!(memory.learn(word), None);
        assert_eq!((memory.remark(&word), memory.learn(word)), (Remark::Known, None));
        let other = vote(kid(&members, 0), 1, 0, None);
        assert_eq!(memory.remark(&other), Remark::Other(word));
        assert_eq!(memory.learn(other), Equivocation::of_words(word, other).ok());
        assert_eq!(memory.word(&word.place()), Some(&word), "the first one");
        for apart in [vote(kid(&members, 0), 1, 1, None), vote(kid(&members, 1), 1, 0, None)] {
            assert_eq!(memory.learn(apart), None, "{apart:?}");
        }
        let (one, other) = (proposal(kid(&members, 0), None), proposal(kid(&members, 0), Some(1)));
        assert_eq!((memory.learn(one), memory.learn(other)), (None, Equivocation::of_words(one, other).ok()));
    }

    #[test]
    fn strangers_and_heights_that_are_over_are_foreign() {
        let (mut memory, _, members) = two_memories();
        let stranger = vote(Hash::of(b"stranger"), 1, 0, None);
        for foreign in [stranger, vote(kid(&members, 0), 2, 0, None)] {
            assert_eq!((memory.remark(&foreign), memory.learn(foreign)), (Remark::Foreign, None));
        }
        memory.learn(vote(kid(&members, 0), 1, 0, None));
        for height in 2..=101 {
            memory.begin(at(height), &members);
        }
        assert_eq!(memory.remark(&vote(kid(&members, 0), 1, 0, None)), Remark::Known, "the last hundred, and one");
        memory.begin(at(102), &members);
        assert_eq!(memory.remark(&vote(kid(&members, 0), 1, 0, None)), Remark::Foreign);
        assert_eq!(memory.heights.len(), WORDS_HEIGHTS_MAX);
    }

    #[test]
    fn the_members_of_a_height_are_kept_once() {
        let (mut memory, _, members) = two_memories();
        memory.begin(at(2), &members);
        let shared = |memory: &Memory| Arc::ptr_eq(&memory.heights[&at(1)].members, &memory.heights[&at(2)].members);
        assert!(shared(&memory));
        let more = self::members(5);
        memory.begin(at(3), &more);
        assert_eq!((memory.members_at(at(3)), memory.members_at(at(2))), (Some(&more), Some(&members)));
    }

    #[test]
    fn a_member_fills_its_own_place_alone() {
        let (mut memory, _, members) = two_memories();
        let honest = vote(kid(&members, 1), 1, 0, None);
        memory.learn(honest);
        for round in 0..1_000 {
            memory.learn(vote(kid(&members, 0), 1, round, None));
        }
        assert_eq!(memory.heights[&at(1)].words.len(), MEMBER_WORDS_MAX + 1);
        assert_eq!(memory.remark(&honest), Remark::Known);
        // The last rounds count, in which the height may be decided.
        assert_eq!(memory.remark(&vote(kid(&members, 0), 1, 999, None)), Remark::Known);
        assert_eq!(memory.remark(&vote(kid(&members, 0), 1, 0, None)), Remark::New);
        memory.learn(vote(kid(&members, 0), 1, 0, None));
        assert_eq!(
            memory.remark(&vote(kid(&members, 0), 1, 999, None)),
            Remark::Known,
            "an earlier one pushes out none"
        );
    }

    #[test]
    fn what_is_told_shows_the_other_where_it_heard_otherwise() {
        let (mut one, mut other, members) = two_memories();
        for number in 0..3 {
            one.learn(vote(kid(&members, number), 1, 0, Some(value(1))));
            other.learn(vote(kid(&members, number), 1, 0, Some(value(1))));
        }
        one.learn(vote(kid(&members, 3), 1, 0, Some(value(1))));
        let differs = vote(kid(&members, 3), 1, 0, None);
        other.learn(differs);
        // Of this the other has heard nothing.
        one.learn(vote(kid(&members, 2), 1, 5, None));
        let told = one.tell(WORDS_BYTES_MAX);
        assert_eq!(other.compare(&told, usize::MAX), (vec![differs.place()], 5));
        assert_eq!(other.compare(&told, 3).1, 3, "no more than may be looked at");
        assert!(one.tell(WORDS_BYTES_MAX).is_empty(), "each word is told once");
        one.learn(vote(kid(&members, 0), 1, 1, None));
        assert_eq!(one.tell(WORDS_BYTES_MAX)[0].lines.len(), 1, "and what is new after that");
        let all = one.tell_all(WORDS_BYTES_MAX);
        assert_eq!((all.len(), other.compare(&all[0], usize::MAX)), (1, (vec![differs.place()], 6)));
        // Who counts other members there stands on another ledger.
        let miscounted: Vec<HeightWords> = told.iter().map(|one| HeightWords { members: 5, ..one.clone() }).collect();
        assert_eq!(other.compare(&miscounted, usize::MAX), (Vec::new(), 0));
        // A proposal that rests on another round is another word.
        let rests = [None, Some(1)].map(|round| proposal(kid(&members, 0), round));
        one.learn(rests[0]);
        other.learn(rests[1]);
        assert_eq!(other.compare(&one.tell(WORDS_BYTES_MAX), usize::MAX).0, vec![rests[1].place()]);
    }

    #[test]
    fn what_does_not_fit_is_told_the_next_time() {
        let members = members(100);
        let mut memory = Memory::default();
        for height in 1..=20 {
            memory.begin(at(height), &members);
            // As many things as there are words: the worst that all members can do together.
            for (member, number) in members.members().zip(0..) {
                for round in 0..16 {
                    memory.learn(vote(member.kid(), height, round, Some(value(number))));
                }
            }
        }
        let all = memory.tell_all(WORDS_BYTES_MAX - 2);
        let (mut told, mut messages) = (0, 0);
        loop {
            let part = memory.tell(WORDS_BYTES_MAX - 2);
            if part.is_empty() {
                break;
            }
            told += part.iter().map(|one| one.lines.len()).sum::<usize>();
            messages += 1;
            let bytes = Message::Words(part.clone()).to_bytes();
            assert_eq!(Message::parse(&bytes), Ok(Message::Words(part)), "{} bytes", bytes.len());
        }
        assert_eq!((told, messages > 1), (20 * 100 * 16, true));
        assert_eq!(all.iter().flatten().map(|one| one.lines.len()).sum::<usize>(), told);
        for part in all {
            let bytes = Message::Words(part.clone()).to_bytes();
            assert_eq!(Message::parse(&bytes), Ok(Message::Words(part)), "{} bytes", bytes.len());
        }
        assert!(memory.tell_all(10).is_empty() && memory.tell(10).is_empty(), "no room for a line");
    }

    #[test]
    fn a_commits_votes_are_words() {
        let (mut memory, _, members) = two_memories();
        let said = LastSaid::Vote(Vote {
            kind: VoteKind::Precommit,
            height: at(1),
            round: 2,
            value: None,
            signer: kid(&members, 1),
            signature: Signature::from_bytes([1; 64]),
        });
        memory.learn(said);
        let entry = |number| CommitSignature::es256(kid(&members, number), Signature::from_bytes([2; 64]));
        let commit = Commit { height: at(1), round: 2, signatures: vec![entry(0), entry(1)] };
        let pairs = memory.learn_commit(&commit, value(1));
        assert_eq!(pairs.iter().map(Equivocation::place).collect::<Vec<_>>(), [said.place()]);
        assert_eq!(memory.learn_commit(&commit, value(1)), pairs);
    }
}
