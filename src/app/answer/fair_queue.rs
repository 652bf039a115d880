//! A queue that gives each client its turn.
//!
//! Each client has a line of its own, first come, first served. Turns go round robin over the lines, so that a client with a
//! hundred requests waits behind each other client's next one, and no client waits for another one's hundred. A line has a
//! limit, and so has what runs for one client at a time. When the whole queue is full, the longest line gives up its last
//! place to a newcomer with a shorter one.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// How long lines may be, and how much may run.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Items that may wait, over all lines.
    pub waiting_max: usize,
    /// Items that may wait in one line.
    pub waiting_per_client_max: usize,
    /// Items of one client that may run at a time.
    pub running_per_client_max: usize,
}

/// Items that wait, by client, and whose turn is next.
///
/// [`FairQueue::start_next`] starts an item, and the caller MUST call [`FairQueue::finish`] once for each item that it started.
#[derive(Debug)]
pub struct FairQueue<K, T> {
    limits: QueueLimits,
    lines: HashMap<K, Line<T>>,
    /// The clients whose next item may start, each once, in the order of their turns.
    turns: VecDeque<K>,
    waiting: usize,
    next_number: u64,
}

#[derive(Debug)]
struct Line<T> {
    waiting: VecDeque<(u64, T)>,
    running: usize,
}

/// A place in the queue.
#[derive(Debug)]
pub struct Joined<T> {
    /// What [`FairQueue::leave`] takes the item out by.
    pub number: u64,
    /// The item that lost its place to this one.
    pub displaced: Option<T>,
}

impl<K: Clone + Eq + Hash, T> FairQueue<K, T> {
    pub fn new(limits: QueueLimits) -> Self {
        Self { limits, lines: HashMap::new(), turns: VecDeque::new(), waiting: 0, next_number: 0 }
    }

    /// Items that wait.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Puts an item at the end of its client's line. Gives it back if that line, or the whole queue, has no place for it.
    pub fn join(&mut self, client: K, item: T) -> Result<Joined<T>, T> {
        let length = self.lines.get(&client).map_or(0, |line| line.waiting.len());
        if length >= self.limits.waiting_per_client_max {
            return Err(item);
        }
        let mut displaced = None;
        if self.waiting >= self.limits.waiting_max {
            let longest = self.lines.values_mut().max_by_key(|line| line.waiting.len());
            // What is displaced leaves a line that is at least as long as the newcomer's, so no line becomes empty.
            let longer = longest.filter(|line| line.waiting.len() > length + 1);
            let Some((_, last)) = longer.and_then(|line| line.waiting.pop_back()) else { return Err(item) };
            displaced = Some(last);
            self.waiting -= 1;
        }
        let number = self.next_number;
        self.next_number += 1;
        let line = self.lines.entry(client.clone()).or_insert_with(|| Line { waiting: VecDeque::new(), running: 0 });
        let gets_a_turn = line.waiting.is_empty() && line.running < self.limits.running_per_client_max;
        line.waiting.push_back((number, item));
        self.waiting += 1;
        if gets_a_turn {
            self.turns.push_back(client);
        }
        Ok(Joined { number, displaced })
    }

    /// Starts the item whose turn it is.
    pub fn start_next(&mut self) -> Option<(K, T)> {
        let client = self.turns.pop_front()?;
        let line = self.lines.get_mut(&client)?;
        let (_, item) = line.waiting.pop_front()?;
        line.running += 1;
        self.waiting -= 1;
        if !line.waiting.is_empty() && line.running < self.limits.running_per_client_max {
            self.turns.push_back(client.clone());
        }
        Some((client, item))
    }

    /// Notes that an item of the client has ended.
    pub fn finish(&mut self, client: &K) {
        let Some(line) = self.lines.get_mut(client) else { return };
        let was_held_back = line.running >= self.limits.running_per_client_max;
        line.running = line.running.saturating_sub(1);
        if !line.waiting.is_empty() && was_held_back {
            self.turns.push_back(client.clone());
        }
        self.forget_if_idle(client);
    }

    /// Takes an item out that waits; `None` if it was started, or displaced.
    pub fn leave(&mut self, client: &K, number: u64) -> Option<T> {
        let line = self.lines.get_mut(client)?;
        let at = line.waiting.iter().position(|(waiting, _)| *waiting == number)?;
        let (_, item) = line.waiting.remove(at)?;
        self.waiting -= 1;
        if line.waiting.is_empty() {
            self.turns.retain(|turn| turn != client);
        }
        self.forget_if_idle(client);
        Some(item)
    }

