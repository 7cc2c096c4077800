//! Voxel deltas as bytes, for a journal: four bytes a run or so.
//!
//! `mask, nx, ny, nz, number of runs`, then for each run `2 · gap + same, length[, old, new]`: `gap` voxels lie between
//! the end of the last run and this one; with `same` set it has the values of the last one. All numbers are LEB128
//! (seven bits a byte, lowest first, the top bit set where more follow). A journal keeps its own checksum; decoding
//! nevertheless survives any bytes, and its memory is bounded by their number.

use super::delta::{Run, VoxelDelta};
use super::ids::MaskId;
use std::fmt;

/// Bytes that are no delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// They end too early.
    Short,
    /// There are bytes after the end.
    Long,
    /// A number does not fit its field, or a run lies outside the grid.
    Range,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self {
            Self::Short => "it ends too early",
            Self::Long => "it goes on after its end",
            Self::Range => "a number in it is out of range",
        };
        write!(f, "the stored change is damaged: {problem}")
    }
}

impl std::error::Error for DecodeError {}

impl VoxelDelta {
    /// The delta as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, self.mask().0);
        self.shape().iter().for_each(|&n| put(&mut bytes, n as u64));
        put(&mut bytes, self.runs().len() as u64);
        let (mut end, mut values) = (0, (0, 0));
        for run in self.runs() {
            let same = values == (run.old, run.new);
            put(&mut bytes, 2 * (run.start - end) as u64 + u64::from(same));
            put(&mut bytes, u64::from(run.len));
            if !same {
                put(&mut bytes, u64::from(run.old));
                put(&mut bytes, u64::from(run.new));
            }
            (end, values) = (run.end(), (run.old, run.new));
        }
        bytes
    }

    /// A delta from its bytes, all of them.
    ///
    /// # Errors
    /// [`DecodeError`] where they are no delta.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut bytes = bytes;
        let mask = MaskId(take(&mut bytes)?);
        let mut shape = [0_usize; 3];
        for n in &mut shape {
            *n = number(&mut bytes)?;
        }
        let [nx, ny, nz] = shape;
        // Half of the range, so that no sum of a position and a length goes beyond it.
        let voxels = nx.checked_mul(ny).and_then(|n| n.checked_mul(nz)).filter(|&n| n <= usize::MAX / 2);
        let voxels = voxels.ok_or(DecodeError::Range)?;
        let count: usize = number(&mut bytes)?;
        // A run has two bytes or more: a count that the bytes cannot hold takes no memory.
        if count > bytes.len() / 2 {
            return Err(DecodeError::Short);
        }
        let mut runs = Vec::with_capacity(count);
        let (mut end, mut values) = (0, (0, 0));
        for _ in 0..count {
            let gap = take(&mut bytes)?;
            let start = usize::try_from(gap / 2).ok().and_then(|gap| gap.checked_add(end));
            let len: u32 = number(&mut bytes)?;
            if gap % 2 == 0 {
                values = (number(&mut bytes)?, number(&mut bytes)?);
            }
            let start = start.filter(|&start| start <= voxels).ok_or(DecodeError::Range)?;
            let run = Run { start, len, old: values.0, new: values.1 };
            if run.len == 0 || run.old == run.new || run.end() > voxels {
                return Err(DecodeError::Range);
            }
            end = run.end();
            runs.push(run);
        }
        if bytes.is_empty() { Ok(Self::new(mask, shape, runs)) } else { Err(DecodeError::Long) }
    }
}

fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take(bytes: &mut &[u8]) -> Result<u64, DecodeError> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(DecodeError::Short)?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        value |= part << shift;
        if part << shift >> shift != part {
            return Err(DecodeError::Range);
        }
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(DecodeError::Range)
}

fn number<T: TryFrom<u64>>(bytes: &mut &[u8]) -> Result<T, DecodeError> {
    T::try_from(take(bytes)?).map_err(|_| DecodeError::Range)
}
