//! One check, with and without its bug, each in a process of its own.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::table::{Bug, Check};

/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Test binaries by crate and name.
pub(crate) type Built = BTreeMap<(String, String), PathBuf>;

/// Reads the messages of `cargo test --no-run --message-format=json`.
pub(crate) fn built(messages: &str) -> Built {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    artifacts
        .filter_map(|artifact| {
            let program = artifact["executable"].as_str()?;
            let package = Path::new(artifact["manifest_path"].as_str()?).parent()?.file_name()?.to_str()?;
            let target = artifact["target"]["name"].as_str()?;
            Some(((package.to_owned(), target.to_owned()), program.into()))
        })
        .collect()
}

/// What became of one check.
pub(crate) struct Found {
    /// Whether it passes without the bug.
    pub(crate) sound: bool,
    /// Whether it fails with it.
    pub(crate) caught: bool,
    /// What the check said of the bug, or what was wrong with the run.
    pub(crate) words: String,
    /// How long the run with the bug took.
    pub(crate) took: Duration,
}

/// Runs a check twice.
pub(crate) fn check(built: &Built, bug: &Bug, check: Check) -> Found {
    let Some(program) = built.get(&(check.package.to_owned(), check.target.to_owned())) else {
        let words = format!("there is no test binary {} of {}", check.target, check.package);
        return Found { sound: false, caught: false, words, took: Duration::ZERO };
    };
    let control = run(program, check.test, "");
    let began = Instant::now();
    let planted = run(program, check.test, &format!("planted::{}=return", bug.name));
    let took = began.elapsed();
    let sound = matches!(&control, Ended::Passed);
    let (caught, words) = match (control, planted) {
        (Ended::Failed(words), _) => (false, format!("fails without the bug: {words}")),
        (Ended::Not(words), _) | (_, Ended::Not(words)) => (false, words),
        (Ended::Passed, Ended::Passed) => (false, "passes with the bug".to_owned()),
        (Ended::Passed, Ended::Failed(words)) => (true, words),
    };
    Found { sound, caught, words, took }
}

enum Ended {
    Passed,
    /// With the first words of its complaint.
    Failed(String),
    /// It did not run as a test does.
    Not(String),
}

fn run(program: &Path, test: &str, faults: &str) -> Ended {
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture"]).env("JEROBOAM_FAULTS", faults).env("RUST_BACKTRACE", "0");
    match output(&mut command) {
        Err(reason) => Ended::Not(reason),
        Ok(text) if text.contains("test result: ok. 1 passed") => Ended::Passed,
        Ok(text) if text.contains("test result: FAILED. 0 passed; 1 failed") => Ended::Failed(complaint(&text)),
        Ok(text) => Ended::Not(format!("{test} did not run: {}", text.lines().last().unwrap_or_default())),
    }
}

/// All that a program prints; an error if it goes on beyond the limit.
fn output(command: &mut Command) -> Result<String, String> {
    let words = |error: std::io::Error| error.to_string();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(words)?;
    let readers = [child.stderr.take().map(read), child.stdout.take().map(read)];
    let began = Instant::now();
    while child.try_wait().map_err(words)?.is_none() {
        if began.elapsed() > LIMIT {
            child.kill().map_err(words)?;
            child.wait().map_err(words)?;
            return Err(format!("did not end within {} s", LIMIT.as_secs()));
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Ok(readers.into_iter().flatten().filter_map(|reader| reader.join().ok()).collect())
}

fn read(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is shown.
        from.read_to_end(&mut bytes).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The first line of what the first panic said.
fn complaint(text: &str) -> String {
    let mut lines = text.lines().skip_while(|line| !line.contains("panicked at")).skip(1);
    let first = lines.next().unwrap_or("it failed without a word");
    first.chars().take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_are_found_in_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","manifest_path":"/x/model/Cargo.toml","target":{"name":"it"},"executable":"/t/it-1"}
{"reason":"compiler-artifact","manifest_path":"/x/model/Cargo.toml","target":{"name":"model"},"executable":null}
{"reason":"build-finished"}"#;
        let found = built(messages);
        assert_eq!(found.len(), 1);
        assert_eq!(found[&("model".to_owned(), "it".to_owned())], PathBuf::from("/t/it-1"));
    }

    #[test]
    fn the_first_complaint_is_shown() {
        let text = "running 1 test\n\nthread 'a' panicked at x.rs:1:2:\nassertion failed: left\n  left: 1\nthread 'a' panicked at y\nmore";
        assert_eq!(complaint(text), "assertion failed: left");
        assert_eq!(complaint(""), "it failed without a word");
    }
}
