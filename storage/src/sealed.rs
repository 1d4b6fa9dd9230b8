//! Small text files that say when they are damaged: lines of `name = value`, the last of them a checksum of those before.
//!
//! People read them with `cat` when something is wrong; nobody is meant to edit them.

use std::collections::BTreeMap;
use std::fmt::Write;

const SUM: &str = "crc32c";

/// Writes a title line, the values, and the checksum.
pub(crate) fn seal(title: &str, values: &[(&str, String)]) -> Vec<u8> {
    let mut text = format!("{title}\n");
    for (name, value) in values {
        // One value is one line, whatever is in it.
        let value: String = value.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let _infallible = writeln!(text, "{name} = {value}");
    }
    let sum = crc32c::crc32c(text.as_bytes());
    let _infallible = writeln!(text, "{SUM} = {sum:08x}");
    text.into_bytes()
}

/// Reads the values back, or says in words what is wrong.
pub(crate) fn open(title: &str, bytes: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let marker = format!("{SUM} = ");
    let end = text.rfind(&marker).ok_or("it has no checksum")?;
    let (body, sum) = text.split_at(end);
    let sum = sum.strip_prefix(&marker).map(str::trim).and_then(|sum| u32::from_str_radix(sum, 16).ok());
    if sum != Some(crc32c::crc32c(body.as_bytes())) {
        return Err("its checksum does not match".to_owned());
    }
    let mut lines = body.lines();
    if lines.next() != Some(title) {
        return Err(format!("its first line is not \"{title}\""));
    }
    Ok(lines.filter_map(|line| line.split_once(" = ")).map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}
