//! A model of the verdict on one product, written from docs/VERDICT.md and docs/FORMATS.md, "Acts", and sharing nothing with the
//! crate: the plainest form of each sentence there, however slow.

use std::collections::BTreeSet;

use crate::flaws::Flaws;
use crate::hands::{self, End, Fit, HOLDER, Hands, Reading};
use crate::story::{Say, Story, Who};

const TOLERANCE: i64 = 60;
const DAY: i64 = 1440;

/// What the model says of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub word: &'static str,
    pub custodian: Option<Who>,
    pub end: Option<&'static str>,
    pub in_transit: bool,
    pub contradictions: BTreeSet<usize>,
    /// What waits and contradicts nothing.
    pub claims: BTreeSet<usize>,
    pub taken_back: BTreeSet<usize>,
}

/// One accepted record on the way of the product: who had it before, and who has it after.
#[derive(Debug, Clone)]
struct Pace {
    at: usize,
    before: Hands,
    after: Hands,
    /// It is part of the account, and does not only lie aside.
    fits: bool,
}

/// The story as the rules see it.
struct Model<'a> {
    says: &'a [Say],
    parties: BTreeSet<Who>,
    flaws: Flaws,
    /// Whether the walk allows for clocks.
    clocks: bool,
    may_be_left_out: BTreeSet<usize>,
}

/// What the account accepts.
struct Account {
    accepted: BTreeSet<usize>,
    waiting: Vec<usize>,
    way: Vec<Pace>,
}

pub fn told(story: &Story, flaws: Flaws) -> Told {
    let says = &story.0;
    let (gone, taken_back) = take_back(says, flaws);
    let counting: Vec<usize> = (0..says.len()).filter(|at| !gone.contains(at)).collect();
    let model = Model::new(says, flaws);
    let account = model.account(&counting);
    let end_withdrawn = (0..says.len()).any(|at| gone.contains(&at) && model.leaves_a_gap(&account, &counting, at));
    model.weigh(&account, taken_back, end_withdrawn)
}

/// Who can have records accepted: who ever held the prefix, who brought it forth, whom a party's record names as a destination.
fn parties(says: &[Say]) -> BTreeSet<Who> {
    let mut parties = BTreeSet::from([HOLDER]);
    parties.extend(says.iter().filter(|say| say.adds).map(|say| say.who));
    loop {
        let before = parties.clone();
        let of_parties = || says.iter().filter(|say| before.contains(&say.who));
        parties.extend(of_parties().flat_map(|say| say.to.iter().copied()));
        let is_nobody = |who: &Who| who.is_carrier() || *who == Who::Outside;
        let names_nobody =
            of_parties().any(|say| hands::reading(say) == Reading::LetsGo && say.to.iter().all(is_nobody));
        if names_nobody || !of_parties().any(hands::says_to_have_had) {
            parties.extend(says.iter().filter(|say| hands::says_to_have_had(say)).map(|say| say.who));
        }
        if parties == before {
            return parties;
        }
    }
}

/// What counts for nothing because its signer took it back, in ledger order: all of it, and what `void_shipping` took.
fn take_back(says: &[Say], flaws: Flaws) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let mut gone: BTreeSet<usize> = (0..says.len()).filter(|at| says[*at].withdraws.is_some()).collect();
    let (voids, mut voided) = (voids(says), BTreeSet::new());
    for at in 0..says.len() {
        let is_void = says[at].withdraws.is_none();
        let void = || voids.iter().find(|(void, _)| *void == at).map(|(_, shipped)| *shipped);
        let Some(taken) = says[at].withdraws.or_else(void) else { continue };
        if !may_take_back(says, &gone, (taken, at), at, flaws) {
            continue;
        }
        gone.insert(taken);
        if is_void {
            gone.insert(at);
            voided.extend([taken, at]);
        }
    }
    (gone, voided)
}

