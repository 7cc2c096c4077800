//! The difference between two states of a mask, in runs.
//!
//! A run holds both values, so a delta checks itself wherever it is applied or reverted and needs no inverse.

use super::bounds::Bounds;
use super::bricks::Bricks;
use super::ids::MaskId;
use std::fmt;

/// Voxels that follow each other, x fastest, and change alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// Position of the first voxel in the grid's array.
    pub start: usize,
    /// Number of voxels.
    pub len: u32,
    /// Value before.
    pub old: u16,
    /// Value after.
    pub new: u16,
}

impl Run {
    pub(super) fn end(&self) -> usize {
        self.start + self.len as usize
    }

    /// Cuts off and returns the first `len` voxels.
    fn split_front(&mut self, len: u32) -> Self {
        let front = Self { len, ..*self };
        self.start += len as usize;
        self.len -= len;
        front
    }
}

/// A delta that does not fit the voxels it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeltaError {
    /// Another mask, or another number of voxels.
    OtherMask,
    /// The values of a run are not those that it replaces.
    OtherValues(Run),
}

impl fmt::Display for DeltaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherMask => write!(f, "the change belongs to another mask"),
            Self::OtherValues(run) => {
                write!(f, "the change expects label {} in {} voxels from {}", run.old, run.len, run.start)
            }
        }
    }
}

impl std::error::Error for DeltaError {}

/// The changed voxels of a mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoxelDelta {
    mask: MaskId,
    shape: [usize; 3],
    bounds: Option<Bounds>,
    runs: Vec<Run>,
}

impl VoxelDelta {
    /// Runs that are in order, within the grid and without overlap.
    pub(super) fn new(mask: MaskId, shape: [usize; 3], mut runs: Vec<Run>) -> Self {
        runs.shrink_to_fit();
        let boxes = runs.iter().map(|run| run_bounds(run, shape));
        Self { mask, shape, bounds: boxes.reduce(|all, one| all.union(&one)), runs }
    }

    /// The difference from `before` to `after`, two states of one mask. Compares only the bricks that they do not
    /// share.
    pub(super) fn between(mask: MaskId, before: &Bricks, after: &Bricks) -> Self {
        let shape = after.shape();
        let [nx, ny, _] = after.brick_counts();
        let mut runs = Runs::default();
        let changed: Vec<usize> = after.unshared(before).collect();
        // x-fastest order of voxels: all rows of a layer of bricks before the next layer, and within a row of voxels
        // all bricks along x.
        for layer in changed.chunk_by(|a, b| a / (nx * ny) == b / (nx * ny)) {
            let planes = after.brick_bounds(layer[0]);
            for z in planes.min[2]..planes.max[2] {
                for line in layer.chunk_by(|a, b| a / nx == b / nx) {
                    let rows = after.brick_bounds(line[0]);
                    for y in rows.min[1]..rows.max[1] {
                        for &index in line {
                            let Bounds { min, max } = after.brick_bounds(index);
                            let [old, new] = [before, after].map(|bricks| bricks.brick_row(index, y, z));
                            let start = after.linear([min[0], y, z]);
                            for x in 0..max[0] - min[0] {
                                runs.push(Run { start: start + x, len: 1, old: old[x], new: new[x] });
                            }
                        }
                    }
                }
            }
        }
        Self::new(mask, shape, runs.0)
    }

    /// The mask that changes.
    pub fn mask(&self) -> MaskId {
        self.mask
    }

    /// Number of voxels of its grid along `[x, y, z]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The box around all changes; `None` where there is none.
    pub fn bounds(&self) -> Option<Bounds> {
        self.bounds
    }

    /// The changes, x fastest.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Voxels that a label gains, less those that it loses.
    pub fn change_of(&self, label: u16) -> i64 {
        let sign = |run: &Run| i64::from(run.new == label) - i64::from(run.old == label);
        self.runs.iter().map(|run| sign(run) * i64::from(run.len)).sum()
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.runs.capacity() * size_of::<Run>()
    }

    /// Replaces the old values by the new ones.
    ///
    /// # Errors
    /// [`DeltaError`] if the mask does not hold the old values; then nothing is written.
    pub fn apply(&self, voxels: &mut Bricks) -> Result<(), DeltaError> {
        self.write(voxels, |run| run)
    }

    /// Replaces new values by old ones.
    ///
    /// # Errors
    /// As [`VoxelDelta::apply`].
    pub fn revert(&self, voxels: &mut Bricks) -> Result<(), DeltaError> {
        self.write(voxels, |run| Run { old: run.new, new: run.old, ..run })
    }

