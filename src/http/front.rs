//! `GET /`: what this node is, for people.

use std::fmt::Write;
use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::{HttpResponse, web};

use crate::app::View;
use crate::domain::hash::Hash;
use crate::http::Node;
use crate::http::problem::Problem;
use crate::ports::StoredBlock;

/// Blocks that the page lists.
const BLOCKS_SHOWN: u32 = 10;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff}h1{margin-bottom:0}code{overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ccc}input{font:inherit;width:30rem;\
max-width:100%}button{font:inherit}@media(prefers-color-scheme:dark){body{color:#eee;background:#111}a{color:#9cf}}";

/// Nothing but this page's own style, by its hash; no script at all.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = Hash::of(STYLE.as_bytes()).to_base64();
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// Shows what this node is: its members, its ledger and its last blocks, and a box to look up a product.
#[utoipa::path(get, path = "/", tag = "products",
    responses((status = 200, description = "A page for people", content_type = "text/html", body = String)))]
pub async fn get_front(node: web::Data<Node>) -> Result<HttpResponse, Problem> {
    let view = node.ledger.view();
    let blocks = node.ledger.store().last_blocks(BLOCKS_SHOWN).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .content_type("text/html; charset=utf-8")
        .body(page(&view, &blocks)))
}

fn page(view: &View, blocks: &[StoredBlock]) -> String {
    let names: Vec<String> = view.registry.members().members().map(|member| escape(member.name())).collect();
    let participants = view.registry.participants().filter(|one| one.revoked.is_none()).count();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Sealane: {origin}</title>\
         <style>{STYLE}</style></head><body>\n\
         <h1>Sealane</h1><p>A node of the ledger <code>{origin}</code>, kept by {members}.</p>\n\
         <h2>Look up a product</h2>\n\
         <form action=\"/verify\" method=\"get\"><label for=\"id\">Digital Link, EPC or <code>(01)…(21)…</code></label>\
         <br><input id=\"id\" name=\"id\" required maxlength=\"1024\" autocomplete=\"off\"> \
         <button>Verify</button></form>\n\
         <h2>The ledger</h2><p>{size} leaves; {participants} registered participants. Last block at {time}.</p>\n\
         <table><tr><th>Block</th><th>Time</th><th>Leaves</th><th>Root</th></tr>\n{rows}</table>\n\
         <p><a href=\"/docs/\">Interface</a> · <a href=\"/openapi.json\">OpenAPI</a> · \
         <a href=\"/trust\">Trust anchor</a> · <a href=\"/ledger/checkpoint\">Checkpoint</a></p>\n</body></html>\n",
        origin = escape(view.registry.origin().as_str()),
        members = names.join(", "),
        size = view.size(),
        time = view.tip.seal.time,
        rows = rows(blocks),
    )
}

fn rows(blocks: &[StoredBlock]) -> String {
    let mut rows = String::new();
    for block in blocks {
        let leaves = block.leaves();
        // Writing to a String does not fail.
        let _ = writeln!(
            rows,
            "<tr><td><a href=\"/ledger/blocks/{height}\">{height}</a></td><td>{time}</td><td>{from} to {to}</td>\
             <td><code>{root}</code></td></tr>",
            height = block.seal.height,
            time = block.seal.time,
            from = leaves.start,
            to = leaves.end.saturating_sub(1),
            root = block.checkpoint.root,
        );
    }
    rows
}

/// Escapes text for HTML, in elements and in quoted attributes.
fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_markup() {
        assert_eq!(escape("<a href='x'>\"&\"</a>é"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;é");
    }
}