/// Whether the account up to `last` still accepts what it accepted of others without what `at` takes back.
fn may_take_back(says: &[Say], gone: &BTreeSet<usize>, (taken, at): (usize, usize), last: usize, flaws: Flaws) -> bool {
    let up_to: Vec<usize> = (0..=last).filter(|one| !gone.contains(one)).collect();
    let without: Vec<usize> = up_to.iter().copied().filter(|one| *one != taken && *one != at).collect();
    let of_others = |counting: &[usize]| {
        let model = Model::new(says, flaws);
        let of_parties: Vec<usize> =
            counting.iter().copied().filter(|one| model.parties.contains(&says[*one].who)).collect();
        model.one_by_one(&of_parties).into_iter().filter(|one| says[*one].who != says[at].who).collect::<BTreeSet<_>>()
    };
    of_others(&up_to).is_subset(&of_others(&without))
}

/// Whether the docs leave open what a `void_shipping` does: what is withdrawn stands beside it, or it came too late and later
/// records make up for that.
pub fn is_open(story: &Story, flaws: Flaws) -> bool {
    let says = &story.0;
    let gone: BTreeSet<usize> = (0..says.len()).filter(|at| says[*at].withdraws.is_some()).collect();
    voids(says).into_iter().any(|(at, taken)| {
        let may = |last: usize| may_take_back(says, &gone, (taken, at), last, flaws);
        !gone.is_empty() || !may(at) && (at + 1..says.len()).any(may)
    })
}

/// Each `void_shipping` with the latest shipping of its signer before it that no earlier one has taken, in custody order.
fn voids(says: &[Say]) -> Vec<(usize, usize)> {
    let withdrawn = |at: usize| says[at].withdraws.is_some() || says.iter().any(|say| say.withdraws == Some(at));
    let mut order: Vec<usize> = (0..says.len()).filter(|at| !withdrawn(*at)).collect();
    order.sort_by_key(|at| (says[*at].time, *at));
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (place, at) in order.iter().enumerate() {
        let is_taken = |one: usize| pairs.iter().any(|(_, shipped)| *shipped == one);
        let own = |one: usize| says[one].who == says[*at].who && hands::reading(&says[one]) == Reading::LetsGo;
        let shipped = order[..place].iter().rfind(|one| own(**one) && !is_taken(**one)).copied();
        if hands::reading(&says[*at]) == Reading::TakesBack {
            pairs.extend(shipped.map(|shipped| (*at, shipped)));
        }
    }
    pairs
}

impl<'a> Model<'a> {
    fn new(says: &'a [Say], flaws: Flaws) -> Self {
        Self { says, parties: parties(says), flaws, clocks: true, may_be_left_out: BTreeSet::new() }
    }
}

