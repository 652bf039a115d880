//! A node that lies: it has the genuine store and signed index, leaves something out, and answers as well as it can.

use std::collections::{BTreeMap, BTreeSet};

use sealane_core::consortium::Admin;
use sealane_core::evidence::Evidence;
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::index::{OtherKey, Subject, SubjectEntry, SubjectKind};
use sealane_core::merkle::{LeafIndex, MultiProof};
use sealane_core::provenance::{Trail, holds_captures};

use crate::book::{Edition, Hidden, Said};
use crate::set;

/// Lies about one thing that are all tried; of further ones every fourth is.
const LIES_ALL: usize = 100;

/// An answer that lacks something.
pub struct Lie {
    pub about: BTreeSet<About>,
    pub what: String,
    pub evidence: Evidence,
}

/// What is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    Event,
    Container,
    Input,
    Transformation,
    Recall,
    RecallOfLotOrClass,
    RecallOfInput,
    Registration,
    Renewal,
    Revocation,
    Proposal,
    Everything,
}

/// How it is left out.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Only the statement is not there.
    Statement,
    /// The leaf is in no list; the lists are said to be shorter, or not.
    Lists {
        keeps_count: bool,
    },
    /// What of the lists comes before the leaf, or after it, is proven, as though a limit had been reached.
    Before,
    After,
    /// The lists that lead there are said to be empty.
    Absent,
    /// Of the lists that lead there nothing is shown.
    Nothing,
}

const WAYS: [Way; 7] = [
    Way::Statement,
    Way::Lists { keeps_count: false },
    Way::Lists { keeps_count: true },
    Way::Before,
    Way::After,
    Way::Absent,
    Way::Nothing,
];

/// Every lie about an id that leaves out one leaf of its evidence, and that nothing at all is recorded of it.
pub fn lies(edition: &Edition<'_>, id: &Id) -> Vec<Lie> {
    let trail = edition.trail(id);
    let honest = edition.honest(id);
    let (captures, admins) = trail.leaves();
    let mut lies = Vec::new();
    for leaf in captures.union(&admins) {
        let about = subjects_of(edition, &trail, id, *leaf);
        // What others than the parties say may be left unopened; it counts by its acts then.
        let needed = |way: &Way| !matches!(way, Way::Statement) || edition.needs(id, *leaf);
        for way in WAYS.into_iter().filter(needed) {
            let evidence = told(edition, &honest, id, &trail, *leaf, way);
            lies.push(Lie {
                about: about.clone(),
                what: format!("{about:?} of leaf {leaf} hidden by {way:?}"),
                evidence,
            });
        }
    }
    let own = Subject::id(id.as_str());
    if !edition.list(&own).is_empty() {
        for way in [Way::Absent, Way::Nothing] {
            let cut = BTreeMap::from([(own.clone(), 0..0)]);
            let evidence = with_cut_lists(edition, id, cut, way);
            lies.push(Lie {
                about: BTreeSet::from([About::Everything]),
                what: format!("Everything hidden by {way:?}"),
                evidence,
            });
        }
    }
    lies.retain(|lie| lie.evidence != honest);
    lies
}

/// What a leaf tells about an id, by the lists that lead to it.
fn subjects_of(edition: &Edition<'_>, trail: &Trail, id: &Id, leaf: LeafIndex) -> BTreeSet<About> {
    if let Said::Admin(admin) = &edition.book.statements()[&leaf].said {
        return BTreeSet::from([match admin {
            Admin::Revocation(_) => About::Revocation,
            Admin::Proposal(_) => About::Proposal,
            Admin::Renewal(_) => About::Renewal,
            _ => About::Registration,
        }]);
    }
    let lists = trail.shown.iter().filter(|(_, list)| list.leaves().any(|one| one == leaf));
    let about = |(subject, _): (&Subject, _)| {
        let text = subject.text();
        let recalled = text.rsplit(' ').next().unwrap_or_default();
        let followed = |text: &str| text != id.as_str() && trail.shown.contains_key(&Subject::id(text));
        match subject.kind() {
            SubjectKind::Recall if recalled == id.as_str() => About::Recall,
            SubjectKind::Recall if followed(recalled) => About::RecallOfInput,
            SubjectKind::Recall => About::RecallOfLotOrClass,
            SubjectKind::Transformation => About::Transformation,
            _ if text == id.as_str() => About::Event,
            _ if text.starts_with("https://id.gs1.org/00/") => About::Container,
            _ => About::Input,
        }
    };
    lists.map(about).collect()
}

fn told(edition: &Edition<'_>, honest: &Evidence, id: &Id, trail: &Trail, leaf: LeafIndex, way: Way) -> Evidence {
    let with = |list: &Vec<LeafIndex>| list.iter().position(|one| *one == leaf).map(|at| (at, list.len()));
    let lists = edition.lists.iter().filter_map(|(subject, list)| Some((subject.clone(), with(list)?)));
    match way {
        Way::Statement => {
            let (mut captures, mut admins) = trail.leaves();
            captures.remove(&leaf);
            admins.remove(&leaf);
            edition.document(id, honest.index.clone(), &captures, &admins)
        }
        Way::Lists { keeps_count } => without_leaf(edition, id, leaf, keeps_count),
        Way::Before => with_cut_lists(edition, id, lists.map(|(subject, (at, _))| (subject, 0..at)).collect(), way),
        Way::After => {
            with_cut_lists(edition, id, lists.map(|(subject, (at, end))| (subject, at + 1..end)).collect(), way)
        }
        Way::Absent | Way::Nothing => {
            with_cut_lists(edition, id, lists.map(|(subject, _)| (subject, 0..0)).collect(), way)
        }
    }
}

