//! Limits on what a ledger, its formats and its verifiers take, each with its unit and its reason.
//!
//! Other limits are constants beside their use: those of a node (connections, queues, memory, requests) in `app`, `http` and
//! `pki`, and some of this crate, such as those of the index's journal. `docs/OPERATIONS.md`, "Limits", lists them.

/// Longest statement, in bytes of its compact form: one commissioning event can name thousands of items.
pub const STATEMENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Longest leaf, in bytes: a C2SP tlog-tiles entry bundle gives each entry a 16-bit length.
pub const LEAF_BYTES_MAX: usize = 65_535;

/// Longest protected header of a statement, in bytes of JSON. The longest honest one is under 400.
pub const HEADER_BYTES_MAX: usize = 4 * 1024;

/// Deepest nesting of JSON that is read, in arrays and objects. EPCIS documents stay under 20.
pub const JSON_DEPTH_MAX: usize = 64;

/// Events in one capture.
pub const EVENTS_PER_CAPTURE_MAX: usize = 10_000;

/// Identifiers in one capture, over all its events; each becomes a subject of the index.
pub const IDS_PER_CAPTURE_MAX: usize = 50_000;

/// Characters in one identifier (a GS1 Digital Link URI, an EPC URN or another absolute URI).
pub const ID_CHARS_MAX: usize = 1_024;

/// Characters in a namespace that a context of a capture declares, also where prefixes in it are written out: the event hash and the
/// facts of a query write it before each name. Published ones have under 100.
pub const NAMESPACE_CHARS_MAX: usize = 256;

/// Characters in the name of a member of an event. A list of an extension writes its name once for each item.
pub const NAME_CHARS_MAX: usize = 256;

/// Bytes in one `@context` of a capture: those of its names and texts, and [`CONTEXT_VALUE_BYTES`] for each value. A gateway keeps it
/// beside each event.
pub const CONTEXT_BYTES_MAX: usize = 16 * 1024;

/// Bytes that a value of a context counts for, beside its text.
pub const CONTEXT_VALUE_BYTES: usize = 8;

/// Bytes of the pre-hash strings of one capture, over all its events: eight times the longest statement. Most are shorter than
/// the event's JSON, and short texts under long names are longer.
pub const PRE_HASH_BYTES_MAX: usize = 8 * STATEMENT_BYTES_MAX;

/// Faults that one answer lists before it stops looking.
pub const FAULTS_MAX: usize = 20;

/// How far ahead of its block's time an event may lie, in milliseconds: one day, since clocks and planned departures
/// differ but no one has seen next year. Capture checks it at the time that the block would have, the writer and every
/// audit at the block's own. `provenance::follow` relies on it when it follows a container from a time on.
pub const EVENT_TIME_AHEAD_MS_MAX: i64 = 24 * 60 * 60 * 1000;

/// Statements in one block: enough to share a flush of the disk among all that wait.
pub const BLOCK_STATEMENTS_MAX: usize = 2_000;

/// Bytes of statements in one block, so that a transaction of long statements stays small.
pub const BLOCK_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of statements at which a block stops to grow that several members vote on. With one more statement it is still sent
/// to all of them within the time that they wait for it.
pub const SHARED_BLOCK_BYTES_MAX: usize = 7 * 512 * 1024;

/// How far ahead of its block's time a statement's `iat` may lie, in seconds: clocks differ.
pub const IAT_AHEAD_SECONDS_MAX: i64 = 5 * 60;

/// How far before its block's time a statement's `iat` may lie, in seconds: a week, for a device that was without a network.
/// Without an end a statement that was signed and put away could be posted years later by who saw it.
pub const IAT_AGE_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;

/// Proposals that one block enacts. A seal has to fit a leaf, and each id takes 46 bytes of it.
pub const ENACTED_MAX: usize = 100;

/// Roles, GLNs, company prefixes or namespaces in one registration request, each.
pub const CLAIMS_MAX: usize = 100;

/// Characters in an organisation's name.
pub const ORGANIZATION_CHARS_MAX: usize = 200;

/// Characters in a reason that a member gives for a decision.
pub const REASON_CHARS_MAX: usize = 1_000;

/// Files that one registration says its approver looked at: extracts of a register, a certificate or two.
pub const LOOKED_AT_MAX: usize = 20;

/// Characters in the title of such a file.
pub const TITLE_CHARS_MAX: usize = 200;

