//! Planted bugs: mistakes that somebody could really make, each behind one name, so that it can be seen that a check finds them.
//!
//! A bug stands in the product's own code, at the line where it would be made, as `planted!("m8")`. In a test build (feature `faults`) it
//! is armed from outside, `planted::m8=return`; in the real one it is the word `false`, and its name is nowhere. The table of all bugs and
//! of the checks that catch them is in `tests/src/bin/planted`; `make planted` runs it.

/// Whether a bug is planted and armed.
#[cfg(feature = "faults")]
#[macro_export]
macro_rules! planted {
    ($bug:literal) => {{
        fn armed() -> bool {
            $crate::fail::fail_point!(concat!("planted::", $bug), |_| true);
            false
        }
        armed()
    }};
}

/// A bug that this build does not have.
#[cfg(not(feature = "faults"))]
#[macro_export]
macro_rules! planted {
    ($bug:literal) => {
        false
    };
}

/// Arms what the variable `JEROBOAM_FAULTS` says (`planted::m8=return;…`). For test binaries; a member takes its orders in `node`.
///
/// # Errors
/// If an order makes no sense.
#[cfg(feature = "faults")]
pub fn arm() -> Result<(), String> {
    let orders = std::env::var("JEROBOAM_FAULTS").unwrap_or_default();
    for order in orders.split(';').filter(|order| !order.is_empty()) {
        let (name, action) = order.split_once('=').ok_or_else(|| format!("{order:?} is no order such as planted::m8=return"))?;
        fail::cfg(name, action)?;
    }
    Ok(())
}
