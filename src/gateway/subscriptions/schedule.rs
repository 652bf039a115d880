//! When a query is run on a schedule (EPCIS 2.0 §8.2.5.3): at the seconds whose fields in UTC all match.

use serde_json::{Map, Value};

use sealane_core::time::Timestamp;

/// One field of a schedule: its name, its range, and whether it is finer than the fields after it.
struct FieldKind {
    name: &'static str,
    first: u32,
    last: u32,
}

/// From the finest to the coarsest, and the day of the week.
const FIELDS: [FieldKind; 6] = [
    FieldKind { name: "second", first: 0, last: 59 },
    FieldKind { name: "minute", first: 0, last: 59 },
    FieldKind { name: "hour", first: 0, last: 23 },
    FieldKind { name: "dayOfMonth", first: 1, last: 31 },
    FieldKind { name: "month", first: 1, last: 12 },
    FieldKind { name: "dayOfWeek", first: 1, last: 7 },
];

const SECOND: usize = 0;
const MINUTE: usize = 1;
const HOUR: usize = 2;
const DAY: usize = 3;
const MONTH: usize = 4;
const WEEKDAY: usize = 5;

/// The fields of the time of a day. One that is left out and finer than a field that is given is its first value, so that
/// `{"hour": "1", "minute": "5"}` is once a day.
const OF_TIME: [usize; 3] = [SECOND, MINUTE, HOUR];

/// Days among which the next one of a schedule is looked for: the calendar repeats itself within them, but for years without a leap day.
const DAYS_MAX: i64 = 366 * 41;

/// Characters of a field.
const FIELD_CHARS_MAX: usize = 256;

/// Characters of a wrong value that its fault shows.
const SHOWN_CHARS: usize = 40;

const DAY_SECONDS: i64 = 86_400;

/// A schedule that comes again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuerySchedule {
    /// As they were given, for who asks.
    given: [Option<String>; FIELDS.len()],
    /// A bit for each value that matches.
    values: [u64; FIELDS.len()],
}

/// A schedule that cannot be followed, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {fault}")]
pub struct ScheduleFault {
    pub field: String,
    pub fault: String,
}

fn fault(field: &str, fault: impl Into<String>) -> ScheduleFault {
    ScheduleFault { field: field.to_owned(), fault: fault.into() }
}