/// Organisations with look-alike names that one registration names.
pub const LOOKALIKES_MAX: usize = 16;

/// Characters in a media type: 127 for the type and 127 for the subtype (RFC 6838 §4.2), with the slash between.
pub const MEDIA_TYPE_CHARS_MAX: usize = 255;

/// Characters in an organisation's contact: the longest mail address is 254 (RFC 5321), and pages need some room.
pub const CONTACT_CHARS_MAX: usize = 500;

/// Characters in the URI of a consortium's terms.
pub const TERMS_URI_CHARS_MAX: usize = 1_024;

/// Changes in one proposal: members read all of them before they vote.
pub const CHANGES_PER_PROPOSAL_MAX: usize = 10;

/// Proposals of one member that are open at a time: no member fills the list that the others have to read.
pub const OPEN_PROPOSALS_MAX: usize = 2;

/// Proposals that one member makes in 24 hours and that are not enacted, open ones included: a member that takes each back does not
/// fill the ledger with them. One that acts in good faith has no use for more, and what is enacted has the others' yes.
pub const FUTILE_PROPOSALS_PER_DAY_MAX: usize = 8;

/// Proposals by one member about one participant of which none was enacted, for as long as the ledger lasts. Each stands in all
/// evidence that shows this participant, for good: without an end one member could make a competitor's evidence too long to
/// be read.
pub const FUTILE_PROPOSALS_MAX: usize = 4;

/// Bytes of a proposal's payload if it is about a participant, for the same reason: enough for five changes with the longest reasons.
pub const PARTICIPANT_PROPOSAL_BYTES_MAX: usize = 16 * 1024;

/// Days that a proposal is open at most: long enough for the holidays of a member's staff.
pub const PROPOSAL_DAYS_MAX: i64 = 30;

/// Minutes within which all keys that a proposal brings in say that they are ready, by the time of seals: together they have to
/// be there when it is enacted. So old may the block be, too, that one of them names.
pub const READY_MINUTES_MAX: i64 = 30;

/// Minutes from one readiness of a key to its next: a node that waits for others says it again, and does not fill the ledger.
pub const READY_PAUSE_MINUTES_MIN: i64 = 10;

/// Heights back from its block's to which a fault may be proven: members' nodes keep far fewer of what others said.
pub const FAULT_HEIGHTS_MAX: u64 = 10_000;

/// Heights between two faults of one key that are proven: one is enough to vote on it, and ten thousand would fill the ledger.
pub const FAULT_HEIGHTS_APART_MIN: u64 = 1_000;

/// Ids for which one proposal lifts a recall; each becomes a subject of the index.
pub const LIFTED_IDS_MAX: usize = 1_000;

/// Ranges of leaves whose claims one proposal dismisses: a verdict looks through all of them.
pub const DISMISSED_RANGES_MAX: usize = 100;

/// Ids of others that one participant takes up in a UTC day, if the members set no other number: enough for a wholesaler, and the
/// most products over which one signed lie can throw doubt in a day.
pub const CONTACTS_PER_DAY: u64 = 10_000;

/// Ids of any kind that an authority names in a UTC day, if the members set no other number for it: its recalls are of anything.
pub const AUTHORITY_IDS_PER_DAY: u64 = 1_000;

/// New ids that one participant brings onto the ledger in a UTC day, if the members set no other number.
pub const NEW_IDS_PER_DAY: u64 = 200_000;

/// New ids that one participant brings onto the ledger in all, if the members set no other number: a hundredth of the ledger.
pub const NEW_IDS_IN_ALL: u64 = 200_000;

/// Leaves of one signer in a UTC day in the list of a piece or a load that is not under its claims.
pub const LEAVES_PER_PIECE_PER_DAY: u64 = 64;

/// Leaves of one signer in a UTC day in the list of a lot or a class that is not under its claims.
pub const LEAVES_PER_LOT_PER_DAY: u64 = 2_000;

/// Leaves of one signer in all in the list of a piece or a load that is not under its claims.
pub const LEAVES_PER_PIECE_IN_ALL: u64 = 1_000;

/// Subjects of the whole ledger, if the members set no other number: some 11 GB of memory, which the smallest member has to have.
pub const SUBJECTS_MAX: u64 = 20_000_000;

