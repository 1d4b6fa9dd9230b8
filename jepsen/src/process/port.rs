//! Ports for members.
//!
//! They are taken from below the range of outgoing connections: a member that is down must find its port free
//! when it comes back.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

use crate::Error;

const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// A port of 127.0.0.1 nobody listens on now, and that this process has not given away before.
pub fn free_port() -> Result<u16, Error> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two harnesses that start together, with neighbouring process ids, begin far from each other.
    let offset = u16::try_from(std::process::id().wrapping_mul(131) % u32::from(COUNT)).unwrap_or(0);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(offset) % COUNT;
        let port = FIRST + step;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::Setup("no free port on 127.0.0.1".to_owned()))
}
