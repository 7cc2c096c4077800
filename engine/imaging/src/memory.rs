//! Memory: how much the process took, how much the machine has left, and allocations that can fail. Whatever grows with
//! an image or a network is allocated here, and a failure is an [`Error::Memory`].

use crate::{Error, Result};
use bytemuck::Zeroable;
use memmap2::MmapMut;
use std::sync::OnceLock;
use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, System};

/// Most bytes of memory that the process ever held at once; 0 where the system does not report it (not Linux).
pub fn peak_bytes() -> u64 {
    proc_kilobytes("/proc/self/status", "VmHWM:") * 1024
}

/// Bytes that the process can hold in all without driving the machine into swapping: what it holds and what is free, within
/// the limits of its container (cgroup) and of its address space (`ulimit -v`); 0 where the system does not report it.
pub fn within_reach_bytes() -> u64 {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let Ok(id) = sysinfo::get_current_pid() else { return 0 };
    let what = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), false, what);
    let (free, Some(process)) = (system.available_memory(), system.process(id)) else { return 0 };
    if free == 0 {
        return 0;
    }
    let held = process.memory();
    // Of a container its size counts, not what is free in it: that leaves out the cache, which gives way.
    let container = process.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    let addresses = address_limit().saturating_sub(process.virtual_memory()).saturating_add(held);
    (free + held).min(container).min(addresses)
}

/// Most bytes of addresses that the process may have; `u64::MAX` where nothing limits them.
fn address_limit() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max address space"));
    limit.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(u64::MAX)
}

/// An error where the process would hold more than is [`within_reach_bytes`]; none where that is unknown (0).
///
/// # Errors
/// [`Error::TooLarge`] with both figures.
pub fn must_fit(needed: usize, within_reach: u64) -> Result<()> {
    let needed = needed as u64;
    if within_reach == 0 || needed <= within_reach {
        Ok(())
    } else {
        Err(Error::TooLarge { needed, within_reach })
    }
}

/// Zeros, or [`Error::Memory`].
pub fn zeros<T: Zeroable>(len: usize) -> Result<Vec<T>> {
    let bytes = len.saturating_mul(size_of::<T>());
    bytemuck::allocation::try_zeroed_vec(len).map_err(|()| Error::Memory { bytes })
}

/// The same value throughout, or [`Error::Memory`].
pub fn filled<T: Clone>(len: usize, value: T) -> Result<Vec<T>> {
    let mut values = with_capacity(len)?;
    values.resize(len, value);
    Ok(values)
}

/// What an iterator gives, or [`Error::Memory`]. One that knows its length is allocated at once.
pub fn collect<T>(values: impl IntoIterator<Item = T>) -> Result<Vec<T>> {
    let values = values.into_iter();
    let mut all = with_capacity(values.size_hint().0)?;
    for value in values {
        push(&mut all, value)?;
    }
    Ok(all)
}

/// Adds a value at the end, or [`Error::Memory`].
pub fn push<T>(values: &mut Vec<T>, value: T) -> Result<()> {
    let bytes = 2 * values.len() * size_of::<T>();
    values.try_reserve(1).map_err(|_| Error::Memory { bytes })?;
    values.push(value);
    Ok(())
}

/// Reserves `more` values, or [`Error::Memory`].
pub fn reserve<T>(values: &mut Vec<T>, more: usize) -> Result<()> {
    let bytes = more.saturating_mul(size_of::<T>());
    values.try_reserve(more).map_err(|_| Error::Memory { bytes })
}

/// No value yet and capacity for `len`, or [`Error::Memory`].
pub fn with_capacity<T>(len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let bytes = len.saturating_mul(size_of::<T>());
    values.try_reserve_exact(len).map_err(|_| Error::Memory { bytes })?;
    Ok(values)
}

/// Zeros from the system, in pages of their own, or [`Error::Memory`].
pub fn pages(bytes: usize) -> Result<MmapMut> {
    let allowed = GATE.get().is_none_or(|gate| gate(bytes));
    let pages = allowed.then(|| MmapMut::map_anon(bytes).ok()).flatten();
    pages.ok_or(Error::Memory { bytes })
}

static GATE: OnceLock<fn(usize) -> bool> = OnceLock::new();

/// For tests, whose allocator does not see [`pages`]: from now on `gate` decides whether a number of bytes is available.
#[doc(hidden)]
pub fn guard_pages(gate: fn(usize) -> bool) {
    GATE.set(gate).ok();
}

/// The number behind `key` in one of Linux's `key: 123 kB` files.
fn proc_kilobytes(file: &str, key: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
