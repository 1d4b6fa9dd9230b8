//! `jeroboam policy`: rules without a running member.

use std::fmt::Write as _;

use api::policy::{DEFAULTS, Policy as Rules, Target};
use clap::Subcommand;

use super::{
    Common,
    table::{say, table, text},
};
use crate::{
    Error,
    config::{self, Layers},
    identity,
};

#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// List every rule in force with its check, and which of them the file api.policy names
    List,
    /// Print a file of rules with every default commented out, to start one's own from
    Sample,
    /// Say what somebody may do, or whether one rule allows it (exit status 1 if not)
    Check(Check),
}

/// Who asks for what.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// One rule, for example cluster:create; without it all that are allowed are listed
    rule: Option<String>,
    /// A role of the caller; may be given several times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// The caller's project; empty for a token that is for none
    #[arg(long, default_value = "project", value_name = "ID")]
    project: String,
    /// The caller
    #[arg(long, default_value = "user", value_name = "ID")]
    user: String,
    /// The project of the object [default: the caller's]
    #[arg(long, value_name = "ID")]
    target_project: Option<String>,
    /// Who made the object [default: the caller]
    #[arg(long, value_name = "ID")]
    target_user: Option<String>,
}

impl Policy {
    pub(super) fn run(&self, common: &Common) -> Result<(), Error> {
        if let Self::Sample = self {
            return say(&sample());
        }
        let config = Layers::load(&common.sources(Vec::new())?)?.policy()?;
        let rules = identity::rules(config.as_deref())?;
        for warning in rules.warnings() {
            eprintln!("jeroboam: warning: {warning}");
        }
        match self {
            Self::Check(check) => check.run(&rules),
            _ => list(&rules),
        }
    }
}

impl Check {
    fn run(&self, rules: &Rules) -> Result<(), Error> {
        let caller = api::Caller {
            project_id: self.project.clone(),
            user_id: self.user.clone(),
            roles: self.roles.clone(),
            ..api::Caller::default()
        };
        let target = Target {
            project_id: self.target_project.as_deref().unwrap_or(&self.project),
            user_id: self.target_user.as_deref().unwrap_or(&self.user),
            ..Target::default()
        };
        match &self.rule {
            Some(rule) if rules.allows(&caller, rule, &target) => say(&format!("{rule}: allowed\n")),
            Some(rule) => Err(config::Error(format!("{rule}: not allowed")).into()),
            None => {
                let asked = DEFAULTS.iter().filter(|rule| !rule.asked.is_empty());
                let allowed = asked.filter(|rule| rules.allows(&caller, rule.name, &target));
                say(&allowed.fold(String::new(), |all, rule| all + rule.name + "\n"))
            }
        }
    }
}

fn list(rules: &Rules) -> Result<(), Error> {
    let mut lines = table(&["RULE", "CHECK", "FROM"]);
    let defaults = Rules::default();
    let usual: std::collections::BTreeMap<_, _> = defaults.rules().collect();
    for (name, check) in rules.rules() {
        let from = if usual.get(name) == Some(&check) { "default" } else { "file" };
        lines.add_row([name, &check, from]);
    }
    say(&text(&lines))
}

fn sample() -> String {
    let mut text = String::from(
        "# Who may do what, in the language of oslo.policy. Everything here is the default; take the # away from a line to change it.\n\
         # jeroboam --set api.policy=FILE policy list shows what is in force then.\n",
    );
    for rule in DEFAULTS {
        // Writing into a string does not fail.
        let asked = if rule.asked.is_empty() { String::new() } else { format!(" ({})", rule.asked) };
        write!(text, "\n# {}{asked}\n#\"{}\": \"{}\"\n", rule.what, rule.name, rule.check).unwrap_or_default();
    }
    text
}
