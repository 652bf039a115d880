//! Every problem code with its status and title.

macro_rules! codes {
    ($($code:ident = $text:literal, $status:literal, $title:literal;)*) => {
        /// A stable name for what went wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($code,)*
        }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$code,)*];

            /// Lower case with hyphens.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Code::$code => $text,)*
                }
            }

            pub const fn status(self) -> u16 {
                match self {
                    $(Code::$code => $status,)*
                }
            }

            /// The same for every problem of this code.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Code::$code => $title,)*
                }
            }
        }
    };
}

codes! {
    // The request as such.
    BadRequest = "bad-request", 400, "The request cannot be read";
    NotFound = "not-found", 404, "There is nothing with this name";
    MethodNotAllowed = "method-not-allowed", 405, "The method is not taken here";
    NotAcceptable = "not-acceptable", 406, "What is asked for is not given in this form";
    UriTooLong = "uri-too-long", 414, "The URI is too long";
    UnsupportedMediaType = "unsupported-media-type", 415, "The body is of a type that is not taken";
    BodyTooLarge = "body-too-large", 413, "The body is too long";
    BodyTimeout = "body-timeout", 408, "The body took too long";
    BodyCutOff = "body-cut-off", 400, "The body ended too early";
    BadHeader = "bad-header", 400, "A header cannot be read";
    BadParameter = "bad-parameter", 400, "A query parameter cannot be read";
    MissingParameter = "missing-parameter", 400, "A query parameter is missing";
    UnknownParameter = "unknown-parameter", 400, "A query parameter is unknown";
    BadId = "bad-id", 400, "The identifier is malformed";
    SizeNotKept = "size-not-kept", 410, "The ledger has grown too far past this size";
    BadJson = "bad-json", 400, "The body is not strict JSON";
    BadMember = "bad-member", 400, "A member of the JSON body is wrong";
    MissingMember = "missing-member", 400, "A member of the JSON body is missing";
    UnknownMember = "unknown-member", 400, "A member of the JSON body is unknown";

    // A photo of a code.
    DecoderOff = "decoder-off", 403, "This node decodes no pictures";
    DecoderBusy = "decoder-busy", 429, "The node has enough pictures to decode";
    PictureTooCostly = "picture-too-costly", 422, "The picture takes too much to decode";
    MissingPhoto = "missing-photo", 400, "No photo came along";
    NotAnImage = "not-an-image", 415, "This is no picture of a kind that is read";
    ImageTooLarge = "image-too-large", 413, "The picture is too large";
    DamagedImage = "damaged-image", 422, "The picture cannot be read to its end";
    NothingFound = "no-code", 422, "No code was found";
    SeveralFound = "many-codes", 422, "More than one code was found";
    ForeignFound = "other-code", 422, "The code is no identifier of GS1's";

    // The statement as such (RFC 7515), before it is asked who signed it.
    StatementTooLong = "statement-too-long", 413, "The statement is too long";
    NotThreeParts = "not-three-parts", 400, "This is no compact JWS";
    WhiteSpace = "white-space", 400, "White space in a compact JWS";
    NotBase64url = "not-base64url", 400, "This is not strict base64url";
    HeaderTooLong = "header-too-long", 400, "The JWS header is too long";
    HeaderNotJson = "header-not-json", 400, "The JWS header is not strict JSON";
    HeaderNotObject = "header-not-object", 400, "The JWS header is no JSON object";
    DuplicateHeaderMember = "duplicate-header-member", 400, "The JWS header names a member twice";
    AlgNotAllowed = "alg-not-allowed", 400, "The algorithm is not ES256";
    MissingAlg = "missing-alg", 400, "The JWS header has no alg";
    MissingTyp = "missing-typ", 400, "The JWS header has no typ";
    MissingX5tS256 = "missing-x5t-s256", 400, "The JWS header has no x5t#S256";
    MissingKid = "missing-kid", 400, "The JWS header has no kid";
    MissingAud = "missing-aud", 400, "The JWS header has no aud";
    MissingIat = "missing-iat", 400, "The JWS header has no iat";
    BadTyp = "bad-typ", 400, "The JWS header's typ is wrong";
    BadX5tS256 = "bad-x5t-s256", 400, "The JWS header's x5t#S256 is wrong";
    BadKid = "bad-kid", 400, "The JWS header's kid is wrong";
    BadAud = "bad-aud", 400, "The JWS header's aud is wrong";
    BadIat = "bad-iat", 400, "The JWS header's iat is wrong";
    CritNotAllowed = "crit-not-allowed", 400, "The JWS header has crit";
    B64NotAllowed = "b64-not-allowed", 400, "The JWS header has b64";
    JwkNotAllowed = "jwk-not-allowed", 400, "The JWS header has jwk";
    JkuNotAllowed = "jku-not-allowed", 400, "The JWS header has jku";
    X5cNotAllowed = "x5c-not-allowed", 400, "The JWS header has x5c";
    X5uNotAllowed = "x5u-not-allowed", 400, "The JWS header has x5u";
    X5tNotAllowed = "x5t-not-allowed", 400, "The JWS header has x5t";
    UnknownHeaderMember = "unknown-header-member", 400, "The JWS header has an unknown member";
    WrongSignerMember = "wrong-signer-member", 400, "The JWS header names its signer by the wrong member";
    TypeReserved = "type-reserved", 400, "This type of statement is not taken yet";
    PayloadNotDetached = "payload-not-detached", 400, "The JWS is not detached";
    MissingPayload = "missing-payload", 400, "The statement has no payload";
    WrongType = "wrong-type", 400, "The statement is of another type";
    WrongAudience = "wrong-audience", 400, "The statement is for another ledger";
    IssuedAhead = "issued-ahead", 400, "The statement's iat lies ahead";
    IatTooOld = "iat-too-old", 400, "The statement's iat lies too long ago";

    // Who signed it, and what that signer may say.
    MissingSignature = "missing-signature", 401, "The document is not signed";
    SignatureLength = "signature-length", 401, "The signature is not 64 bytes";
    BadSignature = "bad-signature", 401, "The signature does not hold";
    UnknownCertificate = "unknown-certificate", 401, "The certificate is not registered";
    CertificateRevoked = "certificate-revoked", 403, "The signer's registration is revoked";
    CertificateExpired = "certificate-expired", 403, "The signer's certificate has expired";
    CertificateNotYetValid = "certificate-not-yet-valid", 403, "The signer's certificate is not valid yet";
    MembersAlone = "members-alone", 401, "Members alone are told this";
    BadQuestion = "bad-question", 401, "The member's question does not hold";
    NotEndorsed = "not-endorsed", 403, "Members have to endorse the signer first";
    NotAMember = "not-a-member", 403, "The signer is not a member";
    RoleStep = "role-step", 403, "The signer's role does not record this";
    RoleCommission = "role-commission", 403, "Only a manufacturer brings objects into being";
    NotAnAuthority = "not-an-authority", 403, "The members have not made the signer an authority";
    ContactsQuota = "contacts-quota", 403, "The signer takes up too many ids of others";
    NewIdsQuota = "new-ids-quota", 403, "The signer names too many new ids";
    LeavesQuota = "leaves-quota", 403, "The signer says too much of one id";
    LedgerFull = "ledger-full", 403, "The ledger takes no further ids";
    OwnClaim = "own-claim", 403, "The identifier is not the signer's to bring into being";

    // What it says.
    EpcisInvalid = "epcis-invalid", 400, "The document breaks EPCIS 2.0";
    CaptureLimit = "capture-limit", 413, "The document holds more than one capture may";
    EventAhead = "event-ahead", 400, "An event's time lies ahead";
    EventConflict = "event-conflict", 409, "The eventID stands for another event";
    EventRepeated = "event-repeated", 409, "The events are recorded already";

    // A client of a gateway.
    MissingKey = "missing-key", 401, "The request has no API key";
    WrongKey = "wrong-key", 401, "The API key is not known";
    ClientNotAllowed = "client-not-allowed", 403, "The client may not do this";
    WrongKeys = "wrong-keys", 429, "The address has sent too many wrong keys";
    ClientRate = "client-rate", 429, "The client captures too often";
    KeyReused = "idempotency-key-reused", 409, "The Idempotency-Key stands for another body";
    QueueFull = "queue-full", 503, "The gateway's queue is full";
    QueueUnwritten = "queue-unwritten", 503, "The gateway's queue cannot be written";

    // A query at a gateway.
    QueryTooLarge = "query-too-large", 413, "The query finds too many events";
    QueryTooComplex = "query-too-complex", 413, "The query takes too much";
    QueriesUnready = "queries-unready", 503, "The gateway cannot answer queries now";
    BadQuery = "bad-query", 400, "The query cannot be given a name";
    NoSuchQuery = "no-such-query", 404, "There is no query with this name";
    QueryNameTaken = "query-name-taken", 409, "Another query has this name";
    TooManyQueries = "too-many-queries", 413, "The gateway has as many named queries as it may have";
    BadSubscription = "bad-subscription", 400, "The subscription cannot be followed";
    BadDest = "bad-dest", 400, "Events cannot be sent to this address";
    TooManySubscriptions = "too-many-subscriptions", 413, "There are as many subscriptions as there may be";

    // Registration.
    BadCsr = "bad-csr", 400, "The certificate request is not taken";
    BadClaims = "bad-claims", 400, "The claims do not fit together";
    ClaimTaken = "claim-taken", 409, "Another participant holds this";
    RequestWaits = "request-waits", 409, "A request with this key waits already";
    Invitation = "invitation", 403, "The invitation is not taken";
    TooManyRequests = "too-many-requests", 429, "Too many requests wait for a decision";
    UnknownParticipant = "unknown-participant", 404, "There is no such participant";
    NoCertificate = "no-certificate", 404, "The participant has no certificate yet";
    NothingWaits = "nothing-waits", 409, "Nothing waits for a decision";
    NotActive = "not-active", 409, "The participant is not active";
    BadRenewal = "bad-renewal", 400, "The renewal is not agreed to";
    BadDecision = "bad-decision", 400, "The decision cannot be carried out";
    OtherRequest = "other-request", 409, "The decision is about something else than was asked";
    SimilarName = "similar-name", 409, "Another organisation's name looks the same";
    AlreadyRegistered = "already-registered", 409, "This is registered already";
    NotItsRegistrar = "not-its-registrar", 403, "Another member registered the participant";
    AlreadyRevoked = "already-revoked", 409, "The participant is revoked already";

    // What the members decide together.
    UnknownProposal = "unknown-proposal", 404, "There is no such proposal";
    BadProposal = "bad-proposal", 400, "The proposal cannot be put to the vote";
    ChangeImpossible = "change-impossible", 409, "A change of the proposal cannot be made";
    TooManyProposals = "too-many-proposals", 409, "The member has made as many proposals as it may";
    ProposalEnded = "proposal-ended", 409, "The proposal has ended";
    NotItsProposer = "not-its-proposer", 403, "Another member made the proposal";
    AlreadyVoted = "already-voted", 409, "The member has voted already";
    OwnRemoval = "own-removal", 403, "A member does not vote on its own removal";
    ReadyNotAsked = "ready-not-asked", 403, "This key is asked for no readiness";
    ReadyRefused = "ready-refused", 409, "The readiness does not count now";
    OwnRegistration = "own-registration", 403, "A member does not endorse its own registration";
    EndorsementRefused = "endorsement-refused", 409, "The endorsement is not needed";
    BadJoinRequest = "bad-join-request", 400, "This is no request to join this ledger";
    JoinRefused = "join-refused", 409, "The request to join could not be granted";
    BadFault = "bad-fault", 400, "The fault is not proven";
    FaultRefused = "fault-refused", 409, "The fault is too old, or on the ledger";

    // The node.
    AddressRate = "address-rate", 429, "The address asks too often";
    SignerRate = "signer-rate", 429, "The signer has too much captured";
    Busy = "busy", 429, "The node has enough to do";
    DiskFull = "disk-full", 503, "The disk is full";
    Unwritten = "unwritten", 503, "The ledger could not be written";
    StoreRefused = "store-refused", 503, "The ledger takes no writes now";
    StoreUnavailable = "store-unavailable", 503, "The ledger cannot be reached";
    ClockJump = "clock-jump", 503, "The node's clock has jumped";
    NotSound = "not-sound", 503, "The node's ledger is not sound";
    NoQuorum = "no-quorum", 503, "Too few members can be reached";
    NotFinalYet = "not-final-yet", 503, "The members have not agreed yet";
    UnknownRules = "unknown-rules", 503, "The node does not know the rules in force";
    NotSigning = "not-signing", 503, "The member's node signs nothing";
    NotPassedOn = "not-passed-on", 503, "The node that takes posts cannot be reached";
    Stopping = "stopping", 503, "The node is stopping";
    Internal = "internal", 500, "The node failed";
}

