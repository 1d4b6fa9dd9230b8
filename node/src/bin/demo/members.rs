//! The three members as processes, and the folder they live in.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::{
    Failure,
    rest::{Rest, TOKEN},
};

/// REST ports; the peer ports are one higher. Not those of `make up`, so that both can run.
const PORTS: [u16; 3] = [9541, 9551, 9561];

/// How long a member may take until it is ready.
const READY: Duration = Duration::from_secs(30);

/// One member.
pub(crate) struct Member {
    /// Its number in the cluster: 1, 2, 3.
    pub(crate) number: u64,
    /// Where its REST API is.
    pub(crate) address: String,
    folder: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

/// All of them. Dropped, they are killed.
pub(crate) struct Members {
    folder: PathBuf,
    binary: PathBuf,
    pub(crate) all: Vec<Member>,
}

impl Members {
    /// Makes the folder, the tokens and the certificates.
    pub(crate) async fn prepare(folder: &Path) -> Result<Self, Failure> {
        let problem = |error: std::io::Error| format!("folder {}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(problem)?;
        let tokens = format!("[[token]]\ntoken = \"{TOKEN}\"\nproject_id = \"demo\"\nuser_id = \"alice\"\nroles = [\"admin\"]\n");
        fs::write(folder.join("tokens.toml"), tokens).map_err(problem)?;
        let own = std::env::current_exe().map_err(problem)?;
        let binary = own.with_file_name("jeroboam");
        if !binary.exists() {
            return Err(format!("there is no {}; build it first", binary.display()));
        }
        let members = Self { folder: folder.to_owned(), binary, all: Vec::new() };
        let pki = folder.join("pki").display().to_string();
        members.command(&["pki", "init", "--dir", &pki]).await?;
        members.command(&["pki", "member", "1", "2", "3", "--dir", &pki]).await?;
        Ok(members)
    }

    /// Starts the next member and waits until it is ready. Returns how long that took.
    pub(crate) async fn start_next(&mut self, rest: &Rest) -> Result<Duration, Failure> {
        let number = self.all.len() as u64 + 1;
        let port = *PORTS.get(self.all.len()).ok_or("there are three members only")?;
        let begin = match self.all.first() {
            None => vec!["--bootstrap".to_owned()],
            Some(first) => {
                let token = self.on(first, &["member", "add", "--quiet"]).await?;
                vec!["--token".to_owned(), token.trim().to_owned()]
            }
        };
        let folder = self.folder.join(format!("member-{number}"));
        let log = self.folder.join(format!("member-{number}.log"));
        let member = Member { number, address: format!("127.0.0.1:{port}"), folder, log, child: None };
        self.all.push(member);
        let started = Instant::now();
        self.start(number, begin)?;
        self.ready(rest, number).await?;
        Ok(started.elapsed())
    }

    /// Starts a member again on its folder.
    pub(crate) async fn start_again(&mut self, rest: &Rest, number: u64) -> Result<Duration, Failure> {
        let started = Instant::now();
        self.start(number, Vec::new())?;
        self.ready(rest, number).await?;
        Ok(started.elapsed())
    }

    fn start(&mut self, number: u64, begin: Vec<String>) -> Result<(), Failure> {
        let (binary, tokens) = (self.binary.clone(), self.folder.join("tokens.toml"));
        let tls = self.folder.join("pki").join(format!("member-{number}"));
        let member = self.get_mut(number)?;
        let problem = |error: std::io::Error| format!("member {number} cannot be started: {error}");
        let log = File::options().create(true).append(true).open(&member.log).map_err(problem)?;
        let child = Command::new(binary)
            .arg("server")
            .args(["--name", &format!("member-{number}"), "--listen", &member.address, "--peer-listen", &member.peer()])
            .arg("--data-dir")
            .arg(&member.folder)
            .arg("--tokens")
            .arg(tokens)
            .arg("--tls-dir")
            .arg(tls)
            .args(["--log-format", "human"])
            .args(begin)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(problem)?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(problem)?;
        member.child = Some(child);
        Ok(())
    }

    async fn ready(&mut self, rest: &Rest, number: u64) -> Result<(), Failure> {
        let started = Instant::now();
        while started.elapsed() < READY {
            let member = self.get_mut(number)?;
            if let Some(child) = member.child.as_mut()
                && let Ok(Some(status)) = child.try_wait()
            {
                return Err(format!("member {number} ended by itself ({status}): {}", last_line(&member.log)));
            }
            let address = member.address.clone();
            if rest.get(&address, "/readyz").await.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(25)).await;
        }
        Err(format!("member {number} is not ready after {READY:?}"))
    }

