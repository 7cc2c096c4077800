//! How much memory the process took and the machine has left, and large pieces of it.

use crate::{Error, Result};
use bytemuck::Zeroable;

/// Most bytes of memory that the process ever held at once; 0 where the system does not tell (not Linux).
pub fn peak_bytes() -> u64 {
    proc_kilobytes("/proc/self/status", "VmHWM:") * 1024
}

/// Bytes that can be taken without driving the machine into swapping; 0 where the system does not tell.
pub fn available_bytes() -> u64 {
    proc_kilobytes("/proc/meminfo", "MemAvailable:") * 1024
}

/// Zeros, or [`Error::Memory`] where there is no room for them.
pub fn zeros<T: Zeroable>(len: usize) -> Result<Vec<T>> {
    let bytes = len * size_of::<T>();
    bytemuck::allocation::try_zeroed_vec(len).map_err(|()| Error::Memory { bytes })
}

/// The number behind `key` in one of Linux's `key: 123 kB` files.
fn proc_kilobytes(file: &str, key: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
