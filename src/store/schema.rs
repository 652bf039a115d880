//! The tables of `migrations/`, as diesel sees them.

diesel::table! {
    leaves (leaf_index) {
        leaf_index -> BigInt,
        content -> Integer,
        bytes -> Binary,
    }
}

diesel::table! {
    long_statements (hash) {
        hash -> Binary,
        bytes -> Binary,
    }
}

diesel::table! {
    blocks (height) {
        height -> BigInt,
        tree_size -> BigInt,
        checkpoint -> Text,
        note -> Text,
        commitment -> Text,
    }
}

diesel::table! {
    tiles (level, tile_index) {
        level -> Integer,
        tile_index -> BigInt,
        hashes -> Binary,
    }
}

diesel::table! {
    records (leaf_index) {
        leaf_index -> BigInt,
        time -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    requests (id) {
        id -> Text,
        received_at -> BigInt,
        renewal -> Bool,
        invited -> Bool,
        address -> Nullable<Text>,
        key -> Binary,
        bytes -> BigInt,
        body -> Text,
        rejected -> Nullable<Text>,
    }
}

diesel::table! {
    write_probe (one_row) {
        one_row -> Bool,
        bytes -> Binary,
    }
}

diesel::allow_tables_to_appear_in_same_query!(blocks, leaves);
