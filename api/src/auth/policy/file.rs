//! An operator's file of rules: YAML, and JSON with it (`policy.json` of old).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{check::Check, defaults, parse};

/// Rules in one file.
const RULES: usize = 2000;

/// Why a file of rules cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not a list of names with checks.
    #[error("it is no list of rules (name: \"check\"): {0}")]
    Form(String),
    /// Rules refer to each other in a circle.
    #[error("rules refer to each other in a circle: {0}")]
    Circle(String),
    /// A check would ask another server.
    #[error("rule {rule}: {reason}")]
    Rule {
        /// Which.
        rule: String,
        /// Why not.
        reason: String,
    },
}

/// A check as a text, or in the form of old.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    List(Vec<Alternative>),
    Nothing(()),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Alternative {
    One(String),
    All(Vec<String>),
}

/// Puts the rules of a file in the place of those of their names.
pub(super) fn read(text: &str, rules: &mut BTreeMap<String, Check>, warnings: &mut Vec<String>) -> Result<(), Error> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(()); // a sample with everything commented out
    }
    let written: BTreeMap<String, Written> = serde_saphyr::from_str(text).map_err(|error| Error::Form(first_line(&error.to_string())))?;
    if written.len() > RULES {
        return Err(Error::Form(format!("{} rules are more than {RULES}", written.len())));
    }
    for (name, check) in written {
        let mut odd = Vec::new();
        let read = match check {
            Written::Text(text) => parse::text(&text, &mut odd),
            Written::List(alternatives) => parse::list(&alternatives.into_iter().map(Alternative::all).collect::<Vec<_>>(), &mut odd),
            Written::Nothing(()) => Ok(Check::Always),
        };
        warnings.extend(odd.iter().map(|error| format!("rule {name} has a check that says no: {error}")));
        let check = match read {
            Ok(check) => check,
            Err(error @ parse::Unread::Remote(_)) => return Err(Error::Rule { rule: name, reason: error.to_string() }),
            Err(error) => {
                warnings.push(format!("rule {name} allows nobody: {error}"));
                Check::Never
            }
        };
        rules.insert(name, check);
    }
    let referred: Vec<String> = rules.values().flat_map(Check::refers).map(str::to_owned).collect();
    let known = |name: &str| defaults::of(name).is_some() || name == super::FALLBACK || referred.iter().any(|referred| referred == name);
    warnings.extend(rules.keys().filter(|name| !known(name)).map(|name| format!("nothing asks for rule {name}")));
    let missing = |name: &&String| !rules.contains_key(*name);
    warnings.extend(referred.iter().filter(missing).map(|name| format!("there is no rule {name}, though another one refers to it")));
    Ok(())
}

impl Alternative {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(check) => vec![check],
            Self::All(checks) => checks,
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}
