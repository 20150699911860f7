//! Points in time as data: [`Timestamp`], whole seconds, written as RFC 3339 has it. There is no clock in here: whoever has one
//! passes `now`.

use alloc::string::{String, ToString as _};
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01. Years that begin in March have their leap day at the end.
const EPOCH: i64 = 719_468;
/// Days of 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted, in the years 0000 to 9999.
///
/// ```
/// use dagster_workspace_core::time::Timestamp;
/// let time: Timestamp = "2026-03-01T00:30:00+01:00".parse().unwrap();
/// assert_eq!(time.to_string(), "2026-02-28T23:30:00Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp {
    /// Invariant: from [`Timestamp::MIN`] to [`Timestamp::MAX`].
    seconds: i64,
}

impl Timestamp {
    /// 0000-01-01T00:00:00Z.
    pub const MIN: Self = Self { seconds: -62_167_219_200 };
    /// 9999-12-31T23:59:59Z.
    pub const MAX: Self = Self { seconds: 253_402_300_799 };

    /// From seconds since 1970; times beyond the years that can be written become the first or the last of them.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self { seconds: seconds.clamp(Self::MIN.seconds, Self::MAX.seconds) }
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// So many seconds later.
    #[must_use]
    pub fn after(self, seconds: i64) -> Self {
        Self::from_seconds(self.seconds.saturating_add(seconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.seconds.div_euclid(DAY), self.seconds.rem_euclid(DAY));
        let (year, month, day) = date(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// A text that is no RFC 3339 date and time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as 2026-01-31T23:59:00Z")]
#[non_exhaustive]
pub struct ParseTimeError;

impl FromStr for Timestamp {
    type Err = ParseTimeError;

    /// Reads `2026-01-31T23:59:00Z`, with any offset, fractions of a second cut off, and with a blank or a small `t` in the
    /// middle, as YAML's timestamps have it.
    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        parse(text.as_bytes()).filter(|time| (Self::MIN..=Self::MAX).contains(time)).ok_or(ParseTimeError)
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = ParseTimeError;

    fn try_from(text: String) -> Result<Self, ParseTimeError> {
        text.parse()
    }
}

/// A text that is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a length of time such as 90d, 12w, 36h, 30m or 10s")]
#[non_exhaustive]
pub struct ParseLengthError;

/// Seconds in a length of time as people write it: a whole number from 1 and one of `w`, `d`, `h`, `m`, `s`. Months and years
/// differ in length, and are none.
///
/// # Errors
/// [`ParseLengthError`] for anything else, and for more than the years that a [`Timestamp`] can name.
pub fn parse_length(text: &str) -> Result<i64, ParseLengthError> {
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(ParseLengthError)?;
    let unit = match unit {
        "w" => 7 * DAY,
        "d" => DAY,
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        _ => return Err(ParseLengthError),
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = number.parse::<i64>().ok().filter(|_| digits).and_then(|number| number.checked_mul(unit));
    seconds.filter(|seconds| (1..=Timestamp::MAX.seconds).contains(seconds)).ok_or(ParseLengthError)
}

fn parse(text: &[u8]) -> Option<Timestamp> {
    let (year, text) = number(text, 4)?;
    let (month, text) = number(text.strip_prefix(b"-")?, 2)?;
    let (day, text) = number(text.strip_prefix(b"-")?, 2)?;
    let (b'T' | b't' | b' ', text) = text.split_first().map(|(first, rest)| (*first, rest))? else { return None };
    let (hour, text) = number(text, 2)?;
    let (minute, text) = number(text.strip_prefix(b":")?, 2)?;
    let (second, text) = number(text.strip_prefix(b":")?, 2)?;
    let text = match text.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            fraction.get(digits..).filter(|_| digits > 0)?
        }
        None => text,
    };
    let offset = offset(text)?;
    let days = days(year, month, day);
    // A day that the month has not comes back as another one.
    let exists = date(days) == (year, month, day) && hour < 24 && minute < 60 && second < 60;
    let seconds = days * DAY + hour * 3600 + minute * 60 + second - offset;
    exists.then_some(Timestamp { seconds })
}

/// The seconds that a zone is ahead: `Z` or `+01:00`.
fn offset(text: &[u8]) -> Option<i64> {
    let sign = match text {
        b"Z" | b"z" => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let (hours, text) = number(text.get(1..)?, 2)?;
    let (minutes, text) = number(text.strip_prefix(b":")?, 2)?;
    (text.is_empty() && hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let number =
        number.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')));
    Some((number?, rest))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Years are counted from March here.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 153 days in every five months from March on.
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - EPOCH
}

/// The date that is so many days after 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    // Without the leap days that lie behind, every year has 365 days.
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (year * 365 + year / 4 - year / 100);
    let month = (day * 5 + 2) / 153;
    let day = day - (month * 153 + 2) / 5 + 1;
    let year = era * 400 + year;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, seconds) in [("90d", 7_776_000), ("2w", 1_209_600), ("36h", 129_600), ("30m", 1_800), ("10s", 10)] {
            assert_eq!(parse_length(text), Ok(seconds), "{text}");
        }
        for text in ["", "d", "0d", "-1d", "+1d", "1.5d", "3 months", "1y", "9", "é", "9223372036854775807w"] {
            assert_eq!(parse_length(text), Err(ParseLengthError), "{text}");
        }
    }

    #[test]
    fn time_goes_through_serde_as_text() {
        let time: Timestamp = serde_json::from_str("\"2026-01-31T23:59:00Z\"").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-01-31T23:59:00Z\"");
        assert!(serde_json::from_str::<Timestamp>("\"soon\"").is_err());
    }

    #[track_caller]
    fn check(text: &str, seconds: i64) {
        let time: Timestamp = text.parse().unwrap();
        assert_eq!((time.seconds(), time.to_string().as_str()), (seconds, text));
    }

    #[test]
    fn times_have_one_number_and_one_text() {
        check("1970-01-01T00:00:00Z", 0);
        check("1969-12-31T23:59:59Z", -1);
        check("2000-02-29T12:00:00Z", 951_825_600);
        check("2024-02-29T23:59:59Z", 1_709_251_199);
        check("2026-11-23T01:24:22Z", 1_795_397_062);
        check("0000-01-01T00:00:00Z", Timestamp::MIN.seconds());
        check("9999-12-31T23:59:59Z", Timestamp::MAX.seconds());
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = date(Timestamp::MIN.seconds() / DAY);
        for number in Timestamp::MIN.seconds() / DAY + 1..=Timestamp::MAX.seconds().div_euclid(DAY) {
            let (year, month, day) = date(number);
            assert_eq!(days(year, month, day), number);
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let long = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            let last = long[before.1 as usize - 1];
            let next = match before {
                (year, 12, 31) => (year + 1, 1, 1),
                (year, month, day) if day == last => (year, month + 1, 1),
                (year, month, day) => (year, month, day + 1),
            };
            assert_eq!((year, month, day), next);
            before = (year, month, day);
        }
    }

    #[test]
    fn offsets_and_fractions_are_read() {
        for text in ["2026-02-28T23:30:00.999Z", "2026-03-01t00:30:00+01:00", "2026-02-28 18:00:00-05:30"] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), "2026-02-28T23:30:00Z", "{text}");
        }
    }

    #[test]
    fn err_what_is_no_time() {
        let texts = [
            "",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00",
            "2026-01-01",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+1:00",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "+026-01-01T00:00:00Z",
            "2026-01-01T00:00:00ZZ",
            "2026-01-01T00:00:00+01:00x",
        ];
        for text in texts {
            assert_eq!(text.parse::<Timestamp>(), Err(ParseTimeError), "{text}");
        }
    }
}
