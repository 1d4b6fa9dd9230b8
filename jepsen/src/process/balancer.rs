//! The load balancer of a deployment (`deploy/haproxy.cfg`), in front of the members of a run.

use std::path::{Path, PathBuf};

use super::{Program, free_port};
use crate::Error;

/// The project's own configuration: what is tested is what is delivered.
const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/haproxy.cfg");

/// A running HAProxy.
#[derive(Debug)]
pub struct Balancer {
    program: Program,
    url: String,
}

impl Balancer {
    /// Starts one before three members, given as `host:port`.
    pub fn start(folder: &Path, members: &[String]) -> Result<Self, Error> {
        let [first, second, third] = members else {
            return Err(Error::Setup(format!("the balancer stands before three members, not {}", members.len())));
        };
        let front = format!("127.0.0.1:{}", free_port()?);
        let arguments = ["-db", "-f", CONFIGURATION].map(str::to_owned).to_vec();
        let program = Program::new("haproxy", &PathBuf::from("haproxy"), arguments, folder.join("haproxy.log"));
        let variables = [("JEROBOAM_FRONT", &front), ("JEROBOAM_1", first), ("JEROBOAM_2", second), ("JEROBOAM_3", third)];
        let mut program = variables.into_iter().fold(program, |program, (name, value)| program.with_environment(name, value));
        program.start()?;
        Ok(Self { program, url: format!("http://{front}") })
    }

    /// Scheme, host and port of its front.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it at once.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.program.kill().await
    }
}
