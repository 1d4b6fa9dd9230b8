//! What happens to containers, told as Docker does: `GET /events`, a JSON object per line, to whoever listens just then.
//!
//! Listening is made for no cluster and changes nothing, so it is no call of the journal, and no script plays with it.

use futures::{Stream, stream};
use hyper::body::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::{self, error::RecvError};

/// Events that a slow listener may be behind before it misses some.
pub(super) const BEHIND: usize = 1024;

/// Something happened to a container.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Docker's word for it.
    pub action: &'static str,
    /// The container's id.
    pub id: String,
    /// Its labels.
    pub labels: Map<String, Value>,
}

impl Event {
    /// Whether filters of the form `{"type":["container"],"label":["key"],"event":["start"]}` let it through; others do.
    fn passes(&self, filters: &Value) -> bool {
        let any = |name: &str, fits: &dyn Fn(&str) -> bool| {
            let list = filters.get(name).and_then(Value::as_array);
            list.is_none_or(|list| list.iter().filter_map(Value::as_str).any(fits))
        };
        let labelled = |label: &str| match label.split_once('=') {
            Some((key, value)) => self.labels.get(key).and_then(Value::as_str) == Some(value),
            None => self.labels.contains_key(label),
        };
        any("type", &|word| word == "container") && any("label", &labelled) && any("event", &|word| word == self.action)
    }

    fn line(&self) -> Bytes {
        let told = json!({
            "Type": "container", "Action": self.action, "Actor": {"ID": self.id, "Attributes": self.labels}, "scope": "local", "time": 0,
        });
        format!("{told}\n").into()
    }
}

/// The lines for one listener, without end.
pub(super) fn lines(events: broadcast::Receiver<Event>, filters: Value) -> impl Stream<Item = Bytes> + Send {
    stream::unfold((events, filters), |(mut events, filters)| async move {
        loop {
            match events.recv().await {
                Ok(event) if event.passes(&filters) => return Some((event.line(), (events, filters))),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_let_through_what_they_name() {
        let labels = json!({"jeroboam.cluster": "a"}).as_object().cloned().unwrap_or_default();
        let event = Event { action: "die", id: "1".to_owned(), labels };
        for (filters, passes) in [
            (Value::Null, true),
            (json!({"type": ["container"], "label": ["jeroboam.cluster"], "event": ["start", "die"]}), true),
            (json!({"label": ["jeroboam.cluster=a"]}), true),
            (json!({"label": ["jeroboam.cluster=b"]}), false),
            (json!({"event": ["start"]}), false),
            (json!({"type": ["network"]}), false),
        ] {
            assert_eq!(event.passes(&filters), passes, "{filters}");
        }
    }
}
