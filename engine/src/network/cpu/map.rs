//! Feature maps in memory: channels last, so that one voxel's channels lie side by side, in buffers that are used again.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// Channels are padded with zeros to a multiple of this, so that vectors are whole.
const PAD: usize = 8;

/// Feature maps of one image or pair on a cube: `[z, y, x, channel]`, channel fastest.
#[derive(Clone, Debug)]
pub struct Map {
    /// Voxels along each side.
    pub side: usize,
    /// Channels that mean something.
    pub channels: usize,
    /// Values of one voxel: the channels, padded with zeros.
    pub width: usize,
    /// `side³ · width` values.
    pub values: Buffer,
}

/// Memory that goes back to its pool.
#[derive(Debug)]
pub struct Buffer {
    values: Vec<f32>,
    pool: Pool,
}

/// Buffers that are free, for the next ones of their size: memory is asked for once.
#[derive(Clone, Debug, Default)]
pub struct Pool(Arc<Mutex<Vec<Vec<f32>>>>);

/// Values that hold these channels.
pub fn padded(channels: usize) -> usize {
    channels.next_multiple_of(PAD)
}

impl Pool {
    /// A map whose values are whatever an earlier one left, for an operation that writes them all.
    pub fn map(&self, side: usize, channels: usize) -> Map {
        let width = padded(channels);
        Map { side, channels, width, values: self.buffer(side.pow(3) * width) }
    }

    /// Memory with whatever an earlier use left in it.
    pub fn buffer(&self, len: usize) -> Buffer {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = free.iter().position(|values| values.len() == len);
        let values = at.map(|at| free.swap_remove(at));
        Buffer { values: values.unwrap_or_else(|| vec![0.0; len]), pool: self.clone() }
    }

    /// Gives all unused buffers back to the system.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.values
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut copy = self.pool.buffer(self.len());
        copy.copy_from_slice(self);
        copy
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(values);
    }
}
