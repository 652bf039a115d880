//! The pages of one record and of one block: who signed, what, when, and where it stands. `proof.js` checks them on the device.

use maud::{Markup, html};

use crate::http::assets::Script;
use crate::http::pages::about::Noticed;
use crate::http::pages::ids::people_text;
use crate::http::pages::participant::{member_name, named};
use crate::http::pages::timeline::{place_time, step_name, time};
use crate::http::pages::{HtmlPage, Visitor, grouped};
use crate::ports::StoredBlock;
use sealane_core::block::Height;
use sealane_core::consortium::{Admin, ParticipantId, Registry};
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::merkle::LeafIndex;
use sealane_core::provenance::quoted;
use sealane_core::time::Timestamp;

/// Events of one record that its page lists, and ids of each.
pub const EVENTS_MAX: usize = 20;
pub const IDS_MAX: usize = 8;

/// Characters of a payload that a page shows as it was signed.
const PAYLOAD_CHARS_MAX: usize = 6_000;

/// A leaf as its page tells of it.
pub struct LeafSeen {
    pub leaf: LeafIndex,
    pub bytes: usize,
    pub block: StoredBlock,
    pub content: ShownContent,
}

/// What a leaf holds.
pub enum ShownContent {
    Seal,
    Statement(Box<StatementSeen>),
}

/// A statement as its page tells of it.
pub struct StatementSeen {
    pub issued: Timestamp,
    /// SHA-256 of the signing input.
    pub id: String,
    pub signer: SignerShown,
    pub events: Vec<(Noticed, Vec<Id>)>,
    /// All events, of which the page lists some.
    pub event_count: usize,
    pub admin: Option<Admin>,
    pub payload: Vec<u8>,
    /// Where its whole bytes are, if the leaf holds their hash alone.
    pub long: Option<Hash>,
}

/// Who signed a statement.
pub enum SignerShown {
    /// By a certificate of this thumbprint, which was registered in this leaf.
    Participant {
        id: ParticipantId,
        organization: String,
        certified: LeafIndex,
    },
    Member(Hash),
    /// By a certificate that the registry does not have.
    Unknown(Hash),
}

/// The page of one leaf. `last` is the last leaf of the ledger.
pub fn leaf_page(visitor: &Visitor, seen: &LeafSeen, registry: &Registry, last: LeafIndex) -> HtmlPage {
    let leaf = seen.leaf;
    let title = visitor.fill("leaf.title", &[("leaf", &leaf.to_string())]);
    let certified = match &seen.content {
        ShownContent::Statement(statement) => match &statement.signer {
            SignerShown::Participant { certified, .. } => Some(certified.to_string()),
            _ => None,
        },
        ShownContent::Seal => None,
    };
    let height = seen.block.seal.height;
    let main = html! {
        article.narrow id="proof" data-page="leaf" data-leaf=(leaf) data-height=(height) data-certified=[certified] aria-labelledby="title" {
            div.head {
                p.eyebrow { (visitor.say("leaf.eyebrow")) }
                h1 id="title" { (title) }
            }
            (status(visitor))
            section.card aria-labelledby="what" {
                h2 id="what" { (visitor.say("leaf.what")) }
                @match &seen.content {
                    ShownContent::Seal => { p { (visitor.say("leaf.seal")) } }
                    ShownContent::Statement(statement) => { (statement_part(visitor, statement, registry)) }
                }
            }
            section.card aria-labelledby="where" {
                h2 id="where" { (visitor.say("leaf.where")) }
                dl.facts {
                    div { dt { (visitor.say("leaf.block")) } dd { a href=(visitor.link(&format!("/ledger/blocks/{height}"))) { (height) } } }
                    div { dt { (visitor.say("leaf.recorded")) } dd { (time(seen.block.seal.time)) } }
                    div { dt { (visitor.say("leaf.bytes")) } dd { (grouped(seen.bytes as u64)) } }
                }
            }
            section.card aria-labelledby="raw" {
                h2 id="raw" { (visitor.say("leaf.raw")) }
                ul.links {
                    li { a href={ "/ledger/leaves/" (leaf) "?download" } download type="application/octet-stream" {
                        (visitor.fill("leaf.download", &[("file", &format!("leaf-{leaf}.bin"))])) } }
                    @if let ShownContent::Statement(statement) = &seen.content {
                        @if let Some(hash) = statement.long {
                            li { a href={ "/ledger/statements/" (hash) } download={ "statement-" (leaf) ".jose" } type="application/jose" {
                                (visitor.fill("leaf.download", &[("file", &format!("statement-{leaf}.jose"))])) } }
                        }
                    }
                    li { a href={ "/ledger/proofs/inclusion?leaf=" (leaf) "&size=" (seen.block.size()) } download={ "inclusion-" (leaf) ".json" } type="application/json" {
                        (visitor.fill("leaf.download", &[("file", &format!("inclusion-{leaf}.json"))])) } }
                }
            }
            (neighbours(visitor, "/ledger/leaves/", leaf.get(), last.get()))
        }
    };
    proven(title, registry, seen.block.seal.height, main)
}

