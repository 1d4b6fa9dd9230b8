//! Where values come from: defaults, file, environment, flags; the later ones win, and each value remembers its origin.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use toml::de::{DeTable, DeValue};

use super::{DEFAULTS, Error, suggest, value::Value};

/// What a configuration is read from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The operator's file.
    pub file: Option<PathBuf>,
    /// All environment variables; those that begin with `JEROBOAM__` count.
    pub environment: Vec<(String, String)>,
    /// Keys and values of flags, with the flag's name for complaints.
    pub flags: Vec<(String, String, String)>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The embedded file.
    Default,
    /// A line of the operator's file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// All keys with the value that is in force.
#[derive(Clone, Debug)]
pub struct Layers {
    values: BTreeMap<String, (Value, Origin)>,
}

const PREFIX: &str = "JEROBOAM__";

impl Layers {
    /// Reads all sources.
    ///
    /// # Errors
    /// A file that cannot be read, a key that does not exist, a value of the wrong type.
    pub fn load(sources: &Sources) -> Result<Self, Error> {
        let mut layers = Self { values: BTreeMap::new() };
        for (key, value, _) in flatten(DEFAULTS, "default.toml")? {
            layers.values.insert(key, (value, Origin::Default));
        }
        if let Some(path) = &sources.file {
            let text = std::fs::read_to_string(path).map_err(|error| Error(format!("configuration file {}: {error}", path.display())))?;
            for (key, value, line) in flatten(&text, &path.display().to_string())? {
                layers.put(&key, value, Origin::File { path: path.clone(), line })?;
            }
        }
        for (name, text) in sources.environment.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            let key = name.trim_start_matches(PREFIX).to_lowercase().replace("__", ".");
            layers.put_text(&key, text, Origin::Variable(name.clone()))?;
        }
        for (key, text, flag) in &sources.flags {
            layers.put_text(key, text, Origin::Flag(flag.clone()))?;
        }
        Ok(layers)
    }

    /// The folder a command finds its member by; nothing else of the configuration need be right for that.
    ///
    /// # Errors
    /// If it is empty.
    pub fn data_dir(&self) -> Result<PathBuf, Error> {
        super::read::data_dir(self)
    }

    /// Where the other members reach this one.
    ///
    /// # Errors
    /// If it is no address.
    pub fn peer_address(&self) -> Result<String, Error> {
        super::read::peer_address(self)
    }

    /// The file of rules, if one is named.
    ///
    /// # Errors
    /// If it is no text.
    pub fn policy(&self) -> Result<Option<PathBuf>, Error> {
        super::read::policy(self)
    }

    /// All keys in alphabetical order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value, &Origin)> {
        self.values.iter().map(|(key, (value, origin))| (key.as_str(), value, origin))
    }

    /// The value under a key, which must stand in `default.toml`.
    pub(super) fn get(&self, key: &str) -> Result<(&Value, &Origin), Error> {
        self.values.get(key).map(|(value, origin)| (value, origin)).ok_or_else(|| Error(format!("no key {key} in default.toml")))
    }

    fn known(&self, key: &str, origin: &Origin) -> Result<&Value, Error> {
        if let Some((value, _)) = self.values.get(key) {
            return Ok(value);
        }
        let hint = suggest::nearest(key, self.values.keys().map(String::as_str));
        let hint = hint.map_or_else(|| " (see: jeroboam config defaults)".to_owned(), |name| format!("; did you mean {name}?"));
        Err(Error(format!("{origin}: there is no key {key}{hint}")))
    }

    fn put(&mut self, key: &str, value: Value, origin: Origin) -> Result<(), Error> {
        let known = self.known(key, &origin)?;
        if std::mem::discriminant(known) != std::mem::discriminant(&value) {
            return Err(Error(format!("{origin}: {key} must be {}, for example {known}", known.type_name())));
        }
        self.values.insert(key.to_owned(), (value, origin));
        Ok(())
    }

    fn put_text(&mut self, key: &str, text: &str, origin: Origin) -> Result<(), Error> {
        let known = self.known(key, &origin)?;
        let value = known.parse_like(text).ok_or_else(|| Error(format!("{origin}: {key} must be {}, not {text:?}", known.type_name())))?;
        self.values.insert(key.to_owned(), (value, origin));
        Ok(())
    }
}

