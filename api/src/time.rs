//! Timestamps as clients parse them: RFC 3339 with the offset written out.

use serde::{Serialize, Serializer};

/// Milliseconds since 1970, shown as `2026-11-20T08:52:05.718000+00:00`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown(pub(crate) u64);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (date, time) = parts(self.0);
        write!(f, "{date}T{time}")?;
        let micros = self.0 % 1000 * 1000;
        if micros != 0 {
            write!(f, ".{micros:06}")?;
        }
        f.write_str("+00:00")
    }
}

/// Milliseconds since 1970, as CADF's library writes them: `2026-11-20T08:52:05.718000+0000`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audited(pub(crate) u64);

impl Serialize for Audited {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (date, time) = parts(self.0);
        serializer.collect_str(&format_args!("{date}T{time}.{:06}+0000", self.0 % 1000 * 1000))
    }
}

/// Milliseconds since 1970, as OpenStack's notifications write them: `2026-11-20 08:52:05.718000`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logged(pub(crate) u64);

impl Serialize for Logged {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (date, time) = parts(self.0);
        serializer.collect_str(&format_args!("{date} {time}.{:06}", self.0 % 1000 * 1000))
    }
}

/// Date and time of the day in UTC, to the second.
fn parts(ms: u64) -> (String, String) {
    let timestamp = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let at = jiff::tz::Offset::UTC.to_datetime(timestamp);
    let date = format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day());
    (date, format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second()))
}

/// Milliseconds since 1970 of a time as clients write it (`2026-11-20T08:52:05Z`, with any offset). `None`: it is none, or before 1970.
pub(crate) fn parse(text: &str) -> Option<u64> {
    u64::try_from(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()).ok()
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read() {
        for ms in [0, 1_795_164_725_718] {
            assert_eq!(parse(&Shown(ms).to_string()), Some(ms));
        }
        assert_eq!(parse("1970-01-01T01:00:00+01:00"), Some(0));
        for bad in ["", "yesterday", "2026-11-20", "1969-12-31T23:59:59Z"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_offset_is_always_there() {
        assert_eq!(Shown(0).to_string(), "1970-01-01T00:00:00+00:00");
        assert_eq!(Shown(1_795_164_725_718).to_string(), "2026-11-20T08:52:05.718000+00:00");
        assert_eq!(serde_json::to_string(&Audited(1_795_164_725_718)).unwrap(), "\"2026-11-20T08:52:05.718000+0000\"");
        assert_eq!(serde_json::to_string(&Logged(1_795_164_725_007)).unwrap(), "\"2026-11-20 08:52:05.007000\"");
    }
}