impl Model<'_> {
    /// Event time, then place in the ledger.
    fn moment(&self, at: usize) -> (i64, usize) {
        (self.says[at].time, at)
    }

    /// How far apart two clocks may be. Exactly midnight is a time of a whole day.
    fn tolerance(&self, one: usize, other: usize) -> i64 {
        let is_midnight = |at: usize| self.says[at].time.rem_euclid(DAY) == 0;
        if is_midnight(one) || is_midnight(other) { DAY } else { TOLERANCE }
    }

    /// Walks along the records in custody order; `None` if one of them does not fit.
    fn walk(&self, records: &[usize], start: Hands) -> Option<Vec<Pace>> {
        let mut ahead = records.to_vec();
        ahead.sort_by_key(|at| self.moment(*at));
        self.origin_first(&mut ahead);
        let (mut hands, mut way) = (start, Vec::new());
        while let Some(next) = ahead.first().copied() {
            let found = self.next(&hands, &way, &ahead, next);
            // What may be left out lies aside if it does not fit.
            let (place, fit) = found.or_else(|| self.may_be_left_out.contains(&next).then_some((0, Fit::Aside)))?;
            let at = ahead.remove(place);
            let (fits, after) = match fit {
                Fit::Fits(after) => (true, after),
                _ => (false, hands.clone()),
            };
            way.push(Pace { at, before: hands, after: after.clone(), fits });
            hands = after;
        }
        Some(way)
    }

    /// Which of the records ahead comes next, and how it fits.
    fn next(&self, hands: &Hands, way: &[Pace], ahead: &[usize], next: usize) -> Option<(usize, Fit)> {
        let fit = hands.take(&self.says[next], self.flaws);
        if fit != Fit::No {
            return Some((0, fit));
        }
        let by_clocks = if self.clocks { self.letting_go_before(hands, ahead) } else { None };
        by_clocks.or_else(|| {
            let lies_aside =
                !self.flaws.carriers_near_transit_bar_others && self.is_near_transit(hands, next, way, ahead);
            lies_aside.then_some((0, Fit::Aside))
        })
    }

    /// The origin may be a little later than a record that comes first.
    fn origin_first(&self, ahead: &mut Vec<usize>) {
        let Some(place) = ahead.iter().position(|at| self.says[*at].adds) else { return };
        let origin = ahead[place];
        let is_near = |at: &usize| self.says[origin].time - self.says[*at].time <= self.tolerance(*at, origin);
        if let Some(before) = ahead.iter().position(is_near) {
            ahead.remove(place);
            ahead.insert(before, origin);
        }
    }

    /// Whether a carrier's record lies within the tolerance of a time in which the product was in transit.
    fn is_near_transit(&self, hands: &Hands, at: usize, way: &[Pace], ahead: &[usize]) -> bool {
        if !self.says[at].who.is_carrier() || hands::end(&self.says[at]).is_some() {
            return false;
        }
        let is_near = |other: usize| (self.says[at].time - self.says[other].time).abs() <= self.tolerance(at, other);
        let in_transit = |hands: &Hands| matches!(hands, Hands::Between { .. });
        let arrived = way.iter().rfind(|pace| in_transit(&pace.before) && !in_transit(&pace.after));
        let leaves =
            |one: &usize| matches!(hands.take(&self.says[*one], self.flaws), Fit::Fits(after) if in_transit(&after));
        arrived.is_some_and(|pace| is_near(pace.at)) || ahead.iter().filter(|one| leaves(one)).any(|one| is_near(*one))
    }

    /// The record of letting go that may come before the first one ahead.
    fn letting_go_before(&self, hands: &Hands, ahead: &[usize]) -> Option<(usize, Fit)> {
        let next = ahead[0];
        let mut seen = BTreeSet::from([self.says[next].who]);
        for (place, at) in ahead.iter().enumerate().skip(1) {
            let say = &self.says[*at];
            // What lies aside for want of a place takes no part.
            let takes_part = hands::reading(say) != Reading::InHand || hands::says_to_have_had(say);
            let is_first_of_signer = takes_part && seen.insert(say.who);
            if !is_first_of_signer || hands::reading(say) != Reading::LetsGo {
                continue;
            }
            if say.time - self.says[next].time > self.tolerance(next, *at) {
                continue;
            }
            let fit = hands.take(say, self.flaws);
            if let Fit::Fits(between) = &fit
                && between.take(&self.says[next], self.flaws) != Fit::No
            {
                return Some((place, fit));
            }
        }
        None
    }

    fn account(&self, counting: &[usize]) -> Account {
        let of_parties: Vec<usize> =
            counting.iter().copied().filter(|at| self.parties.contains(&self.says[*at].who)).collect();
        let accepted = match self.walk(&of_parties, Hands::Unborn) {
            Some(_) => of_parties.clone(),
            None => self.one_by_one(&of_parties),
        };
        let way = self.walk(&accepted, Hands::Unborn).expect("what was accepted fits");
        let accepted: BTreeSet<usize> = accepted.into_iter().collect();
        let waiting = counting.iter().copied().filter(|at| !accepted.contains(at)).collect();
        Account { accepted, waiting, way }
    }

    fn one_by_one(&self, of_parties: &[usize]) -> Vec<usize> {
        let origin = of_parties.iter().copied().find(|at| self.says[*at].adds);
        let mut accepted: Vec<usize> = origin.into_iter().collect();
        let mut waiting = Vec::new();
        for at in of_parties.iter().copied().filter(|at| Some(*at) != origin) {
            waiting.push(at);
            while let Some(more) = self.next_accepted(&accepted, &waiting) {
                waiting.retain(|one| !more.contains(one));
                accepted.extend(more);
            }
        }
        accepted
    }

    /// The next of the waiting records to be accepted: one, or a run of one signer's.
    fn next_accepted(&self, accepted: &[usize], waiting: &[usize]) -> Option<Vec<usize>> {
        let fits = |more: &[usize]| self.walk(&[accepted, more].concat(), Hands::Unborn).is_some();
        if let Some(one) = waiting.iter().find(|one| fits(&[**one])) {
            return Some(vec![*one]);
        }
        let mut signers = Vec::new();
        for at in waiting {
            if !signers.contains(&self.says[*at].who) {
                signers.push(self.says[*at].who);
            }
        }
        signers.into_iter().find_map(|who| {
            let mut own: Vec<usize> = waiting.iter().copied().filter(|at| self.says[*at].who == who).collect();
            own.sort_by_key(|at| self.moment(*at));
            runs(&own).into_iter().find(|run| fits(run))
        })
    }
}

