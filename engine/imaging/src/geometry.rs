//! Where voxels lie in the world.

use glam::{DAffine3, DMat3, DVec3};

/// A voxel lattice in the world: how many voxels along x, y, z and where their centres lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Number of voxels along the array axes `[x, y, z]`, x fastest.
    pub shape: [usize; 3],
    /// Maps voxel indices (centres at whole numbers) to RAS+ millimetres.
    pub world_from_voxel: DAffine3,
}

/// A direction of the body that an array axis grows towards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    /// World axis: 0 left–right, 1 posterior–anterior, 2 inferior–superior.
    pub axis: usize,
    /// Whether the array axis grows with the world axis (towards R, A, S) or against it.
    pub positive: bool,
}

impl Direction {
    /// The letter of the side that the axis grows towards.
    pub fn letter(self) -> char {
        [['L', 'R'], ['P', 'A'], ['I', 'S']][self.axis][usize::from(self.positive)]
    }
}

impl Grid {
    /// Axes towards R, A and S, voxels of `spacing_mm`, the first of them at the world's origin.
    pub fn axis_aligned(shape: [usize; 3], spacing_mm: [f64; 3]) -> Self {
        Self { shape, world_from_voxel: DAffine3::from_scale(spacing_mm.into()) }
    }

    /// Number of voxels.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the grid has no voxel.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Position of voxel `[x, y, z]` in an array, x fastest.
    pub fn index(&self, [x, y, z]: [usize; 3]) -> usize {
        x + self.shape[0] * (y + self.shape[1] * z)
    }

    /// Distance between neighbouring voxel centres along each array axis, in millimetres.
    pub fn spacing_mm(&self) -> [f64; 3] {
        let m = self.world_from_voxel.matrix3;
        [m.x_axis.length(), m.y_axis.length(), m.z_axis.length()]
    }

    /// Volume of one voxel in millilitres.
    pub fn voxel_ml(&self) -> f64 {
        self.world_from_voxel.matrix3.determinant().abs() / 1000.0
    }

    /// Voxel indices of a world point; finite only where the affine can be inverted.
    pub fn voxel_from_world(&self) -> DAffine3 {
        self.world_from_voxel.inverse()
    }

    /// Closest body direction of each array axis: the permutation of world axes with the largest
    /// summed cosine, so that each world axis is used once even for oblique and sheared grids.
    pub fn directions(&self) -> [Direction; 3] {
        let m = self.world_from_voxel.matrix3;
        let unit = |v: DVec3| v.normalize_or_zero();
        let cosines = DMat3::from_cols(unit(m.x_axis), unit(m.y_axis), unit(m.z_axis));
        let score = |p: &[usize; 3]| (0..3).map(|i| cosines.col(i)[p[i]].abs()).sum::<f64>();
        let permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let best = permutations
            .into_iter()
            .max_by(|a, b| score(a).total_cmp(&score(b)))
            .expect("the list of permutations is not empty");
        std::array::from_fn(|i| Direction { axis: best[i], positive: cosines.col(i)[best[i]] >= 0.0 })
    }

    /// Three letters that name the side each array axis grows towards, `RAS` for the world's own order.
    pub fn orientation(&self) -> String {
        self.directions().map(Direction::letter).iter().collect()
    }

    /// World position of the eight corner voxels' centres.
    pub fn corners_mm(&self) -> [DVec3; 8] {
        std::array::from_fn(|k| {
            let pick =
                |bit: usize| if k >> bit & 1 == 1 { self.shape[bit].saturating_sub(1) as f64 } else { 0.0 };
            self.world_from_voxel.transform_point3(DVec3::new(pick(0), pick(1), pick(2)))
        })
    }

    /// World position of the middle of the grid.
    pub fn center_mm(&self) -> DVec3 {
        let middle = DVec3::from_array(self.shape.map(|n| (n as f64 - 1.0) / 2.0));
        self.world_from_voxel.transform_point3(middle)
    }

    /// Largest distance between corresponding corners, in voxels of this grid (its smallest spacing).
    /// `None` when the shapes differ. Two grids agree when this is at most [`AGREEMENT_VOXELS`].
    pub fn corner_distance_voxels(&self, other: &Grid) -> Option<f64> {
        let smallest = self.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
        (self.shape == other.shape).then(|| {
            let pairs = self.corners_mm().into_iter().zip(other.corners_mm());
            pairs.map(|(a, b)| a.distance(b)).fold(0.0, f64::max) / smallest
        })
    }

    /// Whether both grids put every voxel at the same place in the world.
    pub fn agrees_with(&self, other: &Grid) -> bool {
        self.corner_distance_voxels(other).is_some_and(|d| d <= AGREEMENT_VOXELS)
    }
}

/// Corners of grids that count as the same may differ by this many voxels.
pub const AGREEMENT_VOXELS: f64 = 0.1;
