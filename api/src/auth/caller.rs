//! A caller: what a token stands for.

/// Who asks. Texts are empty where the token says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Keystone project; empty for a token that is for none.
    pub project_id: String,
    /// Its name.
    pub project_name: String,
    /// The domain it lives in.
    pub project_domain_id: String,
    /// Keystone user.
    pub user_id: String,
    /// Its name.
    pub user_name: String,
    /// The domain it lives in.
    pub user_domain_id: String,
    /// The domain the token is for, where it is for one.
    pub domain_id: String,
    /// `all`, where the token is for the whole deployment.
    pub system_scope: String,
    /// Names of roles there, those included that others imply.
    pub roles: Vec<String>,
    /// The trust the token comes from.
    pub trust_id: String,
}

impl Caller {
    /// Whether it has a role.
    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|has| has.eq_ignore_ascii_case(role))
    }

    /// Adds the roles that those it has imply, as Keystone does by itself: admin ⊃ member ⊃ reader.
    #[must_use]
    pub(crate) fn with_implied_roles(mut self) -> Self {
        for (greater, smaller) in [("admin", "member"), ("member", "reader")] {
            if self.has(greater) && !self.has(smaller) {
                self.roles.push(smaller.to_owned());
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greater_roles_imply_smaller_ones() {
        let caller = |role: &str| Caller { roles: vec![role.to_owned()], ..Caller::default() }.with_implied_roles();
        assert!(caller("admin").has("reader") && caller("Admin").has("admin"));
        assert!(caller("member").has("reader") && !caller("member").has("admin"));
        assert!(!caller("reader").has("member"));
        assert!(!Caller::default().with_implied_roles().has("reader"));
    }
}
