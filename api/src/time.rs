//! Timestamps as clients parse them: RFC 3339 with the offset written out.

use serde::{Serialize, Serializer};

/// Milliseconds since 1970, shown as `2026-11-20T08:52:05.718000+00:00`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown(pub(crate) u64);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let timestamp =
            i64::try_from(self.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let at = jiff::tz::Offset::UTC.to_datetime(timestamp);
        write!(f, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", at.year(), at.month(), at.day(), at.hour(), at.minute(), at.second())?;
        let micros = self.0 % 1000 * 1000;
        if micros != 0 {
            write!(f, ".{micros:06}")?;
        }
        f.write_str("+00:00")
    }
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
    fn the_offset_is_always_there() {
        assert_eq!(Shown(0).to_string(), "1970-01-01T00:00:00+00:00");
        assert_eq!(Shown(1_795_164_725_718).to_string(), "2026-11-20T08:52:05.718000+00:00");
    }
}