/// The largest number that a policy counts with, of subjects, ids or leaves: the index has no more subjects.
pub const POLICY_COUNT_MAX: u64 = INDEX_NODES_MAX as u64;

/// The fastest that a policy lets goods travel, in km/h: a satellite's.
pub const POLICY_SPEED_KMH_MAX: u64 = 28_000;

/// The most that a policy lets clocks differ, in minutes: a day, as far as an event may lie ahead of its block.
pub const CLOCK_TOLERANCE_MINUTES_MAX: u64 = 24 * 60;

/// Bytes of a PKCS#10 request in PEM.
pub const CSR_BYTES_MAX: usize = 16 * 1024;

/// Leaves in one ledger: 2^53 − 1, the largest whole number that every JSON reader keeps exact.
pub const TREE_SIZE_MAX: u64 = (1 << 53) - 1;

/// Subjects in the index, and separately the inner nodes above them: 31 bits of a node number. At some 200 bytes
/// a subject, memory ends long before.
pub const INDEX_NODES_MAX: usize = (1 << 31) - 1;

/// Bytes of a private key file. A P-256 key in PEM is about 250.
pub const KEY_FILE_BYTES_MAX: usize = 16 * 1024;

/// Bytes of one certificate in PEM. One that Sealane issues is about 900.
pub const CERTIFICATE_BYTES_MAX: usize = 16 * 1024;

/// Certificates in one chain: participant and authority, with room for a foreign tool's intermediates.
pub const CHAIN_CERTIFICATES_MAX: usize = 4;

/// Characters in a ledger's origin, which is also a statement's `aud` and the name in a signed note.
pub const ORIGIN_CHARS_MAX: usize = 255;

/// Bytes of a signed note: a checkpoint and a few hundred signatures stay far below.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// Signature lines in one signed note.
pub const NOTE_SIGNATURES_MAX: usize = 100;

/// Members of one consortium, hence signatures in one commit.
pub const MEMBERS_MAX: usize = 100;

/// The highest round of one height that members vote in. A round takes up to a minute, so a height ends years before; and
/// the number after it is a number too, which the state machine counts on.
pub const ROUND_MAX: u32 = 1_000_000;

/// Bytes of one block's body that a vote log keeps, and that members send each other: 8 MiB of statements (more than that
/// times 29 peers would outlast the time that a proposer has), and 64 KiB for what stands around them.
pub const LOGGED_BODY_BYTES_MAX: usize = 8 * 1024 * 1024 + 64 * 1024;

/// Bytes of one message between members' nodes: a block's statements or a part of them, and what stands around them.
pub const MESSAGE_BYTES_MAX: usize = LOGGED_BODY_BYTES_MAX;

/// Bytes of the first message on a connection. It is read of whom little is known yet; one of today has under 1,300.
pub const HELLO_BYTES_MAX: usize = 4 * 1024;

/// Heights of which a node remembers what members said: the last 100 final ones and the one under way. At 20 heights a second
/// that is five times the second in which members compare.
pub const WORDS_HEIGHTS_MAX: usize = 101;

/// Bytes of one message in which a node tells what it remembers. A height of 100 members that say one thing takes some 120.
pub const WORDS_BYTES_MAX: usize = 128 * 1024;

/// Words that one message asks for. One pair of a member is enough, so few are asked for.
pub const ASKED_WORDS_MAX: usize = 64;

/// Bytes of HOST:PORT: a name of 253 characters (RFC 1035 §2.3.4) and a port.
pub const PEER_ADDRESS_BYTES_MAX: usize = 253 + 1 + 5;

/// Bytes of the URL of a node. Longer ones than this are cut by some tools on the way.
pub const PEER_URL_BYTES_MAX: usize = 1_024;

/// The highest number of an address: 2^53 − 1, which every JSON reader keeps exact. Addresses change a few times a year.
pub const ADDRESS_NUMBER_MAX: u64 = TREE_SIZE_MAX;

/// Reasons that one rule gives in one verdict; further findings only add their leaves to the last.
pub const REASONS_PER_RULE_MAX: usize = 10;

/// Walks through a product's records that building its account may take, beside those that only go on at the end.
pub const ACCOUNT_WALKS_MAX: usize = 5_000;

/// Of these walks, those that looking for runs of one signer's records may take.
pub const ACCOUNT_WALKS_OF_RUNS_MAX: usize = 250;