    /// This change and then `later`, as one.
    ///
    /// # Errors
    /// [`DeltaError`] if `later` does not start from the result of this one.
    pub fn merge(&self, later: &Self) -> Result<Self, DeltaError> {
        if (self.mask, self.shape) != (later.mask, later.shape) {
            return Err(DeltaError::OtherMask);
        }
        let mut runs = Runs::default();
        let [mut first, mut second] = [self, later].map(|delta| delta.runs.iter().copied());
        let mut heads = (first.next(), second.next());
        loop {
            match &mut heads {
                (None, None) => break,
                (Some(a), None) => {
                    runs.push(*a);
                    heads.0 = first.next();
                }
                (None, Some(b)) => {
                    runs.push(*b);
                    heads.1 = second.next();
                }
                (Some(a), Some(b)) if a.start < b.start => {
                    let alone = a.len.min(u32::try_from(b.start - a.start).unwrap_or(u32::MAX));
                    runs.push(a.split_front(alone));
                    heads.0 = heads.0.filter(|a| a.len > 0).or_else(|| first.next());
                }
                (Some(a), Some(b)) if b.start < a.start => {
                    let alone = b.len.min(u32::try_from(a.start - b.start).unwrap_or(u32::MAX));
                    runs.push(b.split_front(alone));
                    heads.1 = heads.1.filter(|b| b.len > 0).or_else(|| second.next());
                }
                (Some(a), Some(b)) => {
                    if a.new != b.old {
                        return Err(DeltaError::OtherValues(*b));
                    }
                    let both = a.len.min(b.len);
                    let [a, b] = [a.split_front(both), b.split_front(both)];
                    runs.push(Run { new: b.new, ..a });
                    heads.0 = heads.0.filter(|a| a.len > 0).or_else(|| first.next());
                    heads.1 = heads.1.filter(|b| b.len > 0).or_else(|| second.next());
                }
            }
        }
        Ok(Self::new(self.mask, self.shape, runs.0))
    }

    /// Writes `new` over `old` of every run as `seen` shows it, after all of them were checked.
    fn write(&self, voxels: &mut Bricks, seen: impl Fn(Run) -> Run) -> Result<(), DeltaError> {
        if voxels.shape() != self.shape {
            return Err(DeltaError::OtherMask);
        }
        for run in self.runs.iter().copied().map(&seen) {
            if !rows(&run, self.shape).all(|(voxel, len)| voxels.row_is(voxel, len, run.old)) {
                return Err(DeltaError::OtherValues(run));
            }
        }
        let before = voxels.clone();
        for run in self.runs.iter().copied().map(&seen) {
            rows(&run, self.shape).for_each(|(voxel, len)| voxels.fill_row(voxel, len, run.new));
        }
        voxels.compact_since(&before);
        Ok(())
    }
}

/// Builds runs: omits unchanged voxels and joins adjacent runs.
#[derive(Default)]
struct Runs(Vec<Run>);

impl Runs {
    fn push(&mut self, run: Run) {
        if run.old == run.new {
            return;
        }
        if let Some(last) = self.0.last_mut()
            && last.end() == run.start
            && (last.old, last.new) == (run.old, run.new)
            && let Some(len) = last.len.checked_add(run.len)
        {
            last.len = len;
        } else {
            self.0.push(run);
        }
    }
}

fn voxel(position: usize, [nx, ny, _]: [usize; 3]) -> [usize; 3] {
    [position % nx, position / nx % ny, position / (nx * ny)]
}

/// A run as pieces of rows along x: first voxel and length.
fn rows(run: &Run, shape: [usize; 3]) -> impl Iterator<Item = ([usize; 3], usize)> + use<> {
    let (end, width) = (run.end(), shape[0]);
    let starts = std::iter::successors(Some(run.start), move |start| Some((start / width + 1) * width));
    let pieces = starts.take_while(move |&start| start < end);
    pieces.map(move |start| (voxel(start, shape), end.min((start / width + 1) * width) - start))
}

fn run_bounds(run: &Run, shape: [usize; 3]) -> Bounds {
    let [first, last] = [run.start, run.end() - 1].map(|position| voxel(position, shape));
    let mut bounds = Bounds { min: first, max: last.map(|i| i + 1) };
    // A run that enters another row covers rows as a whole, as far as the box can tell; so with planes.
    let turns = if first[2] != last[2] { 2 } else { usize::from(first[1] != last[1]) };
    bounds.min[..turns].fill(0);
    bounds.max[..turns].copy_from_slice(&shape[..turns]);
    bounds
}
