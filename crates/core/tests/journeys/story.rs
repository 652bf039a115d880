//! Random journeys: what each participant does with one product, said in the words of a story.

use std::fmt;

/// Those who act. Acme holds the prefix; Swift and Quick are carriers; Outside is not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Acme,
    Busan,
    Seoul,
    Farma,
    Lisbon,
    Other,
    Swift,
    Quick,
    Outside,
}

pub const REGISTERED: [Who; 8] =
    [Who::Acme, Who::Busan, Who::Seoul, Who::Farma, Who::Lisbon, Who::Other, Who::Swift, Who::Quick];

impl Who {
    pub const fn name(self) -> &'static str {
        match self {
            Who::Acme => "acme",
            Who::Busan => "busan",
            Who::Seoul => "seoul",
            Who::Farma => "farma",
            Who::Lisbon => "lisbon",
            Who::Other => "other",
            Who::Swift => "swift",
            Who::Quick => "quick",
            Who::Outside => "outside",
        }
    }

    pub const fn is_carrier(self) -> bool {
        matches!(self, Who::Swift | Who::Quick)
    }
}

/// One record. Times are minutes from the first of March.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    pub who: Who,
    pub time: i64,
    /// When its block was sealed.
    pub posted: i64,
    pub step: &'static str,
    pub adds: bool,
    pub disposition: Option<&'static str>,
    /// Whose place it names.
    pub place: Option<Who>,
    pub to: Vec<Who>,
    /// The party that it names as its source.
    pub from: Option<Who>,
    /// A TransactionEvent.
    pub trades: bool,
    /// Withdraws the record at this place, of which it repeats the content.
    pub withdraws: Option<usize>,
}

impl Say {
    pub fn new(who: Who, time: i64, step: &'static str) -> Self {
        let (adds, disposition, place) = (step == "commissioning", None, Some(who));
        let (to, from) = (Vec::new(), None);
        let (posted, trades, withdraws) = (time, false, None);
        Self { who, time, posted, step, adds, disposition, place, to, from, trades, withdraws }
    }

    /// What makes two records of one signer the same.
    fn content(&self) -> impl PartialEq + use<> {
        (self.who, self.time, self.step, self.disposition, self.place, self.to.clone(), self.from, self.trades)
    }
}

/// A journey: its records in ledger order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story(pub Vec<Say>);

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, say) in self.0.iter().enumerate() {
            write!(f, "{:>2}  {} {}", at + 1, moment(say.time), say.who.name())?;
            match say.withdraws {
                Some(of) => write!(f, " withdraws {}", of + 1)?,
                None => tell(f, say)?,
            }
            writeln!(f, "  (posted {})", moment(say.posted))?;
        }
        Ok(())
    }
}

fn tell(f: &mut fmt::Formatter<'_>, say: &Say) -> fmt::Result {
    write!(f, " {}", say.step)?;
    if let Some(disposition) = say.disposition {
        write!(f, " as {disposition}")?;
    }
    if !say.to.is_empty() {
        write!(f, " to {}", say.to.iter().map(|who| who.name()).collect::<Vec<_>>().join(","))?;
    }
    if let Some(from) = say.from {
        write!(f, " from {}", from.name())?;
    }
    match say.place {
        None => write!(f, " nowhere")?,
        Some(place) if place != say.who => write!(f, " at {}", place.name())?,
        Some(_) => {}
    }
    if say.trades { write!(f, " (transaction)") } else { Ok(()) }
}

/// `MM-DDTHH:MM` of a minute.
pub fn moment(minute: i64) -> String {
    let (day, rest) = (minute.div_euclid(1440), minute.rem_euclid(1440));
    let (month, day) = match day {
        ..31 => (3, day + 1),
        31..61 => (4, day - 30),
        _ => (5, day - 60),
    };
    format!("{month:02}-{day:02}T{:02}:{:02}", rest / 60, rest % 60)
}

