//! Three members of Jeroboam as an operator would run them: mutual TLS between members, a token file, RocksDB in folders.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use certificates::{Authority, Request};

use crate::{Peer, Result};

const PORTS: [u16; 3] = [24511, 24521, 24531];
const TOKEN: &str = "bench-token";
/// Objects that reads choose from.
const READ_IDS: usize = 1000;

pub(crate) struct Cluster {
    scripts: PathBuf,
    folder: PathBuf,
    members: Vec<Child>,
}

/// The program under test: after `--jeroboam`, else beside this one.
fn program() -> Result<PathBuf> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--jeroboam").skip(1);
    match arguments.next() {
        Some(path) => Ok(PathBuf::from(path)),
        None => Ok(std::env::current_exe()?.with_file_name("jeroboam")),
    }
}

impl Cluster {
    pub(crate) fn start(root: &Path, folder: &Path) -> Result<Self> {
        let (program, folder) = (program()?, folder.join("jeroboam"));
        std::fs::create_dir_all(&folder)?;
        let pki = folder.join("pki");
        finish(Command::new(&program).args(["pki", "init", "--dir"]).arg(&pki))?;
        finish(Command::new(&program).args(["pki", "member", "1", "2", "3", "--dir"]).arg(&pki))?;
        let tokens = format!("[[token]]\ntoken = \"{TOKEN}\"\nproject_id = \"bench\"\nuser_id = \"bench\"\nroles = [\"member\"]\n");
        std::fs::write(folder.join("tokens.toml"), tokens)?;
        let mut cluster = Self { scripts: root.join("bench"), folder, members: Vec::new() };
        for (position, port) in PORTS.into_iter().enumerate() {
            let entry =
                if position == 0 { vec!["--bootstrap".to_owned()] } else { vec!["--token".to_owned(), cluster.join_token(&program)?] };
            cluster.start_member(&program, position + 1, port, &entry)?;
        }
        Ok(cluster)
    }

    fn data(&self, number: usize) -> PathBuf {
        self.folder.join(format!("member-{number}"))
    }

    fn join_token(&self, program: &Path) -> Result<String> {
        let output = Command::new(program).args(["member", "add", "--quiet", "--data-dir"]).arg(self.data(1)).output()?;
        if !output.status.success() {
            return Err(format!("no join token: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn start_member(&mut self, program: &Path, number: usize, port: u16, entry: &[String]) -> Result<()> {
        let log = std::fs::File::create(self.folder.join(format!("member-{number}.log")))?;
        let member = Command::new(program)
            .args(["server", "--name", &format!("bench-{number}"), "--log-format", "human"])
            .arg("--data-dir")
            .arg(self.data(number))
            .arg("--tokens")
            .arg(self.folder.join("tokens.toml"))
            .args(["--listen", &format!("127.0.0.1:{port}"), "--peer-listen", &format!("127.0.0.1:{}", port + 1)])
            .arg("--tls-dir")
            .arg(self.folder.join(format!("pki/member-{number}")))
            // No bays here, so no engine either.
            .args(["--set", "drivers.docker.endpoint="])
            .args(entry)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.members.push(member);
        self.wait_until_ready(number, port)
    }

    fn wait_until_ready(&mut self, number: usize, port: u16) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if get(&format!("http://127.0.0.1:{port}/readyz")).is_ok() {
                return Ok(());
            }
            let ended = self.members.last_mut().map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || Instant::now() > end {
                let log = std::fs::read_to_string(self.folder.join(format!("member-{number}.log"))).unwrap_or_default();
                return Err(format!("member {number} is not ready; its log ends with:\n{}", tail(&log)).into());
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Ids of objects to read, one a line.
    fn ids(&self) -> Result<PathBuf> {
        let file = self.folder.join("ids");
        if !file.exists() {
            let page: serde_json::Value =
                serde_json::from_str(&get(&format!("http://127.0.0.1:{}/v1/baymodels?limit={READ_IDS}", PORTS[0]))?)?;
            let mut ids = std::fs::File::create(&file)?;
            for object in page["baymodels"].as_array().into_iter().flatten() {
                writeln!(ids, "{}", object["uuid"].as_str().unwrap_or_default())?;
            }
        }
        Ok(file)
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

fn finish(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into()) }
}

fn get(url: &str) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let text = runtime.block_on(async {
        let request = reqwest::Client::new().get(url).header("x-auth-token", TOKEN).timeout(Duration::from_secs(30));
        request.send().await?.error_for_status()?.text().await
    })?;
    Ok(text)
}

/// A CA, and one certificate and key for a server and client on loopback: for etcd's members.
pub(crate) fn peer_certificate() -> Result<(String, String, String)> {
    let now_ms = raft::seam::Wall::now_ms(&raft::seam::OsWall);
    let authority = Authority::new("bench", now_ms)?;
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let issued = authority.issue(&Request { name: "etcd".to_owned(), names, now_ms, valid: Duration::from_secs(86_400) })?;
    Ok((authority.certificate_pem().to_owned(), issued.certificate_pem, issued.key.pem().to_owned()))
}

impl Peer for Cluster {
    fn name(&self) -> &'static str {
        "Jeroboam"
    }

    fn endpoints(&self) -> Vec<String> {
        PORTS.iter().map(|port| format!("127.0.0.1:{port}")).collect()
    }

    fn pids(&self) -> Vec<u32> {
        self.members.iter().map(Child::id).collect()
    }

    fn create(&self, run: u32, member: usize) -> (PathBuf, Vec<String>) {
        (self.scripts.join("create.lua"), vec![TOKEN.to_owned(), format!("b{run}m{member}")])
    }

    fn read(&self) -> Result<(PathBuf, Vec<String>)> {
        Ok((self.scripts.join("read.lua"), vec![TOKEN.to_owned(), self.ids()?.display().to_string()]))
    }

    fn count(&self) -> Result<u64> {
        let mut url = format!("http://127.0.0.1:{}/v1/baymodels?limit=1000", PORTS[1]);
        let mut count = 0;
        loop {
            let page: serde_json::Value = serde_json::from_str(&get(&url)?)?;
            count += page["baymodels"].as_array().map_or(0, Vec::len) as u64;
            match page["next"].as_str() {
                Some(next) => url = next.to_owned(),
                None => return Ok(count),
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in &mut self.members {
            if let Err(error) = member.kill().and_then(|()| member.wait().map(|_| ())) {
                eprintln!("bench: a member did not stop: {error}");
            }
        }
    }
}
