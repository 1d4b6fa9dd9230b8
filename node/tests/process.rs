//! The binary as a person meets it: what it prints, how it ends, what happens when something is in its way.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

fn jeroboam(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jeroboam"));
    command.args(arguments).stdin(Stdio::null()).env("NO_COLOR", "1");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("JEROBOAM")) {
        command.env_remove(name);
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    jeroboam(arguments).output().unwrap()
}

/// The one line on standard error.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("jeroboam: ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    lines.concat()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A member in the clear, on a folder of its own.
struct Member {
    folder: PathBuf,
    listen: String,
    peer: String,
    child: Option<Child>,
}

impl Member {
    fn new(folder: &Path) -> Self {
        let address = || format!("127.0.0.1:{}", free_port());
        Self { folder: folder.join("data"), listen: address(), peer: address(), child: None }
    }

    fn arguments(&self) -> Vec<String> {
        let data = self.folder.display().to_string();
        let all = ["server", "--insecure", "--data-dir", &data, "--listen", &self.listen, "--peer-listen", &self.peer];
        let quiet = ["--log", "warn", "--set", "drivers.docker.endpoint="];
        all.iter().chain(&quiet).map(|argument| (*argument).to_owned()).collect()
    }

    fn command(&self, more: &[&str]) -> Command {
        let arguments = self.arguments();
        let all: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        jeroboam(&all)
    }

    fn start(&mut self, more: &[&str]) {
        self.child = Some(self.command(more).spawn().unwrap());
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        run(&[arguments, &["--data-dir", self.folder.to_str().unwrap()]].concat())
    }

    /// Its status once it answers and knows a leader.
    fn status(&mut self) -> String {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            let output = self.ask(&["status"]);
            if output.status.success() && String::from_utf8_lossy(&output.stdout).contains(" leads term ") {
                return said(&output);
            }
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("the member ended: {status}");
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        panic!("the member does not answer");
    }

    fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
        child.wait().unwrap().code()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _killed = child.kill();
            let _ended = child.wait();
        }
    }
}

#[test]
fn a_bad_configuration_is_one_line_with_its_place_and_status_two() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("j.toml");
    std::fs::write(&path, "[peer]\ninsecure = true\n\n[api]\nlisen = \"127.0.0.1:1\"\n").unwrap();
    let output = run(&["server", "--config", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).ends_with("j.toml:5: there is no key api.lisen; did you mean api.listen?"), "{}", complaint(&output));
    let output = run(&["server"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("peer.tls_dir must name the folder"), "{}", complaint(&output));
}

#[test]
fn an_empty_folder_needs_a_word_and_a_token_must_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let member = Member::new(folder.path());
    let output = member.command(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(complaint(&output).contains("holds no member yet: begin a new cluster with --bootstrap"), "{}", complaint(&output));
    let output = member.command(&["--join", "127.0.0.1:1"]).output().unwrap();
    assert!(complaint(&output).contains("its token is needed"), "{}", complaint(&output));
    let output = member.command(&["--token", "nonsense"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("not a join token"), "{}", complaint(&output));
}

#[test]
fn nobody_there_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["status", "--data-dir", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("no member runs on"), "{}", complaint(&output));
}

#[test]
fn a_member_serves_is_asked_stops_and_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut member = Member::new(folder.path());
    member.start(&["--bootstrap"]);
    let status = member.status();
    assert!(status.contains("member 1 leads term") && status.contains("1 of 1 voters up"), "{status}");

    let second = member.command(&[]).output().unwrap();
    assert_eq!(second.status.code(), Some(4), "the port is looked at first: {}", complaint(&second));
    let mut same_folder = Member::new(folder.path());
    same_folder.folder.clone_from(&member.folder);
    let second = same_folder.command(&[]).output().unwrap();
    assert_eq!(second.status.code(), Some(3));
    assert!(complaint(&second).contains("in use by another process"), "{}", complaint(&second));
    let mut same_port = Member::new(&folder.path().join("other"));
    same_port.peer.clone_from(&member.peer);
    let busy = same_port.command(&["--bootstrap"]).output().unwrap();
    assert_eq!(busy.status.code(), Some(4));
    assert!(complaint(&busy).contains("(peer.listen): another process listens there already"), "{}", complaint(&busy));

    let token = said(&member.ask(&["member", "add"]));
    assert!(token.contains("number 2, within 60 minutes") && token.contains("--insecure --token "), "{token}");
    let refused = member.ask(&["member", "demote", "1"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("last voter"), "{}", complaint(&refused));
    assert!(said(&member.ask(&["snapshot"])).starts_with("snapshot at log index "));
    assert_eq!(member.stop(), Some(0));

    // Both ways in are ignored by a folder that is a member already.
    member.start(&["--bootstrap"]);
    let began = Instant::now();
    loop {
        let status = member.status();
        let row = status.lines().find(|line| line.starts_with("1 ")).unwrap_or_default().to_owned();
        if row.split_whitespace().any(|cell| cell == "2") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "the second start is not announced: {status}");
    }
    assert_eq!(member.stop(), Some(0));
}

#[test]
fn the_authority_is_made_shown_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("pki").display().to_string();
    said(&run(&["pki", "init", "--dir", &dir]));
    let made = said(&run(&["pki", "member", "1", "2", "--dir", &dir, "--san", "127.0.0.1"]));
    assert_eq!(made, format!("{dir}/member-1\n{dir}/member-2\n"));
    let shown = said(&run(&["pki", "show", &dir]));
    assert!(shown.contains("member-2/member.pem") && shown.contains(", 127.0.0.1"), "{shown}");
    let again = run(&["pki", "init", "--dir", &dir]);
    assert!(complaint(&again).ends_with("nothing was overwritten"), "{}", complaint(&again));
}

#[test]
fn the_manual_is_a_configuration_and_completions_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.toml");
    std::fs::write(&path, said(&run(&["config", "defaults"])).replace("insecure = false", "insecure = true")).unwrap();
    let shown = said(&run(&["config", "show", "--config", path.to_str().unwrap(), "--set", "raft.heartbeat=40ms"]));
    assert!(shown.contains("heartbeat = \"40ms\"  # --set"), "{shown}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(said(&run(&["completion", shell])).contains("transfer-leader"));
    }
}
