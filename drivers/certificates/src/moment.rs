//! Times in certificates: whole seconds, within four-digit years.

use std::time::Duration;

use rcgen::{CertificateParams, date_time_ymd};

use crate::Error;

/// How far a certificate's beginning is put back, for peers whose clocks are late.
const BACKDATED: Duration = Duration::from_secs(3600);
/// The first second of the year 9999, since 1970.
const LAST_S: u64 = 253_370_764_800;

/// A span of validity, seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from_s: u64,
    pub(crate) until_s: u64,
}

impl Span {
    /// From a little before `now_ms` for as long as `valid`.
    pub(crate) fn new(now_ms: u64, valid: Duration) -> Result<Self, Error> {
        let now_s = now_ms / 1000;
        if now_s >= LAST_S {
            return Err(Error::Time(now_ms));
        }
        let until_s = now_s.saturating_add(valid.as_secs()).min(LAST_S);
        Ok(Self { from_s: now_s.saturating_sub(BACKDATED.as_secs()), until_s })
    }

    /// This span, cut to lie within another.
    pub(crate) fn within(self, other: Self) -> Self {
        Self { from_s: self.from_s.max(other.from_s), until_s: self.until_s.min(other.until_s) }
    }

    /// Puts it into the parameters of a certificate.
    pub(crate) fn stamp(self, params: &mut CertificateParams) {
        let epoch = date_time_ymd(1970, 1, 1);
        params.not_before = epoch + Duration::from_secs(self.from_s);
        params.not_after = epoch + Duration::from_secs(self.until_s);
    }
}
