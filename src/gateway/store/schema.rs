//! The tables of `migrations/gateway-sqlite/` and `migrations/gateway-postgres/`, as diesel sees them.

diesel::table! {
    clients (name) {
        name -> Text,
        key_id -> Text,
        key_hash -> Text,
        scopes -> Text,
        steps -> Text,
        locations -> Text,
        per_second -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    jobs (seq) {
        seq -> BigInt,
        id -> Text,
        client -> Text,
        received_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        digest -> Binary,
        idempotency_key -> Nullable<Text>,
        media_type -> Text,
        behaviour -> Text,
        document -> Nullable<Binary>,
        document_bytes -> BigInt,
        indices -> Text,
        was_query -> Bool,
        joint -> Nullable<Binary>,
        state -> Text,
        told -> Text,
    }
}

diesel::table! {
    statements (id) {
        id -> Text,
        client -> Text,
        compact -> Nullable<Binary>,
        certificate -> Binary,
        not_after -> BigInt,
        iat -> BigInt,
        attempts -> BigInt,
        next_at -> Nullable<BigInt>,
        node -> Nullable<Text>,
        trouble -> Nullable<Text>,
        leaf -> Nullable<BigInt>,
        receipt -> Nullable<Text>,
    }
}

diesel::table! {
    pieces (job, first) {
        job -> BigInt,
        first -> BigInt,
        count -> BigInt,
        client -> Text,
        state -> Text,
        alone -> Bool,
        statement -> Nullable<Text>,
        at -> BigInt,
    }
}

diesel::table! {
    recorded (event_key) {
        event_key -> Binary,
        content -> Binary,
        leaf -> BigInt,
    }
}

diesel::table! {
    counts (state) {
        state -> Text,
        jobs -> BigInt,
        bytes -> BigInt,
    }
}

diesel::table! {
    queries (name) {
        name -> Text,
        client -> Text,
        created_at -> BigInt,
        definition -> Text,
    }
}

diesel::table! {
    subscriptions (id) {
        id -> Text,
        query -> Text,
        client -> Text,
        created_at -> BigInt,
        dest -> Text,
        signature_token -> Nullable<Text>,
        controls -> Text,
        epc_format -> Text,
        told_leaf -> Nullable<BigInt>,
        told_position -> Nullable<BigInt>,
        last_notified_at -> Nullable<BigInt>,
        last_run_at -> Nullable<BigInt>,
        trouble -> Nullable<Text>,
        suspended -> Bool,
    }
}

diesel::joinable!(pieces -> jobs (job));
diesel::joinable!(pieces -> statements (statement));
diesel::allow_tables_to_appear_in_same_query!(jobs, pieces, statements);
