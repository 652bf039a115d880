//! Points in time, to the millisecond, and their RFC 3339 form.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::text::serde_as_text;

/// Milliseconds since 1970-01-01T00:00:00Z, within the years 0000 to 9999 that RFC 3339 can write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

/// Text or a number that is no point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no RFC 3339 date-time; write one like 2026-11-21T09:30:00.000Z")]
pub struct TimestampError {
    found: String,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    const MILLIS_MIN: i64 = -62_167_219_200_000;
    const MILLIS_MAX: i64 = 253_402_300_799_999;

    /// Takes milliseconds since the Unix epoch; `None` outside the years 0000 to 9999.
    pub fn from_millis(millis: i64) -> Option<Self> {
        (Self::MILLIS_MIN..=Self::MILLIS_MAX).contains(&millis).then_some(Self(millis))
    }

    /// Takes seconds since the Unix epoch; `None` outside the years 0000 to 9999.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        seconds.checked_mul(1000).and_then(Self::from_millis)
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Seconds since the Unix epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This time without its fraction of a second.
    pub const fn whole_seconds(self) -> Self {
        // The first of all times is a whole second, so that nothing falls below it.
        Self(self.seconds() * 1000)
    }

    /// This time and `millis` more, held within what RFC 3339 can write.
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis).clamp(Self::MILLIS_MIN, Self::MILLIS_MAX))
    }

    /// Milliseconds from `earlier` to this; negative when `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    pub fn from_date_time(date_time: OffsetDateTime) -> Option<Self> {
        let millis = date_time.unix_timestamp_nanos().div_euclid(1_000_000);
        i64::try_from(millis).ok().and_then(Self::from_millis)
    }

    /// The time as text, which `Display` gives too: a verdict holds dozens of times, and a formatter is the long way.
    pub fn text(self) -> Rfc3339Text {
        let t = OffsetDateTime::from_unix_timestamp(self.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut write = |from: usize, digits: usize, mut rest: u32| {
            for digit in text.iter_mut().skip(from).take(digits).rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        };
        write(0, 4, t.year().unsigned_abs());
        write(5, 2, u32::from(u8::from(t.month())));
        write(8, 2, u32::from(t.day()));
        write(11, 2, u32::from(t.hour()));
        write(14, 2, u32::from(t.minute()));
        write(17, 2, u32::from(t.second()));
        write(20, 3, self.0.rem_euclid(1000).unsigned_abs() as u32);
        Rfc3339Text(text)
    }

    /// The same point as an `OffsetDateTime` in UTC.
    pub fn to_date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

/// A time as RFC 3339 writes it in UTC, with exactly three digits of a second.
#[derive(Debug, Clone, Copy)]
pub struct Rfc3339Text([u8; 24]);

impl Rfc3339Text {
    pub fn as_str(&self) -> &str {
        // Digits and punctuation throughout.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with exactly three digits of a second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Reads any RFC 3339 date-time; digits below a millisecond are cut off.
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        read_date_time(text)
            .and_then(Self::from_date_time)
            .ok_or_else(|| TimestampError { found: text.chars().take(80).collect() })
    }
}

serde_as_text!(Timestamp);

/// Reads a date-time of RFC 3339 §5.6, whose date and time have `T` or `t` between them and nothing else, whatever its note
/// lets applications choose.
pub(crate) fn read_date_time(text: &str) -> Option<OffsetDateTime> {
    const DATE_CHARS: usize = 10;
    let is_separated = matches!(text.as_bytes().get(DATE_CHARS), Some(b'T' | b't'));
    if is_separated { OffsetDateTime::parse(text, &Rfc3339).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_milliseconds_and_reads_offsets() {
        let t: Timestamp = "2026-11-21T18:30:00.1239+09:00".parse().unwrap();
        assert_eq!(t.to_string(), "2026-11-21T09:30:00.123Z");
        assert_eq!(t.to_string().parse(), Ok(t));
        assert_eq!(Timestamp::from_seconds(0).unwrap().to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(Timestamp::MILLIS_MIN).to_string(), "0000-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(Timestamp::MILLIS_MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Timestamp(-1).whole_seconds().to_string(), "1969-12-31T23:59:59.000Z");
        assert_eq!(Timestamp(Timestamp::MILLIS_MIN).whole_seconds(), Timestamp(Timestamp::MILLIS_MIN));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["", "2026-11-21", "2026-11-21T09:30:00", "2026-13-01T00:00:00Z", "now", "2026-11-21T09:30:00.Z"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
        assert_eq!("2026-11-21t09:30:00z".parse(), "2026-11-21T09:30:00Z".parse::<Timestamp>());
        for separator in [" ", "X", "5", "\t", "\0", "_", "é", "€", ""] {
            let text = format!("2026-11-21{separator}09:30:00Z");
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
        assert!(Timestamp::from_millis(i64::MAX).is_none());
        assert!(Timestamp::from_seconds(i64::MAX).is_none());
    }
}