    /// A command of the CLI; what it printed.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Result<String, Failure> {
        let failed = |why: &dyn std::fmt::Display| format!("jeroboam {}: {why}", arguments.join(" "));
        let run = Command::new(&self.binary).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
        let output = timeout(Duration::from_secs(60), run).await.map_err(|_| failed(&"no end"))?.map_err(|error| failed(&error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    /// A command of the CLI to one member.
    pub(crate) async fn on(&self, member: &Member, arguments: &[&str]) -> Result<String, Failure> {
        let folder = member.folder.display().to_string();
        let all: Vec<&str> = arguments.iter().copied().chain(["--data-dir", folder.as_str()]).collect();
        self.command(&all).await
    }

    /// `kill -9`. Returns when the process is gone.
    pub(crate) async fn kill(&mut self, number: u64) -> Result<(), Failure> {
        let mut child = self.get_mut(number)?.child.take().ok_or("it does not run")?;
        child.kill().await.map_err(|error| format!("member {number} cannot be killed: {error}"))
    }

    /// SIGTERM to all, and waits for their ends.
    pub(crate) async fn stop(&mut self) -> Result<Duration, Failure> {
        let started = Instant::now();
        for member in &self.all {
            if let Some(id) = member.child.as_ref().and_then(Child::id) {
                let id = i32::try_from(id).map_err(|error| error.to_string())?;
                kill(Pid::from_raw(id), Signal::SIGTERM).map_err(|error| format!("member {}: {error}", member.number))?;
            }
        }
        for member in &mut self.all {
            let Some(mut child) = member.child.take() else { continue };
            let ended = timeout(Duration::from_secs(40), child.wait()).await;
            let status = ended.map_err(|_| format!("member {} does not stop", member.number))?.map_err(|error| error.to_string())?;
            if !status.success() {
                return Err(format!("member {} stopped with {status}: {}", member.number, last_line(&member.log)));
            }
        }
        Ok(started.elapsed())
    }

    /// The member with this number.
    pub(crate) fn get(&self, number: u64) -> Result<&Member, Failure> {
        self.all.iter().find(|member| member.number == number).ok_or_else(|| format!("there is no member {number}"))
    }

    fn get_mut(&mut self, number: u64) -> Result<&mut Member, Failure> {
        self.all.iter_mut().find(|member| member.number == number).ok_or_else(|| format!("there is no member {number}"))
    }

    /// REST addresses of all but one.
    pub(crate) fn addresses_without(&self, number: u64) -> Vec<String> {
        self.all.iter().filter(|member| member.number != number).map(|member| member.address.clone()).collect()
    }

    /// REST addresses of all.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.all.iter().map(|member| member.address.clone()).collect()
    }

    /// Takes the folder away.
    pub(crate) fn remove_folder(&self) -> Result<(), Failure> {
        fs::remove_dir_all(&self.folder).map_err(|error| format!("{}: {error}", self.folder.display()))
    }
}

impl Member {
    fn peer(&self) -> String {
        let (host, port) = self.address.rsplit_once(':').unwrap_or(("127.0.0.1", "0"));
        format!("{host}:{}", port.parse::<u16>().map_or(0, |port| port + 1))
    }

    /// The folder commands find it by.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().next_back().unwrap_or("its log is empty").to_owned()
}
