//! Ports for servers of tests, and ports on which none is. Read [`free_port`].

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that the system gives to outgoing connections and to whoever asks for any: between finding one of those
/// free and using it, another process may come to have it.
const FIRST: u16 = 10_000;
const COUNT: u32 = 20_000;
/// How many ports a process has before it begins with those of the next one.
const EACH: u32 = 8;

/// A port of 127.0.0.1 that nobody listens on, and that no other test running now is given.
///
/// # Panics
/// Where all are taken.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(EACH);
    (0..COUNT)
        .map(|_| begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT)
        .filter_map(|number| Some(FIRST + u16::try_from(number).ok()?))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a port is free")
}
