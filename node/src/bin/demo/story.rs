//! How it is told: chapters, lines, and numbers in one place.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

/// Begins a chapter.
pub(crate) fn chapter(title: &str) {
    println!("\n{}", strong(title));
}

/// Something that happened.
pub(crate) fn line(text: &str) {
    println!("  {text}");
    flush();
}

/// Something that happened, and how long it took.
pub(crate) fn took(text: &str, time: Duration) {
    line(&format!("{text}  ({})", span(time)));
}

/// What another program printed.
pub(crate) fn quote(text: &str) {
    for line in text.trim_end().lines() {
        println!("    {}", faint(&format!("│ {line}")));
    }
    flush();
}

/// A point in time relative to the kill.
pub(crate) fn moment(at: Duration, text: &str) {
    line(&format!("{:>9}  {text}", format!("{} ms", at.as_millis())));
}

/// A duration as people say it.
pub(crate) fn span(time: Duration) -> String {
    if time < Duration::from_secs(2) { format!("{} ms", time.as_millis()) } else { format!("{:.1} s", time.as_secs_f64()) }
}

fn styled(text: &str, code: &str) -> String {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

fn strong(text: &str) -> String {
    styled(text, "1")
}

fn faint(text: &str) -> String {
    styled(text, "2")
}

fn flush() {
    // Whoever reads may have gone; the story goes on for its exit status.
    let _gone = std::io::stdout().flush();
}