/// A page whose script checks a block.
fn proven(title: String, registry: &Registry, height: Height, main: Markup) -> HtmlPage {
    let asks = ["/trust?height=0".to_owned(), "/ledger/handovers".to_owned(), format!("/ledger/blocks/{height}")];
    HtmlPage::new(title, Some(registry.origin().as_str()), main).with_script(Script::Proof).asking(asks)
}

/// The line of state, which a script writes; without one it says that nothing was checked.
pub fn status(visitor: &Visitor) -> Markup {
    html! {
        div.status id="status" role="status" aria-live="polite" {
            p { (visitor.say("proof.server")) }
            noscript { p { (visitor.say("proof.script")) } }
        }
    }
}

fn statement_part(visitor: &Visitor, statement: &StatementSeen, registry: &Registry) -> Markup {
    let shown = statement.events.len();
    html! {
        dl.facts {
            div {
                dt { (visitor.say("leaf.signed")) }
                dd {
                    @match &statement.signer {
                        SignerShown::Participant { id, organization, .. } => { (named(visitor, id, &quoted(organization))) }
                        SignerShown::Member(kid) => { (member_name(registry, kid)) }
                        SignerShown::Unknown(thumbprint) => { code { (thumbprint) } }
                    }
                }
            }
            div { dt { (visitor.say("leaf.issued")) } dd { (time(statement.issued)) } }
            @if let SignerShown::Participant { certified, .. } = &statement.signer {
                div {
                    dt { (visitor.say("leaf.certified")) }
                    dd { a href=(visitor.link(&format!("/ledger/leaves/{certified}"))) {
                        (visitor.fill("journey.leaf", &[("leaf", &certified.to_string())])) } }
                }
            }
        }
        @if let Some(admin) = &statement.admin { (admin_part(visitor, admin)) }
        @for (event, ids) in &statement.events {
            div.event {
                p { strong { (step_name(visitor, event.biz_step.as_deref(), event.disposition.as_deref(), event.event_type)) } " · " (place_time(event.time, &event.offset)) }
                ul.codes {
                    @for id in ids {
                        li.mono {
                            @if let Some(path) = id.path() { a href=(visitor.link(path)) { (people_text(id)) } } @else { (people_text(id)) }
                        }
                    }
                }
            }
        }
        @if statement.event_count > shown {
            p.hint { (visitor.fill("leaf.more", &[("n", &(statement.event_count - shown).to_string())])) }
        }
        details {
            summary { (visitor.say("leaf.payload")) }
            pre.payload lang="en" tabindex="0" { (payload(&statement.payload)) }
        }
        p.meta { (visitor.say("leaf.id")) " " code { (statement.id) } }
    }
}

