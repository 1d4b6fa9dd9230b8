//! A caller: what a token stands for.

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Keystone project.
    pub project_id: String,
    /// Keystone user.
    pub user_id: String,
    /// Names of roles in the project.
    pub roles: Vec<String>,
}

impl Caller {
    /// Whether it has a role, by itself or because a greater one implies it (admin ⊃ member ⊃ reader).
    pub fn has(&self, role: &str) -> bool {
        let implied: &[&str] = match role {
            "reader" => &["reader", "member", "admin"],
            "member" => &["member", "admin"],
            "admin" => &["admin"],
            other => return self.roles.iter().any(|role| role.eq_ignore_ascii_case(other)),
        };
        self.roles.iter().any(|role| implied.iter().any(|implied| role.eq_ignore_ascii_case(implied)))
    }

    /// Whether it acts for the whole cloud.
    pub fn admin(&self) -> bool {
        self.has("admin")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greater_roles_imply_smaller_ones() {
        let caller = |role: &str| Caller { roles: vec![role.to_owned()], ..Caller::default() };
        assert!(caller("admin").has("reader") && caller("Admin").admin());
        assert!(caller("member").has("reader") && !caller("member").admin());
        assert!(!caller("reader").has("member"));
        assert!(!Caller::default().has("reader"));
    }
}
