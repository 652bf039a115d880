//! The model's candidates: docs/VERDICT.md, "Candidates".

use std::collections::BTreeSet;

use crate::hands::{self, Fit, Hands, Reading};
use crate::model::{Model, Pace};
use crate::story::Who;

const WEEK: i64 = 7 * 1440;

/// Goods that were let go to nobody in particular, and more than one that says to have received them.
#[derive(Debug, Clone)]
pub struct Contest {
    /// The record that let them go.
    pub since: usize,
    /// The record by which the first took them over.
    pub first: usize,
    /// The first record of each other candidate.
    others: Vec<usize>,
    /// The record by which the one that let them go named one of the candidates.
    pub settled: Option<usize>,
}

impl Contest {
    /// The contests of an account, in the order of the way, with those records that wait.
    pub fn all(model: &Model<'_>, way: &[Pace], waiting: &[usize]) -> Vec<Self> {
        let of_pace = |(place, pace): (usize, &Pace)| Self::of(model, way, place, pace, waiting);
        way.iter().enumerate().filter_map(of_pace).collect()
    }

    fn of(model: &Model<'_>, way: &[Pace], place: usize, first: &Pace, waiting: &[usize]) -> Option<Self> {
        let Hands::Between { from, to, .. } = &first.before else { return None };
        let (by, since) = (model.says[first.at].who, first.let_go?);
        // Who was announced, or takes it back, takes nothing that is open.
        if !first.fits || by == *from || to.contains(&by) || !to.iter().all(|who| who.is_carrier()) {
            return None;
        }
        let of_first = || way[place..].iter().filter(|pace| pace.fits);
        let began = of_first().map(|pace| pace.at).filter(|at| model.says[*at].who == by).min()?;
        let mut others: Vec<usize> = Vec::new();
        for at in waiting.iter().copied() {
            let say = &model.says[at];
            let is_new = others.iter().all(|one| model.says[*one].who != say.who);
            if !is_new || say.who == by || say.who == *from || say.adds || model.moment(at) < model.moment(since) {
                continue;
            }
            let is_soon = (say.posted - model.says[began].posted).abs() <= WEEK;
            let goes_on = |pace: &&Pace| pace.at < at && ![by, say.who].contains(&model.says[pace.at].who);
            let is_late = of_first().find(goes_on).is_some();
            let takes_over = matches!(first.before.take(say), Fit::Fits(Hands::Held(_)));
            // Who visits the first takes nothing.
            let visits = Hands::Held(by).take(say) == Fit::Aside;
            if is_soon && !is_late && takes_over && !visits {
                others.push(at);
            }
        }
        if others.is_empty() {
            return None;
        }
        let mut contest = Self { since, first: first.at, others, settled: None };
        let names_one = |at: &usize| {
            let say = &model.says[*at];
            let is_later = *at > since && model.moment(*at) > model.moment(since);
            is_later
                && say.who == *from
                && hands::reading(say) == Reading::LetsGo
                && contest.named(model, *at).len() == 1
        };
        contest.settled = waiting.iter().copied().find(names_one);
        Some(contest)
    }

    /// Those of the candidates that a record names as destinations.
    fn named(&self, model: &Model<'_>, at: usize) -> BTreeSet<Who> {
        let candidates = self.others.iter().chain([&self.first]).map(|one| model.says[*one].who);
        candidates.filter(|who| model.says[at].to.contains(who)).collect()
    }

    /// The one that was named.
    pub fn receiver(&self, model: &Model<'_>) -> Option<Who> {
        self.named(model, self.settled?).first().copied()
    }
}
