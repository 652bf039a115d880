//! Recalls: of the product, its lot, its class, what it was made from, and what a load holds, each by the holder of that id's
//! company prefix; those of others are shown as claims.

use std::collections::{BTreeMap, BTreeSet};

use crate::consortium::{Lift, ParticipantId};
use crate::epcis::event::{Action, Part, What};
use crate::gs1::Id;
use crate::limits::FOLLOWED_LOTS_MAX;
use crate::provenance::case::Case;
use crate::provenance::finding::Findings;
use crate::provenance::phrase::Phrase;
use crate::provenance::rule::Rule;
use crate::provenance::rules::label;
use crate::provenance::sentences::Wording;
use crate::provenance::wording;
use crate::provenance::{links, master_data, reading};

/// Judges recalls. Each who may recall an id takes back its own recall alone.
pub(in crate::provenance) fn check(case: &Case<'_>, findings: &mut Findings) {
    let recalls = Recalls::new(case);
    let id = &case.history.id;
    let mut journey: Vec<usize> = case.told.iter().copied().filter(|at| recalls.all.contains(at)).collect();
    journey.sort_by_key(|at| case.moment(*at));
    product(case, &recalls.word(&journey, id, id), &Phrase::It.into(), findings);
    let brought_forth: Vec<usize> = case.own.iter().copied().filter(|at| case.brings_forth(*at)).collect();
    for (wider, name) in wider(case, id, &brought_forth) {
        product(case, &recalls.word(recalls.of(&wider), &wider, id), &name, findings);
    }
    inputs(case, &recalls, findings);
    contents(case, &recalls, findings);
}

/// What the records say about the recall of one id.
struct Word<'a> {
    /// The entries by which it is recalled, after all, in the order of custody.
    standing: Vec<usize>,
    lifted: Vec<(usize, usize)>,
    /// By a decision of the members.
    voted: Vec<(usize, &'a Lift)>,
    claims: Vec<usize>,
}

/// The entries that recall something, or take a recall back.
struct Recalls<'c, 'a> {
    case: &'c Case<'a>,
    all: BTreeSet<usize>,
    /// In the order of custody, by the ids that they name.
    by_id: BTreeMap<&'a Id, Vec<usize>>,
}

impl<'c, 'a> Recalls<'c, 'a> {
    fn new(case: &'c Case<'a>) -> Self {
        let mut recalls = Self { case, all: BTreeSet::new(), by_id: BTreeMap::new() };
        for at in case.by_time.iter().copied() {
            let event = case.event(at);
            if !case.stands(at) || !(event.declares("recalled") || reading::unsets(event, "recalled")) {
                continue;
            }
            recalls.all.insert(at);
            for (_, id) in event.ids() {
                let list = recalls.by_id.entry(id).or_default();
                if list.last() != Some(&at) {
                    list.push(at);
                }
            }
        }
        recalls
    }

    fn of(&self, id: &Id) -> &[usize] {
        self.by_id.get(id).map_or(&[], Vec::as_slice)
    }

    /// What `entries` say of `id`, by the word of who held the prefix of `governing` at each entry's place, and of authorities. A
    /// maker's recall outlives the maker: who holds the prefix after it takes nothing of it back.
    fn word(&self, entries: &[usize], id: &Id, governing: &Id) -> Word<'a> {
        let case = self.case;
        let mut word = Word { standing: Vec::new(), lifted: Vec::new(), voted: Vec::new(), claims: Vec::new() };
        for at in entries.iter().copied() {
            let is_stolen = case.compromised_since(at).is_some();
            // The end of an authority's registration takes away what its key said in other hands; that of a maker's does not.
            let may_recall = case.signed_by_holder_of(governing, at) || case.is_by_authority(at) && !is_stolen;
            if case.event(at).declares("recalled") {
                if let Some(lift) = case.history.registry.lifts_of(case.leaf(at), id).next().filter(|_| may_recall) {
                    word.voted.push((at, lift));
                } else if may_recall {
                    word.standing.push(at);
                } else {
                    word.claims.push(at);
                }
            } else if !is_stolen {
                // A key in other hands takes nothing back.
                let is_own = |since: &usize| case.signer(*since) == case.signer(at);
                word.lifted.extend(word.standing.iter().copied().find(is_own).map(|since| (since, at)));
                word.standing.retain(|since| !is_own(since));
            }
        }
        word
    }
}