    fn forget_if_idle(&mut self, client: &K) {
        if self.lines.get(client).is_some_and(|line| line.waiting.is_empty() && line.running == 0) {
            self.lines.remove(client);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const LIMITS: QueueLimits = QueueLimits { waiting_max: 12, waiting_per_client_max: 5, running_per_client_max: 2 };

    const CLIENTS: u8 = 5;

    #[derive(Debug, Clone)]
    enum Step {
        Join(u8),
        Next,
        /// The n-th of what runs ends.
        Finish(usize),
        /// The n-th of what waits leaves.
        Leave(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..CLIENTS).prop_map(Step::Join),
            3 => Just(Step::Next),
            3 => (0_usize..16).prop_map(Step::Finish),
            1 => (0_usize..16).prop_map(Step::Leave),
        ];
        proptest::collection::vec(step, 0..300)
    }

    /// What the queue should hold: each client's items in their order, and what runs.
    #[derive(Default)]
    struct Model {
        waiting: BTreeMap<u8, Vec<u64>>,
        running: Vec<u8>,
        /// How often each client was served since another one could have been.
        overtaken: BTreeMap<(u8, u8), usize>,
    }

    impl Model {
        fn running_of(&self, client: u8) -> usize {
            self.running.iter().filter(|one| **one == client).count()
        }

        fn may_start(&self, client: u8) -> bool {
            !self.waiting[&client].is_empty() && self.running_of(client) < LIMITS.running_per_client_max
        }

        fn starters(&self) -> Vec<u8> {
            self.waiting.keys().copied().filter(|client| self.may_start(*client)).collect()
        }

        fn count(&self) -> usize {
            self.waiting.values().map(Vec::len).sum()
        }
    }

    proptest! {
        /// While a client may start something, each other client is served once at the most before it is.
        #[test]
        fn no_client_waits_for_more_turns_than_there_are_other_clients(steps in steps()) {
            let mut queue: FairQueue<u8, u64> = FairQueue::new(LIMITS);
            let mut model = Model { waiting: (0..CLIENTS).map(|client| (client, Vec::new())).collect(), ..Model::default() };
            let mut items = 0;
            for step in steps {
                match step {
                    Step::Join(client) => {
                        items += 1;
                        let length = model.waiting[&client].len();
                        let longest = model.waiting.values().map(Vec::len).max().unwrap();
                        let has_place = length < LIMITS.waiting_per_client_max
                            && (model.count() < LIMITS.waiting_max || longest > length + 1);
                        match queue.join(client, items) {
                            Ok(joined) => {
                                prop_assert!(has_place);
                                model.waiting.get_mut(&client).unwrap().push(items);
                                if let Some(lost) = joined.displaced {
                                    let line = model.waiting.values_mut().find(|line| line.last() == Some(&lost)).unwrap();
                                    prop_assert_eq!(line.len(), longest);
                                    line.pop();
                                }
                            }
                            Err(back) => prop_assert!(!has_place && back == items),
                        }
                    }
                    Step::Next => {
                        let starters = model.starters();
                        let Some((client, item)) = queue.start_next() else {
                            prop_assert!(starters.is_empty());
                            continue;
                        };
                        prop_assert!(starters.contains(&client));
                        prop_assert_eq!(model.waiting.get_mut(&client).unwrap().remove(0), item);
                        model.running.push(client);
                        for other in starters.into_iter().filter(|other| *other != client) {
                            let times = model.overtaken.entry((other, client)).or_default();
                            *times += 1;
                            prop_assert!(*times <= 1, "client {} waited while {} was served twice", other, client);
                        }
                        model.overtaken.retain(|(waits, _), _| *waits != client);
                    }
                    Step::Finish(n) if !model.running.is_empty() => {
                        let client = model.running.remove(n % model.running.len());
                        queue.finish(&client);
                    }
                    Step::Leave(n) if model.count() > 0 => {
                        let all: Vec<(u8, u64)> = model
                            .waiting
                            .iter()
                            .flat_map(|(client, line)| line.iter().map(|item| (*client, *item)))
                            .collect();
                        let (client, item) = all[n % all.len()];
                        let number = queue.lines[&client].waiting.iter().find(|(_, held)| *held == item).unwrap().0;
                        prop_assert_eq!(queue.leave(&client, number), Some(item));
                        prop_assert_eq!(queue.leave(&client, number), None);
                        model.waiting.get_mut(&client).unwrap().retain(|held| *held != item);
                    }
                    Step::Finish(_) | Step::Leave(_) => {}
                }
                // A client that can start nothing waits for itself.
                let starters = model.starters();
                model.overtaken.retain(|(waits, _), _| starters.contains(waits));
                prop_assert_eq!(queue.waiting(), model.count());
                let mut turns: Vec<u8> = queue.turns.iter().copied().collect();
                turns.sort_unstable();
                prop_assert_eq!(turns, starters);
                let known = (0..CLIENTS).filter(|one| !model.waiting[one].is_empty() || model.running_of(*one) > 0);
                prop_assert_eq!(queue.lines.len(), known.count(), "an idle client is forgotten");
            }
        }
    }

    #[test]
    fn a_newcomer_takes_the_last_place_of_the_longest_line() {
        let limits = QueueLimits { waiting_max: 4, waiting_per_client_max: 4, running_per_client_max: 1 };
        let mut queue = FairQueue::new(limits);
        for item in 0..4 {
            assert!(queue.join("many", item).is_ok());
        }
        assert_eq!(queue.join("many", 4).map(|joined| joined.number), Err(4));
        assert_eq!(queue.join("one", 5).unwrap().displaced, Some(3));
        assert_eq!(queue.join("one", 6).unwrap().displaced, Some(2));
        assert_eq!(queue.join("one", 7).map(|joined| joined.number), Err(7), "now both have as much");
        assert_eq!(queue.join("another", 8).unwrap().displaced.map(|item| item == 1 || item == 6), Some(true));
    }
}
