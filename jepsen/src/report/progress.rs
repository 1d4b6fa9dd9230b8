//! Something moves on the screen while a campaign runs.
//!
//! On a terminal a bar; elsewhere a line every few seconds, so that a log shows life too. Progress goes to stderr,
//! results to stdout.

use std::{
    io::IsTerminal,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

/// Lines in a log are at least this far apart.
const QUIET: Duration = Duration::from_secs(5);

/// The progress of one campaign.
#[derive(Debug)]
pub struct Progress {
    title: String,
    total: u64,
    started: Instant,
    bar: Option<ProgressBar>,
    printed: Mutex<Option<Instant>>,
}

impl Progress {
    /// `total` steps are to be done.
    #[must_use]
    pub fn new(title: &str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {elapsed} {msg}");
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.set_prefix(title.to_owned());
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        let started = Instant::now();
        Self { title: title.to_owned(), total, started, bar, printed: Mutex::default() }
    }

    /// `done` steps are done, and this is what goes on.
    pub fn at(&self, done: u64, words: &str) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(words.to_owned());
            return;
        }
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        if printed.is_none_or(|last| last.elapsed() >= QUIET) {
            *printed = Some(Instant::now());
            let seconds = self.started.elapsed().as_secs();
            eprintln!("{} {done}/{} {seconds} s  {words}", self.title, self.total);
        }
    }

    /// A line that stays.
    pub fn say(&self, words: &str) {
        match &self.bar {
            Some(bar) => bar.println(words),
            None => eprintln!("{} {words}", self.title),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
