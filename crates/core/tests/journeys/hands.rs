//! The model's reading of one record, and whether it fits what came before it: docs/FORMATS.md, "Acts", and docs/VERDICT.md,
//! "Reading an event" and "The account".

use std::collections::BTreeSet;

use crate::story::{Say, Who};

/// The holder of the product's company prefix.
pub const HOLDER: Who = Who::Acme;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    LetsGo,
    Takes,
    TakesBack,
    Afar,
    InHand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Destroyed,
    Sold,
    Dispensed,
    Decommissioned,
}

impl End {
    pub const fn name(self) -> &'static str {
        match self {
            End::Destroyed => "destroyed",
            End::Sold => "sold",
            End::Dispensed => "dispensed",
            End::Decommissioned => "decommissioned",
        }
    }

    pub const fn is_sale(self) -> bool {
        matches!(self, End::Sold | End::Dispensed)
    }
}

pub fn reading(say: &Say) -> Reading {
    match say.step {
        "shipping" | "consigning" | "departing" => Reading::LetsGo,
        "receiving" | "accepting" => Reading::Takes,
        "void_shipping" => Reading::TakesBack,
        "sensor_reporting" | "reserving" => Reading::Afar,
        _ if say.disposition == Some("stolen") || say.trades => Reading::Afar,
        _ => Reading::InHand,
    }
}

pub fn end(say: &Say) -> Option<End> {
    match say.step {
        "destroying" => Some(End::Destroyed),
        "retail_selling" => Some(End::Sold),
        "dispensing" => Some(End::Dispensed),
        "decommissioning" => Some(End::Decommissioned),
        _ => None,
    }
}

/// Whether it says to have had the thing: it brings it forth, lets go, takes, has it in hand at a place, or ends it.
pub fn says_to_have_had(say: &Say) -> bool {
    let in_hand = reading(say) == Reading::InHand && say.place.is_some();
    say.adds || in_hand || matches!(reading(say), Reading::LetsGo | Reading::Takes) || end(say).is_some()
}

/// The steps that may follow an end.
pub fn may_follow(ended: End, step: &str) -> bool {
    let after_sale = [
        "collecting",
        "decommissioning",
        "destroying",
        "disassembling",
        "inspecting",
        "installing",
        "killing",
        "removing",
        "repairing",
        "replacing",
        "sampling",
    ];
    match ended {
        // At the till, and then at the counter.
        End::Sold => after_sale.contains(&step) || step == "dispensing",
        End::Dispensed => after_sale.contains(&step),
        End::Decommissioned => ["collecting", "destroying", "disassembling"].contains(&step),
        End::Destroyed => false,
    }
}

/// Who has the product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hands {
    Unborn,
    Held(Who),
    Between { from: Who, to: BTreeSet<Who>, carried_by: Option<Who> },
    Ended { by: Who, end: End, time: i64 },
}

/// Whether a record fits, and what it makes of who has the product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    Fits(Hands),
    Aside,
    No,
}

impl Hands {
    pub fn let_go(from: Who, to: &[Who]) -> Self {
        Hands::Between { from, to: to.iter().copied().collect(), carried_by: None }
    }

    /// What follows when `who` has the product and records this.
    fn in_the_hands_of(say: &Say) -> Fit {
        Fit::Fits(match (reading(say), end(say)) {
            (Reading::LetsGo, _) => Hands::let_go(say.who, &say.to),
            (_, Some(end)) => Hands::Ended { by: say.who, end, time: say.time },
            _ => Hands::Held(say.who),
        })
    }

    pub fn take(&self, say: &Say) -> Fit {
        if say.adds {
            return if *self == Hands::Unborn { Fit::Fits(Hands::Held(say.who)) } else { Fit::No };
        }
        if end(say) == Some(End::Decommissioned) && say.who == HOLDER {
            return self.decommissioned(say);
        }
        // A sale may be recorded as a TransactionEvent.
        let sells = say.trades && end(say).is_some_and(End::is_sale);
        match reading(say) {
            Reading::TakesBack => return Fit::Aside,
            Reading::Afar if !sells => return Fit::Aside,
            // Without a place nobody says to have had it.
            Reading::InHand if say.place.is_none() && end(say).is_none() && self.is_anothers(say.who) => {
                return Fit::Aside;
            }
            _ => {}
        }
        match self {
            Hands::Unborn => Self::in_the_hands_of(say),
            Hands::Held(holder) if *holder == say.who => Self::in_the_hands_of(say),
            Hands::Held(holder) => {
                if is_visit(say, *holder) {
                    Fit::Aside
                } else {
                    Fit::No
                }
            }
            Hands::Between { from, to, carried_by } => Self::between(say, *from, to, *carried_by),
            Hands::Ended { by, end, time } => self.after(say, *by, *end, *time),
        }
    }

