//! Checks, and whether they hold.

use std::fmt;

use super::{super::Caller, Policy};

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// `@`
    Always,
    /// `!`, and what cannot be understood.
    Never,
    /// `a and b`
    All(Vec<Check>),
    /// `a or b`
    Any(Vec<Check>),
    /// `not a`
    Not(Box<Check>),
    /// `rule:name`
    Rule(String),
    /// `role:name`; the name may have values of the target in it.
    Role(Template),
    /// `user_id:%(user_id)s`: something of the caller is what the right side makes.
    Caller(Vec<String>, Template),
    /// `'fixed':%(status)s`: a literal is what the right side makes.
    Literal(String, Template),
}

/// A text with values of the target in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template(pub(super) Vec<Piece>);

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it stands.
    Text(String),
    /// The target's value under this name.
    Value(String),
}

/// What is acted upon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target<'a> {
    /// The project it belongs to; empty: none.
    pub project_id: &'a str,
    /// The user that made it; empty: none.
    pub user_id: &'a str,
    /// Its id, where it exists.
    pub id: &'a str,
    /// Its name, where it exists.
    pub name: &'a str,
    /// The domain in which users are made for clusters.
    pub trustee_domain_id: &'a str,
    /// The user made for this cluster.
    pub trustee_user_id: &'a str,
}

impl Target<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let value = match name {
            "project_id" | "tenant_id" => self.project_id,
            "user_id" => self.user_id,
            "id" | "uuid" => self.id,
            "name" => self.name,
            "trustee_domain_id" => self.trustee_domain_id,
            "trustee_user_id" => self.trustee_user_id,
            _ => "",
        };
        (!value.is_empty()).then_some(value)
    }
}

/// Everything a check is about.
pub(super) struct Scene<'a> {
    pub(super) caller: &'a Caller,
    pub(super) target: &'a Target<'a>,
    pub(super) admin: bool,
    pub(super) rules: &'a Policy,
}

impl Check {
    /// Whether it holds; `depth`: how many rules may still refer to rules.
    pub(super) fn holds(&self, scene: &Scene<'_>, depth: usize) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::All(checks) => checks.iter().all(|check| check.holds(scene, depth)),
            Self::Any(checks) => checks.iter().any(|check| check.holds(scene, depth)),
            Self::Not(check) => !check.holds(scene, depth),
            Self::Rule(name) => {
                let Some(depth) = depth.checked_sub(1) else { return false };
                scene.rules.check(name).is_some_and(|check| check.holds(scene, depth))
            }
            Self::Role(name) => name.fill(scene.target).is_some_and(|name| scene.caller.has(&name)),
            Self::Caller(path, right) => right.fill(scene.target).is_some_and(|right| said(scene, path, &right)),
            Self::Literal(left, right) => right.fill(scene.target).is_some_and(|right| *left == right),
        }
    }

    /// The rules it refers to.
    pub(super) fn refers(&self) -> Vec<&str> {
        match self {
            Self::Rule(name) => vec![name],
            Self::Not(check) => check.refers(),
            Self::All(checks) | Self::Any(checks) => checks.iter().flat_map(Self::refers).collect(),
            _ => Vec::new(),
        }
    }
}

/// Whether the caller's value under this name is the wanted one. Names are those of request contexts of OpenStack services, old and new.
fn said(scene: &Scene<'_>, path: &[String], wanted: &str) -> bool {
    let [name] = path else { return false };
    let caller = scene.caller;
    let value = match name.as_str() {
        "roles" => return caller.roles.iter().any(|role| role == wanted),
        "is_admin" => return wanted == if scene.admin { "True" } else { "False" },
        "user_id" | "user" => &caller.user_id,
        "user_name" => &caller.user_name,
        "user_domain_id" | "user_domain" => &caller.user_domain_id,
        "project_id" | "project" | "tenant" | "tenant_id" => &caller.project_id,
        "project_name" => &caller.project_name,
        "project_domain_id" | "project_domain" => &caller.project_domain_id,
        "domain_id" | "domain" => &caller.domain_id,
        "system_scope" | "system" => &caller.system_scope,
        "trust_id" => &caller.trust_id,
        _ => return false,
    };
    // What a token does not say is nobody's, not even that of an object that has none either.
    !value.is_empty() && value == wanted
}

impl Template {
    /// The text; `None` if the target lacks a value.
    fn fill(&self, target: &Target<'_>) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Value(name) => text.push_str(target.get(name)?),
            }
        }
        Some(text)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => f.write_str(&text.replace('%', "%%"))?,
                Piece::Value(name) => write!(f, "%({name})s")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, checks: &[Self], word: &str| {
            f.write_str("(")?;
            for (position, check) in checks.iter().enumerate() {
                if position > 0 {
                    write!(f, " {word} ")?;
                }
                check.fmt(f)?;
            }
            f.write_str(")")
        };
        match self {
            Self::Always => f.write_str("@"),
            Self::Never => f.write_str("!"),
            Self::All(checks) => joined(f, checks, "and"),
            Self::Any(checks) => joined(f, checks, "or"),
            Self::Not(check) => write!(f, "not {check}"),
            Self::Rule(name) => write!(f, "rule:{name}"),
            Self::Role(name) => write!(f, "role:{name}"),
            Self::Caller(path, right) => write!(f, "{}:{right}", path.join(".")),
            Self::Literal(left, right) => write!(f, "'{left}':{right}"),
        }
    }
}
