//! Label values of a grid in bricks of 32³ voxels that clones share until one of them writes.
//!
//! A mask is mostly background, so a brick of one value is stored as that value. A clone costs 16 bytes a brick
//! (8 KB for 256³); a write copies the bricks that it touches, 64 KB each. Voxels of a brick that lie beyond the
//! grid have no meaning.

use super::bounds::Bounds;
use glam::DAffine3;
use imaging::{Grid, LabelMap, Result};
use std::sync::Arc;

/// Voxels along an edge of a brick.
pub(super) const SIDE: usize = 32;
const VOLUME: usize = SIDE * SIDE * SIDE;

#[derive(Clone, Debug)]
enum Brick {
    Uniform(u16),
    Dense(Arc<[u16; VOLUME]>),
}

impl Brick {
    /// The values along x at `y`, `z` within the brick.
    fn row(&self, y: usize, z: usize) -> [u16; SIDE] {
        match self {
            Self::Uniform(value) => [*value; SIDE],
            Self::Dense(voxels) => {
                let start = SIDE * (y + SIDE * z);
                std::array::from_fn(|x| voxels[start + x])
            }
        }
    }

    /// Whether both are the same piece of memory, or one value each and the same.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Uniform(a), Self::Uniform(b)) => a == b,
            (Self::Dense(a), Self::Dense(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// Label values on a grid of `shape` voxels; 0 is background.
#[derive(Clone, Debug)]
pub struct Bricks {
    shape: [usize; 3],
    /// Number of bricks along each axis.
    counts: [usize; 3],
    /// x fastest.
    bricks: Vec<Brick>,
}

impl Bricks {
    /// One value everywhere.
    pub fn filled(shape: [usize; 3], value: u16) -> Self {
        let counts = shape.map(|n| n.div_ceil(SIDE));
        Self { shape, counts, bricks: vec![Brick::Uniform(value); counts.iter().product()] }
    }

    /// The voxels of a label map.
    pub fn from_label_map(labels: &LabelMap) -> Self {
        let mut ours = Self::filled(labels.grid.shape, 0);
        for index in 0..ours.bricks.len() {
            let bounds = ours.brick_bounds(index);
            let width = bounds.max[0] - bounds.min[0];
            let row = |y, z| &labels.voxels[labels.grid.index([bounds.min[0], y, z])..][..width];
            let rows = || {
                (bounds.min[2]..bounds.max[2])
                    .flat_map(|z| (bounds.min[1]..bounds.max[1]).map(move |y| (y, z)))
            };
            let first = row(bounds.min[1], bounds.min[2])[0];
            ours.bricks[index] = Brick::Uniform(first);
            if rows().all(|(y, z)| row(y, z).iter().all(|&value| value == first)) {
                continue;
            }
            let voxels = ours.dense(index);
            for (y, z) in rows() {
                voxels[SIDE * (y % SIDE + SIDE * (z % SIDE))..][..width].copy_from_slice(row(y, z));
            }
        }
        ours
    }

    /// A label map with these voxels, placed by `world_from_voxel` as in [`Grid`].
    ///
    /// # Errors
    /// [`imaging::Error`].
    pub fn to_label_map(&self, world_from_voxel: DAffine3) -> Result<LabelMap> {
        let mut labels = LabelMap::empty(Grid { shape: self.shape, world_from_voxel })?;
        self.copy_rows(&Bounds::whole(self.shape), &mut labels.voxels);
        Ok(labels)
    }

    /// Number of voxels along `[x, y, z]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The value of a voxel; `None` beyond the grid.
    pub fn get(&self, voxel: [usize; 3]) -> Option<u16> {
        Bounds::whole(self.shape).contains(voxel).then(|| {
            let (index, offset) = self.place(voxel);
            match &self.bricks[index] {
                Brick::Uniform(value) => *value,
                Brick::Dense(voxels) => voxels[offset],
            }
        })
    }

    /// The values of a box, x fastest; what lies beyond the grid is left out.
    pub fn region(&self, bounds: &Bounds) -> Vec<u16> {
        let bounds = bounds.intersection(&Bounds::whole(self.shape));
        let size = |a: usize| bounds.max[a].saturating_sub(bounds.min[a]);
        let mut values = vec![0; size(0) * size(1) * size(2)];
        self.copy_rows(&bounds, &mut values);
        values
    }

    /// Every voxel of one value, brick by brick.
    pub fn positions(&self, value: u16) -> impl Iterator<Item = [usize; 3]> + '_ {
        let holds = move |index: &usize| match &self.bricks[*index] {
            Brick::Uniform(all) => *all == value,
            Brick::Dense(voxels) => voxels.contains(&value),
        };
        let boxes = (0..self.bricks.len()).filter(holds).map(|index| self.brick_bounds(index));
        boxes.flat_map(|bounds| bounds.voxels()).filter(move |&voxel| self.get(voxel) == Some(value))
    }

    /// The bricks whose memory is not shared with an earlier state: the boxes that a texture made from it has to load
    /// again. Needs no list of changes, so it is right after edits, undo and redo alike.
    pub fn dirty_since(&self, earlier: &Self) -> Vec<Bounds> {
        if self.shape != earlier.shape {
            return vec![Bounds::whole(self.shape)];
        }
        self.unshared(earlier).map(|index| self.brick_bounds(index)).collect()
    }

    /// Bytes of memory, shared or not.
    pub fn bytes(&self) -> usize {
        let dense = self.bricks.iter().filter(|brick| matches!(brick, Brick::Dense(_))).count();
        size_of::<Self>() + self.bricks.len() * size_of::<Brick>() + dense * VOLUME * size_of::<u16>()
    }

    /// Position of a voxel within the grid's array, x fastest.
    pub(super) fn linear(&self, [x, y, z]: [usize; 3]) -> usize {
        x + self.shape[0] * (y + self.shape[1] * z)
    }

    /// Number of bricks along each axis.
    pub(super) fn brick_counts(&self) -> [usize; 3] {
        self.counts
    }

    /// Bricks, x fastest, whose memory differs from `other`, which has the same shape.
    pub(super) fn unshared<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = usize> + 'a {
        let pairs = self.bricks.iter().zip(&other.bricks).enumerate();
        pairs.filter(|(_, (ours, theirs))| !ours.is(theirs)).map(|(index, _)| index)
    }

    /// The values of a brick along x at `y`, `z` of the grid; the last brick of a row goes beyond the grid.
    pub(super) fn brick_row(&self, index: usize, y: usize, z: usize) -> [u16; SIDE] {
        self.bricks[index].row(y % SIDE, z % SIDE)
    }

    /// The part of the grid that a brick covers.
    pub(super) fn brick_bounds(&self, index: usize) -> Bounds {
        let [nx, ny, _] = self.counts;
        let min = [index % nx, index / nx % ny, index / (nx * ny)].map(|i| i * SIDE);
        Bounds { min, max: std::array::from_fn(|a| (min[a] + SIDE).min(self.shape[a])) }
    }

    /// Writes a voxel of the grid.
    pub(super) fn set(&mut self, voxel: [usize; 3], value: u16) {
        let (index, offset) = self.place(voxel);
        self.dense(index)[offset] = value;
    }

    /// Whether a row of voxels along x, all in the grid, has one value.
    pub(super) fn row_is(&self, [x, y, z]: [usize; 3], len: usize, value: u16) -> bool {
        self.row_pieces(x, len).all(|(x, len)| {
            let (index, offset) = self.place([x, y, z]);
            match &self.bricks[index] {
                Brick::Uniform(all) => *all == value,
                Brick::Dense(voxels) => voxels[offset..offset + len].iter().all(|&v| v == value),
            }
        })
    }

    /// Writes a row of voxels along x, all in the grid.
    pub(super) fn fill_row(&mut self, [x, y, z]: [usize; 3], len: usize, value: u16) {
        for (x, len) in self.row_pieces(x, len) {
            let (index, offset) = self.place([x, y, z]);
            self.dense(index)[offset..offset + len].fill(value);
        }
    }

    /// Stores the bricks that `earlier` does not share as one value where they hold one.
    pub(super) fn compact_since(&mut self, earlier: &Self) {
        let changed: Vec<usize> = self.unshared(earlier).collect();
        for index in changed {
            let bounds = self.brick_bounds(index);
            let first = self.brick_row(index, bounds.min[1], bounds.min[2])[0];
            let [width, height, depth] = std::array::from_fn(|a| bounds.max[a] - bounds.min[a]);
            let alike = |y, z| self.bricks[index].row(y, z)[..width].iter().all(|&value| value == first);
            if (0..depth).all(|z| (0..height).all(|y| alike(y, z))) {
                self.bricks[index] = Brick::Uniform(first);
            }
        }
    }

    /// Brick of a voxel, and its place there.
    fn place(&self, [x, y, z]: [usize; 3]) -> (usize, usize) {
        let brick = x / SIDE + self.counts[0] * (y / SIDE + self.counts[1] * (z / SIDE));
        (brick, x % SIDE + SIDE * (y % SIDE + SIDE * (z % SIDE)))
    }

    /// Cuts a row into the pieces that lie in one brick each: first voxel and length.
    fn row_pieces(&self, x: usize, len: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let end = x + len;
        let starts = std::iter::successors(Some(x), |x| Some((x / SIDE + 1) * SIDE));
        starts.take_while(move |&x| x < end).map(move |x| (x, end.min((x / SIDE + 1) * SIDE) - x))
    }

    /// The voxels of a brick, for writing; copied where they are shared.
    fn dense(&mut self, index: usize) -> &mut [u16; VOLUME] {
        let brick = &mut self.bricks[index];
        if let Brick::Uniform(value) = *brick {
            *brick = Brick::Dense(Arc::new([value; VOLUME]));
        }
        match brick {
            Brick::Dense(voxels) => Arc::make_mut(voxels),
            Brick::Uniform(_) => unreachable!("the brick was made dense"),
        }
    }

    /// Copies a box of the grid to `out`, x fastest.
    fn copy_rows(&self, bounds: &Bounds, out: &mut [u16]) {
        let width = bounds.max[0].saturating_sub(bounds.min[0]);
        let rows =
            (bounds.min[2]..bounds.max[2]).flat_map(|z| (bounds.min[1]..bounds.max[1]).map(move |y| (y, z)));
        for ((y, z), out) in rows.zip(out.chunks_exact_mut(width.max(1))) {
            for (x, len) in self.row_pieces(bounds.min[0], width) {
                let (index, offset) = self.place([x, y, z]);
                let out = &mut out[x - bounds.min[0]..][..len];
                match &self.bricks[index] {
                    Brick::Uniform(value) => out.fill(*value),
                    Brick::Dense(voxels) => out.copy_from_slice(&voxels[offset..offset + len]),
                }
            }
        }
    }
}

impl PartialEq for Bricks {
    /// Whether both hold the same values, however they are stored.
    fn eq(&self, other: &Self) -> bool {
        let same = |index: usize| {
            let Bounds { min, max } = self.brick_bounds(index);
            let width = max[0] - min[0];
            let row = |bricks: &Self, y, z| bricks.brick_row(index, y, z);
            (min[2]..max[2])
                .all(|z| (min[1]..max[1]).all(|y| row(self, y, z)[..width] == row(other, y, z)[..width]))
        };
        self.shape == other.shape && self.unshared(other).all(same)
    }
}