impl Story {
    /// The same without one record, and without what withdraws it.
    pub fn without(&self, gone: usize) -> Self {
        let kept = |at: usize, say: &Say| at != gone && say.withdraws != Some(gone);
        let places: Vec<usize> = (0..self.0.len()).filter(|at| kept(*at, &self.0[*at])).collect();
        let new_place = |old: usize| places.iter().position(|at| *at == old);
        let moved = |at: &usize| {
            let mut say = self.0[*at].clone();
            say.withdraws = say.withdraws.and_then(new_place);
            say
        };
        Self(places.iter().map(moved).collect())
    }

    /// Puts the records into the order of their posting.
    pub fn in_ledger_order(says: Vec<Say>) -> Self {
        let mut order: Vec<usize> = (0..says.len()).collect();
        order.sort_by_key(|at| says[*at].posted);
        let new_place = |old: usize| order.iter().position(|at| *at == old);
        let moved = |at: &usize| {
            let mut say = says[*at].clone();
            say.withdraws = say.withdraws.and_then(new_place);
            say
        };
        Self(order.iter().map(moved).collect())
    }
}

/// A small source of numbers that a seed determines (splitmix64).
pub struct Chance(u64);

impl Chance {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub fn percent(&mut self, part: i64) -> bool {
        self.below(100) < part
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(i64::try_from(all.len()).unwrap())).unwrap()]
    }
}

/// When journeys begin: late enough for what is dated back.
const BEGIN: i64 = 5 * 1440 + 480;

/// The journey of a seed: two of three are chains in which this and that goes wrong, the third is made of records at random.
pub fn story(seed: u64) -> Story {
    let mut chance = Chance::new(seed);
    let says = if chance.percent(66) { Chain::told(&mut chance) } else { at_random(&mut chance) };
    let mut kept: Vec<Say> = Vec::new();
    for say in says {
        if kept.iter().all(|one| one.content() != say.content()) {
            kept.push(say);
        }
    }
    withdraw(&mut chance, &mut kept);
    Story::in_ledger_order(kept)
}

/// Now and then a signer withdraws a record: at once, within a day, or late.
fn withdraw(chance: &mut Chance, says: &mut Vec<Say>) {
    if says.is_empty() || !chance.percent(12) {
        return;
    }
    let of = usize::try_from(chance.below(i64::try_from(says.len()).unwrap())).unwrap();
    let mut say = says[of].clone();
    say.posted += 1 + chance.one_of(&[10, 600, 4000, 15_000]);
    say.withdraws = Some(of);
    says.push(say);
}

const STEPS: [&str; 14] = [
    "shipping",
    "shipping",
    "shipping",
    "receiving",
    "receiving",
    "receiving",
    "storing",
    "storing",
    "inspecting",
    "void_shipping",
    "retail_selling",
    "dispensing",
    "destroying",
    "decommissioning",
];

/// A step that a carrier may record.
fn carried(chance: &mut Chance) -> &'static str {
    chance.one_of(&["loading", "transporting", "unloading", "receiving", "storing", "shipping", "departing"])
}

fn destinations(chance: &mut Chance, next: Who) -> Vec<Who> {
    let carrier = chance.one_of(&[Who::Swift, Who::Quick]);
    match chance.below(20) {
        0..=9 => vec![next],
        10..=13 => Vec::new(),
        14 => vec![Who::Outside],
        15 => vec![carrier],
        16 => vec![next, Who::Outside],
        _ => vec![next, carrier],
    }
}

/// What a stranger records in lies.
pub const STRANGERS_STEPS: [&str; 9] = [
    "receiving",
    "storing",
    "shipping",
    "retail_selling",
    "destroying",
    "decommissioning",
    "inspecting",
    "void_shipping",
    "sensor_reporting",
];

