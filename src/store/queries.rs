//! Queries that both back ends ask alike. diesel writes the back end into a boxed query's type, so each has its own copy,
//! and the text is here once.

macro_rules! queries {
    ($module:ident, $backend:ty) => {
        pub mod $module {
            use diesel::prelude::*;

            use crate::ports::RequestFilter;
            use crate::store::rows::to_sql;
            use crate::store::schema::{requests, tiles};

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
        }
    };
}

queries!(sqlite, diesel::sqlite::Sqlite);
queries!(postgres, diesel::pg::Pg);
