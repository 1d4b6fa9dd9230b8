//! One program: start, signals, restart, its log.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::Error;

/// Linux counts processor time for user programs in hundredths of a second, on every architecture.
const TICK_MS: u64 = 10;

/// A program that can be started again and again with the same arguments.
#[derive(Debug)]
pub struct Program {
    name: Arc<str>,
    binary: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
    starts: u32,
}

impl Program {
    /// Not started yet. Everything it prints is appended to `log`.
    #[must_use]
    pub fn new(name: &str, binary: &Path, arguments: Vec<String>, log: PathBuf) -> Self {
        Self { name: name.into(), binary: binary.to_owned(), arguments, environment: Vec::new(), log, child: None, starts: 0 }
    }

    /// Adds an environment variable for the next start.
    #[must_use]
    pub fn with_environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets an environment variable for the next start, or takes it away.
    pub fn set_environment(&mut self, name: &str, value: Option<&str>) {
        self.environment.retain(|(other, _)| other != name);
        self.environment.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    /// The name in messages.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Where its output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Starts it; a running one is left alone.
    pub fn start(&mut self) -> Result<(), Error> {
        if self.is_running() {
            return Ok(());
        }
        self.starts += 1;
        let mut out = self.open_log()?;
        writeln!(out, "--- start {} of {}", self.starts, self.name).map_err(Error::file("write", &self.log))?;
        let errors = out.try_clone().map_err(Error::file("open", &self.log))?;
        let child = Command::new(&self.binary)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.failed(error.to_string()))?;
        self.child = Some(child);
        Ok(())
    }

    fn open_log(&self) -> Result<File, Error> {
        OpenOptions::new().create(true).append(true).open(&self.log).map_err(Error::file("open", &self.log))
    }

    fn failed(&self, reason: String) -> Error {
        Error::Program { program: format!("{} ({})", self.name, self.binary.display()), reason }
    }

    /// Whether it has been started and has not ended. A stopped one (SIGSTOP) is running.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// It was started, nobody ended it, and it is gone: `Some(status)`.
    pub fn ended_by_itself(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }

    /// Whether it was stopped by a signal and has not been told to go on.
    #[must_use]
    pub fn stands_still(&self) -> bool {
        self.stat().is_ok_and(|fields| fields.first().is_some_and(|state| state == "T"))
    }