/// A whole chain that names each destination, each record on the ledger as it happens, and all clocks within half an hour.
pub fn honest(chance: &mut Chance) -> Story {
    let chain = [Who::Acme, Who::Busan, Who::Seoul, Who::Farma];
    let skews = [(); 4].map(|()| chance.below(31));
    let mut now = BEGIN;
    let mut says = vec![Say::new(Who::Acme, now, "commissioning")];
    for (at, pair) in chain.windows(2).take(usize::try_from(1 + chance.below(3)).unwrap()).enumerate() {
        now += 60 + chance.below(3000);
        let mut ships = Say::new(pair[0], now + skews[at], "shipping");
        ships.to = vec![pair[1]];
        if chance.percent(40) {
            ships.to.push(Who::Swift);
        }
        says.push(ships);
        if chance.percent(50) {
            now += 60 + chance.below(600);
            says.push(Say::new(Who::Swift, now, "transporting"));
        }
        now += 60 + chance.below(1000);
        says.push(Say::new(pair[1], now + skews[at + 1], "receiving"));
    }
    if chance.percent(30) {
        let last = says.last().unwrap();
        let step = chance.one_of(&["retail_selling", "dispensing", "destroying"]);
        says.push(Say::new(last.who, last.time + 100, step));
    }
    Story(says)
}

fn at_random(chance: &mut Chance) -> Vec<Say> {
    let cast = [Who::Acme, Who::Acme, Who::Busan, Who::Busan, Who::Seoul, Who::Lisbon, Who::Swift];
    let mut says = Vec::new();
    if !chance.percent(10) {
        says.push(Say::new(Who::Acme, BEGIN, "commissioning"));
    }
    for _ in 0..1 + chance.below(7) {
        let who = chance.one_of(&cast);
        let time = BEGIN + 20 * chance.below(60);
        let step = if who.is_carrier() { carried(chance) } else { chance.one_of(&STEPS) };
        let mut say = Say::new(who, time, step);
        if step == "shipping" {
            let next = chance.one_of(&[Who::Acme, Who::Busan, Who::Seoul, Who::Lisbon]);
            say.to = destinations(chance, next);
        }
        if chance.percent(8) {
            say.place = None;
        } else if chance.percent(8) {
            say.place = Some(chance.one_of(&[Who::Acme, Who::Busan, Who::Seoul]));
        }
        says.push(say);
    }
    for say in &mut says {
        say.posted = say.time + chance.below(300) + if chance.percent(20) { chance.below(9000) } else { 0 };
    }
    says
}

/// A chain of hands, as it is told while it happens.
struct Chain<'a> {
    chance: &'a mut Chance,
    says: Vec<Say>,
    now: i64,
    holder: Who,
    /// How fast each clock is, in minutes.
    skews: [i64; 8],
}