fn admin_part(visitor: &Visitor, admin: &Admin) -> Markup {
    let kind = match admin {
        Admin::Genesis(_) => "leaf.admin.genesis",
        Admin::Registration(_) => "leaf.admin.registration",
        Admin::Renewal(_) => "leaf.admin.renewal",
        Admin::Revocation(_) => "leaf.admin.revocation",
        Admin::Rejection(_) => "leaf.admin.rejection",
        Admin::Proposal(_) => "leaf.admin.proposal",
        Admin::Withdrawal(_) => "leaf.admin.withdrawal",
        Admin::Ballot(_) => "leaf.admin.ballot",
        Admin::Ready(_) => "leaf.admin.ready",
        Admin::Fault(_) => "leaf.admin.fault",
        Admin::Endorsement(_) => "leaf.admin.endorsement",
    };
    let name = match admin {
        Admin::Registration(registration) => Some(quoted(registration.claims.organization.as_str())),
        _ => admin.participant().map(ToString::to_string),
    };
    html! {
        p { strong { (visitor.say(kind)) }
            @if let (Some(id), Some(name)) = (admin.participant(), name) { ": " (named(visitor, id, &name)) } }
    }
}

/// The beginning of a payload as it was signed: JSON, which the rules see to.
fn payload(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown: String = text.chars().take(PAYLOAD_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Ways to the one before and the one after, of `0` to `last`.
fn neighbours(visitor: &Visitor, path: &str, at: u64, last: u64) -> Markup {
    html! {
        p.neighbours {
            @if at > 0 { a rel="prev" href=(visitor.link(&format!("{path}{}", at - 1))) { "← " (visitor.say("leaf.before")) } " " }
            @if at < last { a rel="next" href=(visitor.link(&format!("{path}{}", at + 1))) { (visitor.say("leaf.after")) " →" } }
        }
    }
}

/// Leaves of a block that its page lists.
const LEAVES_MAX: u64 = 50;

/// The page of one block. `last` is the height of the last one.
pub fn block_page(visitor: &Visitor, block: &StoredBlock, registry: &Registry, last: u64) -> HtmlPage {
    let (height, leaves) = (block.seal.height, block.leaves());
    let title = visitor.fill("block.title", &[("height", &height.to_string())]);
    let shown = leaves.end.min(leaves.start + LEAVES_MAX);
    let main = html! {
        article.narrow id="proof" data-page="block" data-height=(height) aria-labelledby="title" {
            div.head {
                p.eyebrow { (visitor.say("block.eyebrow")) }
                h1 id="title" { (title) }
            }
            (status(visitor))
            section.card aria-labelledby="facts" {
                h2 id="facts" { (visitor.say("leaf.what")) }
                dl.facts {
                    div { dt { (visitor.say("leaf.recorded")) } dd { (time(block.seal.time)) } }
                    div { dt { (visitor.say("check.size")) } dd { (grouped(block.size().get())) } }
                }
                dl.facts.small { div { dt { (visitor.say("check.root")) } dd.mono { (block.checkpoint.root) } } }
            }
            section.card aria-labelledby="signers" {
                h2 id="signers" { (visitor.say("block.signers")) }
                ul.codes { @for one in &block.commit.signatures { li { (member_name(registry, &one.kid)) } } }
            }
            section.card aria-labelledby="records" {
                h2 id="records" { (visitor.say("block.records")) }
                p.numbers {
                    @for leaf in leaves.start..shown { a href=(visitor.link(&format!("/ledger/leaves/{leaf}"))) { (leaf) } " " }
                }
                @if shown < leaves.end {
                    p.hint { (visitor.fill("block.more", &[("n", &(leaves.end - shown).to_string()), ("last", &(leaves.end - 1).to_string())])) }
                }
            }
            section.card aria-labelledby="raw" {
                h2 id="raw" { (visitor.say("leaf.raw")) }
                ul.links {
                    li { a href={ "/ledger/blocks/" (height) "?download" } download type="application/json" {
                        (visitor.fill("leaf.download", &[("file", &format!("block-{height}.json"))])) } }
                }
            }
            (neighbours(visitor, "/ledger/blocks/", height.get(), last))
        }
    };
    proven(title, registry, height, main)
}
