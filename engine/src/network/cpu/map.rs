//! Feature maps in memory: channels last, so that one voxel's channels lie side by side, and buffers that are used again.

use std::sync::{Arc, Mutex, PoisonError};

/// Channels are padded with zeros to a multiple of this, so that vectors are whole.
const PAD: usize = 8;

/// Feature maps of one image or pair on a cube: `[z, y, x, channel]`, channel fastest.
#[derive(Debug)]
pub struct Map {
    /// Voxels along each side.
    pub side: usize,
    /// Values of one voxel: the channels, padded with zeros.
    pub width: usize,
    /// `side³ · width` values.
    pub values: Vec<f32>,
    pool: Pool,
}

/// Buffers of maps that are gone, for the next ones of their size: memory is asked for once.
#[derive(Clone, Debug, Default)]
pub struct Pool(Arc<Mutex<Vec<Vec<f32>>>>);

/// Values that hold these channels.
pub fn padded(channels: usize) -> usize {
    channels.next_multiple_of(PAD)
}

impl Pool {
    /// A map whose values are whatever an earlier one left, for an operation that writes them all.
    pub fn map(&self, side: usize, width: usize) -> Map {
        let len = side.pow(3) * width;
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = free.iter().position(|buffer| buffer.len() == len);
        let values = at.map_or_else(|| vec![0.0; len], |at| free.swap_remove(at));
        Map { side, width, values, pool: self.clone() }
    }

    /// Gives all unused buffers back to the system.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Clone for Map {
    fn clone(&self) -> Self {
        let mut copy = self.pool.map(self.side, self.width);
        copy.values.copy_from_slice(&self.values);
        copy
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(values);
    }
}