    /// Whether another has it, or has sent it, and not to this one.
    fn is_anothers(&self, who: Who) -> bool {
        match self {
            Hands::Held(holder) => *holder != who,
            Hands::Between { from, to, .. } => *from != who && !to.contains(&who),
            Hands::Unborn | Hands::Ended { .. } => false,
        }
    }

    /// Whether it has the product, sent it, or ended it.
    pub fn was_with(&self, who: Who) -> bool {
        match self {
            Hands::Unborn => false,
            Hands::Held(one) | Hands::Between { from: one, .. } | Hands::Ended { by: one, .. } => *one == who,
        }
    }

    /// The holder of the prefix takes it out of use, from afar.
    fn decommissioned(&self, say: &Say) -> Fit {
        match self {
            Hands::Ended { end: End::Destroyed | End::Decommissioned, .. } => Fit::Aside,
            _ => self.ended_further(say, End::Decommissioned),
        }
    }

    /// Who ended it first is who ended it.
    fn ended_further(&self, say: &Say, end: End) -> Fit {
        let by = if let Hands::Ended { by, .. } = self { *by } else { say.who };
        Fit::Fits(Hands::Ended { by, end, time: say.time })
    }

    fn between(say: &Say, from: Who, to: &BTreeSet<Who>, carried_by: Option<Who>) -> Fit {
        let parties: BTreeSet<Who> = to.iter().copied().filter(|who| !who.is_carrier()).collect();
        if say.who == from {
            return Self::by_the_sender(say, to, carried_by);
        }
        if say.who.is_carrier() {
            return Self::by_a_carrier(say, from, to);
        }
        if parties.contains(&say.who) {
            return Self::in_the_hands_of(say);
        }
        if is_visit(say, from) || to.iter().any(|who| is_visit(say, *who)) {
            return Fit::Aside;
        }
        let takes_over = matches!(reading(say), Reading::Takes | Reading::InHand) && end(say).is_none();
        if parties.is_empty() && takes_over { Fit::Fits(Hands::Held(say.who)) } else { Fit::No }
    }

    fn by_the_sender(say: &Say, to: &BTreeSet<Who>, carried_by: Option<Who>) -> Fit {
        let is_registered = |who: &&Who| **who != Who::Outside;
        let is_party = |who: &&Who| is_registered(who) && !who.is_carrier();
        match (reading(say), end(say)) {
            (Reading::LetsGo, _) => {
                let named: BTreeSet<Who> = say.to.iter().filter(is_party).copied().collect();
                let before: BTreeSet<Who> = to.iter().filter(is_party).copied().collect();
                if !before.is_empty() && !named.is_empty() && before.is_disjoint(&named) {
                    return Fit::No;
                }
                let adds_to_them = say.to.iter().all(|who| who.is_carrier());
                let mut named: BTreeSet<Who> = say.to.iter().copied().collect();
                named.extend(to.iter().filter(|_| adds_to_them));
                let to = named;
                Fit::Fits(Hands::Between { from: say.who, to, carried_by })
            }
            (_, Some(end)) if end.is_sale() && !to.iter().any(|who| is_registered(&who)) => Self::in_the_hands_of(say),
            (_, Some(_)) => Fit::No,
            (Reading::Takes, _) => Fit::Fits(Hands::Held(say.who)),
            _ => Fit::Aside,
        }
    }

    fn by_a_carrier(say: &Say, from: Who, to: &BTreeSet<Who>) -> Fit {
        if end(say).is_some() {
            return Fit::No;
        }
        if !to.contains(&say.who) {
            return Fit::Aside;
        }
        let mut to = to.clone();
        if reading(say) == Reading::LetsGo {
            // Whom the sender named stays: a carrier adds further carriers, and where there are only carriers, whom they bring it to.
            let is_open = to.iter().all(|who| who.is_carrier());
            to.extend(say.to.iter().copied().filter(|who| who.is_carrier() || is_open));
        }
        Fit::Fits(Hands::Between { from, to, carried_by: Some(say.who) })
    }

    fn after(&self, say: &Say, by: Who, ended: End, time: i64) -> Fit {
        let may_end = say.who == by || say.who == HOLDER;
        if say.disposition == Some("returned") && ended.is_sale() && may_end {
            return Fit::Fits(Hands::Held(say.who));
        }
        match end(say) {
            Some(end) if may_follow(ended, say.step) && may_end => self.ended_further(say, end),
            None if may_follow(ended, say.step) => Fit::Aside,
            _ if say.who == by && say.time == time => Fit::Aside,
            _ => Fit::No,
        }
    }
}

/// An observation at the custodian's own place.
fn is_visit(say: &Say, custodian: Who) -> bool {
    reading(say) == Reading::InHand && end(say).is_none() && say.place == Some(custodian)
}
