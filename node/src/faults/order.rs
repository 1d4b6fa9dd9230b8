//! One order: which point, what, when. Only its form is known here.

use std::str::FromStr;

/// What happens at a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The task panics.
    Panic,
    /// SIGKILL to this process.
    Kill,
    /// SIGSTOP to this process; somebody else lets it go on.
    Stop,
    /// The answer is thrown away.
    Lost,
    /// In the words of the crate `fail`.
    Other(String),
}

impl Action {
    /// Its word.
    pub fn word(&self) -> &str {
        match self {
            Self::Panic => "panic",
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Lost => "lost",
            Self::Other(words) => words,
        }
    }
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The point's name.
    pub point: String,
    /// What happens there.
    pub action: Action,
    /// At which time that it is reached, from one.
    pub time: u64,
    /// Also at all later times.
    pub always: bool,
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no order such as step::call::after=kill@2");
        let (point, what) = text.split_once('=').ok_or_else(wrong)?;
        let (word, when) = what.split_once('@').unwrap_or((what, "1"));
        let (time, always) = when.strip_suffix('+').map_or((when, false), |time| (time, true));
        let time = time.parse().ok().filter(|time| *time > 0).ok_or_else(wrong)?;
        let action = match word {
            "panic" => Action::Panic,
            "kill" => Action::Kill,
            "stop" => Action::Stop,
            "lost" => Action::Lost,
            "" => return Err(wrong()),
            _ => Action::Other(what.to_owned()),
        };
        Ok(Self { point: point.to_owned(), action, time, always })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> (String, Action, u64, bool) {
        let order: Order = text.parse().unwrap();
        (order.point, order.action, order.time, order.always)
    }

    #[test]
    fn orders_are_read() {
        assert_eq!(order("a::b::c=kill"), ("a::b::c".to_owned(), Action::Kill, 1, false));
        assert_eq!(order("a::b::c=lost@3+"), ("a::b::c".to_owned(), Action::Lost, 3, true));
        assert_eq!(order("planted::x=return").1, Action::Other("return".to_owned()));
        for text in ["a", "a=", "a=kill@0", "a=kill@x"] {
            assert!(text.parse::<Order>().is_err(), "{text}");
        }
    }
}
