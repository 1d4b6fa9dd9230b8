//! What callers may do, in the language of oslo.policy.
//!
//! A rule is a name and a check (`role:member and project_id:%(project_id)s`). The rules that hold when nobody says otherwise stand in
//! `defaults`; an operator's `policy.yaml` (or `policy.json` of old) puts others in their place. Names are Magnum's where it has them,
//! so that files written for it work as they are; the names of 2015 (`bay:create`) stand beside today's and by default mean them.
//!
//! # Invariants
//! * What cannot be understood says no, as with oslo.policy: a check that cannot be read, a rule that does not exist (and no rule
//!   `default` beside it), a value the target does not have.
//! * Where a rule is for tokens of a project, a token that is for none is allowed nothing by it.
//! * Rules that refer to each other in a circle are found when they are read, never while somebody waits.
//!
//! # Absent on purpose
//! Checks that ask another server (`http:`): a decision must not wait for one. A file that has them is refused in words.
//!
//! Read in this order: `check`, `parse`, `file`, `defaults`.

mod check;
pub(crate) mod classic;
mod defaults;
mod file;
mod parse;

use std::collections::BTreeMap;

pub use check::Target;
use check::{Check, Scene};
pub use defaults::{DEFAULTS, Rule};
pub use file::Error;

use super::Caller;

/// How deep rules may refer to rules.
const DEPTH: usize = 32;

/// The rule that stands for those that do not exist, if there is one.
const FALLBACK: &str = "default";

/// The rules in force.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: BTreeMap<String, Check>,
    /// What is odd about the operator's file, though it can be used.
    warnings: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        let rules =
            DEFAULTS.iter().map(|rule| (rule.name.to_owned(), parse::text(rule.check, &mut Vec::new()).unwrap_or(Check::Never))).collect();
        Self { rules, warnings: Vec::new() }
    }
}

impl Policy {
    /// The defaults, with the rules of a file in their places.
    ///
    /// # Errors
    /// No such file of rules, rules that refer to each other in a circle, checks that would ask another server.
    pub fn with_file(text: &str) -> Result<Self, Error> {
        let mut policy = Self::default();
        file::read(text, &mut policy.rules, &mut policy.warnings)?;
        policy.sound()?;
        Ok(policy)
    }

    /// What is odd about the operator's file: checks that cannot be read (they allow nobody), rules nothing asks for.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether a caller may do what the rule is about to the target.
    pub fn allows(&self, caller: &Caller, rule: &str, target: &Target<'_>) -> bool {
        if caller.project_id.is_empty() && defaults::of(rule).is_some_and(|rule| rule.project) {
            return false;
        }
        let scene = Scene { caller, target, admin: self.admin(caller), rules: self };
        self.check(rule).is_some_and(|check| check.holds(&scene, DEPTH))
    }

    /// Whether a caller acts for the whole cloud: rule `context_is_admin`.
    pub fn admin(&self, caller: &Caller) -> bool {
        let scene = Scene { caller, target: &Target::default(), admin: false, rules: self };
        self.check("context_is_admin").is_some_and(|check| check.holds(&scene, DEPTH))
    }

    /// Names and checks in force, by name.
    pub fn rules(&self) -> impl Iterator<Item = (&str, String)> {
        self.rules.iter().map(|(name, check)| (name.as_str(), check.to_string()))
    }

    fn check(&self, rule: &str) -> Option<&Check> {
        self.rules.get(rule).or_else(|| self.rules.get(FALLBACK))
    }

    /// # Errors
    /// Rules that lead back to themselves, or too deep.
    fn sound(&self) -> Result<(), Error> {
        for name in self.rules.keys() {
            self.follow(name, &mut vec![name])?;
        }
        Ok(())
    }

    fn follow<'a>(&'a self, name: &str, path: &mut Vec<&'a str>) -> Result<(), Error> {
        let Some(check) = self.rules.get(name) else { return Ok(()) };
        for next in check.refers() {
            if path.contains(&next) || path.len() >= DEPTH {
                path.push(next);
                return Err(Error::Circle(path.join(" -> ")));
            }
            path.push(next);
            self.follow(next, path)?;
            path.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
