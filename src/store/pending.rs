//! Requests that wait for a decision or were rejected: the one table that is neither on the ledger nor derived from it.
//!
//! Every client may have a request added, so adding one reads the table by its indexes alone.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::ports::{Admission, PendingRequest, RequestFilter, StoreError, WaitingRoom};
use crate::store::queries::sqlite as built;
use crate::store::rows::{RequestRow, to_sql};
use crate::store::schema::requests;
use sealane_core::consortium::ParticipantId;

/// Adds a request, unless it repeats one or its room is full. The caller has a transaction open.
pub fn add(
    connection: &mut SqliteConnection,
    request: &PendingRequest,
    room: WaitingRoom,
) -> Result<Admission, StoreError> {
    let row = RequestRow::new(request)?;
    diesel::delete(requests::table.filter(requests::received_at.lt(room.since.millis()))).execute(connection)?;
    let waiting = requests::table.filter(requests::rejected.is_null());
    let of_participant = requests::table.filter(requests::id.eq(&row.id)).select(requests::id);
    for same in [
        waiting.filter(requests::key.eq(&row.key)).select(requests::id).into_boxed(),
        // An invitation that was used is used, whatever became of the request.
        if row.invited {
            of_participant.into_boxed()
        } else {
            of_participant.filter(requests::rejected.is_null()).into_boxed()
        },
    ] {
        if let Some(id) = same.first::<String>(connection).optional()? {
            let id = id.parse().map_err(|_| StoreError::Corrupt(format!("the id of request {id}")))?;
            return Ok(Admission::Repeats(id));
        }
    }
    let taken = (sql::<BigInt>("count(*)"), sql::<BigInt>("coalesce(sum(bytes), 0)"));
    if let Some(address) = &row.address {
        let (count, bytes): (i64, i64) =
            waiting.filter(requests::address.eq(address)).select(taken.clone()).first(connection)?;
        if count >= to_sql(room.address_requests_max)
            || bytes.saturating_add(row.bytes) > to_sql(room.address_bytes_max)
        {
            return Ok(Admission::AddressFull);
        }
    }
    let (count, bytes): (i64, i64) = waiting
        .filter(requests::renewal.eq(row.renewal).and(requests::invited.eq(row.invited)))
        .select(taken)
        .first(connection)?;
    if count >= to_sql(room.requests_max) || bytes.saturating_add(row.bytes) > to_sql(room.bytes_max) {
        return Ok(Admission::Full);
    }
    diesel::replace_into(requests::table).values(row).execute(connection)?;
    Ok(Admission::Waits)
}

pub fn reject(connection: &mut SqliteConnection, id: &ParticipantId, reason: &str) -> Result<(), StoreError> {
    diesel::update(requests::table.find(id.to_string()).filter(requests::rejected.is_null()))
        .set(requests::rejected.eq(reason))
        .execute(connection)?;
    Ok(())
}

pub fn forget(connection: &mut SqliteConnection, id: &ParticipantId) -> Result<(), StoreError> {
    diesel::delete(requests::table.find(id.to_string())).execute(connection)?;
    Ok(())
}

pub fn of(connection: &mut SqliteConnection, id: &ParticipantId) -> Result<Option<PendingRequest>, StoreError> {
    let row: Option<RequestRow> = requests::table.find(id.to_string()).first(connection).optional()?;
    row.map(RequestRow::into_request).transpose()
}

pub fn all(connection: &mut SqliteConnection) -> Result<Vec<PendingRequest>, StoreError> {
    let rows: Vec<RequestRow> = requests::table.order(requests::id).load(connection)?;
    rows.into_iter().map(RequestRow::into_request).collect()
}

pub fn page(connection: &mut SqliteConnection, filter: RequestFilter) -> Result<Vec<PendingRequest>, StoreError> {
    let rows: Vec<RequestRow> = built::requests_query(filter).load(connection)?;
    rows.into_iter().map(RequestRow::into_request).collect()
}
