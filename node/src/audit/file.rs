//! Records as JSON lines in a file of this member, which is turned over when it is full: `audit.jsonl`, `audit.jsonl.1` (younger), `.2`, ….
//!
//! Taken means flushed to the disk. A line that a crash tore is ended before the next one, so that it spoils nobody but itself; its record
//! comes again, whole. Each member has a file of its own and the leader of the moment writes into its own one: all of them together, each
//! id once, are the record.

use std::{
    fs,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use conductor::outbox::{Sink, Unwilling};
use model::event::Event;

use super::Scribe;
use crate::config::AuditFile;

/// See the module.
#[derive(Debug)]
pub(super) struct File {
    settings: AuditFile,
    scribe: Scribe,
    /// One writer at a time: a delivery that was given up may still be writing.
    writing: Arc<Mutex<()>>,
}

impl File {
    pub(super) fn new(settings: AuditFile, scribe: Scribe) -> Self {
        Self { settings, scribe, writing: Arc::default() }
    }
}

#[async_trait]
impl Sink for File {
    fn name(&self) -> &str {
        "file"
    }

    async fn take(&self, events: &[Event]) -> Result<u64, Unwilling> {
        let lines = self.scribe.lines(events)?;
        let records = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        if records > 0 {
            let (settings, writing) = (self.settings.clone(), Arc::clone(&self.writing));
            let written = tokio::task::spawn_blocking(move || {
                let _alone = writing.lock().unwrap_or_else(PoisonError::into_inner);
                append(&settings, &(lines.join("\n") + "\n"))
            });
            let place = self.settings.path.display();
            let written = written.await.map_err(|error| Unwilling(error.to_string()))?;
            written.map_err(|error| Unwilling(format!("{place}: {error}")))?;
        }
        Ok(records)
    }
}

fn append(settings: &AuditFile, text: &str) -> io::Result<()> {
    let path = &settings.path;
    let length = fs::metadata(path).map_or(0, |known| known.len());
    let new = length.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX)) > settings.bytes && length > 0;
    if new {
        turn_over(path, settings.keep)?;
    }
    let made = new || length == 0;
    let mut file = fs::OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
    if torn(&mut file)? {
        file.write_all(b"\n")?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    if made && let Some(folder) = path.parent() {
        // The name itself must outlive a crash, too.
        fs::File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?.sync_all()?;
    }
    Ok(())
}

/// Whether the last line has no end.
fn torn(file: &mut fs::File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Moves the file to `.1`, `.1` to `.2`, and so on; what is beyond `keep` goes.
fn turn_over(path: &Path, keep: u32) -> io::Result<()> {
    let absent = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    absent(fs::remove_file(numbered(path, keep)))?;
    for number in (1..keep).rev() {
        absent(fs::rename(numbered(path, number), numbered(path, number + 1)))?;
    }
    if keep == 0 { fs::remove_file(path) } else { fs::rename(path, numbered(path, 1)) }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn sink(folder: &Path, bytes: u64, keep: u32) -> File {
        let settings = AuditFile { path: folder.join("audit.jsonl"), bytes, keep };
        File::new(settings, Scribe { group: Uuid::from_u128(7), publisher: "one".to_owned() })
    }

    fn event(index: u64) -> Event {
        let created = |text: &str| text.to_owned();
        Event {
            index,
            object: created("template"),
            action: created("created"),
            id: created("t"),
            user_id: created("alice"),
            ..Event::default()
        }
    }

    fn lines(path: &Path) -> Vec<String> {
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn records_are_lines_and_a_torn_one_spoils_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let sink = sink(folder.path(), 1 << 20, 3);
        let steps = Event { object: "operation".to_owned(), action: "step.begun".to_owned(), ..event(2) };
        assert_eq!(sink.take(&[event(1), steps]).await, Ok(1), "what is no record is no line");
        let path = folder.path().join("audit.jsonl");
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"message_id\":\"torn").unwrap();
        assert_eq!(sink.take(&[event(3), event(4)]).await, Ok(2));
        let found = lines(&path);
        assert_eq!(found.len(), 4);
        let whole = found.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let types: Vec<_> = whole.map(|record| record["event_type"].as_str().unwrap().to_owned()).collect();
        assert_eq!(types, ["magnum.clustertemplate.create"; 3]);
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_full_file_is_turned_over_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let sink = sink(folder.path(), 100, 2);
        for index in 1..=5 {
            assert_eq!(sink.take(&[event(index)]).await, Ok(1));
        }
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]);
        for (name, place) in [("audit.jsonl", "5:0"), ("audit.jsonl.1", "4:0"), ("audit.jsonl.2", "3:0")] {
            let found = lines(&folder.path().join(name));
            assert!(found.len() == 1 && found[0].contains(place), "{found:?}");
        }
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let sink = sink(&folder.path().join("missing"), 100, 2);
        assert!(sink.take(&[event(1)]).await.unwrap_err().to_string().contains("missing/audit.jsonl: No such file"));
    }
}