impl QuerySchedule {
    /// The names that fields may have.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FIELDS.iter().map(|kind| kind.name)
    }

    /// Reads fields by name.
    ///
    /// # Errors
    ///
    /// A name that is none of a field, a value that is none, no field at all, and a time that never comes.
    pub fn read<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ScheduleFault> {
        let mut schedule = Self { given: Default::default(), values: [0; FIELDS.len()] };
        for (name, text) in fields {
            let at = FIELDS.iter().position(|kind| kind.name == name);
            let at = at.ok_or_else(|| {
                let known: Vec<&str> = Self::names().collect();
                fault(name, format!("a schedule has no such field; it has {}", known.join(", ")))
            })?;
            if schedule.given[at].is_some() {
                return Err(fault(name, "it is given twice"));
            }
            schedule.values[at] = FIELDS[at].read(text)?;
            schedule.given[at] = Some(text.to_owned());
        }
        if schedule.given.iter().all(Option::is_none) {
            return Err(fault("schedule", "it has no field, such as {\"hour\": \"1\", \"minute\": \"5\"}"));
        }
        schedule.fill();
        if schedule.next(Timestamp::EPOCH).is_none() {
            return Err(fault("schedule", "no day of any year matches: look at dayOfMonth beside month"));
        }
        Ok(schedule)
    }

    fn fill(&mut self) {
        let finest = OF_TIME.into_iter().find(|at| self.given[*at].is_some()).unwrap_or(OF_TIME.len());
        for (at, kind) in FIELDS.iter().enumerate() {
            if self.given[at].is_none() {
                let last = if at < finest && OF_TIME.contains(&at) { kind.first } else { kind.last };
                self.values[at] = (kind.first..=last).fold(0, |bits, value| bits | 1 << value);
            }
        }
    }

    fn has(&self, at: usize, value: i64) -> bool {
        u32::try_from(value).is_ok_and(|value| value < u64::BITS && self.values[at] & (1 << value) != 0)
    }

    /// The first second after a time that matches; `None` if none does.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let start = after.seconds() + 1;
        let (first_day, mut from) = (start.div_euclid(DAY_SECONDS), start.rem_euclid(DAY_SECONDS));
        for day in first_day..first_day + DAYS_MAX {
            let midnight = Timestamp::from_seconds(day * DAY_SECONDS)?;
            if self.matches_day(day, midnight)
                && let Some(second) = self.in_day(from)
            {
                return Timestamp::from_seconds(day * DAY_SECONDS + second);
            }
            from = 0;
        }
        None
    }

    fn matches_day(&self, day: i64, midnight: Timestamp) -> bool {
        let date = midnight.to_date_time();
        // The first of January 1970 was a Thursday, which is the fourth day of a week.
        let weekday = (day + 3).rem_euclid(7) + 1;
        self.has(DAY, date.day().into()) && self.has(MONTH, u8::from(date.month()).into()) && self.has(WEEKDAY, weekday)
    }

    /// The first second of a day that matches, from `from` on.
    fn in_day(&self, from: i64) -> Option<i64> {
        for hour in (from / 3_600..24).filter(|hour| self.has(HOUR, *hour)) {
            for minute in (0..60).filter(|minute| self.has(MINUTE, *minute)) {
                let seconds = (0..60).filter(|second| self.has(SECOND, *second));
                let mut of_minute = seconds.map(|second| hour * 3_600 + minute * 60 + second);
                if let Some(second) = of_minute.find(|second| *second >= from) {
                    return Some(second);
                }
            }
        }
        None
    }

    /// The fields as they were given.
    pub fn to_json(&self) -> Value {
        let given = FIELDS.iter().zip(&self.given);
        let given = given.filter_map(|(kind, text)| Some((kind.name.to_owned(), Value::from(text.clone()?))));
        Value::Object(given.collect::<Map<String, Value>>())
    }
}

impl FieldKind {
    /// Reads a list of numbers and ranges: `5`, `[1-5]`, `0,15,30,45`. `0/15`, which GS1's own example has, is every fifteenth from 0 on.
    fn read(&self, text: &str) -> Result<u64, ScheduleFault> {
        if text.len() > FIELD_CHARS_MAX {
            return Err(fault(self.name, format!("it has at most {FIELD_CHARS_MAX} characters")));
        }
        let mut bits = 0;
        for element in text.split(',').map(str::trim) {
            bits |= self.element(element).ok_or_else(|| self.wrong(element))?;
        }
        Ok(bits)
    }

    fn element(&self, element: &str) -> Option<u64> {
        let (first, last, step) = if let Some(range) = element.strip_prefix('[') {
            let (first, last) = range.strip_suffix(']')?.split_once('-')?;
            (self.number(first)?, self.number(last)?, 1)
        } else if let Some((first, step)) = element.split_once('/') {
            let step = step.parse::<u32>().ok().filter(|step| (1..=self.last).contains(step))?;
            (self.number(first)?, self.last, step)
        } else {
            let number = self.number(element)?;
            (number, number, 1)
        };
        let bits = (first..=last).step_by(step as usize).fold(0, |bits, value| bits | 1 << value);
        (bits != 0).then_some(bits)
    }

