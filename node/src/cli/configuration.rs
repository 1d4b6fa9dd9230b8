//! `jeroboam config`

use clap::Subcommand;

use super::{Common, table::say};
use crate::{
    Error,
    config::{self, Config, Layers},
};

#[derive(Debug, Subcommand)]
pub(super) enum Configuration {
    /// Print what is in force and where each value came from; fails if something is wrong with it
    Show,
    /// Print every key with its default and what it is for: the manual
    Defaults,
}

impl Configuration {
    pub(super) fn run(&self, common: &Common) -> Result<(), Error> {
        match self {
            Self::Defaults => say(config::DEFAULTS),
            Self::Show => {
                let sources = common.sources(Vec::new())?;
                say(&config::show(&Layers::load(&sources)?))?;
                Config::load(&sources)?;
                Ok(())
            }
        }
    }
}
