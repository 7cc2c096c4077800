//! Feature maps on the card: channels last, in reused buffers.
//!
//! Buffers are allocated from the driver one by one with their exact size, bypassing the runtime's own pools, so that
//! the memory of a prediction is the sum of its buffers and can be predicted. Each pair has its own buffer, so that a
//! buffer freed by one pair serves the next, and none exceeds the card's limit.

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
/// A clone shares the values; an operation works in place only if its operand is not shared.
#[derive(Clone, Debug)]
pub struct Map {
    /// Layout of each pair's values.
    pub shape: Shape,
    /// The values of each pair.
    pub pairs: Vec<Arc<Buffer>>,
}

/// Memory layout: `[z, y, x, channel]`, channel fastest.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Voxels along each side.
    pub side: usize,
    /// Number of channels without padding.
    pub channels: usize,
    /// Values per voxel: the channels, padded with zeros.
    pub width: usize,
}

impl Shape {
    /// The layout of a map with these channels.
    pub fn new(side: usize, channels: usize) -> Self {
        Self { side, channels, width: padded(channels) }
    }

    /// Values per pair.
    pub fn len(self) -> usize {
        self.side.pow(3) * self.width
    }
}

/// Memory on the card that returns to its pool when it is dropped.
pub struct Buffer {
    handle: Handle,
    /// Number of values, of `size` bytes each.
    len: usize,
    size: usize,
    pool: Pool,
}

impl Buffer {
    /// As an argument of a kernel.
    #[allow(unsafe_code)]
    pub fn argument(&self) -> BufferArg {
        // SAFETY: the buffer was allocated for `len` values.
        unsafe { BufferArg::from_raw_parts(self.handle.clone(), self.len) }
    }

    /// As the output of a kernel that already has it as argument `input`.
    pub fn alias(&self, input: usize) -> BufferArg {
        BufferArg::alias(input, self.len)
    }

    /// The runtime's handle, for reading.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // The card executes work in order, so reuse cannot overlap with earlier work.
        self.pool.free().push((self.len * self.size, self.handle.clone()));
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Buffer({} values of {} bytes)", self.len, self.size)
    }
}

/// Free buffers, reused by size, so that memory is allocated once.
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

    /// A buffer for `len` values of `size` bytes each, with undefined contents.
    ///
    /// # Errors
    /// [`Error::Memory`] if the card has too little memory.
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

    /// Uploads values of `size` bytes each.
    pub fn upload(&self, bytes: Vec<u8>, size: usize) -> Result<Buffer> {
        let buffer = self.buffer(bytes.len() / size, size)?;
        unharmed(|| {
            self.client.write(&buffer.handle, Bytes::from_bytes_vec(bytes));
            Ok(())
        })?;
        Ok(buffer)
    }

    /// Returns all unused buffers to the driver.
    pub fn clear(&self) {
        self.free().clear();
        // Memory that cannot be released now stays reserved, which is harmless.
        self.client.memory_cleanup().ok();
    }
}
