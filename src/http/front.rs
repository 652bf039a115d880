//! `GET /`: what this node is, for people.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

use crate::app::{View, proposals};
use crate::http::Node;
use crate::http::assets::Script;
use crate::http::pages::timeline::time;
use crate::http::pages::{HtmlPage, Visitor, answer, grouped, id_form, members};
use crate::http::problem::Problem;
use crate::ports::StoredBlock;

/// Blocks that the page lists.
const BLOCKS_SHOWN: u32 = 8;

/// Shows what this node is: its members, its ledger and its last blocks, and a box to look up a product.
#[utoipa::path(get, path = "/", tag = "products",
    responses((status = 200, description = "A page for people", content_type = "text/html", body = String)))]
pub async fn get_front(request: HttpRequest, node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let view = node.ledger.view();
    let blocks = node.ledger.store().last_blocks(BLOCKS_SHOWN).await?;
    let visitor = Visitor::of(&request);
    let open = proposals::count_open(&view, node.ledger.now());
    let main = main(&visitor, &view, members::section(&visitor, &node.ledger, &node.joining, open), &blocks);
    let page = HtmlPage::new(visitor.say("front.title"), Some(view.registry.origin().as_str()), main);
    Ok(answer(StatusCode::OK, &visitor, page.with_script(Script::Front)))
}

fn main(visitor: &Visitor, view: &View, members: Markup, blocks: &[StoredBlock]) -> Markup {
    let participants = view.registry.participants().filter(|one| one.revoked.is_none()).count();
    html! {
        section.hero {
            h1 { (visitor.say("front.title")) }
            p.lead { (visitor.say("front.lead")) }
            p { a.button.wide href=(visitor.link("/scan")) { (visitor.say("front.scan")) } }
            (id_form(visitor, ""))
        }
        section.ledger aria-labelledby="ledger" id="live" data-lang=(visitor.language.tag()) {
            h2 id="ledger" { (visitor.say("front.ledger")) }
            dl.figures {
                div { dt { (visitor.say("front.records")) } dd id="size" { (grouped(view.size().get())) } }
                div { dt { (visitor.say("front.participants")) } dd { (grouped(participants as u64)) } }
            }
            (members)
            h3 { (visitor.say("front.blocks")) " " span.live id="pulse" hidden { (visitor.say("front.live")) } }
            p.visually-hidden id="news" role="status" aria-live="polite" {}
            table {
                thead { tr {
                    th scope="col" { (visitor.say("front.block")) }
                    th scope="col" { (visitor.say("front.time")) }
                    th scope="col" { (visitor.say("front.leaves")) }
                    th.root scope="col" { (visitor.say("front.root")) }
                } }
                tbody id="blocks" { @for block in blocks { (row(block)) } }
            }
        }
    }
}

fn row(block: &StoredBlock) -> Markup {
    let leaves = block.leaves();
    let height = block.seal.height;
    html! {
        tr data-height=(height) {
            td { a href={ "/ledger/blocks/" (height) } { (height) } }
            td { (time(block.seal.time)) }
            td { (grouped(leaves.end.saturating_sub(leaves.start))) }
            td.root { code { (block.checkpoint.root) } }
        }
    }
}