    fn number(&self, text: &str) -> Option<u32> {
        let is_plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_plain)?;
        (self.first..=self.last).contains(&number).then_some(number)
    }

    fn wrong(&self, element: &str) -> ScheduleFault {
        let Self { name, first, last } = self;
        let shown: String = element.chars().take(SHOWN_CHARS).collect();
        let range = format!("[{first}-{}]", first + 2);
        let steps = format!("{first}/2");
        let wanted = format!(
            "it is a list of numbers from {first} to {last}, ranges such as {range} and steps such as {steps}, with commas between"
        );
        fault(name, format!("{wanted}; {shown:?} is none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(fields: &[(&str, &str)]) -> Result<QuerySchedule, String> {
        QuerySchedule::read(fields.iter().copied()).map_err(|fault| fault.to_string())
    }

    /// The next few times of a schedule.
    fn times(fields: &[(&str, &str)], after: &str, count: usize) -> Vec<String> {
        let schedule = schedule(fields).unwrap();
        let after: Timestamp = after.parse().unwrap();
        std::iter::successors(schedule.next(after), |time| schedule.next(*time))
            .take(count)
            .map(|time| time.to_string().trim_end_matches(":00.000Z").trim_end_matches(".000Z").to_owned())
            .collect()
    }

    #[test]
    fn every_field_has_to_match() {
        let daily = times(&[("hour", "1"), ("minute", "5")], "2026-12-31T01:05:00Z", 2);
        assert_eq!(daily, ["2027-01-01T01:05", "2027-01-02T01:05"]);
        let minutes = times(&[("minute", "0,[28-30]")], "2026-03-01T10:28:30Z", 4);
        assert_eq!(minutes, ["2026-03-01T10:29", "2026-03-01T10:30", "2026-03-01T11:00", "2026-03-01T11:28"]);
        let halves = times(&[("second", "0/30")], "2026-03-01T10:00:00.999Z", 3);
        assert_eq!(halves, ["2026-03-01T10:00:30", "2026-03-01T10:01", "2026-03-01T10:01:30"]);
        // The seventh of December 2026 is a Monday.
        let mondays = times(&[("dayOfWeek", "1"), ("hour", "6")], "2026-12-01T00:00:00Z", 2);
        assert_eq!(mondays, ["2026-12-07T06:00", "2026-12-14T06:00"]);
        let days = times(&[("dayOfMonth", "13"), ("dayOfWeek", "5")], "2026-01-01T00:00:00Z", 2);
        assert_eq!(days, ["2026-02-13T00:00", "2026-03-13T00:00"], "a Friday the thirteenth, and no other Friday");
        let leap = times(&[("dayOfMonth", "29"), ("month", "2")], "2096-03-01T00:00:00Z", 1);
        assert_eq!(leap, ["2104-02-29T00:00"]);
    }

    #[test]
    fn a_time_is_found_as_by_looking_at_every_second() {
        let fields = [("second", "7,59"), ("minute", "[58-59]"), ("hour", "23"), ("dayOfWeek", "[6-7]")];
        let schedule = schedule(&fields).unwrap();
        let start: Timestamp = "2026-11-27T23:57:00Z".parse().unwrap();
        let mut next = schedule.next(start);
        for second in 1..4 * DAY_SECONDS {
            let time = start.plus_millis(second * 1_000);
            let date = time.to_date_time();
            let matches = [7, 59].contains(&date.second())
                && date.minute() >= 58
                && date.hour() == 23
                && date.weekday().number_from_monday() >= 6;
            assert_eq!(next == Some(time), matches, "{time}");
            if matches {
                next = schedule.next(time);
            }
        }
    }

    #[test]
    fn what_is_no_schedule_is_said() {
        let refused = |fields: &[(&str, &str)]| schedule(fields).unwrap_err();
        for text in ["", "60", "-1", "5,", "*", "1-5", "[5-1]", "[1-60]", "[1-", "0/0", "0/x", "005", "+5", "5 5", "٣"]
        {
            assert!(refused(&[("minute", text)]).contains("minute: it is a list of numbers from 0 to 59"), "{text}");
        }
        assert!(refused(&[("minutes", "5")]).contains("it has second, minute, hour"));
        assert!(refused(&[("hour", "5"), ("hour", "6")]).contains("twice"));
        assert!(refused(&[]).contains("it has no field"));
        assert!(refused(&[("dayOfMonth", "[30-31]"), ("month", "2")]).contains("no day of any year"));
        assert!(refused(&[("hour", &"1,".repeat(200))]).contains("at most 256 characters"));
    }

    #[test]
    fn it_is_told_as_it_was_given() {
        let schedule = schedule(&[("minute", "5"), ("hour", "1")]).unwrap();
        assert_eq!(schedule.to_json(), serde_json::json!({"minute": "5", "hour": "1"}));
    }
}
