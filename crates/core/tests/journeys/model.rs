//! A model of the verdict on one product, written from docs/VERDICT.md and docs/FORMATS.md, "Acts", and sharing nothing with the
//! crate: the plainest form of each sentence there, however slow.

use std::collections::BTreeSet;

use crate::candidates::Contest;
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
pub struct Pace {
    pub at: usize,
    pub before: Hands,
    pub after: Hands,
    /// It is part of the account, and does not only lie aside.
    pub fits: bool,
    /// Of a product on its way before this: the record that let it go.
    pub let_go: Option<usize>,
    /// The record lies aside by the tolerance of clocks.
    pub by_clocks: bool,
    /// More than one received it, and this comes after the first of them.
    pub is_frozen: bool,
}

/// The story as the rules see it.
pub struct Model<'a> {
    pub says: &'a [Say],
    parties: BTreeSet<Who>,
    may_be_left_out: BTreeSet<usize>,
}

/// The record that let goods go to nobody in particular, and the first of those who say to have received them.
pub type Contested = (usize, Who);

/// How things stand while walking.
#[derive(Clone)]
struct State {
    hands: Hands,
    /// The record that let it go, while it is on its way.
    let_go: Option<usize>,
    is_frozen: bool,
}

/// What the account accepts.
struct Account {
    accepted: BTreeSet<usize>,
    waiting: Vec<usize>,
    way: Vec<Pace>,
    contests: Vec<Contest>,
}

