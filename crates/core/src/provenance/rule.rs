//! The rules: each by its stable id, with what its findings mean and with the parts of its sentence.

use crate::provenance::sentences::{Wording, sentences};

/// What a finding means for the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The product is recalled.
    Recall,
    /// A contradiction: the product is suspect.
    Fails,
    /// It is no more: destroyed, or taken out of use.
    Ended,
    /// A participant without a part in its journey says to have had it.
    Disputes,
    /// Something is missing: the history is incomplete.
    Gap,
    /// It has reached its end as it should: sold, dispensed, expired, used up, unpacked.
    Past,
    /// Worth knowing, and changes nothing.
    Note,
    /// In the product's favour: what an authentic verdict rests on.
    Holds,
}

/// Declares the rules by their severities: from them follow the enum, each rule's severity, and the list of all.
macro_rules! rules {
    ($([$severity:ident] $($name:ident = $id:literal $({ $($part:ident),+ })?,)+)+) => {
        sentences! {
            /// What a rule has found. `docs/VERDICT.md` says when each speaks; the sentences are in `web/verify/sentences.json`.
            pub enum Rule {
                $($($name = $id $({ $($part),+ })?,)+)+
            }
        }

        impl Rule {
            /// What the finding means for the verdict.
            pub const fn severity(&self) -> Severity {
                match self {
                    $($(Self::$name { .. })|+ => Severity::$severity,)+
                }
            }
        }

        /// Every rule by its stable id, and what its findings mean.
        pub const RULES: &[(&str, Severity)] = &[$($(($id, Severity::$severity),)+)+];
    };
}

rules! {
    [Recall]
        Recalled = "recalled" { who, right, day, what },
        RecalledInput = "recalled-input" { input, who, right, day, what },
        RecalledContent = "recalled-content" { content, who, right, day, what },
    [Fails]
        ClaimUpheld = "claim-upheld" { who, place, day, by, upheld },
        CommissionedTwice = "commissioned-twice" { verb, told },
        CommissionedWithoutAuthority = "commissioned-without-authority" { verb, who, day, belongs },
        EventAfterTerminal = "event-after-terminal" { who, day, end, ended, by },
        EventIdReused = "event-id-reused" { who, day, again },
        ContradictsItself = "contradicts-itself" { who, day, holder },
        ImpossibleTravel = "impossible-travel" { km, minutes, speed, who, day, other, again },
        LabelDiffers = "label-differs" { ai, name, value, who, recorded, day },
        ReportedStolen = "reported-stolen" { who, day },
        ShippedTwice = "shipped-twice" { who, day, holder },
        SignedAfterCompromise = "signed-after-compromise" { who, day, since },
        SignerNotInForce = "signer-not-in-force" { who, day, why },
        SignerOutsideRights = "signer-outside-rights" { who, day, why },
    [Ended]
        Decommissioned = "decommissioned" { who, day },
        Destroyed = "destroyed" { who, day },
    [Disputes]
        Claimed = "claimed" { own, says, warning },
    [Gap]
        AnswerTooOld = "answer-too-old" { then, now },
        ContainerCycle = "container-cycle" { who, day, container },
        CustodyGap = "custody-gap" { who, day, holder },
        EndWithdrawn = "end-withdrawn" { who, day, end, again },
        InsideContainer = "inside-container" { told },
        LimitReached = "limit-reached" { what },
        NoOrigin = "no-origin" { what },
        NotSerialised = "not-serialised",
        ReturnedElsewhere = "returned-elsewhere" { who, day, holder },
    [Past]
        Dispensed = "dispensed" { who, day },
        Expired = "expired" { expiry },
        Sold = "sold" { who, day },
        Unpacked = "unpacked" { who, day },
        UsedUp = "used-up" { who, day },
    [Note]
        CodeCanBeCopied = "code-can-be-copied",
        CompromisedStranger = "compromised-stranger" { who, day, since },
        Corrected = "corrected" { who, day, declared },
        CorrectionWithoutEffect = "correction-without-effect" { who, declared },
        ContainerDisputed = "container-disputed" { who, day, container },
        DatePassed = "date-passed" { name, date },
        Dismissed = "dismissed" { says, decided, reason },
        ExpiryUnreadable = "expiry-unreadable" { name, who, day, text },
        LabelIncomplete = "label-incomplete" { name, value },
        LabelUnconfirmed = "label-unconfirmed" { ai, name, value },
        Late = "late" { who, day },
        LeftConsortium = "left-consortium" { who, day },
        Load = "load",
        LotClaimed = "lot-claimed" { says },
        PackedElsewhere = "packed-elsewhere" { who, day, container },
        RecallClaimed = "recall-claimed" { who, day, what, holder },
        RecallLifted = "recall-lifted" { who, day, what, since },
        RecallLiftedByVote = "recall-lifted-by-vote" { who, day, what, decided, reason },
        StolenClaimed = "stolen-claimed" { who, day },
        SharedNumber = "shared-number" { what },
        Unannounced = "unannounced" { who, day, from },
        UnnamedCarrier = "unnamed-carrier" { who, day },
        UnpackedWithoutPacking = "unpacked-without-packing" { who, day, container },
        VoidWithoutShipping = "void-without-shipping" { who, day },
        WithdrawnTooLate = "withdrawn-too-late" { who, day },
    [Holds]
        CommissionedByPrefixHolder = "commissioned-by-prefix-holder" { verb, times, who },
        CustodyUnbroken = "custody-unbroken" { whereabouts },
        SignersRegistered = "signers-registered" { names },
}

impl Rule {
    /// How the product ended, if that is what was found, in the word of `state.end`.
    pub(super) const fn end(&self) -> Option<&'static str> {
        Some(match self {
            Self::Sold { .. } => "sold",
            Self::Dispensed { .. } => "dispensed",
            Self::Decommissioned { .. } => "decommissioned",
            Self::Destroyed { .. } => "destroyed",
            Self::UsedUp { .. } => "consumed",
            Self::Expired { .. } => "expired",
            Self::Unpacked { .. } => "unpacked",
            _ => return None,
        })
    }
}
