//! Requests that wait for a decision or were rejected, as `store::pending` keeps them in SQLite.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio_postgres::types::ToSql;

use super::open_error::{of_read, of_write};
use super::writer::WriterSession;
use crate::ports::{Admission, PendingRequest, RequestFilter, StoreError, WaitingRoom};
use crate::store::queries::postgres as built;
use crate::store::rows::{RequestRow, to_sql};
use crate::store::schema::requests;
use sealane_core::consortium::ParticipantId;

impl WriterSession {
    /// Adds a request, unless it repeats one or its room is full. The caller has a transaction open.
    pub async fn add_request(&self, request: &PendingRequest, room: WaitingRoom) -> Result<Admission, StoreError> {
        let row = RequestRow::new(request)?;
        self.execute("DELETE FROM requests WHERE received_at < $1", &[&room.since.millis()]).await?;
        // An invitation that was used is used, whatever became of the request.
        let same = "SELECT id FROM requests WHERE (rejected IS NULL AND (key = $1 OR id = $2)) OR ($3 AND id = $2) \
                    ORDER BY rejected IS NOT NULL OR key <> $1 LIMIT 1";
        let found =
            self.client.query_opt(same, &[&row.key, &row.id, &row.invited]).await.map_err(|error| of_write(&error))?;
        if let Some(found) = found {
            let id: String = found.get(0);
            let id = id.parse().map_err(|_| StoreError::Corrupt(format!("the id of request {id}")))?;
            return Ok(Admission::Repeats(id));
        }
        if let Some(address) = &row.address {
            let (count, bytes) = self.taken("address = $1", &[address]).await?;
            if count >= to_sql(room.address_requests_max)
                || bytes.saturating_add(row.bytes) > to_sql(room.address_bytes_max)
            {
                return Ok(Admission::AddressFull);
            }
        }
        let (count, bytes) = self.taken("renewal = $1 AND invited = $2", &[&row.renewal, &row.invited]).await?;
        if count >= to_sql(room.requests_max) || bytes.saturating_add(row.bytes) > to_sql(room.bytes_max) {
            return Ok(Admission::Full);
        }
        let RequestRow { id, received_at, renewal, invited, address, key, bytes, body, rejected } = &row;
        self.execute("DELETE FROM requests WHERE id = $1", &[id]).await?;
        let insert = "INSERT INTO requests (id, received_at, renewal, invited, address, key, bytes, body, rejected) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        self.execute(insert, &[id, received_at, renewal, invited, address, key, bytes, body, rejected]).await?;
        Ok(Admission::Waits)
    }

    /// How many requests wait of those that a condition is true of, and their bytes.
    async fn taken(&self, condition: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<(i64, i64), StoreError> {
        let waiting = format!(
            "SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM requests WHERE rejected IS NULL AND {condition}"
        );
        let row = self.client.query_one(&waiting, values).await.map_err(|error| of_write(&error))?;
        Ok((row.get(0), row.get(1)))
    }

    pub async fn reject_request(&self, id: &ParticipantId, reason: &str) -> Result<(), StoreError> {
        let reject = "UPDATE requests SET rejected = $2 WHERE id = $1 AND rejected IS NULL";
        self.execute(reject, &[&id.to_string(), &reason]).await
    }

    pub async fn forget_request(&self, id: &ParticipantId) -> Result<(), StoreError> {
        self.execute("DELETE FROM requests WHERE id = $1", &[&id.to_string()]).await
    }
}

pub async fn of(connection: &mut AsyncPgConnection, id: &ParticipantId) -> Result<Option<PendingRequest>, StoreError> {
    let row: Option<RequestRow> =
        requests::table.find(id.to_string()).first(connection).await.optional().map_err(of_read)?;
    row.map(RequestRow::into_request).transpose()
}

pub async fn all(connection: &mut AsyncPgConnection) -> Result<Vec<PendingRequest>, StoreError> {
    let rows: Vec<RequestRow> = requests::table.order(requests::id).load(connection).await.map_err(of_read)?;
    rows.into_iter().map(RequestRow::into_request).collect()
}

pub async fn page(
    connection: &mut AsyncPgConnection,
    filter: RequestFilter,
) -> Result<Vec<PendingRequest>, StoreError> {
    let rows: Vec<RequestRow> = built::requests_query(filter).load(connection).await.map_err(of_read)?;
    rows.into_iter().map(RequestRow::into_request).collect()
}
