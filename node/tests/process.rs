//! The binary as a person meets it: what it prints, how it ends, what happens when something is in its way.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
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
    security: Vec<String>,
}

impl Member {
    fn new(folder: &Path) -> Self {
        let address = || format!("127.0.0.1:{}", free_port());
        Self { folder: folder.join("data"), listen: address(), peer: address(), child: None, security: vec!["--insecure".into()] }
    }

    /// With certificates of an authority in `pki`.
    fn secure(folder: &Path, pki: &Path, number: u64) -> Self {
        let made = said(&run(&["pki", "member", &number.to_string(), "--dir", pki.to_str().unwrap()]));
        let mut member = Self::new(folder);
        member.security = vec!["--tls-dir".into(), made.trim().into()];
        member
    }

    fn arguments(&self) -> Vec<String> {
        let data = self.folder.display().to_string();
        let all = ["server", "--data-dir", &data, "--listen", &self.listen, "--peer-listen", &self.peer];
        let quiet = ["--log", "warn", "--set", "drivers.docker.endpoint="];
        all.iter().chain(&quiet).map(|argument| (*argument).to_owned()).chain(self.security.clone()).collect()
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
        self.status_with(" leads term ")
    }

    /// Its status once it says so.
    fn status_with(&mut self, expected: &str) -> String {
        let began = Instant::now();
        let mut last = String::new();
        while began.elapsed() < Duration::from_secs(30) {
            let output = self.ask(&["status"]);
            last = String::from_utf8_lossy(&output.stdout).into_owned();
            if output.status.success() && last.contains(expected) {
                return last;
            }
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("the member ended: {status}");
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        panic!("the member never says {expected:?} but: {last}");
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
    member.status_with(" -        2       up, asked");
    assert_eq!(member.stop(), Some(0));
}

/// Status line and body of a GET.
fn get(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// Status line and body of a POST of JSON by an administrator.
fn post(address: &str, path: &str, json: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-auth-token: secret\r\n");
    write!(stream, "{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{json}", json.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// Asks until the answer contains this.
fn until(member: &Member, arguments: &[&str], expected: &str) -> String {
    let began = Instant::now();
    loop {
        let shown = said(&member.ask(arguments));
        if shown.contains(expected) {
            return shown;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{arguments:?} never says {expected:?} but: {shown}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// A bay on an engine that is not there: everything an operator can do about it.
#[test]
fn an_operator_sees_what_fails_and_finds_a_way_on() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens.toml");
    std::fs::write(&tokens, "[[token]]\ntoken = \"secret\"\nproject_id = \"p\"\nuser_id = \"alice\"\nroles = [\"admin\"]\n").unwrap();
    let mut member = Member::new(folder.path());
    let tokens = tokens.display().to_string();
    member.start(&["--bootstrap", "--tokens", &tokens, "--set", "drivers.docker.endpoint=tcp://127.0.0.1:1"]);
    member.status();
    assert_eq!(said(&member.ask(&["operation", "list"])), "no operations\n");
    let nothing = said(&member.ask(&["operation", "orphans"]));
    assert!(
        nothing.starts_with("no forced deletion has left anything") && nothing.contains("could not look: member 1: local"),
        "{nothing}"
    );
    let template = r#"{"name":"t","coe":"swarm","image_id":"local"}"#;
    let began = Instant::now();
    while !post(&member.listen, "/v1/baymodels", template).0.contains("201") {
        assert!(began.elapsed() < Duration::from_secs(30));
    }
    let made = post(&member.listen, "/v1/bays", r#"{"name":"web","baymodel_id":"t"}"#);
    assert!(made.0.contains("201"), "{made:?}");

    let listed = until(&member, &["operation", "list"], "cannot be reached");
    assert!(listed.contains("cluster.create") && listed.contains("web") && listed.contains("OPEN"), "{listed}");
    let id = listed.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let shown = until(&member, &["operation", "show", &id], "broken");
    assert!(shown.contains("provision.create") && shown.contains("asked") && shown.contains("alice"), "{shown}");

    assert_eq!(said(&member.ask(&["operation", "cancel", &id])), "cluster.create of bay web is cancelled\n");
    let status = said(&member.ask(&["status"]));
    assert!(status.contains("CREATE_FAILED") && status.contains("cancelled on request"), "{status}");
    assert!(said(&member.ask(&["operation", "retry", &id])).contains("does it again"));
    let again = complaint(&member.ask(&["operation", "retry", &id]));
    assert!(again.contains("only the last operation on a thing is done again"), "{again}");
    said(&member.ask(&["operation", "reset-status", "web", "create_complete", "--reason", "it is there"]));
    assert!(said(&member.ask(&["status"])).contains("CREATE_COMPLETE"));
    let all = said(&member.ask(&["operation", "list", "web"]));
    assert_eq!(all.matches("CANCELLED").count(), 2, "{all}");
    let wrong = complaint(&member.ask(&["operation", "reset-status", "web", "FINE", "--reason", "x"]));
    assert!(wrong.contains("must be one of CREATE_COMPLETE"), "{wrong}");
    let unknown = complaint(&member.ask(&["operation", "show", "web"]));
    assert!(unknown.contains("is no id of an operation"), "{unknown}");
    let forced = said(&member.ask(&["operation", "force-delete", "web"]));
    assert!(forced.contains("is gone within"), "{forced}");
    let deleting = said(&member.ask(&["operation", "list", "--json"]));
    assert!(deleting.contains("cluster.delete"), "{deleting}");
    assert_eq!(member.stop(), Some(0));
}

#[test]
fn a_stop_is_announced_first_and_a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut member = Member::new(folder.path());
    member.start(&["--bootstrap", "--set", "stop.announce=60s"]);
    member.status();
    assert_eq!(get(&member.listen, "/readyz").0, "HTTP/1.1 200 OK");
    let (status, metrics) = get(&member.listen, "/metrics");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(metrics.contains("\nraft_is_leader 1\n") && metrics.contains("\nownership_bays{node=\"1\"} 0\n"), "{metrics}");
    let id = Pid::from_raw(i32::try_from(member.child.as_ref().unwrap().id()).unwrap());
    kill(id, Signal::SIGTERM).unwrap();
    let began = Instant::now();
    while get(&member.listen, "/readyz").0 == "HTTP/1.1 200 OK" {
        assert!(began.elapsed() < Duration::from_secs(5), "still ready");
    }
    assert!(get(&member.listen, "/livez").0.contains("200"));
    assert_eq!(member.stop(), Some(5));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn members_join_by_token_and_change_their_places_under_tls() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path().join("pki");
    said(&run(&["pki", "init", "--dir", pki.to_str().unwrap()]));
    let mut members: Vec<Member> = Vec::new();
    for number in 1..=3_u64 {
        let mut member = Member::secure(&folder.path().join(number.to_string()), &pki, number);
        match members.first() {
            None => member.start(&["--bootstrap"]),
            Some(first) => {
                let token = said(&first.ask(&["member", "add", "--quiet"]));
                let third = if number == 3 { "cluster.promote=false" } else { "cluster.promote=true" };
                member.start(&["--token", token.trim(), "--set", third]);
            }
        }
        member.status();
        members.push(member);
    }
    let [first, second, third] = members.as_mut_slice() else { panic!("three members") };
    first.status_with("2 of 2 voters up");
    said(&third.ask(&["member", "replace", "2", "3"]));
    let status = third.status_with("2 of 2 voters up");
    assert!(!status.contains("\n2 "), "{status}");
    second.child.take().unwrap().kill().unwrap();

    said(&third.ask(&["member", "transfer-leader", "3"]));
    first.status_with("member 3 leads term");
    said(&first.ask(&["member", "drain", "1"]));
    third.status_with("up, draining");
    said(&first.ask(&["member", "undrain", "1"]));
    said(&third.ask(&["member", "demote", "1"]));
    third.status_with("1 of 1 voters up");
    said(&third.ask(&["member", "promote", "1"]));
    first.status_with("2 of 2 voters up");
    let refused = first.ask(&["member", "promote", "9"]);
    assert!(complaint(&refused).contains("9 is not a member"), "{}", complaint(&refused));
    assert_eq!(third.stop(), Some(0));
    // One of two voters is no majority: the state can be seen, with its age, and nothing can be changed.
    first.status_with("as member 1 saw it");

    // The majority is lost for good.
    assert_eq!(first.stop(), Some(0));
    let data = first.folder.to_str().unwrap().to_owned();
    let looked = said(&run(&["recover", "--data-dir", &data]));
    assert!(looked.contains("run this again with --yes"), "{looked}");
    let done = said(&run(&["recover", "--data-dir", &data, "--peer", &first.peer, "--yes"]));
    let cluster = done.split("new cluster ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap().to_owned();
    let old = first.command(&[]).output().unwrap();
    assert_eq!(old.status.code(), Some(3), "{}", complaint(&old));
    std::fs::remove_dir_all(pki.join("member-1")).unwrap();
    said(&run(&["pki", "member", "1", "--dir", pki.to_str().unwrap(), "--cluster", &cluster]));
    first.start(&[]);
    first.status_with("1 of 1 voters up");
    assert_eq!(first.stop(), Some(0));
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

/// The audit records in a file once there is one of this kind: their event types and ids.
fn audited(path: &Path, kind: &str) -> Vec<(String, String)> {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let records = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let word = |record: &serde_json::Value, name: &str| record[name].as_str().unwrap().to_owned();
        let all: Vec<_> = records.map(|record| (word(&record, "event_type"), word(&record, "message_id"))).collect();
        if all.iter().any(|(found, _)| found == kind) {
            return all;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no {kind} in: {all:?}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn what_happens_to_a_bay_is_told_and_audited_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens.toml");
    std::fs::write(&tokens, "[[token]]\ntoken = \"secret\"\nproject_id = \"p\"\nuser_id = \"alice\"\nroles = [\"member\"]\n").unwrap();
    let audit = folder.path().join("audit.jsonl");
    let file = format!("audit.file={}", audit.display());
    let mut member = Member::new(folder.path());
    // An engine that is not there: bays are accepted, and tried.
    let engine = format!("drivers.docker.endpoint=unix://{}/engine.sock", folder.path().display());
    let more = ["--tokens", tokens.to_str().unwrap(), "--set", &file, "--set", &engine];
    member.start(&[&more[..], &["--bootstrap"]].concat());
    member.status();
    let (status, model) = post(&member.listen, "/v1/baymodels", r#"{"name":"m","coe":"swarm","image_id":"i","keypair_id":"k"}"#);
    assert!(status.contains("201"), "{status} {model}");
    let model = serde_json::from_str::<serde_json::Value>(&model).unwrap()["uuid"].as_str().unwrap().to_owned();
    let began = Instant::now();
    while !post(&member.listen, "/v1/bays", &format!(r#"{{"name":"web","baymodel_id":"{model}"}}"#)).0.contains("201") {
        assert!(began.elapsed() < Duration::from_secs(20), "the member does not say which drivers it has");
    }

    let told = said(&member.ask(&["events", "web"]));
    assert!(told.starts_with("bay web (") && told.contains("alice") && told.contains("asks for the bay (req-"), "{told}");
    let json = said(&member.ask(&["events", "web", "--json", "--type", "operation.accepted"]));
    assert_eq!(json.lines().count(), 1, "{json}");
    assert!(complaint(&member.ask(&["events", "nothing"])).contains("bay nothing could not be found"));
    let before = audited(&audit, "magnum.cluster.create");
    assert_eq!(member.stop(), Some(0));

    member.start(&more);
    member.status();
    let (status, _) = post(&member.listen, "/v1/baymodels", r#"{"name":"n","coe":"mesos","image_id":"i","keypair_id":"k"}"#);
    assert!(status.contains("201"), "{status}");
    let after = audited(&audit, "magnum.member.start");
    assert!(after.starts_with(&before), "a restart goes on where it was: {before:?} {after:?}");
    let ids: std::collections::BTreeSet<_> = after.iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), after.len(), "each id once, because nothing was delivered twice");
    assert!(get(&member.listen, "/metrics").1.contains("audit_records_total{sink=\"file\"}"));
    assert_eq!(member.stop(), Some(0));
}