impl Code {
    /// The code with this name.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// When it makes sense to come back, in seconds.
    pub const fn retry_after_s(self) -> Option<u32> {
        match self {
            Code::Busy | Code::Unwritten | Code::AddressRate | Code::SignerRate => Some(1),
            Code::DecoderBusy => Some(2),
            Code::QueueFull | Code::QueueUnwritten | Code::QueriesUnready => Some(30),
            Code::NotPassedOn | Code::Stopping | Code::StoreRefused | Code::StoreUnavailable => Some(10),
            Code::DiskFull | Code::ClockJump => Some(60),
            Code::TooManyRequests | Code::NotSound => Some(3_600),
            _ => None,
        }
    }

    /// The exception that EPCIS 2.0 has for this (its OpenAPI document, 2.0.0), without the prefix.
    pub const fn epcis_exception(self) -> Option<&'static str> {
        match (self, self.status()) {
            (Code::BadParameter | Code::MissingParameter | Code::UnknownParameter, _) => {
                Some("QueryParameterException")
            }
            (Code::QueryTooLarge, _) => Some("QueryTooLargeException"),
            (Code::QueryTooComplex, _) => Some("QueryTooComplexException"),
            (Code::BadQuery, _) => Some("QueryValidationException"),
            (Code::NoSuchQuery, _) => Some("NoSuchNameException"),
            (Code::BadSubscription, _) => Some("SubscriptionControlsException"),
            (Code::TooManyQueries | Code::TooManySubscriptions, _) => Some("ImplementationException"),
            // EPCIS has none for a method that is not taken.
            (_, 400 | 405) => Some("ValidationException"),
            (_, 406) => Some("NotAcceptableException"),
            (_, 401 | 403) => Some("SecurityException"),
            (_, 404) => Some("NoSuchResourceException"),
            (_, 409) => Some("ResourceAlreadyExistsException"),
            (_, 413) => Some("CaptureLimitExceededException"),
            (_, 414) => Some("URITooLongException"),
            (_, 415) => Some("UnsupportedMediaTypeException"),
            (_, 500 | 503) => Some("ImplementationException"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The rows of the tables in `docs/API.md` whose first cell is a code.
    fn documented() -> BTreeMap<String, u16> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/API.md");
        let text = std::fs::read_to_string(path).unwrap();
        let codes = text.split_once("## Problem codes").expect("a section of codes").1;
        let codes = codes.split_once("\n## ").map_or(codes, |(section, _)| section);
        let rows = codes.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            Some((cells.next()?.trim_end_matches('`').to_owned(), cells.next()?.parse().ok()?))
        });
        rows.collect()
    }

    #[test]
    fn every_code_is_documented_and_nothing_else() {
        let ours: BTreeMap<String, u16> =
            Code::ALL.iter().map(|code| (code.as_str().to_owned(), code.status())).collect();
        assert_eq!(ours.len(), Code::ALL.len(), "a code stands twice");
        assert_eq!(documented(), ours);
    }

    /// Statement errors and the rules of rights bring their own names; each must be one of ours.
    #[test]
    fn every_name_that_an_error_brings_is_known() {
        for (file, least) in [("crates/core/src/statement/error.rs", 30), ("crates/core/src/consortium/rights.rs", 3)] {
            let source = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            let names: Vec<&str> = source
                .lines()
                .filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\","))
                .filter(|text| text.contains('-') && !text.contains(' '))
                .collect();
            assert!(names.len() >= least, "{file}: {names:?}");
            for name in names {
                assert!(Code::find(name).is_some(), "{file}: {name}");
            }
        }
    }
}
