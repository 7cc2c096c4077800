//! Boxes of voxels.

/// The voxels with `min ≤ voxel < max` along each axis `[x, y, z]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// First voxel.
    pub min: [usize; 3],
    /// One beyond the last voxel.
    pub max: [usize; 3],
}

impl Bounds {
    /// All voxels of a grid.
    pub fn whole(shape: [usize; 3]) -> Self {
        Self { min: [0; 3], max: shape }
    }

    /// Whether there is no voxel in the box.
    pub fn is_empty(&self) -> bool {
        (0..3).any(|a| self.min[a] >= self.max[a])
    }

    /// Whether a voxel lies in the box.
    pub fn contains(&self, voxel: [usize; 3]) -> bool {
        (0..3).all(|a| (self.min[a]..self.max[a]).contains(&voxel[a]))
    }

    /// The smallest box around two boxes.
    pub fn union(&self, other: &Self) -> Self {
        Self {
            min: std::array::from_fn(|a| self.min[a].min(other.min[a])),
            max: std::array::from_fn(|a| self.max[a].max(other.max[a])),
        }
    }

    /// What two boxes share; may be empty.
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            min: std::array::from_fn(|a| self.min[a].max(other.min[a])),
            max: std::array::from_fn(|a| self.max[a].min(other.max[a])),
        }
    }

    /// Every voxel of the box, x fastest.
    pub fn voxels(&self) -> impl Iterator<Item = [usize; 3]> + use<> {
        let Self { min, max } = *self;
        (min[2]..max[2])
            .flat_map(move |z| (min[1]..max[1]).flat_map(move |y| (min[0]..max[0]).map(move |x| [x, y, z])))
    }
}
