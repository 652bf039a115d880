//! What is stored beside the leaves, held against what they give.

use std::collections::HashMap;

use crate::app::audit::replay::Replayed;
use crate::app::audit::{AuditError, Fault, Report, fail};
use crate::domain::consortium::ParticipantId;
use crate::domain::index::SubjectKey;
use crate::domain::merkle::{LeafIndex, TileId, TreeSize};
use crate::domain::statement::StatementId;
use crate::ports::{CertificateReader, Derived, EventFilter, LedgerStore, PendingRequest, RequestBody, RowCounts};

/// Rows compared at once.
const PAGE_ROWS: u32 = 10_000;

/// Tiles compared at once, of 8 KiB each.
const PAGE_TILES: u32 = 256;

/// Compares every table with what the leaves give; returns the report of a ledger without fault.
pub(super) async fn with_stored(
    store: &dyn LedgerStore,
    reader: &dyn CertificateReader,
    mut replayed: Replayed,
) -> Result<Report, AuditError> {
    statements(store, &replayed.derived).await?;
    tiles(store, &replayed.derived).await?;
    events(store, &replayed.derived).await?;
    subjects(store, &mut replayed.derived).await?;
    row_counts(store.row_counts().await?, &replayed)?;
    check_requests(reader, &store.requests().await?, &replayed)?;
    Ok(replayed.report)
}

/// Finds rows that no leaf gives, where no query would look.
fn row_counts(found: RowCounts, replayed: &Replayed) -> Result<(), AuditError> {
    let Replayed { report, derived, .. } = replayed;
    let tables = [
        ("leaves", found.leaves, report.leaves),
        ("long statements", found.long_statements, replayed.long_statements),
        ("blocks", found.blocks, report.blocks),
        ("tiles", found.tiles, derived.tiles.len() as u64),
        ("statements", found.statements, derived.statements.len() as u64),
        ("subjects", found.subjects, derived.subjects.len() as u64),
        ("events", found.events, derived.events.len() as u64),
    ];
    match tables.into_iter().find(|(_, found, right)| found != right) {
        Some((table, found, right)) => {
            fail(None, format!("the table of {table} has {found} rows, and the leaves give {right}"))
        }
        None => Ok(()),
    }
}

/// Holds the requests that wait, or were refused, against themselves and against what was approved of them.
pub fn check_requests(
    reader: &dyn CertificateReader,
    requests: &[PendingRequest],
    replayed: &Replayed,
) -> Result<(), Fault> {
    requests.iter().try_for_each(|request| {
        check_request(reader, request, replayed)
            .or_else(|what| fail(None, format!("the request of participant {}: {what}", request.participant)))
    })
}

/// A request stands on no leaf until it is approved. Then the leaf says what was asked for; before, only its own
/// signature does.
fn check_request(reader: &dyn CertificateReader, request: &PendingRequest, replayed: &Replayed) -> Result<(), String> {
    let (RequestBody::Registration { csr, key, .. } | RequestBody::Renewal { csr, key, .. }) = &request.body;
    let asked = reader.request(csr)?;
    if asked.key.thumbprint() != *key || asked.pem != *csr {
        return Err("its certificate request is not the one that was asked with".to_owned());
    }
    let RequestBody::Registration { claims, .. } = &request.body else { return Ok(()) };
    let id: &ParticipantId = &request.participant;
    let registered = replayed.registry.participant(id).zip(replayed.requests.get(id));
    match registered {
        Some((participant, der)) if participant.claims != *claims || asked.der != *der => {
            Err(format!("it is not what leaf {} says was approved", participant.registered.leaf))
        }
        _ => Ok(()),
    }
}

async fn statements(store: &dyn LedgerStore, derived: &Derived) -> Result<(), AuditError> {
    for chunk in derived.statements.chunks(PAGE_ROWS as usize) {
        let stored: HashMap<StatementId, LeafIndex> =
            store.statements(chunk.iter().map(|(id, _)| *id).collect()).await?.into_iter().collect();
        if let Some((_, leaf)) = chunk.iter().find(|(id, leaf)| stored.get(id) != Some(leaf)) {
            return fail(Some(*leaf), "the table of statements does not lead to it");
        }
    }
    Ok(())
}

async fn tiles(store: &dyn LedgerStore, derived: &Derived) -> Result<(), AuditError> {
    let mut right = derived.tiles.iter();
    let mut after = None;
    loop {
        let page = store.tiles_after(after, PAGE_TILES).await?;
        for stored in &page {
            let (tile, _) = stored;
            let place = |tile: &TileId| (tile.level(), tile.index());
            match right.next() {
                Some(right) if right == stored => {}
                Some((right, _)) if place(right) == place(tile) => {
                    return fail(None, format!("tile {} of level {} is wrong", tile.index(), tile.level()));
                }
                _ => return fail(None, "the tiles have other rows than the leaves give"),
            }
        }
        match page.last() {
            Some((last, _)) => after = Some((last.level(), last.index())),
            None => break,
        }
    }
    if right.next().is_some() { fail(None, "the tiles have other rows than the leaves give") } else { Ok(()) }
}

async fn events(store: &dyn LedgerStore, derived: &Derived) -> Result<(), AuditError> {
    let mut right = derived.events.iter();
    let mut after = None;
    loop {
        let filter = EventFilter { size: TreeSize::MAX, after, limit: PAGE_ROWS, ..EventFilter::default() };
        let page = store.events(filter).await?;
        for stored in &page {
            if right.next() != Some(stored) {
                let what = format!("the table of events is wrong about its event {}", stored.position);
                return fail(Some(stored.leaf), what);
            }
        }
        match page.last() {
            Some(last) => after = Some((last.leaf, last.position)),
            None => break,
        }
    }
    match right.next() {
        Some(missing) => fail(Some(missing.leaf), format!("the table of events lacks its event {}", missing.position)),
        None => Ok(()),
    }
}

async fn subjects(store: &dyn LedgerStore, derived: &mut Derived) -> Result<(), AuditError> {
    derived.subjects.sort_unstable();
    let mut right = derived.subjects.iter();
    let mut after: Option<(SubjectKey, LeafIndex)> = None;
    loop {
        let page = store.subjects(after, PAGE_ROWS).await?;
        for stored in &page {
            if right.next() != Some(stored) {
                return fail(
                    Some(stored.1),
                    "the table of subjects names it under a subject that it does not name, or not under one that it does",
                );
            }
        }
        match page.last() {
            Some(last) => after = Some(*last),
            None => break,
        }
    }
    match right.next() {
        Some((_, leaf)) => fail(Some(*leaf), "the table of subjects lacks a subject that it names"),
        None => Ok(()),
    }
}
