//! Which driver a new cluster gets, and what a driver cannot do at all.
//!
//! Driver names are words that members announce, so that a rolling upgrade may bring one. A template may name a driver; otherwise the
//! engine's usual one is taken. A cluster that no member of this configuration could make is refused at once, in plain words.

use model::{Fault, View, member, template::TemplateWish};

use crate::error::Error;

/// The usual driver of an engine, where there is one.
fn usual(coe: &str) -> Option<&'static str> {
    match coe {
        "swarm" => Some("local"),
        _ => None,
    }
}

/// Engines a driver is known not to make; of drivers this program does not know nothing is said.
fn unfit(driver: &str, coe: &str) -> bool {
    matches!(driver, "local" | "heat") && coe != "swarm"
}

/// # Errors
/// 400 for what one Docker Engine cannot do for one cluster: `what` completes "a cluster of this driver cannot …". What other drivers
/// cannot do they say themselves, as the reason why the operation failed.
pub(crate) fn changes_machines(driver: &str, what: &str) -> Result<(), Error> {
    if driver != "local" {
        return Ok(());
    }
    Err(Error::invalid(format!("a cluster of the driver local cannot {what}: it is a part of one Docker Engine, which others look after")))
}

/// The driver of a cluster of this template.
///
/// # Errors
/// 400 if no member has one.
pub(super) fn choose(view: &(impl View + ?Sized), template: &TemplateWish) -> Result<String, Error> {
    let coe = &template.coe;
    let named = template.driver.as_deref();
    let Some(driver) = named.or_else(|| usual(coe)).filter(|driver| !unfit(driver, coe)) else {
        return Err(match named {
            Some(driver) => Error::invalid(format!("the driver {driver} makes no clusters of the coe {coe}")),
            None => Error::invalid(format!("there is no driver for the coe {coe} in this configuration")),
        });
    };
    if announced(view, driver)? {
        Ok(driver.to_owned())
    } else {
        Err(Error::invalid(format!("no member of this configuration has the driver {driver}, which the coe {coe} needs")))
    }
}

fn announced(view: &(impl View + ?Sized), driver: &str) -> Result<bool, Fault> {
    Ok(member::query::all(view)?.iter().any(|member| member.drivers.iter().any(|name| name == driver)))
}
