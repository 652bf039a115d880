//! What a number stands for that is no single product: a lot, a kind of product, a place, an organisation.
//!
//! The verdict tells what is recorded under the number itself. Beside it this tells to whom the number belongs, and what its holder
//! recorded last of its pieces or at the place. That is one bounded look (`app::recent`), and the page says so. Of a kind of product it
//! names the lots and pieces that are recalled, whoever recalled them and however long ago.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::app::recent::{Recent, recent, recent_recalls_of};
use crate::app::recorded::recalled;
use crate::app::{Ledger, LedgerError};
use crate::http::pages::participant::named;
use crate::http::pages::timeline::{place_time, step_name};
use crate::http::pages::{Visitor, people_text};
use sealane_core::consortium::{Participant, ParticipantId};
use sealane_core::epcis::Event;
use sealane_core::gs1::{Id, IdKind};
use sealane_core::merkle::LeafIndex;
use sealane_core::provenance::{Policy, Word, links, master_data, quoted};
use sealane_core::time::Timestamp;

/// Pieces, or events, that a page lists.
const LISTED_MAX: usize = 12;

/// Organisations that a page names as holders: one, and those that held the number before.
const HOLDERS_MAX: usize = 5;

/// What is known of a number that stands for more than one piece.
#[derive(Debug, Clone)]
pub struct About {
    holders: Vec<Holder>,
    /// What the holder in force recorded last.
    look: Option<(ParticipantId, String, Recent<Noticed>)>,
    recalls: Recalls,
}

/// What is recalled of a kind of product.
#[derive(Debug, Clone, Default)]
struct Recalls {
    /// Lots and pieces of which a recall is on record, the last recalled first.
    named: Vec<Id>,
    /// Those of the pieces that the page lists.
    listed: BTreeSet<Id>,
    /// How many records of recalls were read, if there are more.
    bound: Option<usize>,
}

#[derive(Debug, Clone)]
struct Holder {
    id: ParticipantId,
    name: String,
    is_revoked: bool,
}

/// A piece that was brought forth, or something that happened.
#[derive(Debug, Clone)]
pub struct Noticed {
    leaf: LeafIndex,
    pub time: Timestamp,
    pub offset: String,
    pub event_type: &'static str,
    pub biz_step: Option<String>,
    pub disposition: Option<String>,
    piece: Option<Id>,
    /// The lots that the event says the piece is of.
    lots: Vec<Id>,
}

impl Noticed {
    pub fn of(leaf: LeafIndex, event: &Event, piece: Option<Id>) -> Self {
        Self {
            leaf,
            time: event.event_time,
            offset: event.event_time_zone_offset.clone(),
            event_type: event.type_name(),
            biz_step: event.biz_step.as_ref().map(|step| step.as_str().to_owned()),
            disposition: event.disposition.as_ref().map(|disposition| disposition.as_str().to_owned()),
            piece,
            lots: Vec::new(),
        }
    }
}

/// Looks up what a number stands for; `None` for one product.
///
/// # Errors
///
/// The store's, or that too many questions wait.
pub async fn gather(ledger: &Ledger, id: &Id, policy: &Policy) -> Result<Option<About>, LedgerError> {
    let kind = id.kind();
    if !is_shared(kind) {
        return Ok(None);
    }
    let registry = ledger.view().registry.clone();
    let found: Vec<&Participant> = match kind {
        IdKind::Location | IdKind::Party => registry.owners(id),
        _ => registry.holders(id),
    };
    let holder = |one: &&Participant| Holder {
        id: one.id,
        name: quoted(one.claims.organization.as_str()),
        is_revoked: one.revoked.is_some(),
    };
    let in_force = found.iter().find(|one| one.revoked.is_none()).map(&holder);
    let holders = found.iter().take(HOLDERS_MAX).map(holder).collect();
    let look = match in_force {
        None => None,
        Some(Holder { id: whose, name, .. }) => {
            let wanted = id.clone();
            let found = recent(ledger, whose, LISTED_MAX, move |leaf, event| seen(&wanted, leaf, event)).await?;
            Some((whose, name, found))
        }
    };
    let listed = look.iter().flat_map(|(_, _, look)| &look.found).filter(|_| kind == IdKind::Class);
    let recalls = match kind {
        IdKind::Class => recalls_of(ledger, id, listed, policy).await?,
        _ => Recalls::default(),
    };
    Ok(Some(About { holders, look, recalls }))
}

/// Looks up what is recalled of a kind of product, and of its pieces that are listed.
async fn recalls_of(
    ledger: &Ledger,
    class: &Id,
    listed: impl Iterator<Item = &Noticed>,
    policy: &Policy,
) -> Result<Recalls, LedgerError> {
    let wanted = class.clone();
    let declared = move |_, event: &Event| {
        let own = event.ids().map(|(_, id)| id).filter(|id| id.class().as_ref() == Some(&wanted));
        own.filter(|_| event.declares("recalled")).cloned().collect()
    };
    let look = recent_recalls_of(ledger, class, LISTED_MAX, declared).await?;
    let named = recalled(ledger, look.found.iter().map(|id| (id.clone(), Vec::new())), policy).await?;
    let mut told = BTreeSet::new();
    let in_order = look.found.into_iter().filter(|id| named.contains(id) && told.insert(id.clone())).collect();
    let listed = listed
        .filter_map(|one| Some((one.piece.clone()?, [one.lots.as_slice(), std::slice::from_ref(class)].concat())));
    let listed = recalled(ledger, listed, policy).await?;
    Ok(Recalls { named: in_order, listed, bound: (!look.is_all).then_some(look.captures) })
}