    /// Processor time that it has used since it was started.
    pub fn cpu(&self) -> Result<Duration, Error> {
        let ticks: u64 = self.stat()?.iter().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks.saturating_mul(TICK_MS)))
    }

    /// After the name in parentheses, which may hold anything, come the state (field 3) and so on; 14 and 15 are ticks.
    fn stat(&self) -> Result<Vec<String>, Error> {
        let text = self.proc("stat")?;
        let fields = text.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).into_iter().flatten();
        Ok(fields.map(str::to_owned).collect())
    }

    /// Memory that it occupies now, in bytes.
    pub fn resident_bytes(&self) -> Result<u64, Error> {
        let text = self.proc("status")?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
        kib.map(|kib| kib << 10).ok_or_else(|| self.failed("says nothing of its memory".to_owned()))
    }

    fn proc(&self, file: &str) -> Result<String, Error> {
        let id = self.child.as_ref().and_then(Child::id).ok_or_else(|| self.failed("does not run".to_owned()))?;
        let path = PathBuf::from(format!("/proc/{id}/{file}"));
        std::fs::read_to_string(&path).map_err(Error::file("read", path))
    }

    /// The last line it printed, empty when there is none.
    #[must_use]
    pub fn last_line(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log).lines().next_back().unwrap_or_default().to_owned()
    }

    /// `kill -9`, and waits until the operating system has buried it.
    pub async fn kill(&mut self) -> Result<(), Error> {
        let Some(child) = self.child.as_mut() else { return Ok(()) };
        let killed = child.kill().await;
        self.child = None;
        killed.map_err(|error| self.failed(error.to_string()))
    }

    /// `kill -9` without waiting: to hit several at the same moment. Follow with [`Program::kill`].
    pub fn strike(&mut self) -> Result<(), Error> {
        self.signal(Signal::SIGKILL)
    }

    /// SIGTERM without waiting.
    pub fn ask_to_stop(&mut self) -> Result<(), Error> {
        self.signal(Signal::SIGTERM)
    }

    /// Waits for the end after [`Program::ask_to_stop`]; kills it when the limit is over and says so.
    pub async fn wait(&mut self, limit: Duration) -> Result<ExitStatus, Error> {
        let Some(child) = self.child.as_mut() else {
            return Err(self.failed("is not running".to_owned()));
        };
        match timeout(limit, child.wait()).await {
            Ok(ended) => {
                self.child = None;
                ended.map_err(|error| self.failed(error.to_string()))
            }
            Err(_) => {
                self.kill().await?;
                Err(Error::late(format!("{} ending after SIGTERM", self.name), limit))
            }
        }
    }

    /// SIGSTOP.
    pub fn pause(&mut self) -> Result<(), Error> {
        self.signal(Signal::SIGSTOP)
    }

    /// SIGCONT.
    pub fn resume(&mut self) -> Result<(), Error> {
        self.signal(Signal::SIGCONT)
    }

    /// SIGCONT, if it runs: one that has ended meanwhile needs none.
    pub fn let_go_on(&mut self) -> Result<(), Error> {
        if self.is_running() { self.resume() } else { Ok(()) }
    }

    fn signal(&mut self, signal: Signal) -> Result<(), Error> {
        let id = self.child.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok());
        let Some(id) = id else { return Err(self.failed(format!("no process for {signal}"))) };
        signal::kill(Pid::from_raw(id), signal).map_err(|error| self.failed(format!("{signal}: {error}")))
    }
}

/// Runs a command to its end and gives what it printed; an exit status other than 0 is an error.
pub async fn run(binary: &Path, arguments: &[&str], limit: Duration) -> Result<String, Error> {
    let program = format!("{} {}", binary.display(), arguments.join(" "));
    let mut command = Command::new(binary);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(limit, command.output())
        .await
        .map_err(|_| Error::Program { program: program.clone(), reason: format!("did not end within {} s", limit.as_secs()) })?
        .map_err(|error| Error::Program { program: program.clone(), reason: error.to_string() })?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(out);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let reason = format!("{}: {}{}", output.status, errors.trim(), out.trim());
    Err(Error::Program { program, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A signal takes its time.
    async fn comes(program: &Program, still: bool) -> bool {
        for _ in 0..1000 {
            if program.stands_still() == still {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }

    #[tokio::test]
    async fn a_program_is_killed_paused_and_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut sleeper = Program::new("s", Path::new("sleep"), vec!["60".into()], log.clone());
        sleeper.start().unwrap();
        assert!(sleeper.is_running());
        assert!(sleeper.resident_bytes().unwrap() > 0 && sleeper.cpu().unwrap() < Duration::from_secs(5));
        assert!(!sleeper.stands_still());
        sleeper.pause().unwrap();
        assert!(sleeper.is_running() && comes(&sleeper, true).await);
        sleeper.let_go_on().unwrap();
        assert!(comes(&sleeper, false).await);
        sleeper.kill().await.unwrap();
        assert!(!sleeper.is_running() && !sleeper.stands_still());
        assert!(sleeper.pause().is_err() && sleeper.let_go_on().is_ok());
        sleeper.start().unwrap();
        sleeper.ask_to_stop().unwrap();
        assert!(!sleeper.wait(Duration::from_secs(10)).await.unwrap().success());
        let log = std::fs::read_to_string(log).unwrap();
        assert_eq!(log.lines().count(), 2);
    }

    #[tokio::test]
    async fn a_failing_command_says_why() {
        let error = run(Path::new("sh"), &["-c", "echo no >&2; exit 3"], Duration::from_secs(10));
        let error = error.await.unwrap_err().to_string();
        assert!(error.contains("no") && error.contains('3'), "{error}");
    }
}
