//! The rules that hold when nobody says otherwise: one line per thing a caller may do, under the names operators know.

/// The least role for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// May look at the project's objects.
    Reader,
    /// May change them.
    Member,
    /// Acts for the whole cloud.
    Admin,
}

impl Need {
    /// The role's name.
    pub(crate) const fn role(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}

/// Every rule. Names of Magnum's own where it has them.
pub(crate) const RULES: &[(&str, Need)] = &[
    ("cluster:create", Need::Member),
    ("cluster:delete", Need::Member),
    ("cluster:detail", Need::Reader),
    ("cluster:events", Need::Reader),
    ("cluster:force_delete", Need::Admin),
    ("cluster:get", Need::Reader),
    ("cluster:get_all", Need::Reader),
    ("cluster:update", Need::Member),
    ("clustertemplate:create", Need::Member),
    ("clustertemplate:delete", Need::Member),
    ("clustertemplate:detail", Need::Reader),
    ("clustertemplate:get", Need::Reader),
    ("clustertemplate:get_all", Need::Reader),
    ("clustertemplate:publish", Need::Admin),
    ("clustertemplate:update", Need::Member),
    ("container:create", Need::Member),
    ("container:delete", Need::Member),
    ("container:detail", Need::Reader),
    ("container:execute", Need::Member),
    ("container:get", Need::Reader),
    ("container:get_all", Need::Reader),
    ("container:logs", Need::Reader),
    ("container:pause", Need::Member),
    ("container:reboot", Need::Member),
    ("container:start", Need::Member),
    ("container:stop", Need::Member),
    ("container:unpause", Need::Member),
    ("container:update", Need::Member),
    ("jeroboam:admin", Need::Admin),
    ("jeroboam:watch", Need::Reader),
    ("magnum-service:get_all", Need::Admin),
    ("node:create", Need::Member),
    ("node:delete", Need::Member),
    ("node:detail", Need::Reader),
    ("node:get", Need::Reader),
    ("node:get_all", Need::Reader),
    ("node:update", Need::Member),
    ("operation:cancel", Need::Member),
    ("operation:get", Need::Reader),
    ("operation:get_all", Need::Reader),
    ("operation:retry", Need::Member),
];
