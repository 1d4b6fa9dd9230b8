//! `jeroboam completion`

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::Error;

/// Prints a completion script, for example: jeroboam completion bash > /etc/bash_completion.d/jeroboam
#[derive(Debug, Args)]
pub(super) struct Completion {
    /// The shell
    shell: Shell,
}

impl Completion {
    pub(super) fn run(&self) -> Result<(), Error> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "jeroboam", &mut script);
        super::table::say(&String::from_utf8_lossy(&script))
    }
}
