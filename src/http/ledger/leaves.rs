//! `GET /ledger/leaves/{index}`: one leaf's bytes, or its page.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, VARY};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::statement_text;
use crate::http::Node;
use crate::http::accept::{saved_as, wants_page};
use crate::http::ledger::IMMUTABLE;
use crate::http::pages::about::Noticed;
use crate::http::pages::record::{EVENTS_MAX, IDS_MAX, LeafSeen, ShownContent, SignerShown, StatementSeen, leaf_page};
use crate::http::pages::{self, Visitor};
use crate::http::parameters::number;
use crate::http::problem::Problem;
use crate::ports::StoredLeaf;
use sealane_core::block::Leaf;
use sealane_core::consortium::{Admin, Registry};
use sealane_core::gs1::Id;
use sealane_core::merkle::LeafIndex;
use sealane_core::statement::{SignerRef, SubmittedStatement};

/// Gives the data of one leaf: a byte of kind, then its content.
#[utoipa::path(get, path = "/ledger/leaves/{index}", tag = "ledger",
    params(
        ("index" = u64, Path, description = "From 0"),
        ("download" = Option<String>, Query, description = "Set: the data as a file, whatever `Accept` says"),
    ),
    responses(
        (status = 200, description = "The leaf's data; by `Accept` a page for people",
            content((Vec<u8> = "application/octet-stream"), (String = "text/html"))),
        (status = 404, description = "There is no such leaf yet"),
    ))]
pub async fn get_leaf(
    request: HttpRequest,
    index: web::Path<String>,
    node: web::Data<Node>,
) -> Result<HttpResponse, Problem> {
    let size = node.ledger.view().size();
    let wanted = number(&index).and_then(|index| LeafIndex::new(index).ok());
    let wanted = wanted
        .filter(|index| size.contains(*index))
        .ok_or_else(|| Problem::not_found(format!("leaves are numbered from 0, and there are {size}")))?;
    let leaf = node.ledger.store().leaf(wanted).await?;
    let leaf = leaf.ok_or_else(|| Problem::internal(format!("leaf {wanted} is missing")))?;
    if wants_page(&request) {
        return page(&request, &node, wanted, leaf).await;
    }
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, IMMUTABLE)).insert_header((VARY, "accept"));
    if let Some(saved) = saved_as(&request, &format!("leaf-{wanted}.bin")) {
        answer.insert_header(saved);
    }
    Ok(answer.content_type("application/octet-stream").body(leaf.bytes))
}

/// Shows a leaf to a person.
async fn page(
    request: &HttpRequest,
    node: &Node,
    leaf: LeafIndex,
    stored: StoredLeaf,
) -> Result<HttpResponse, Problem> {
    let view = node.ledger.view();
    let block = node.ledger.store().blocks_of(vec![leaf]).await?.pop();
    let block = block.ok_or_else(|| Problem::internal(format!("leaf {leaf} is in no block")))?;
    let content = match statement_text(node.ledger.store(), &stored.bytes).await? {
        Some(text) => ShownContent::Statement(Box::new(statement(node, &view.registry, leaf, &stored, &text).await?)),
        None => ShownContent::Seal,
    };
    let seen = LeafSeen { leaf, bytes: stored.bytes.len(), block, content };
    let visitor = Visitor::of(request);
    let last = view.size().last_index().unwrap_or(leaf);
    Ok(pages::answer(StatusCode::OK, &visitor, leaf_page(&visitor, &seen, &view.registry, last)))
}

/// Reads a statement: some of its events from its record, and its signer from the registry.
async fn statement(
    node: &Node,
    registry: &Registry,
    leaf: LeafIndex,
    stored: &StoredLeaf,
    text: &[u8],
) -> Result<StatementSeen, Problem> {
    let read = SubmittedStatement::parse(text).map_err(Problem::internal)?;
    let signer = match read.header().signer() {
        SignerRef::Member(kid) => SignerShown::Member(kid),
        SignerRef::Certificate(thumbprint) => match registry.certificate(&thumbprint) {
            Some((one, certified)) => SignerShown::Participant {
                id: one.id,
                organization: one.claims.organization.as_str().to_owned(),
                certified: certified.since,
            },
            None => SignerShown::Unknown(thumbprint),
        },
    };
    let admin = match signer {
        SignerShown::Member(_) => Some(Admin::parse(read.payload()).map_err(Problem::internal)?),
        _ => None,
    };
    let (mut events, mut event_count) = (Vec::new(), 0);
    if admin.is_none()
        && let Some(placed) = node.ledger.store().records(vec![leaf]).await?.pop()
    {
        event_count = placed.record.event_keys().len();
        for position in 0..event_count.min(EVENTS_MAX) as u32 {
            let Some(event) = placed.record.event(position).map_err(Problem::internal)? else { break };
            let ids: Vec<Id> = event.ids().map(|(_, id)| id.clone()).take(IDS_MAX).collect();
            events.push((Noticed::of(leaf, &event, None), ids));
        }
    }
    let long = match Leaf::decode(&stored.bytes) {
        Ok(Leaf::LongStatement { hash, .. }) => Some(hash),
        _ => None,
    };
    Ok(StatementSeen {
        issued: read.header().iat(),
        id: read.id().to_string(),
        signer,
        events,
        event_count,
        admin,
        payload: read.payload().to_vec(),
        long,
    })
}
