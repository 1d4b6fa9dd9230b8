//! From what a user wrote to what the Docker API takes.
//!
//! A command line is split as a POSIX shell would split it into words, with its quotes and backslashes, and nothing else of a shell:
//! no variables, no globs, no pipes. Who wants those writes `sh -c '…'`.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{ContainerCreateBody, HostConfig};

use crate::{
    error::Error,
    mark::{self, Mark},
    spec::ContainerSpec,
};

/// The body of a create.
pub(crate) fn body(mark: &Mark, spec: &ContainerSpec, network: Option<&str>) -> Result<ContainerCreateBody, Error> {
    let wish = &spec.wish;
    let cmd = wish.command.as_deref().map(words).transpose()?.filter(|words| !words.is_empty());
    let memory = wish.memory.as_deref().map(bytes).transpose()?;
    let mut labels: HashMap<String, String> = mark.labels().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    labels.insert(mark::CONTAINER.to_owned(), spec.id.to_string());
    labels.insert(mark::NAME.to_owned(), wish.name.clone());
    Ok(ContainerCreateBody {
        hostname: Some(spec.id.to_string()),
        image: Some(image(&wish.image)?),
        cmd,
        env: Some(environment(&wish.environment)?),
        labels: Some(labels),
        host_config: Some(HostConfig { memory, network_mode: network.map(str::to_owned), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    })
}

/// An image reference, with the tag that it means when it names none.
pub(crate) fn image(reference: &str) -> Result<String, Error> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
    let good = (1..=512).contains(&reference.len()) && reference.bytes().all(known) && !reference.contains("..");
    if !good || reference.starts_with(['.', '-', '/', ':', '@']) || reference.ends_with('/') || reference.contains("//") {
        return Err(Error::Refused(format!("{reference:?} is not the name of an image")));
    }
    let last = reference.rsplit('/').next().unwrap_or_default();
    Ok(if last.contains([':', '@']) { reference.to_owned() } else { format!("{reference}:latest") })
}

/// The words of a command line.
pub(crate) fn words(line: &str) -> Result<Vec<String>, Error> {
    shlex::split(line).ok_or_else(|| Error::Refused(format!("the command {line:?} has a quote or a backslash that is not closed")))
}

/// `<number>[b|k|m|g]` in bytes; no letter means bytes.
pub(crate) fn bytes(text: &str) -> Result<i64, Error> {
    let refused = || Error::Refused(format!("{text:?} is not an amount of memory: a whole number, then b, k, m or g"));
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit: i64 = match text.strip_prefix(digits).unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return Err(refused()),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused());
    }
    let number: i64 = digits.parse().map_err(|_| refused())?;
    number.checked_mul(unit).ok_or_else(refused)
}

fn environment(wish: &BTreeMap<String, String>) -> Result<Vec<String>, Error> {
    let line = |(key, value): (&String, &String)| {
        if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
            return Err(Error::Refused(format!("{key:?} cannot be a variable of an environment")));
        }
        Ok(format!("{key}={value}"))
    };
    wish.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_splits_words() {
        assert_eq!(words(r#"sh -c 'echo "a  b"; echo $X' a\ b "c'd""#).unwrap(), ["sh", "-c", r#"echo "a  b"; echo $X"#, "a b", "c'd"]);
        assert_eq!(words("  ").unwrap(), [""; 0]);
        for bad in ["echo 'a", "echo \"a", "echo a\\"] {
            assert!(matches!(words(bad), Err(Error::Refused(_))), "{bad}");
        }
    }

    #[test]
    fn memory_has_four_units() {
        for (text, want) in [("0", 0), ("7", 7), ("7b", 7), ("4k", 4096), ("512M", 512 << 20), ("2g", 2 << 30)] {
            assert_eq!(bytes(text).unwrap(), want, "{text}");
        }
        for bad in ["", "m", "1.5g", "-1m", "1mm", "1 m", "99999999999g", "99999999999999999999", "1t", "+1m"] {
            assert!(matches!(bytes(bad), Err(Error::Refused(_))), "{bad}");
        }
    }

    #[test]
    fn an_image_without_a_tag_means_latest() {
        for (text, want) in [
            ("busybox", "busybox:latest"),
            ("busybox:1", "busybox:1"),
            ("host:5000/a/b", "host:5000/a/b:latest"),
            ("host:5000/a/b:c", "host:5000/a/b:c"),
            ("a@sha256:00", "a@sha256:00"),
        ] {
            assert_eq!(image(text).unwrap(), want);
        }
        for bad in ["", "a b", "../containers", "a/../b", "/a", "a/", "a?b", "a%2f", "-a", "a//b"] {
            assert!(matches!(image(bad), Err(Error::Refused(_))), "{bad}");
        }
    }

    #[test]
    fn an_environment_has_no_equals_sign_in_a_name() {
        let one = |key: &str| environment(&[(key.to_owned(), "v=w".to_owned())].into());
        assert_eq!(one("K").unwrap(), ["K=v=w"]);
        assert!(one("").is_err() && one("a=b").is_err() && one("a\0").is_err());
    }
}
