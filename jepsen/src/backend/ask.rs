//! What a request asks for: method, path and query of the Docker API, or of the cloud beside it, read into one word and its object.

use serde_json::Value;

use super::heat::HeatAsk;

/// A request of the Docker API, as far as it is spoken here.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// `GET /_ping`, `/version`, `/info`.
    Engine(&'static str),
    /// `GET /networks`, with the label that is asked for.
    Networks(Option<String>),
    /// `POST /networks/create`.
    MakeNetwork(Value),
    /// `DELETE /networks/{id}`.
    RemoveNetwork(String),
    /// `GET /containers/json`, with the label that is asked for.
    Containers(Option<String>),
    /// `GET /containers/{id}/json`.
    Container(String),
    /// `POST /containers/create?name=…`.
    MakeContainer(String, Value),
    /// `POST /containers/{id}/{action}`.
    Act(String, Action),
    /// `DELETE /containers/{id}`.
    RemoveContainer(String),
    /// `GET /containers/{id}/logs`.
    Logs(String),
    /// `GET /images/{name}/json`.
    Image(String),
    /// `GET /events`, with the filters.
    Events(Value),
    /// Something of the cloud.
    Heat(HeatAsk),
    /// Anything else.
    Unknown,
}

/// What can be done to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `start`.
    Start,
    /// `stop`.
    Stop,
    /// `restart`.
    Restart,
    /// `pause`.
    Pause,
    /// `unpause`.
    Unpause,
}

impl Ask {
    /// Reads a request; a leading `/v1.…` is ignored, as everything here answers every version alike.
    #[must_use]
    pub fn read(method: &str, path: &str, query: &str, body: &[u8]) -> Self {
        let mut parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        if parts.first().is_some_and(|first| first.strip_prefix("v1.").is_some_and(|rest| rest.parse::<u32>().is_ok())) {
            parts.remove(0);
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let json = || serde_json::from_slice(body).unwrap_or(Value::Null);
        match (method, parts.as_slice()) {
            ("GET" | "HEAD", ["_ping"]) => Self::Engine("ping"),
            ("GET", ["version"]) => Self::Engine("version"),
            ("GET", ["info"]) => Self::Engine("info"),
            ("GET", ["events"]) => Self::Events(filters(query).unwrap_or_default()),
            ("GET", ["networks"]) => Self::Networks(label(query)),
            ("POST", ["networks", "create"]) => Self::MakeNetwork(json()),
            ("DELETE", ["networks", id]) => Self::RemoveNetwork((*id).to_owned()),
            ("GET", ["containers", "json"]) => Self::Containers(label(query)),
            ("POST", ["containers", "create"]) => Self::MakeContainer(parameter(query, "name").unwrap_or_default(), json()),
            ("GET", ["containers", id, "json"]) => Self::Container((*id).to_owned()),
            ("GET", ["containers", id, "logs"]) => Self::Logs((*id).to_owned()),
            ("DELETE", ["containers", id]) => Self::RemoveContainer((*id).to_owned()),
            ("POST", ["containers", id, word]) => Action::read(word).map_or(Self::Unknown, |action| Self::Act((*id).to_owned(), action)),
            ("GET", ["images", name @ .., "json"]) => Self::Image(name.join("/")),
            _ => Self::Unknown,
        }
    }

    /// One word for the journal.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Engine(word) => word,
            Self::Networks(_) => "network.list",
            Self::MakeNetwork(_) => "network.create",
            Self::RemoveNetwork(_) => "network.remove",
            Self::Containers(_) => "container.list",
            Self::Container(_) => "container.show",
            Self::MakeContainer(..) => "container.create",
            Self::Act(_, Action::Start) => "container.start",
            Self::Act(_, Action::Stop) => "container.stop",
            Self::Act(_, Action::Restart) => "container.restart",
            Self::Act(_, Action::Pause) => "container.pause",
            Self::Act(_, Action::Unpause) => "container.unpause",
            Self::RemoveContainer(_) => "container.remove",
            Self::Logs(_) => "container.logs",
            Self::Image(_) => "image.show",
            Self::Events(_) => "events",
            Self::Heat(ask) => ask.verb(),
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is of a kind that changes things.
    #[must_use]
    pub fn changes(&self) -> bool {
        if let Self::Heat(ask) = self {
            return ask.changes();
        }
        matches!(self, Self::MakeNetwork(_) | Self::RemoveNetwork(_) | Self::MakeContainer(..) | Self::Act(..) | Self::RemoveContainer(_))
    }

    /// The name or id it is about, as the request says.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::MakeNetwork(body) => body.get("Name").and_then(Value::as_str).unwrap_or_default(),
            Self::Networks(label) | Self::Containers(label) => label.as_deref().unwrap_or_default(),
            Self::RemoveNetwork(key)
            | Self::Container(key)
            | Self::MakeContainer(key, _)
            | Self::Act(key, _)
            | Self::RemoveContainer(key)
            | Self::Logs(key)
            | Self::Image(key) => key,
            Self::Heat(ask) => ask.key(),
            Self::Engine(_) | Self::Events(_) | Self::Unknown => "",
        }
    }
}

impl Action {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "start" => Self::Start,
            "stop" => Self::Stop,
            "restart" => Self::Restart,
            "pause" => Self::Pause,
            "unpause" => Self::Unpause,
            _ => return None,
        })
    }

    /// Docker's word for what happened.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Start | Self::Restart => "start",
            Self::Stop => "die",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
        }
    }
}

/// The first label in the filters of a list: `filters={"label":["jeroboam.cluster=…"]}`.
fn label(query: &str) -> Option<String> {
    let filters = filters(query)?;
    let labels = filters.get("label")?;
    // A list, or the older form of an object whose keys are meant.
    let first = labels.as_array().and_then(|list| list.first()).and_then(Value::as_str);
    first.or_else(|| labels.as_object()?.keys().next().map(String::as_str)).map(str::to_owned)
}

fn filters(query: &str) -> Option<Value> {
    serde_json::from_str(&parameter(query, "filters")?).ok()
}

pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
}

/// Percent and plus signs of a URL undone.
pub(super) fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
        match byte {
            b'%' => {
                let (high, low) = (hex(rest.next()).unwrap_or(0), hex(rest.next()).unwrap_or(0));
                out.push(high * 16 + low);
            }
            b'+' => out.push(b' '),
            byte => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_with_and_without_a_version() {
        let read = |method: &str, path: &str, query: &str| Ask::read(method, path, query, b"{}");
        assert_eq!(read("GET", "/v1.44/info", ""), Ask::Engine("info"));
        assert_eq!(read("POST", "/containers/abc/stop", "t=10"), Ask::Act("abc".into(), Action::Stop));
        assert_eq!(
            read("POST", "/containers/create", "name=jeroboam-1"),
            Ask::MakeContainer("jeroboam-1".into(), Value::Object(Default::default()))
        );
        let filters = "all=true&filters=%7B%22label%22%3A%5B%22jeroboam.cluster%3D7%22%5D%7D";
        assert_eq!(read("GET", "/containers/json", filters), Ask::Containers(Some("jeroboam.cluster=7".into())));
        assert_eq!(read("GET", "/images/a/b:1/json", ""), Ask::Image("a/b:1".into()));
        assert_eq!(read("POST", "/containers/abc/dance", ""), Ask::Unknown);
        assert!(read("DELETE", "/networks/x", "").changes() && !read("GET", "/networks", "").changes());
    }
}