/// Dotted keys, values and lines of a TOML text.
fn flatten(text: &str, name: &str) -> Result<Vec<(String, Value, usize)>, Error> {
    let line_at = |offset: usize| text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1);
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(span.start));
        Error(format!("{name}:{line}: {}", error.message()))
    })?;
    let mut found = Vec::new();
    walk("", table.get_ref(), &mut |key, value, offset| {
        let line = line_at(offset);
        let value = convert(value).ok_or_else(|| Error(format!("{name}:{line}: {key} is of a type that no key has")))?;
        found.push((key, value, line));
        Ok(())
    })?;
    Ok(found)
}

type Found<'a> = dyn FnMut(String, &DeValue<'_>, usize) -> Result<(), Error> + 'a;

fn walk(prefix: &str, table: &DeTable<'_>, found: &mut Found<'_>) -> Result<(), Error> {
    for (key, value) in table {
        let name = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        match value.get_ref() {
            DeValue::Table(inner) => walk(&name, inner, found)?,
            other => found(name, other, key.span().start)?,
        }
    }
    Ok(())
}

fn convert(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Number(i64::from_str_radix(number.as_str(), number.radix()).ok()?),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Array(items) => Value::List(items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<_>>()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, Sources) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jeroboam.toml");
        std::fs::write(&path, text).unwrap();
        (folder, Sources { file: Some(path), ..Sources::default() })
    }

    fn complaint(sources: &Sources) -> String {
        Layers::load(sources).unwrap_err().0
    }

    #[test]
    fn later_layers_win_and_say_who_they_are() {
        let (_folder, mut sources) = file("[api]\nlisten = \"file:1\"\nadvertise = \"file:2\"\ntokens = \"file\"\n");
        sources.environment = vec![
            ("PATH".into(), "x".into()),
            ("JEROBOAM__API__ADVERTISE".into(), "env:2".into()),
            ("JEROBOAM__API__TOKENS".into(), "env".into()),
        ];
        sources.flags = vec![("api.tokens".into(), "flag".into(), "--set".into())];
        let layers = Layers::load(&sources).unwrap();
        let text = |key: &str| match layers.get(key).unwrap() {
            (Value::Text(text), origin) => (text.clone(), origin.clone()),
            other => panic!("{other:?}"),
        };
        assert_eq!(text("api.listen"), ("file:1".into(), Origin::File { path: sources.file.clone().unwrap(), line: 2 }));
        assert_eq!(text("api.advertise"), ("env:2".into(), Origin::Variable("JEROBOAM__API__ADVERTISE".into())));
        assert_eq!(text("api.tokens"), ("flag".into(), Origin::Flag("--set".into())));
        assert_eq!(text("peer.listen").1, Origin::Default);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_a_suggestion() {
        let (_folder, sources) = file("[raft]\n# a comment\nheartbeet = \"50ms\"\n");
        assert!(complaint(&sources).ends_with("jeroboam.toml:3: there is no key raft.heartbeet; did you mean raft.heartbeat?"));
        let sources = Sources { environment: vec![("JEROBOAM__API__LISTN".into(), "x".into())], ..Sources::default() };
        assert_eq!(complaint(&sources), "environment variable JEROBOAM__API__LISTN: there is no key api.listn; did you mean api.listen?");
    }

    #[test]
    fn a_wrong_type_and_a_broken_file_are_refused_with_their_line() {
        let (_folder, sources) = file("\n[api]\nconnections = \"many\"\n");
        assert!(complaint(&sources).ends_with("jeroboam.toml:3: api.connections must be a whole number, for example 10000"));
        let (_folder, sources) = file("[api]\nlisten = \n");
        assert!(complaint(&sources).contains("jeroboam.toml:2: "));
        let missing = Sources { file: Some("/nonexistent/j.toml".into()), ..Sources::default() };
        assert!(complaint(&missing).starts_with("configuration file /nonexistent/j.toml: "));
    }
}
