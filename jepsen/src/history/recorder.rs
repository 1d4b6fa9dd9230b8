//! Writes events down as they happen.
//!
//! The time is taken under the lock that also gives the index, so the order of the lines never
//! contradicts the clock. A line is in the kernel's hands before [`Recorder::record`] returns: killing
//! the harness loses nothing that had been recorded.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Draft, Event, Kind, Process, Value, Verb, edn};
use crate::{Clock, Error};

/// The recorder of one run.
#[derive(Debug)]
pub struct Recorder {
    clock: Clock,
    processes: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    edn: File,
    jsonl: File,
    events: Vec<Event>,
    broken: Option<std::io::Error>,
    folder: PathBuf,
}

impl Recorder {
    /// Opens `history.edn` and `history.jsonl` in the folder; fails when they are there already.
    pub fn create(folder: &Path, clock: Clock) -> Result<Self, Error> {
        let open = |name: &str| {
            let path = folder.join(name);
            File::create_new(&path).map_err(Error::file("create", path))
        };
        let inner =
            Inner { edn: open("history.edn")?, jsonl: open("history.jsonl")?, events: Vec::new(), broken: None, folder: folder.to_owned() };
        Ok(Self { clock, processes: AtomicU64::new(0), inner: Mutex::new(inner) })
    }

    /// The clock of this history.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// A process number nobody has used yet.
    #[must_use]
    pub fn process(&self) -> Process {
        Process::Client(self.processes.fetch_add(1, Ordering::Relaxed))
    }

    /// Writes a line and returns its place and time. A disk error is kept for [`Recorder::finish`].
    pub fn record(&self, line: Draft) -> (u64, u64) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let index = inner.events.len() as u64;
        let event = Event { index, time: self.clock.now(), line };
        if let Err(error) = inner.write(&event) {
            inner.broken.get_or_insert(error);
        }
        let time = event.time;
        inner.events.push(event);
        (index, time)
    }

    /// A line of the nemesis, in words.
    pub fn nemesis(&self, verb: Verb, words: &str) -> u64 {
        let line = Draft::new(Kind::Info, Process::Nemesis, verb, Value::Text(words.into()));
        self.record(line).1
    }

    /// What has been recorded since the given place.
    #[must_use]
    pub fn since(&self, index: u64) -> Vec<Event> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(index).unwrap_or(usize::MAX);
        inner.events.get(from..).unwrap_or_default().to_vec()
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).events.len() as u64
    }

    /// Nothing recorded yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole history, or the first disk error: an incomplete file is no evidence.
    pub fn finish(&self) -> Result<Vec<Event>, Error> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match inner.broken.take() {
            Some(source) => Err(Error::File { what: "write a history in", path: inner.folder.clone(), source }),
            None => Ok(inner.events.clone()),
        }
    }
}

impl Inner {
    fn write(&mut self, event: &Event) -> std::io::Result<()> {
        let mut edn = edn::line(event);
        edn.push('\n');
        self.edn.write_all(edn.as_bytes())?;
        let mut json = serde_json::to_vec(event)?;
        json.push(b'\n');
        self.jsonl.write_all(&json)
    }
}

/// Reads a `history.jsonl` back. A torn last line (the harness was killed) is left out.
pub fn load(path: &Path) -> Result<Vec<Event>, Error> {
    let file = File::open(path).map_err(Error::file("open", path))?;
    let mut events = Vec::new();
    let mut torn: Option<(usize, serde_json::Error)> = None;
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(Error::file("read", path))?;
        if let Some((line, error)) = torn {
            return Err(Error::History { path: path.to_owned(), line, reason: error.to_string() });
        }
        match serde_json::from_str(&line) {
            Ok(event) => {
                events.push(event);
                torn = None;
            }
            Err(error) => torn = Some((number + 1, error)),
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_read_back_and_a_torn_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(folder.path(), Clock::start()).unwrap();
        let process = recorder.process();
        recorder.record(Draft::new(Kind::Invoke, process, Verb::Write, Value::Number(7)));
        recorder.nemesis(Verb::Break, "kill -9 n1");
        recorder.record(Draft::new(Kind::Ok, process, Verb::Write, Value::Number(7)));
        let path = folder.path().join("history.jsonl");
        assert_eq!(load(&path).unwrap(), recorder.finish().unwrap());

        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"{\"index\":3,\"ti").unwrap();
        assert_eq!(load(&path).unwrap().len(), 3);
        file.write_all(b"\n{}\n").unwrap();
        assert!(matches!(load(&path), Err(Error::History { line: 4, .. })));
    }

    #[test]
    fn a_second_run_does_not_overwrite_the_evidence_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        Recorder::create(folder.path(), Clock::start()).unwrap();
        assert!(Recorder::create(folder.path(), Clock::start()).is_err());
    }
}
