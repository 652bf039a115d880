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
    statements (id) {
        id -> Binary,
        leaf_index -> BigInt,
    }
}

diesel::table! {
    subjects (subject_key, leaf_index) {
        subject_key -> Binary,
        leaf_index -> BigInt,
    }
}

diesel::table! {
    events (leaf_index, position) {
        leaf_index -> BigInt,
        position -> Integer,
        event_key -> Binary,
        event_id -> Text,
        participant -> Text,
        content_hash -> Binary,
        declaration -> Bool,
        event_time -> BigInt,
        event_type -> Text,
        action -> Nullable<Text>,
        biz_step -> Nullable<Text>,
        disposition -> Nullable<Text>,
        read_point -> Nullable<Text>,
        biz_location -> Nullable<Text>,
    }
}

diesel::table! {
    requests (id) {
        id -> Text,
        received_at -> BigInt,
        renewal -> Bool,
        key -> Binary,
        bytes -> BigInt,
        body -> Text,
        rejected -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(blocks, events, leaves, subjects);