pub fn told(story: &Story) -> Told {
    let says = &story.0;
    let (gone, taken_back) = take_back(says);
    let counting: Vec<usize> = (0..says.len()).filter(|at| !gone.contains(at)).collect();
    let model = Model::new(says);
    let account = model.account(&counting);
    let end_withdrawn = (0..says.len()).any(|at| gone.contains(&at) && model.leaves_a_gap(&account, at));
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
fn take_back(says: &[Say]) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let mut gone: BTreeSet<usize> = (0..says.len()).filter(|at| says[*at].withdraws.is_some()).collect();
    let (voids, mut voided) = (voids(says), BTreeSet::new());
    for at in 0..says.len() {
        let is_void = says[at].withdraws.is_none();
        let void = || voids.iter().find(|(void, _)| *void == at).map(|(_, shipped)| *shipped);
        let Some(taken) = says[at].withdraws.or_else(void) else { continue };
        if !may_take_back(says, &gone, (taken, at), at) {
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
fn may_take_back(says: &[Say], gone: &BTreeSet<usize>, (taken, at): (usize, usize), last: usize) -> bool {
    let up_to: Vec<usize> = (0..=last).filter(|one| !gone.contains(one)).collect();
    let without: Vec<usize> = up_to.iter().copied().filter(|one| *one != taken && *one != at).collect();
    // What is accepted of others, and what of it carries the account on.
    let of_others = |counting: &[usize]| {
        let model = Model::new(says);
        let (accepted, fitting) = model.uncontested(&model.of_parties(counting));
        let is_others = |one: &usize| says[*one].who != says[at].who;
        let accepted: BTreeSet<usize> = accepted.into_iter().filter(is_others).collect();
        let fitting: BTreeSet<usize> = fitting.into_iter().filter(is_others).collect();
        (accepted, fitting)
    };
    let (before, then) = (of_others(&up_to), of_others(&without));
    before.0.is_subset(&then.0) && before.1.is_subset(&then.1)
}

/// Whether the docs leave open what a `void_shipping` does: what is withdrawn stands beside it, or it came too late and later
/// records make up for that.
pub fn is_open(story: &Story) -> bool {
    let says = &story.0;
    let gone: BTreeSet<usize> = (0..says.len()).filter(|at| says[*at].withdraws.is_some()).collect();
    voids(says).into_iter().any(|(at, taken)| {
        let may = |last: usize| may_take_back(says, &gone, (taken, at), last);
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
    fn new(says: &'a [Say]) -> Self {
        Self { says, parties: parties(says), may_be_left_out: BTreeSet::new() }
    }
}

impl Model<'_> {
    /// Event time, then place in the ledger.
    pub fn moment(&self, at: usize) -> (i64, usize) {
        (self.says[at].time, at)
    }

    /// How far apart two clocks may be. Exactly midnight is a time of a whole day.
    fn tolerance(&self, one: usize, other: usize) -> i64 {
        let is_midnight = |at: usize| self.says[at].time.rem_euclid(DAY) == 0;
        if is_midnight(one) || is_midnight(other) { DAY } else { TOLERANCE }
    }

    /// Walks along the records in custody order; `None` if one of them does not fit.
    pub fn walk(&self, records: &[usize], contested: Option<Contested>) -> Option<Vec<Pace>> {
        let mut ahead = records.to_vec();
        ahead.sort_by_key(|at| self.moment(*at));
        self.origin_first(&mut ahead);
        let mut state = State { hands: Hands::Unborn, let_go: None, is_frozen: false };
        let mut way = Vec::new();
        while let Some(next) = ahead.first().copied() {
            let (place, fit, by_clocks) = self.next(&state, &way, &ahead, next)?;
            let at = ahead.remove(place);
            let State { hands: before, let_go, is_frozen } = state.clone();
            let (fits, after) = match fit {
                Fit::Fits(after) => (true, after),
                _ => (false, before.clone()),
            };
            if fits {
                state = self.after(&state, at, &after, contested);
            }
            way.push(Pace { at, before, after, fits, let_go, by_clocks, is_frozen });
        }
        Some(way)
    }

    fn after(&self, state: &State, at: usize, after: &Hands, contested: Option<Contested>) -> State {
        let let_go = match (&state.hands, after) {
            (Hands::Between { from: before, .. }, Hands::Between { from, .. }) if before == from => state.let_go,
            (_, Hands::Between { .. }) => Some(at),
            _ => None,
        };
        let is_first = contested.is_some_and(|(since, by)| state.let_go == Some(since) && self.says[at].who == by);
        State { hands: after.clone(), let_go, is_frozen: state.is_frozen || is_first }
    }

    /// How a record fits. While there are candidates nothing moves the product but what the holder of its prefix says from afar.
    fn fit(&self, state: &State, at: usize) -> Fit {
        let say = &self.says[at];
        let is_makers = say.who == HOLDER && hands::end(say) == Some(End::Decommissioned);
        match state.hands.take(say) {
            Fit::Fits(_) if state.is_frozen && !is_makers => Fit::Aside,
            fit => fit,
        }
    }

    /// Which of the records ahead comes next, how it fits, and whether it lies aside by the tolerance of clocks.
    fn next(&self, state: &State, way: &[Pace], ahead: &[usize], next: usize) -> Option<(usize, Fit, bool)> {
        let fit = self.fit(state, next);
        if fit != Fit::No {
            return Some((0, fit, false));
        }
        if let Some((place, fit)) = self.letting_go_before(state, ahead) {
            return Some((place, fit, false));
        }
        let is_near = self.is_near_transit(state, next, way, &ahead[1..]);
        // What may be left out lies aside if it does not fit.
        (is_near || self.may_be_left_out.contains(&next)).then_some((0, Fit::Aside, is_near))
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
    fn is_near_transit(&self, state: &State, at: usize, way: &[Pace], ahead: &[usize]) -> bool {
        if !self.says[at].who.is_carrier() || hands::end(&self.says[at]).is_some() {
            return false;
        }
        let is_near = |other: usize| (self.says[at].time - self.says[other].time).abs() <= self.tolerance(at, other);
        let in_transit = |hands: &Hands| matches!(hands, Hands::Between { .. });
        let arrived = way.iter().rfind(|pace| in_transit(&pace.before) && !in_transit(&pace.after));
        let leaves = |one: &&usize| matches!(self.fit(state, **one), Fit::Fits(after) if in_transit(&after));
        arrived.is_some_and(|pace| is_near(pace.at)) || ahead.iter().filter(leaves).any(|one| is_near(*one))
    }

    /// The record of letting go that may come before the first one ahead.
    fn letting_go_before(&self, state: &State, ahead: &[usize]) -> Option<(usize, Fit)> {
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
            let fit = self.fit(state, *at);
            if let Fit::Fits(between) = &fit
                && between.take(&self.says[next]) != Fit::No
            {
                return Some((place, fit));
            }
        }
        None
    }

    /// Those of the records that are parties'.
    fn of_parties(&self, counting: &[usize]) -> Vec<usize> {
        counting.iter().copied().filter(|at| self.parties.contains(&self.says[*at].who)).collect()
    }

    fn account(&self, counting: &[usize]) -> Account {
        let of_parties = self.of_parties(counting);
        let mut accepted = self.uncontested(&of_parties).0;
        let (mut contests, mut contested) = (Vec::new(), None);
        if accepted.len() < of_parties.len() {
            // Each contest that is settled may uncover another.
            while let Some(contest) = self.contest(&accepted, &of_parties, &contests) {
                let (since, first) = (contest.since, self.says[contest.first].who);
                let receiver = contest.receiver(self);
                contests.push(contest);
                if receiver == Some(first) {
                    continue;
                }
                let is_late = |at: &usize| {
                    receiver.is_some() && self.says[*at].who == first && self.moment(*at) > self.moment(since)
                };
                contested = receiver.is_none().then_some((since, first));
                let (late, mut in_time): (Vec<usize>, Vec<usize>) = of_parties.iter().copied().partition(is_late);
                in_time.extend(late);
                accepted = self.one_by_one(&in_time, contested).0;
                if contested.is_some() {
                    break;
                }
            }
        }
        let way = self.walk(&accepted, contested).expect("what was accepted fits");
        let accepted: BTreeSet<usize> = accepted.into_iter().collect();
        let waiting = counting.iter().copied().filter(|at| !accepted.contains(at)).collect();
        Account { accepted, waiting, way, contests }
    }

    /// The first contest that the account leaves open.
    fn contest(&self, accepted: &[usize], of_parties: &[usize], known: &[Contest]) -> Option<Contest> {
        let way = self.walk(accepted, None).expect("what was accepted fits");
        let waiting: Vec<usize> = of_parties.iter().copied().filter(|at| !accepted.contains(at)).collect();
        Contest::all(self, &way, &waiting).into_iter().find(|one| known.iter().all(|other| other.since != one.since))
    }

    /// What is accepted before anything is contested, and what of it carries the account on.
    fn uncontested(&self, of_parties: &[usize]) -> (Vec<usize>, BTreeSet<usize>) {
        match self.walk(of_parties, None).filter(|way| !self.is_rewritten(way)) {
            Some(way) => (of_parties.to_vec(), way.iter().filter(|pace| pace.fits).map(|pace| pace.at).collect()),
            None => self.one_by_one(of_parties, None),
        }
    }

    /// Whether a record lies aside because of one that another participant posted later and dated back. What speaks from afar and
    /// what carriers record would lie aside without it too.
    fn is_rewritten(&self, way: &[Pace]) -> bool {
        way.iter().filter(|pace| !pace.fits).any(|aside| {
            let say = &self.says[aside.at];
            let is_afar =
                matches!(hands::reading(say), Reading::Afar | Reading::TakesBack) && hands::end(say).is_none();
            let is_back_dated = |pace: &Pace| {
                let is_before = self.moment(pace.at) < self.moment(aside.at);
                pace.fits && is_before && pace.at > aside.at && self.says[pace.at].who != say.who
            };
            !say.who.is_carrier() && !is_afar && way.iter().any(is_back_dated)
        })
    }

    /// What is accepted, and what of it carries the account on, if the records are offered in this order.
    fn one_by_one(&self, offered: &[usize], contested: Option<Contested>) -> (Vec<usize>, BTreeSet<usize>) {
        let origin = offered.iter().copied().filter(|at| self.says[*at].adds).min();
        let (mut accepted, mut fitting) = (Vec::from_iter(origin), BTreeSet::from_iter(origin));
        let mut waiting = Vec::new();
        for at in offered.iter().copied().filter(|at| Some(*at) != origin) {
            waiting.push(at);
            waiting.sort_unstable();
            while let Some((more, then)) = self.next_accepted(&accepted, &fitting, &waiting, contested) {
                waiting.retain(|one| !more.contains(one));
                accepted.extend(more);
                fitting = then;
            }
        }
        (accepted, fitting)
    }

    /// The next of the waiting records to be accepted, one or a run of one signer's, and what carries the account on then.
    fn next_accepted(
        &self,
        accepted: &[usize],
        fitting: &BTreeSet<usize>,
        waiting: &[usize],
        contested: Option<Contested>,
    ) -> Option<(Vec<usize>, BTreeSet<usize>)> {
        let accept = |more: &[usize]| {
            let way = self.walk(&[accepted, more].concat(), contested)?;
            let who = self.says[more[0]].who;
            // What others recorded carries the account on as it did; a carrier's may lie aside by the clocks.
            let is_displaced = |pace: &Pace| {
                fitting.contains(&pace.at) && !pace.fits && !pace.by_clocks && self.says[pace.at].who != who
            };
            let then = way.iter().filter(|pace| pace.fits).map(|pace| pace.at).collect();
            (!way.iter().any(is_displaced)).then(|| (more.to_vec(), then))
        };
        if let Some(one) = waiting.iter().find_map(|one| accept(&[*one])) {
            return Some(one);
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
            runs(&own).into_iter().find_map(|run| accept(&run))
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
        let names_a_candidate = |contest: &Contest| contest.settled == Some(at);
        if self.hands_before(account, at).take(&self.says[at]) == Fit::Aside
            || account.contests.iter().any(names_a_candidate)
        {
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
    fn leaves_a_gap(&self, account: &Account, taken: usize) -> bool {
        let Some(at) = self.says.iter().position(|say| say.withdraws == Some(taken)) else { return false };
        let until_then: Vec<usize> = (0..at).collect();
        let (_, fitting) = self.uncontested(&self.of_parties(&until_then));
        let ended = fitting.contains(&taken) && hands::end(&self.says[taken]).is_some();
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
        let is_gap = account.contests.is_empty() && self.explains(account, &claims);
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
        let second = Model { says: &says, parties: self.parties.clone(), may_be_left_out };
        let who = self.says[first].who;
        let takes = hands::reading(&self.says[first]) == Reading::Takes;
        let names_source = self.says[first].from.is_some_and(|from| match self.hands_before(account, first) {
            Hands::Held(who) | Hands::Between { from: who, .. } => *who == from,
            _ => false,
        });
        if takes && names_source && claims.iter().all(|at| self.says[*at].who == who) {
            return true;
        }
        second.walk(&all, None).is_some()
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
                Hands::Ended { .. } | Hands::Unborn => false,
            };
            let is_frozen = account.way.iter().any(|pace| pace.at == at && pace.is_frozen);
            who == HOLDER || concerned && !is_frozen && !self.others_went_on(account, at, true)
        })
    }
}