/// The wider ids that `item` is one of, each with how a sentence names it: its lots by the entries at `among` (which bring it
/// forth) with authority, that of the label, the whole that it is a piece of, and its class.
fn wider(case: &Case<'_>, item: &Id, among: &[usize]) -> Vec<(Id, Wording)> {
    let mut lots: BTreeMap<Id, bool> = BTreeMap::new();
    for at in among.iter().copied() {
        for lot in master_data::lots(case.event(at), item) {
            let authority = case.stands(at) && case.signed_by_holder_of(item, at);
            *lots.entry(lot).or_default() |= authority;
        }
    }
    let lots = lots.into_iter().take(FOLLOWED_LOTS_MAX).filter(|(_, authority)| *authority).map(|(lot, _)| lot);
    let lots: BTreeSet<Id> = lots.chain(label::lot(case, item)).collect();
    let named = lots.into_iter().map(|lot| {
        let name = Phrase::ItsLot { lot: wording::id(&lot).into() };
        (lot, name.into())
    });
    named.chain(whole_and_class(item)).collect()
}

/// The whole that an id is a piece of and its class, each with how a sentence names it.
fn whole_and_class(id: &Id) -> impl Iterator<Item = (Id, Wording)> {
    let whole = id.whole().map(|whole| {
        let name = Phrase::ItsWhole { whole: wording::id(&whole).into() };
        (whole, name.into())
    });
    whole.into_iter().chain(id.class().map(|class| (class, Phrase::ItsKind.into())))
}

/// Reports what is said about a recall of the product, or of its lot or class by that name.
fn product(case: &Case<'_>, word: &Word<'_>, what: &Wording, findings: &mut Findings) {
    let signed = |at: usize| (case.who(at), case.day(at), what.clone());
    for (since, at) in word.lifted.iter().copied() {
        let (who, day, what) = signed(at);
        findings.add(Rule::RecallLifted { who, day, what, since: case.day(since) }, &[case.leaf(since), case.leaf(at)]);
    }
    for (at, lift) in word.voted.iter().copied() {
        let (who, day, what) = signed(at);
        let (decided, reason) = (wording::day(lift.at.time).into(), wording::quoted(&lift.reason).into());
        findings.add(Rule::RecallLiftedByVote { who, day, what, decided, reason }, &[case.leaf(at)]);
    }
    for at in word.claims.iter().copied() {
        let (who, day, what) = signed(at);
        let holder = case.prefix_holder(case.leaf(at)).map(|holder| case.name(&holder.id));
        let holder = holder.unwrap_or_else(|| Phrase::HolderOfNumber.into());
        findings.add(Rule::RecallClaimed { who, day, what, holder }, &[case.leaf(at)]);
    }
    if let Some(at) = word.standing.first().copied() {
        let (who, day, what) = signed(at);
        findings
            .add(Rule::Recalled { right: right(case, at, Phrase::RightOfNumber), who, day, what }, &[case.leaf(at)]);
    }
}

/// With what right the entry's signer recalls: that of the number, if the members did not make it an authority.
fn right(case: &Case<'_>, at: usize, of_number: Phrase) -> Wording {
    if case.is_by_authority(at) { Phrase::RightOfAuthority.into() } else { of_number.into() }
}

/// Reports the recalls of what the product was made from, through any number of transformations.
fn inputs(case: &Case<'_>, recalls: &Recalls<'_, '_>, findings: &mut Findings) {
    let transformations = Transformations::new(case);
    for (input, made) in transformations.inputs_of_product() {
        let brought_forth = transformations.brought_forth(input);
        let mut ids = vec![(input.clone(), Wording::from(Phrase::It))];
        ids.extend(wider(case, input, brought_forth));
        for (id, what) in ids {
            let Some(at) = recalls.word(recalls.of(&id), &id, input).standing.first().copied() else { continue };
            let right = right(case, at, Phrase::RightOfThatNumber);
            let (input, who, day) = (wording::id(input).into(), case.who(at), case.day(at));
            findings.add(Rule::RecalledInput { input, right, who, day, what }, &[case.leaf(at), case.leaf(made)]);
        }
    }
}

