//! What callers may do: the default rules as a table. A rule that does not exist allows nobody.

use std::collections::HashMap;

use super::{
    Caller,
    default_rules::{Need, RULES},
};
use crate::error::Error;

/// The rules in force.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    rules: HashMap<&'static str, Need>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { rules: RULES.iter().copied().collect() }
    }
}

impl Policy {
    /// Whether a caller may.
    pub(crate) fn allows(&self, caller: &Caller, rule: &str) -> bool {
        self.rules.get(rule).is_some_and(|need| caller.has(need.role()))
    }

    /// # Errors
    /// 403 if the caller may not.
    pub(crate) fn check(&self, caller: &Caller, rule: &str) -> Result<(), Error> {
        if self.allows(caller, rule) { Ok(()) } else { Err(Error::forbidden(format!("the policy does not allow {rule} for this token"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_decide_and_unknown_rules_deny() {
        let policy = Policy::default();
        let caller = |role: &str| Caller { roles: vec![role.to_owned()], ..Caller::default() };
        assert!(policy.allows(&caller("member"), "cluster:create"));
        assert!(!policy.allows(&caller("reader"), "cluster:create"));
        assert!(policy.allows(&caller("reader"), "cluster:get"));
        assert!(!policy.allows(&Caller::default(), "cluster:get"));
        assert!(!policy.allows(&caller("member"), "clustertemplate:publish"));
        assert!(!policy.allows(&caller("admin"), "no:such"));
    }
}