impl Chain<'_> {
    fn told(chance: &mut Chance) -> Vec<Say> {
        let skewed = chance.percent(30);
        let skews = [(); 8].map(|()| if skewed { chance.below(241) - 120 } else { 0 });
        let mut chain = Chain { chance, says: Vec::new(), now: BEGIN, holder: Who::Acme, skews };
        chain.begin();
        for _ in 0..chain.chance.below(4) {
            chain.hand_over();
            chain.stray();
        }
        chain.end();
        chain.stray();
        if chain.chance.percent(15) && !chain.says.is_empty() {
            let end = i64::try_from(chain.says.len()).unwrap();
            let gone = usize::try_from(chain.chance.below(end)).unwrap();
            chain.says.remove(gone);
        }
        chain.says
    }

    /// Says what the participant's clock and its reporting make of it.
    fn say(&mut self, mut say: Say) {
        let at = REGISTERED.iter().position(|who| *who == say.who).unwrap();
        say.time += self.skews[at];
        if self.chance.percent(3) {
            say.time -= say.time % 1440;
        }
        let delay = match self.chance.below(10) {
            0..=6 => self.chance.below(20),
            7 | 8 => self.chance.below(1440),
            _ => self.chance.below(9000),
        };
        say.posted = self.now + delay;
        self.says.push(say);
    }

    fn step(&mut self, who: Who, step: &'static str) -> Say {
        self.now += 10 + self.chance.below(50) * self.chance.below(60);
        Say::new(who, self.now, step)
    }

    fn begin(&mut self) {
        if self.chance.percent(93) {
            let say = self.step(Who::Acme, "commissioning");
            self.say(say);
        } else {
            self.holder = self.chance.one_of(&[Who::Acme, Who::Busan, Who::Seoul]);
            let say = self.step(self.holder, "storing");
            self.say(say);
        }
    }

    fn hand_over(&mut self) {
        let next = self.chance.one_of(&[Who::Busan, Who::Seoul, Who::Farma, Who::Acme]);
        let to = destinations(self.chance, next);
        let mut say = self.step(self.holder, "shipping");
        say.to.clone_from(&to);
        self.say(say);
        if self.chance.percent(35) {
            let who = to.iter().copied().find(|who| who.is_carrier()).unwrap_or(Who::Quick);
            let step = carried(self.chance);
            let mut say = self.step(who, step);
            if step == "shipping" {
                say.to = destinations(self.chance, next);
            }
            self.say(say);
        }
        self.arrive(next);
    }

    fn arrive(&mut self, next: Who) {
        match self.chance.below(20) {
            0 => {
                let say = self.step(self.holder, "void_shipping");
                self.say(say);
            }
            1 => {
                let say = self.step(self.holder, "receiving");
                self.say(say);
            }
            2 => self.holder = next,
            _ => {
                let step = self.chance.one_of(&["receiving", "receiving", "receiving", "storing", "accepting"]);
                let mut say = self.step(next, step);
                if self.chance.percent(20) {
                    say.from = Some(self.holder);
                }
                self.say(say);
                self.holder = next;
            }
        }
    }

    fn end(&mut self) {
        let holder = self.holder;
        let step = match self.chance.below(20) {
            0..=3 => "retail_selling",
            4 | 5 => "dispensing",
            6 | 7 => "destroying",
            8 => "decommissioning",
            _ => return,
        };
        let who = if self.chance.percent(85) { holder } else { self.chance.one_of(&[Who::Acme, Who::Busan]) };
        let mut say = self.step(who, step);
        say.trades = step == "retail_selling" && self.chance.percent(20);
        self.say(say);
        if self.chance.percent(35) {
            let after = ["storing", "repairing", "destroying", "sampling", "decommissioning", "receiving", "shipping"];
            let step = self.chance.one_of(&after);
            let who = self.chance.one_of(&[holder, holder, holder, Who::Acme, Who::Busan]);
            let mut say = self.step(who, step);
            if step == "receiving" && self.chance.percent(80) {
                say.disposition = Some("returned");
            }
            self.say(say);
        }
    }

    /// Something that does not belong: a claim, a visit, a theft, a second shipping.
    fn stray(&mut self) {
        if !self.chance.percent(35) {
            return;
        }
        let holder = self.holder;
        let stranger = self.chance.one_of(&[Who::Lisbon, Who::Other, Who::Acme, Who::Busan]);
        let mut say = match self.chance.below(12) {
            0 => {
                let mut say = self.step(stranger, "inspecting");
                say.place = self.chance.one_of(&[None, Some(holder)]);
                say
            }
            1 => self.step(Who::Acme, "commissioning"),
            2 | 3 => {
                let who = self.chance.one_of(&[holder, holder, stranger, Who::Swift]);
                let mut say = self.step(who, "inspecting");
                say.disposition = Some("stolen");
                say
            }
            4 | 5 => {
                let mut say = self.step(self.holder, "shipping");
                say.to = vec![Who::Lisbon];
                say
            }
            6 => {
                let mut say = self.step(stranger, "receiving");
                say.from = Some(holder);
                say
            }
            7 => self.step(Who::Swift, "transporting"),
            8 => self.step(stranger, "retail_selling"),
            _ => {
                let step = self.chance.one_of(&["storing", "receiving", "shipping", "sensor_reporting"]);
                self.step(stranger, step)
            }
        };
        if self.chance.percent(30) {
            say.time -= self.chance.below(4000);
        }
        self.say(say);
    }
}