/// Reports the recalls of what a load holds, or of its kind: each recall once.
fn contents(case: &Case<'_>, recalls: &Recalls<'_, '_>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for content in case.contents.inside.iter().copied() {
        for (id, what) in [(content.clone(), Wording::from(Phrase::It))].into_iter().chain(whole_and_class(content)) {
            if !seen.insert(id.clone()) {
                continue;
            }
            let Some(at) = recalls.word(recalls.of(&id), &id, content).standing.first().copied() else { continue };
            let right = right(case, at, Phrase::RightOfThatNumber);
            let (content, who, day) = (wording::id(content).into(), case.who(at), case.day(at));
            findings.add(Rule::RecalledContent { content, right, who, day, what }, &[case.leaf(at)]);
        }
    }
}

/// What the history says about how things were made.
struct Transformations<'c, 'a> {
    case: &'c Case<'a>,
    /// The entries that bring an id forth, whatever they are worth.
    by_output: BTreeMap<&'a Id, Vec<usize>>,
    /// The entries that tell of one transformation: of one signer, under one transformationID (EPCIS 2.0 §7.4.5).
    by_transformation: BTreeMap<(&'a Id, ParticipantId), Vec<usize>>,
}

impl<'c, 'a> Transformations<'c, 'a> {
    fn new(case: &'c Case<'a>) -> Self {
        let mut all = Self { case, by_output: BTreeMap::new(), by_transformation: BTreeMap::new() };
        for at in 0..case.entries.len() {
            let event = case.event(at);
            let commissions = matches!(event.what, What::Object { action: Action::Add, .. });
            for (part, id) in event.ids() {
                if part == Part::Output || commissions {
                    all.by_output.entry(id).or_default().push(at);
                }
            }
            if let Some(transformation) = event.transformation_id().filter(|_| case.stands(at)) {
                all.by_transformation.entry((transformation, *case.signer(at))).or_default().push(at);
            }
        }
        all
    }

    /// The entries that bring `id` forth.
    fn brought_forth(&self, id: &Id) -> &[usize] {
        self.by_output.get(id).map_or(&[], Vec::as_slice)
    }

    /// Everything that the product was made from, each with the entry that says so: the nearest first, each once.
    fn inputs_of_product(&self) -> Vec<(&'a Id, usize)> {
        let case = self.case;
        let mut found: Vec<(&Id, usize)> = Vec::new();
        let mut seen: BTreeSet<&Id> = BTreeSet::from([&case.history.id]);
        let mut told: BTreeSet<usize> = BTreeSet::new();
        let mut next = 0;
        let mut output = &case.history.id;
        loop {
            for at in self.makings(output) {
                if !told.insert(at) {
                    continue;
                }
                for input in links::inputs(case.event(at)) {
                    if seen.insert(input) {
                        found.push((input, at));
                    }
                }
            }
            let Some((input, _)) = found.get(next) else { return found };
            (output, next) = (input, next + 1);
        }
    }

    /// The entries that say what `output` was made from, by one who may bring it forth: the holder of its prefix, or
    /// every participant if an input's number belongs to none that is registered.
    fn makings(&self, output: &Id) -> Vec<usize> {
        let case = self.case;
        let mut makings = Vec::new();
        for at in self.brought_forth(output).iter().copied() {
            let nobodys =
                *output != case.history.id && case.history.registry.holder_at(output, case.leaf(at)).is_none();
            if !case.stands(at) || !(nobodys || case.signed_by_holder_of(output, at)) {
                continue;
            }
            makings.push(at);
            if let Some(transformation) = case.event(at).transformation_id() {
                let parts = self.by_transformation.get(&(transformation, *case.signer(at)));
                makings.extend(parts.into_iter().flatten());
            }
        }
        makings
    }
}
