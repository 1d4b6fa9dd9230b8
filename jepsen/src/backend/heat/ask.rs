//! What a request to Keystone or Heat asks for.

use serde_json::Value;

use crate::backend::ask::{decoded, parameter};

/// Where Keystone answers on the scripted endpoint.
const IDENTITY: &str = "identity";
/// Where Heat does.
const ORCHESTRATION: &str = "orchestration";

/// A request of the identity or the orchestration API, as far as they are spoken here.
#[derive(Clone, Debug, PartialEq)]
pub enum HeatAsk {
    /// `POST /identity/v3/auth/tokens`, with the host that was asked.
    Token {
        /// Who asks.
        body: Value,
        /// The authority of the request, for the catalog.
        host: String,
    },
    /// `GET …/stacks`.
    List {
        /// Whose, and with which token.
        who: Who,
        /// Only those with all of these.
        tags: Vec<String>,
        /// Only those of this name.
        name: Option<String>,
        /// Only those behind the one with this id.
        marker: Option<String>,
        /// Only so many.
        limit: Option<usize>,
    },
    /// `POST …/stacks`.
    Create {
        /// Whose, and with which token.
        who: Who,
        /// What.
        body: Value,
    },
    /// Anything at `…/stacks/{one word}`.
    Half {
        /// Whose, and with which token.
        who: Who,
        /// The word.
        which: String,
    },
    /// `GET …/stacks/{name}/{id}`.
    Show {
        /// Whose, and with which token.
        who: Who,
        /// The stack's name.
        name: String,
        /// Its id.
        id: String,
    },
    /// `GET …/stacks/{name}/{id}/resources`.
    Resources {
        /// Whose, and with which token.
        who: Who,
        /// The stack's name.
        name: String,
        /// Its id.
        id: String,
    },
    /// `PATCH` or `PUT …/stacks/{name}/{id}`.
    Update {
        /// Whose, and with which token.
        who: Who,
        /// The stack's name.
        name: String,
        /// Its id.
        id: String,
        /// What.
        body: Value,
    },
    /// `DELETE …/stacks/{name}/{id}`.
    Delete {
        /// Whose, and with which token.
        who: Who,
        /// The stack's name.
        name: String,
        /// Its id.
        id: String,
    },
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// The project in the path.
    pub project: String,
    /// `X-Auth-Token`.
    pub token: String,
}

impl HeatAsk {
    /// Reads a request; `None`: it is for neither of the two.
    #[must_use]
    pub fn read((method, path, query): (&str, &str, &str), (host, token): (&str, &str), body: &[u8]) -> Option<Self> {
        let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let json = || serde_json::from_slice(body).unwrap_or(Value::Null);
        let (project, rest) = match parts.as_slice() {
            [first, "v3", "auth", "tokens"] if *first == IDENTITY && method == "POST" => {
                return Some(Self::Token { body: json(), host: host.to_owned() });
            }
            [first, "v1", project, "stacks", rest @ ..] if *first == ORCHESTRATION => (*project, rest),
            _ => return None,
        };
        let who = Who { project: project.to_owned(), token: token.to_owned() };
        let owned = |word: &str| word.to_owned();
        Some(match (method, rest) {
            ("GET", []) => {
                let tags = parameter(query, "tags").unwrap_or_default();
                let tags = tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
                let limit = parameter(query, "limit").and_then(|limit| limit.parse().ok());
                Self::List { who, tags, name: parameter(query, "name"), marker: parameter(query, "marker"), limit }
            }
            ("POST", []) => Self::Create { who, body: json() },
            (_, [which]) => Self::Half { who, which: owned(which) },
            ("GET", [name, id]) => Self::Show { who, name: owned(name), id: owned(id) },
            ("GET", [name, id, "resources"]) => Self::Resources { who, name: owned(name), id: owned(id) },
            ("PATCH" | "PUT", [name, id]) => Self::Update { who, name: owned(name), id: owned(id), body: json() },
            ("DELETE", [name, id]) => Self::Delete { who, name: owned(name), id: owned(id) },
            _ => return None,
        })
    }

    /// One word for the journal.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Token { .. } => "token",
            Self::List { .. } => "stack.list",
            Self::Create { .. } => "stack.create",
            Self::Half { .. } => "stack.half",
            Self::Show { .. } => "stack.show",
            Self::Resources { .. } => "stack.resources",
            Self::Update { .. } => "stack.update",
            Self::Delete { .. } => "stack.delete",
        }
    }

    /// Whether it is of a kind that changes things.
    #[must_use]
    pub fn changes(&self) -> bool {
        matches!(self, Self::Create { .. } | Self::Update { .. } | Self::Delete { .. })
    }

    /// The name or id it is about, as the request says.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Token { .. } => "",
            Self::List { tags, .. } => tags.first().map_or("", String::as_str),
            Self::Create { body, .. } => body.get("stack_name").and_then(Value::as_str).unwrap_or_default(),
            Self::Half { which, .. } => which,
            Self::Show { name, .. } | Self::Resources { name, .. } | Self::Update { name, .. } | Self::Delete { name, .. } => name,
        }
    }

    fn who(&self) -> Option<&Who> {
        match self {
            Self::Token { .. } => None,
            Self::List { who, .. }
            | Self::Create { who, .. }
            | Self::Half { who, .. }
            | Self::Show { who, .. }
            | Self::Resources { who, .. }
            | Self::Update { who, .. }
            | Self::Delete { who, .. } => Some(who),
        }
    }

    /// The token it came with.
    #[must_use]
    pub fn token(&self) -> &str {
        self.who().map_or("", |who| &who.token)
    }

    /// The project in its path.
    #[must_use]
    pub fn project(&self) -> &str {
        self.who().map_or("", |who| &who.project)
    }
}
