//! `jeroboam config show`: what is in force, and why.

use std::fmt::Write as _;

use super::{
    layers::{Layers, Origin},
    value::Value,
};

/// All keys as a TOML file that could be used as it is; values that are not the default say where they came from.
pub fn show(layers: &Layers) -> String {
    let mut text = String::new();
    let mut section = "";
    for (key, value, origin) in layers.iter() {
        let Some((table, name)) = key.rsplit_once('.') else { continue };
        if table != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            // Writing to a String cannot fail.
            let _ok = writeln!(text, "{gap}[{table}]");
            section = table;
        }
        let secret = key == "cluster.token" && *value != Value::Text(String::new());
        let shown = if secret { "\"…\"".to_owned() } else { value.to_string() };
        let _ok = match origin {
            Origin::Default => writeln!(text, "{name} = {shown}"),
            other => writeln!(text, "{name} = {shown}  # {other}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DEFAULTS, Sources};

    #[test]
    fn what_is_shown_can_be_read_again_and_hides_the_token() {
        let flags =
            vec![("cluster.token".into(), "geheim".into(), "--token".into()), ("api.listen".into(), "a:1".into(), "--listen".into())];
        let layers = Layers::load(&Sources { flags, ..Sources::default() }).unwrap();
        let shown = show(&layers);
        assert!(!shown.contains("geheim"), "{shown}");
        assert!(shown.contains("listen = \"a:1\"  # --listen"), "{shown}");
        let keys = |text: &str| {
            let table: toml::Table = toml::from_str(text).unwrap();
            table
                .into_iter()
                .map(|(name, section)| (name, section.as_table().unwrap().keys().cloned().collect::<Vec<_>>()))
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(&shown), keys(DEFAULTS));
    }
}