/// The runs of at least two: the earliest start first, and from there the longest.
fn runs(own: &[usize]) -> Vec<Vec<usize>> {
    let of_start = |start: usize| (start + 2..=own.len()).rev().map(move |end| own[start..end].to_vec());
    (0..own.len()).flat_map(of_start).collect()
}

// ---- What waits, and the word ----

impl Model<'_> {
    /// Who has the product just before a record that waits.
    fn hands_before<'a>(&self, account: &'a Account, at: usize) -> &'a Hands {
        let earlier = account.way.iter().rfind(|pace| self.moment(pace.at) < self.moment(at));
        earlier.map_or(&Hands::Unborn, |pace| &pace.after)
    }

    /// Whether a record of another that was accepted after this one's moment stands on an earlier leaf; `moved`: one that moved it.
    fn others_went_on(&self, account: &Account, at: usize, moved: bool) -> bool {
        let place = account.way.iter().rposition(|pace| self.moment(pace.at) < self.moment(at)).map_or(0, |at| at + 1);
        let on_the_way = if moved { &account.way[place..] } else { &account.way };
        let later = on_the_way.iter().filter(|pace| self.moment(pace.at) > self.moment(at));
        later
            .filter(|pace| self.says[pace.at].who != self.says[at].who)
            .any(|pace| pace.at < at && (pace.fits || !moved))
    }

    /// Whether a record that waits lies aside where it stands, or is a carrier's near a transit.
    fn is_aside(&self, account: &Account, at: usize) -> bool {
        if self.hands_before(account, at).take(&self.says[at], self.flaws) == Fit::Aside {
            return true;
        }
        let is_carried = self.says[at].who.is_carrier() && hands::end(&self.says[at]).is_none();
        is_carried
            && self.transits(account).into_iter().any(|(left, arrived)| {
                let near = |one: usize| (self.says[at].time - self.says[one].time).abs() <= self.tolerance(at, one);
                let after_leaving = self.moment(left) < self.moment(at) || near(left);
                let before_arrival =
                    arrived.is_none_or(|arrived| self.moment(at) < self.moment(arrived) || near(arrived));
                after_leaving && before_arrival
            })
    }

    /// From which record to which it was in transit.
    fn transits(&self, account: &Account) -> Vec<(usize, Option<usize>)> {
        let in_transit = |hands: &Hands| matches!(hands, Hands::Between { .. });
        let mut transits: Vec<(usize, Option<usize>)> = Vec::new();
        for pace in &account.way {
            match (in_transit(&pace.before), in_transit(&pace.after)) {
                (false, true) => transits.push((pace.at, None)),
                (true, false) => transits.last_mut().expect("it left before").1 = Some(pace.at),
                _ => {}
            }
        }
        transits
    }

    /// Whether the account had the product ended by what was withdrawn, it was no sale by mistake, and the holder of the prefix has
    /// not recorded it since.
    fn leaves_a_gap(&self, account: &Account, counting: &[usize], taken: usize) -> bool {
        let Some(at) = self.says.iter().position(|say| say.withdraws == Some(taken)) else { return false };
        let after = if self.flaws.withdrawn_end_that_never_stood {
            self.hands_before(account, taken).take(&self.says[taken], self.flaws)
        } else {
            let mut all = [counting, &[taken]].concat();
            all.sort_unstable();
            let way = self.account(&all).way;
            way.into_iter().find(|pace| pace.at == taken && pace.fits).map_or(Fit::No, |pace| Fit::Fits(pace.after))
        };
        let ended = matches!(after, Fit::Fits(Hands::Ended { .. }));
        let is_sale = hands::end(&self.says[taken]).is_some_and(End::is_sale);
        let has_it = account.way.last().is_some_and(|pace| pace.after == Hands::Held(self.says[at].who));
        let is_mistake = is_sale && has_it && self.says[at].posted - self.says[taken].posted <= DAY;
        ended && !is_mistake && !self.says[at + 1..].iter().any(|say| say.who == HOLDER)
    }

    fn contradicts(&self, account: &Account, at: usize) -> bool {
        let say = &self.says[at];
        if say.adds && self.says.iter().enumerate().any(|(one, say)| say.adds && account.accepted.contains(&one)) {
            return true;
        }
        self.hands_before(account, at).was_with(say.who) && !self.others_went_on(account, at, false)
    }

    fn weigh(&self, account: &Account, taken_back: BTreeSet<usize>, end_withdrawn: bool) -> Told {
        let left: Vec<usize> = account.waiting.iter().copied().filter(|at| !self.is_aside(account, *at)).collect();
        let contradictions: BTreeSet<usize> =
            left.iter().copied().filter(|at| self.contradicts(account, *at)).collect();
        let left = left.into_iter().filter(|at| !contradictions.contains(at));
        let claims: BTreeSet<usize> = left.filter(|at| hands::says_to_have_had(&self.says[*at])).collect();
        let hands = account.way.last().map_or(Hands::Unborn, |pace| pace.after.clone());
        let end = match hands {
            Hands::Ended { end, .. } => Some(end),
            _ => None,
        };
        let is_gap = self.explains(account, &claims);
        let has_origin = account.accepted.iter().any(|at| self.says[*at].adds);
        let word = match () {
            () if self.says.is_empty() => "unknown",
            () if !contradictions.is_empty() || self.is_stolen(account) => "suspect",
            () if end.is_some_and(|end| !end.is_sale()) => "ended in red",
            () if !claims.is_empty() && !is_gap => "disputed",
            () if !claims.is_empty() || !has_origin || end_withdrawn => "incomplete",
            () if end.is_some() => "ended in amber",
            () => "authentic",
        };
        let custodian = match hands {
            Hands::Held(who) => Some(who),
            Hands::Between { carried_by, .. } => carried_by,
            Hands::Unborn | Hands::Ended { .. } => None,
        };
        let in_transit = matches!(hands, Hands::Between { .. });
        Told { word, custodian, end: end.map(End::name), in_transit, contradictions, claims, taken_back }
    }

    /// Whether a hand-over that is not on record explains the claims.
    fn explains(&self, account: &Account, claims: &BTreeSet<usize>) -> bool {
        // Where others claim too, carriers carried it for them.
        let only_carriers = claims.iter().all(|at| self.says[*at].who.is_carrier());
        let claims: Vec<usize> =
            claims.iter().copied().filter(|at| only_carriers || !self.says[*at].who.is_carrier()).collect();
        let Some(first) = claims.iter().copied().min_by_key(|at| self.moment(*at)) else { return true };
        let later = account.accepted.iter().copied().filter(|at| self.moment(*at) > self.moment(first));
        let near = |at: &usize| self.says[*at].time - self.says[first].time <= self.tolerance(first, *at);
        let may_be_left_out = later.clone().filter(near).collect();
        let all: Vec<usize> = claims.iter().copied().chain(later).collect();
        // Here a commissioning counts as having it.
        let says: Vec<Say> = self.says.iter().map(|say| Say { adds: false, ..say.clone() }).collect();
        let clocks = !self.flaws.second_account_without_clocks;
        let second = Model { says: &says, parties: self.parties.clone(), flaws: self.flaws, clocks, may_be_left_out };
        let who = self.says[first].who;
        let takes = hands::reading(&self.says[first]) == Reading::Takes;
        let names_source = self.says[first].from.is_some_and(|from| match self.hands_before(account, first) {
            Hands::Held(who) | Hands::Between { from: who, .. } => *who == from,
            _ => false,
        });
        if takes && names_source && claims.iter().all(|at| self.says[*at].who == who) {
            return true;
        }
        second.walk(&all, Hands::Unborn).is_some() && !self.takes_what_another_just_took(account, first)
    }

    /// Whether the claim takes over, within 7 days of block times, what another has just taken over that was let go to nobody in
    /// particular.
    fn takes_what_another_just_took(&self, account: &Account, first: usize) -> bool {
        let place = account.way.iter().rposition(|pace| self.moment(pace.at) < self.moment(first));
        let before = &account.way[..place.map_or(0, |at| at + 1)];
        let taken_over = |pace: &&Pace| match (&pace.before, &pace.after) {
            (Hands::Between { from, .. }, Hands::Between { from: sender, .. }) => from != sender,
            (Hands::Between { from, carried_by, .. }, _) => {
                pace.before != pace.after && (self.says[pace.at].who != *from || carried_by.is_some())
            }
            _ => false,
        };
        let taken = before.iter().rfind(taken_over);
        let Some(Pace { at, before: Hands::Between { from, to, .. }, .. }) = taken else { return false };
        let sooner = |one: usize, other: usize| self.moment(one) < self.moment(other);
        let mut let_go_before = account.way.iter().take_while(|pace| pace.at != *at);
        let is_swapped = let_go_before.any(|pace| sooner(*at, pace.at) && sooner(pace.at, first));
        if self.says[*at].who == *from || self.flaws.second_receiver_behind_a_clock && is_swapped {
            return false;
        }
        let is_there = matches!(self.hands_before(account, first), Hands::Held(_));
        let takes = match hands::reading(&self.says[first]) {
            Reading::Takes => true,
            Reading::InHand => self.says[first].place.is_some(),
            _ => false,
        };
        if !takes || !is_there {
            return false;
        }
        let is_open = to.iter().all(|who| who.is_carrier());
        let near = (self.says[first].posted - self.says[*at].posted).abs() <= 7 * DAY;
        is_open && near
    }

    /// Whether a report of theft stands.
    fn is_stolen(&self, account: &Account) -> bool {
        let reports = (0..self.says.len()).filter(|at| self.says[*at].disposition == Some("stolen"));
        let standing = reports.filter(|at| account.accepted.contains(at) || account.waiting.contains(at));
        standing.into_iter().any(|at| {
            let who = self.says[at].who;
            let concerned = match self.hands_before(account, at) {
                Hands::Held(holder) => *holder == who,
                Hands::Between { from, to, .. } => *from == who || to.contains(&who),
                Hands::Ended { by, .. } => self.flaws.stolen_after_an_end && *by == who,
                Hands::Unborn => false,
            };
            who == HOLDER || concerned && !self.others_went_on(account, at, true)
        })
    }
}