/// Follows as though no list had the leaf, and writes the lists so, with the genuine siblings.
fn without_leaf(edition: &Edition<'_>, id: &Id, leaf: LeafIndex, keeps_count: bool) -> Evidence {
    let hidden = Hidden { leaves: BTreeSet::from([leaf]), ..Hidden::default() };
    let trail = edition.trail_without(id, &hidden);
    let entries = trail.shown.iter().map(|(subject, list)| {
        let genuine = edition.list(subject);
        let from = usize::try_from(list.first).unwrap();
        if !genuine.contains(&leaf) {
            return edition.entry(subject, from..from + list.entries.len());
        }
        let entry = edition.entry(subject, 0..genuine.len());
        let count = if keeps_count { entry.count } else { list.count };
        let kept: Vec<usize> = (0..genuine.len()).filter(|at| list.leaves().any(|leaf| leaf == genuine[*at])).collect();
        let signers = kept.iter().map(|at| entry.signers[*at]).collect();
        let acts = kept.iter().map(|at| entry.acts[*at]).collect();
        SubjectEntry { count, first: list.first, leaves: list.leaves().collect(), signers, acts, ..entry }
    });
    let entries = entries.collect();
    let (captures, admins) = trail.leaves();
    edition.document(id, entries, &captures, &admins)
}

/// Follows as though some lists were parts of themselves, and proves the parts, or claims that there is nothing.
fn with_cut_lists(
    edition: &Edition<'_>,
    id: &Id,
    lists: BTreeMap<Subject, std::ops::Range<usize>>,
    way: Way,
) -> Evidence {
    let hidden = Hidden { lists, ..Hidden::default() };
    let trail = edition.trail_without(id, &hidden);
    let entries = trail.shown.iter().map(|(subject, list)| {
        let skipped = hidden.lists.get(subject).map_or(0, |cut| cut.start);
        let from = skipped + usize::try_from(list.first).unwrap();
        let entry = edition.entry(subject, from..from + list.entries.len());
        match way {
            Way::Absent if hidden.lists.contains_key(subject) => SubjectEntry {
                count: 0,
                path: MultiProof::default(),
                other: Some(OtherKey { key: Subject::id("urn:x:other").key(), value: Hash::of(b"x") }),
                ..entry
            },
            _ => entry,
        }
    });
    let entries = entries.collect();
    let (captures, admins) = trail.leaves();
    edition.document(id, entries, &captures, &admins)
}

#[test]
fn whatever_a_lying_node_leaves_out_its_answer_does_not_hold() {
    let mut refused: BTreeMap<About, BTreeMap<String, usize>> = BTreeMap::new();
    let mut tried: BTreeMap<About, usize> = BTreeMap::new();
    for land in set::lands() {
        let edition = land.book.last();
        for answer in land.answers.iter().filter(|answer| answer.height + 1 == land.book.blocks.len()) {
            for (number, Lie { about, what, evidence }) in lies(&edition, &answer.id).into_iter().enumerate() {
                if !number.is_multiple_of(4) && about.iter().all(|one| tried.get(one) > Some(&LIES_ALL)) {
                    continue;
                }
                about.iter().for_each(|one| *tried.entry(*one).or_default() += 1);
                let error = match set::examine(evidence_text(&evidence).as_bytes(), &answer.id, &land.book.anchor) {
                    Err(error) => crate::tampering::variant(&error),
                    Ok(_) => panic!("{what} is believed of {}", answer.id),
                };
                for about in about {
                    *refused.entry(about).or_default().entry(error.clone()).or_default() += 1;
                }
            }
        }
    }
    let told: Vec<About> = refused.keys().copied().collect();
    let all = [
        About::Event,
        About::Container,
        About::Input,
        About::Transformation,
        About::Recall,
        About::RecallOfLotOrClass,
        About::RecallOfInput,
        About::Registration,
        About::Renewal,
        About::Revocation,
        About::Proposal,
        About::Everything,
    ];
    assert_eq!(told, all, "{refused:?}");
    let errors: BTreeSet<&str> = refused.values().flat_map(|errors| errors.keys().map(String::as_str)).collect();
    let left_out = [
        "CaptureMissing",
        "Follow",
        "Index",
        "NotIndexed",
        "Record",
        "Refused",
        "StatementMissing",
        "SubjectMissing",
        "SubjectUnneeded",
    ];
    assert!(errors.iter().all(|error| left_out.contains(error)), "{refused:?}");
}

fn evidence_text(evidence: &Evidence) -> String {
    serde_json::to_string(evidence).unwrap()
}

/// Captures stand in lists of captures: what the categories above take for granted.
#[test]
fn lists_of_events_lead_to_captures() {
    for land in set::lands() {
        let edition = land.book.last();
        for (subject, list) in &edition.lists {
            for leaf in list {
                let is_capture = matches!(edition.book.statements()[leaf].said, Said::Capture(_));
                assert_eq!(is_capture, holds_captures(subject.kind()), "{subject} leads to leaf {leaf}");
            }
        }
    }
}