/// Records that these walks may take, all of them together. In a flood of 9,903 records by seventeen parties 500,000 took some 25 ms of one
/// core, and the whole verdict 75 ms: twice as many are some 50 ms, and perhaps twice that if
/// each walk fails at its end and not half-way.
pub const ACCOUNT_STEPS_MAX: usize = 1_000_000;

/// Signers that may be the receivers of what was let go to nobody in particular: the first by the ledger.
pub const SIGNERS_OF_OPEN_GOODS_MAX: usize = 16;

/// Destinations of one event that a verdict reads. The CBV has three kinds of them.
pub const DESTINATIONS_MAX: usize = 16;

/// Statements of parties that are followed for one id, over the lists of all ids that it leads to. A product has some ten; a crate
/// that is reused for years some hundreds.
pub const FOLLOWED_STATEMENTS_MAX: usize = 1_000;

/// Bytes of these statements, in compact form, after which no further one is followed: three of the longest.
pub const FOLLOWED_BYTES_MAX: usize = 3 * STATEMENT_BYTES_MAX;

/// Events that are judged for one id. Each is a step of the timeline, some 350 bytes of JSON.
pub const FOLLOWED_EVENTS_MAX: usize = 10_000;

/// Containers and inputs that are followed for one id. A product in a case on a pallet in a container has three.
pub const FOLLOWED_IDS_MAX: usize = 100;

/// Destinations for whose owner one answer looks.
pub const FOLLOWED_PLACES_MAX: usize = 100;

/// Shares of each of these limits: no signer takes more than one of them while another has something left. So one that floods a
/// number, and two that help it, leave as much to the others.
pub const FOLLOWED_SHARES: usize = 4;

/// Containers into which one signer packs one id, that are followed: the last ones. A product is repacked a few times.
pub const FOLLOWED_CONTAINERS_MAX: usize = 16;

/// Entries of one list that are shown whole: some 24 bytes each in evidence. One signer has at most 1,000 in the list of a piece that
/// is not its own, so that it takes ten to fill it.
pub const FOLLOWED_LIST_MAX: usize = 10_000;

/// Entries that are shown of a longer list: the last ones, since what became of the product stands there.
pub const FOLLOWED_LIST_END_MAX: usize = 5_000;

/// Signers that are no parties and of whom leaves are opened and names are shown: the first by the list. An honest product has one or two.
pub const OTHER_SIGNERS_MAX: usize = 16;

/// Leaves of signers that are no parties, all of them together, that are opened for one id: two of each.
pub const OTHER_LEAVES_MAX: usize = 32;

/// Leaves of such signers at which one answer looks, whether they can be opened or not: twice as many.
pub const OTHER_LEAVES_TRIED_MAX: usize = 2 * OTHER_LEAVES_MAX;

/// Bytes of the statements in these leaves, in compact form, all together: this is what strangers can add to evidence.
pub const OTHER_BYTES_MAX: usize = 256 * 1024;

/// Bytes of one such statement: about what fits a leaf, and hundreds of events.
pub const OTHER_STATEMENT_BYTES_MAX: usize = 64 * 1024;

/// Recalls of one id by one participant that could recall it, that are followed: the last ones.
pub const FOLLOWED_RECALLS_MAX: usize = 100;

/// Recalls of one id by others, that are followed: the last ones. They recall nothing, and are told.
pub const OTHER_RECALLS_MAX: usize = 16;

/// Lots of one item: its maker names one.
pub const FOLLOWED_LOTS_MAX: usize = 8;

/// Ids in one load whose recalls are looked up: those that were packed first.
pub const FOLLOWED_CONTENTS_MAX: usize = 200;

/// Beginnings of one URI under which its namespace is looked for, so the delimiters that a namespace may have.
pub const NAMESPACE_DEPTH_MAX: usize = 16;

/// Bytes of one evidence document: what is followed at the most, in JSON with its proofs, and room.
pub const EVIDENCE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// JSON values in one evidence document: what is followed at the most has under a million. Each takes some 70 bytes of
/// memory, and two bytes of text are enough to ask for one.
pub const EVIDENCE_VALUES_MAX: usize = 1 << 22;

/// Handovers in one evidence document. A consortium that changes its members each fortnight makes as many in twenty years, and one
/// of 100 members has some 50 kB: together less than half of what a document may have.
pub const HANDOVERS_MAX: usize = 500;
