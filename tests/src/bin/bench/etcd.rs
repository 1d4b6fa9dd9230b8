//! A three-node etcd from Debian with mutual TLS between its members.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{Peer, Result};

const CLIENT_PORTS: [u16; 3] = [23791, 23792, 23793];
const PEER_PORTS: [u16; 3] = [23801, 23802, 23803];

pub(crate) struct Cluster {
    scripts: PathBuf,
    members: Vec<Child>,
}

impl Cluster {
    pub(crate) fn start(root: &Path, folder: &Path) -> Result<Self> {
        let folder = folder.join("etcd");
        std::fs::create_dir_all(&folder)?;
        let tls = tls(&folder)?;
        let names: Vec<String> = PEER_PORTS.iter().enumerate().map(|(index, port)| format!("e{index}=https://127.0.0.1:{port}")).collect();
        let mut members = Vec::new();
        for (index, (client, peer)) in CLIENT_PORTS.iter().zip(PEER_PORTS).enumerate() {
            let log = std::fs::File::create(folder.join(format!("e{index}.log")))?;
            members.push(
                Command::new("etcd")
                    .args(["--name", &format!("e{index}"), "--data-dir"])
                    .arg(folder.join(format!("e{index}")))
                    .args(["--listen-client-urls", &format!("http://127.0.0.1:{client}")])
                    .args(["--advertise-client-urls", &format!("http://127.0.0.1:{client}")])
                    .args(["--listen-peer-urls", &format!("https://127.0.0.1:{peer}")])
                    .args(["--initial-advertise-peer-urls", &format!("https://127.0.0.1:{peer}")])
                    .args(["--initial-cluster", &names.join(","), "--initial-cluster-token", "jeroboam-bench"])
                    .args(&tls)
                    .args(["--logger", "zap", "--log-outputs", "stderr"])
                    .env("ETCD_UNSUPPORTED_ARCH", std::env::consts::ARCH)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(log)
                    .spawn()?,
            );
        }
        let cluster = Self { scripts: root.join("bench"), members };
        cluster.wait_until_healthy()?;
        Ok(cluster)
    }

    fn wait_until_healthy(&self) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(30);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for endpoint in self.endpoints() {
            loop {
                let healthy = runtime.block_on(async {
                    let answer = reqwest::get(format!("http://{endpoint}/health")).await.ok()?;
                    Some(answer.text().await.ok()?.contains("true"))
                });
                if healthy == Some(true) {
                    break;
                }
                if Instant::now() > end {
                    return Err("etcd did not become healthy within 30 s".into());
                }
                runtime.block_on(async { tokio::time::sleep(Duration::from_millis(100)).await });
            }
        }
        Ok(())
    }
}

/// A CA and one certificate for all three, made by our own certificate crate.
fn tls(folder: &Path) -> Result<Vec<String>> {
    let (authority, certificate, key) = crate::jeroboam::peer_certificate()?;
    let mut arguments = Vec::new();
    for (flag, name, text) in [
        ("--peer-trusted-ca-file", "ca.pem", authority),
        ("--peer-cert-file", "peer.pem", certificate),
        ("--peer-key-file", "peer.key", key),
    ] {
        let file = folder.join(name);
        std::fs::write(&file, text)?;
        arguments.push(format!("{flag}={}", file.display()));
    }
    arguments.push("--peer-client-cert-auth".to_owned());
    Ok(arguments)
}

/// A thousand keys of the second run, which every run has written.
const READ_KEYS: u32 = 1000;

/// The four digits that keep runs and members apart.
fn prefix(run: u32, member: usize) -> String {
    format!("{run:02}{member:02}")
}

impl Peer for Cluster {
    fn name(&self) -> &'static str {
        "etcd"
    }

    fn endpoints(&self) -> Vec<String> {
        CLIENT_PORTS.iter().map(|port| format!("127.0.0.1:{port}")).collect()
    }

    fn pids(&self) -> Vec<u32> {
        self.members.iter().map(Child::id).collect()
    }

    fn create(&self, run: u32, member: usize) -> (PathBuf, Vec<String>) {
        // 520 bytes in base64: as much as the stored record of one of our templates.
        (self.scripts.join("etcd_put.lua"), vec![prefix(run, member), "QUJD".repeat(130)])
    }

    fn read(&self) -> Result<(PathBuf, Vec<String>)> {
        Ok((self.scripts.join("etcd_range.lua"), vec![prefix(1, 0), READ_KEYS.to_string()]))
    }

    fn count(&self) -> Result<u64> {
        let body = r#"{"key":"AA==","range_end":"AA==","count_only":true}"#;
        let url = format!("http://127.0.0.1:{}/v3/kv/range", CLIENT_PORTS[0]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let text = runtime.block_on(async { reqwest::Client::new().post(url).body(body).send().await?.text().await })?;
        let answer: serde_json::Value = serde_json::from_str(&text)?;
        Ok(answer["count"].as_str().and_then(|count| count.parse().ok()).ok_or_else(|| format!("etcd's count is missing: {text}"))?)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in &mut self.members {
            if let Err(error) = member.kill().and_then(|()| member.wait().map(|_| ())) {
                eprintln!("bench: an etcd did not stop: {error}");
            }
        }
    }
}
