//! Feature maps on the card: channels last, in buffers that are used again.
//!
//! Buffers are taken from the driver one by one and exactly as large as asked for, past the runtime's own pools: what
//! a prediction takes is the sum of its buffers, and can be said beforehand. Each pair has a buffer of its own, so
//! that one freed by any pair serves the next, and none is larger than a card allows.

use super::answer::unharmed;
use super::tile::padded;
use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::prelude::*;
use cubecl::server::Handle;
use imaging::{Error, Result};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Feature maps of some pairs on a cube.
///
/// A clone shares the values; an operation writes into its operand's place only where nobody else holds it.
#[derive(Clone, Debug)]
pub struct Map {
    /// How the values of each pair lie.
    pub shape: Shape,
    /// The values of each pair.
    pub pairs: Vec<Arc<Buffer>>,
}

/// How values lie: `[z, y, x, channel]`, channel fastest.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Voxels along each side.
    pub side: usize,
    /// Channels that mean something.
    pub channels: usize,
    /// Values of one voxel: the channels, padded with zeros.
    pub width: usize,
}

impl Shape {
    /// Of a map with these channels.
    pub fn new(side: usize, channels: usize) -> Self {
        Self { side, channels, width: padded(channels) }
    }

    /// Values of a pair.
    pub fn len(self) -> usize {
        self.side.pow(3) * self.width
    }
}

/// Memory on the card that goes back to its pool.
pub struct Buffer {
    handle: Handle,
    /// Values, of `size` bytes each.
    len: usize,
    size: usize,
    pool: Pool,
}

impl Buffer {
    /// As an argument of a kernel.
    #[allow(unsafe_code)]
    pub fn argument(&self) -> BufferArg {
        // SAFETY: the buffer was made for so many values.
        unsafe { BufferArg::from_raw_parts(self.handle.clone(), self.len) }
    }

    /// As an argument of a kernel that has it in place `input` already and writes into it.
    pub fn alias(&self, input: usize) -> BufferArg {
        BufferArg::alias(input, self.len)
    }

    /// What a read names.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // Later work on the card waits for earlier work, so the next user cannot come too soon.
        self.pool.free().push((self.len * self.size, self.handle.clone()));
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Buffer({} values of {} bytes)", self.len, self.size)
    }
}

/// Buffers that are free, for the next ones of their size: memory is asked for once.
#[derive(Clone)]
pub struct Pool {
    /// The card.
    pub client: Client,
    free: Arc<Mutex<Vec<(usize, Handle)>>>,
}

impl Pool {
    /// An empty pool.
    pub fn new(client: Client) -> Self {
        Self { client, free: Arc::default() }
    }

    fn free(&self) -> MutexGuard<'_, Vec<(usize, Handle)>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory for `len` values of `size` bytes each, with whatever an earlier use left in it.
    ///
    /// # Errors
    /// [`Error::Memory`] when the card has no such room.
    pub fn buffer(&self, len: usize, size: usize) -> Result<Buffer> {
        let used = {
            let mut free = self.free();
            let at = free.iter().position(|(bytes, _)| *bytes == len * size);
            at.map(|at| free.swap_remove(at).1)
        };
        let handle = used.map_or_else(|| self.allocate(len * size), Ok)?;
        Ok(Buffer { handle, len, size, pool: self.clone() })
    }

    fn allocate(&self, bytes: usize) -> Result<Handle> {
        let most = self.client.properties().memory.max_page_size;
        if bytes as u64 > most {
            return Err(Error::Memory { bytes });
        }
        unharmed(|| {
            let handle = self.client.memory_dedicated_allocation((), |()| self.client.empty(bytes));
            self.client.check([&handle]).map_err(|_| Error::Memory { bytes })?;
            Ok(handle)
        })
    }

    /// Values of `size` bytes each, sent to the card.
    pub fn upload(&self, bytes: Vec<u8>, size: usize) -> Result<Buffer> {
        let buffer = self.buffer(bytes.len() / size, size)?;
        unharmed(|| {
            self.client.write(&buffer.handle, Bytes::from_bytes_vec(bytes));
            Ok(())
        })?;
        Ok(buffer)
    }

    /// Gives all unused buffers back to the driver.
    pub fn clear(&self) {
        self.free().clear();
        // What cannot be released now stays reserved, which harms nobody.
        self.client.memory_cleanup().ok();
    }
}