/// Tells whether a kind of id names more than one piece, or no product at all.
pub const fn is_shared(kind: IdKind) -> bool {
    matches!(kind, IdKind::Lot | IdKind::Class | IdKind::Location | IdKind::Party)
}

/// What an event says of the pieces of `id`, or that happened at it.
fn seen(id: &Id, leaf: LeafIndex, event: &Event) -> Vec<Noticed> {
    match id.kind() {
        IdKind::Party => vec![Noticed::of(leaf, event, None)],
        IdKind::Location => {
            let here = |place: Option<&Id>| place.is_some_and(|place| place == id || is_part(place, id));
            let is_here = here(event.read_point.as_ref()) || here(event.biz_location.as_ref());
            is_here.then(|| Noticed::of(leaf, event, None)).into_iter().collect()
        }
        kind => {
            let is_piece = |piece: &&Id| match kind {
                IdKind::Lot => master_data::lots(event, piece).contains(id),
                _ => piece.class().as_ref() == Some(id) && links::brings_forth(event, piece),
            };
            let pieces = event.ids().map(|(_, piece)| piece).filter(|piece| *piece != id).filter(is_piece);
            let noticed = |piece: &Id| Noticed {
                lots: master_data::lots(event, piece),
                ..Noticed::of(leaf, event, Some(piece.clone()))
            };
            pieces.take(LISTED_MAX + 1).map(noticed).collect()
        }
    }
}

/// Tells whether a place is a part (AI 254) of the place that a GLN names.
fn is_part(place: &Id, whole: &Id) -> bool {
    place.as_str().strip_prefix(whole.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

/// The message that stands in the place of the word if nothing is recorded under the number itself: that would mislead, for such a
/// number has no records of its own as a rule.
pub const fn none_key(word: Word, kind: IdKind) -> Option<&'static str> {
    match (word, kind) {
        (Word::Unknown, IdKind::Lot) => Some("none.lot"),
        (Word::Unknown, IdKind::Class) => Some("none.class"),
        (Word::Unknown, IdKind::Location) => Some("none.place"),
        (Word::Unknown, IdKind::Party) => Some("none.party"),
        _ => None,
    }
}

/// The part of the page.
pub fn section(visitor: &Visitor, id: &Id, about: &About) -> Markup {
    let kind = match id.kind() {
        IdKind::Location => "place",
        IdKind::Party => "party",
        _ => "pieces",
    };
    html! {
        section.about id="about" aria-labelledby="about-title" {
            h2 id="about-title" { (visitor.say("about.title")) }
            dl.facts {
                div {
                    dt { (visitor.say("about.belongs")) }
                    @for holder in &about.holders {
                        dd {
                            (named(visitor, &holder.id, &holder.name))
                            @if holder.is_revoked { " " span.tag { (visitor.say("about.revoked")) } }
                        }
                    }
                    @if about.holders.is_empty() { dd { (visitor.say("about.nobody")) } }
                }
                @if let Some(class) = id.class().filter(|class| class != id) {
                    div {
                        dt { (visitor.say("about.class")) }
                        dd.mono { a href=(visitor.link(class.path().unwrap_or_default())) { (people_text(&class)) } }
                    }
                }
            }
            @if !about.recalls.named.is_empty() { (recalled_list(visitor, &about.recalls)) }
            @if let Some((_, name, look)) = &about.look {
                h3 { (visitor.say(&format!("about.{kind}"))) }
                (list_marked(visitor, &look.found, &about.recalls.listed))
                p.hint { (bound(visitor, name, look)) }
            }
        }
    }
}

fn recalled_list(visitor: &Visitor, recalls: &Recalls) -> Markup {
    html! {
        h3 id="recalled-title" { (visitor.say("about.recalled")) }
        p { (visitor.say("about.recalled.what")) }
        ul.seen id="recalled" aria-labelledby="recalled-title" {
            @for id in &recalls.named {
                li { a.mono href=(visitor.link(id.path().unwrap_or_default())) { (people_text(id)) } " " (recalled_tag(visitor)) }
            }
        }
        @if let Some(count) = recalls.bound {
            p.hint { (visitor.fill("about.recalled.bound", &[("n", &count.to_string())])) }
        }
    }
}

fn recalled_tag(visitor: &Visitor) -> Markup {
    html! { span.tag.recalled { (visitor.say("about.recalled.one")) } }
}

/// Events or pieces, each with the record that it stands in.
pub fn list(visitor: &Visitor, found: &[Noticed]) -> Markup {
    list_marked(visitor, found, &BTreeSet::new())
}

fn list_marked(visitor: &Visitor, found: &[Noticed], recalled: &BTreeSet<Id>) -> Markup {
    html! {
        @if found.is_empty() { p.quiet { (visitor.say("about.none")) } } @else {
            ul.seen {
                @for one in found {
                    li {
                        @if let Some(piece) = &one.piece {
                            a.mono href=(visitor.link(piece.path().unwrap_or_default())) { (people_text(piece)) }
                            @if recalled.contains(piece) { " " (recalled_tag(visitor)) }
                            " · "
                        } @else {
                            (step_name(visitor, one.biz_step.as_deref(), one.disposition.as_deref(), one.event_type)) " · "
                        }
                        (place_time(one.time, &one.offset)) " · "
                        a href=(visitor.link(&format!("/ledger/leaves/{}", one.leaf))) {
                            (visitor.fill("journey.leaf", &[("leaf", &one.leaf.to_string())]))
                        }
                    }
                }
            }
        }
    }
}

/// How far the look went.
pub fn bound<T>(visitor: &Visitor, name: &str, look: &Recent<T>) -> String {
    let count = look.captures.to_string();
    let key = if look.is_all { "about.bound-all" } else { "about.bound" };
    visitor.fill(key, &[("n", &count), ("who", name)])
}
