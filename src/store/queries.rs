//! Queries that both back ends ask alike. diesel writes the back end into a boxed query's type, so each has its own copy,
//! and the text is here once.

macro_rules! queries {
    ($module:ident, $backend:ty) => {
        pub mod $module {
            use diesel::prelude::*;

            use crate::domain::index::SubjectKey;
            use crate::domain::merkle::LeafIndex;
            use crate::ports::{EventFilter, RequestFilter};
            use crate::store::rows::{event_keys, to_sql};
            use crate::store::schema::{events, requests, subjects, tiles};

            /// Events, in ledger order.
            pub fn events_query<'a>(filter: EventFilter) -> events::BoxedQuery<'a, $backend> {
                let mut query = events::table
                    .filter(events::leaf_index.lt(to_sql(filter.size.get())))
                    .order((events::leaf_index, events::position))
                    .limit(i64::from(filter.limit))
                    .into_boxed();
                if let Some(event_id) = filter.event_id {
                    let (first, last) = event_keys(&event_id);
                    query = query.filter(events::event_key.between(first, last)).filter(events::event_id.eq(event_id));
                }
                if let Some(subject) = filter.subject {
                    let named = subjects::table
                        .filter(subjects::subject_key.eq(subject.as_hash().as_bytes().to_vec()))
                        .select(subjects::leaf_index);
                    query = query.filter(events::leaf_index.eq_any(named));
                }
                if !filter.event_types.is_empty() {
                    query = query.filter(events::event_type.eq_any(filter.event_types));
                }
                if !filter.actions.is_empty() {
                    query = query.filter(events::action.eq_any(filter.actions));
                }
                if !filter.biz_steps.is_empty() {
                    query = query.filter(events::biz_step.eq_any(filter.biz_steps));
                }
                if !filter.dispositions.is_empty() {
                    query = query.filter(events::disposition.eq_any(filter.dispositions));
                }
                if !filter.read_points.is_empty() {
                    query = query.filter(events::read_point.eq_any(filter.read_points));
                }
                if !filter.biz_locations.is_empty() {
                    query = query.filter(events::biz_location.eq_any(filter.biz_locations));
                }
                if let Some(from) = filter.event_time_from {
                    query = query.filter(events::event_time.ge(from.millis()));
                }
                if let Some(before) = filter.event_time_before {
                    query = query.filter(events::event_time.lt(before.millis()));
                }
                if let Some((leaf, position)) = filter.after {
                    let leaf = to_sql(leaf.get());
                    let position = i32::try_from(position).unwrap_or(i32::MAX);
                    let same = events::leaf_index.eq(leaf).and(events::position.gt(position));
                    query = query.filter(events::leaf_index.gt(leaf).or(same));
                }
                query
            }

            /// Requests of one kind, by id.
            pub fn requests_query<'a>(filter: RequestFilter) -> requests::BoxedQuery<'a, $backend> {
                let mut query = requests::table
                    .filter(requests::renewal.eq(filter.renewals))
                    .filter(requests::received_at.ge(filter.since.millis()))
                    .order(requests::id)
                    .limit(i64::from(filter.limit))
                    .into_boxed();
                query = match filter.rejected {
                    Some(true) => query.filter(requests::rejected.is_not_null()),
                    Some(false) => query.filter(requests::rejected.is_null()),
                    None => query,
                };
                if let Some(after) = filter.after {
                    query = query.filter(requests::id.gt(String::from(after)));
                }
                if let Some(through) = filter.through {
                    query = query.filter(requests::id.le(String::from(through)));
                }
                query
            }

            /// Tiles after one, by level and index.
            pub fn tiles_query<'a>(after: Option<(u8, u64)>, limit: u32) -> tiles::BoxedQuery<'a, $backend> {
                let mut query =
                    tiles::table.order((tiles::level, tiles::tile_index)).limit(i64::from(limit)).into_boxed();
                if let Some((level, index)) = after {
                    let same = tiles::level.eq(i32::from(level)).and(tiles::tile_index.gt(to_sql(index)));
                    query = query.filter(tiles::level.gt(i32::from(level)).or(same));
                }
                query
            }

            /// Rows of the index after one, by key and leaf.
            pub fn subjects_query<'a>(
                after: Option<(SubjectKey, LeafIndex)>,
                limit: u32,
            ) -> subjects::BoxedQuery<'a, $backend> {
                let by_key = (subjects::subject_key, subjects::leaf_index);
                let mut query = subjects::table.order(by_key).limit(i64::from(limit)).into_boxed();
                if let Some((key, leaf)) = after {
                    let key = key.as_hash().as_bytes().to_vec();
                    let same = subjects::subject_key.eq(key.clone()).and(subjects::leaf_index.gt(to_sql(leaf.get())));
                    query = query.filter(subjects::subject_key.gt(key).or(same));
                }
                query
            }
        }
    };
}

queries!(sqlite, diesel::sqlite::Sqlite);
queries!(postgres, diesel::pg::Pg);
