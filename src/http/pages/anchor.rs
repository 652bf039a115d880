//! The page of the trust anchor: its fingerprint in digits that two people compare by telephone, and who keeps the ledger.

use maud::html;

use crate::http::assets::Script;
use crate::http::pages::record::status;
use crate::http::pages::{HtmlPage, Visitor};
use sealane_core::evidence::Anchor;
use sealane_core::provenance::quoted;

/// The page; `query` is what was asked for beside the path, such as `height=0`.
pub fn page(visitor: &Visitor, anchor: &Anchor, query: &str) -> HtmlPage {
    let fingerprint = anchor.fingerprint();
    let mark = if query.is_empty() { "" } else { "&" };
    let title = visitor.say("trust.title");
    // The script compares with the anchor of now; that of another height is the server's word.
    let is_compared = query.is_empty();
    let main = html! {
        article.narrow id="proof" data-page="trust" aria-labelledby="title" {
            div.head {
                p.eyebrow { (visitor.say("footer.trust")) }
                h1 id="title" { (title) }
            }
            p.lead { (visitor.say("trust.lead")) }
            section.card aria-labelledby="fingerprint" {
                h2 id="fingerprint" { (visitor.say("check.fingerprint")) }
                p.groups id="groups" { @for group in fingerprint.to_groups() { span { (group) } " " } }
                p.hint { (visitor.say("trust.how")) }
                p.meta.mono { (fingerprint) }
                p.meta { (visitor.say("trust.command")) " " code { "sealane trust" } }
            }
            (status(visitor))
            section.card aria-labelledby="members" {
                h2 id="members" { (visitor.say("front.members")) }
                dl.facts.small {
                    @for member in anchor.members().members() {
                        div { dt { (quoted(member.name())) } dd.mono { (member.kid()) } }
                    }
                }
            }
            section.card aria-labelledby="facts" {
                h2 id="facts" { (visitor.say("trust.facts")) }
                dl.facts.small {
                    div { dt { (visitor.say("nav.home")) } dd.mono { (anchor.genesis().origin) } }
                    div { dt { (visitor.say("leaf.block")) } dd { (anchor.height()) } }
                }
                ul.links {
                    li { a href={ "/trust?" (query) (mark) "download" } download="trust.json" type="application/json" {
                        (visitor.fill("leaf.download", &[("file", "trust.json")])) } }
                }
            }
        }
    };
    let page = HtmlPage::new(title, Some(anchor.genesis().origin.as_str()), main);
    if is_compared { page.with_script(Script::Proof).asking(["/trust".to_owned()]) } else { page }
}
