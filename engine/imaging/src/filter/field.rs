//! Smooth fields over the working grid: sums of products of one function along each axis.

use rayon::prelude::*;

/// Standard deviation over all positions of a field of cubic B-splines whose coefficients have 1: (151/315)^(3/2),
/// where 151/315 is the mean over an axis of the sum of their squares.
pub const SPLINE_SPREAD: f32 = 0.331_894;

/// Functions along one axis, tabulated at the `side` voxels.
pub struct Basis {
    /// Voxels along the axis.
    side: usize,
    /// Each function's values.
    functions: Vec<Vec<f32>>,
}

impl Basis {
    /// Functions 0 … `count` − 1 at each voxel, voxels being numbered from 0.
    fn tabulated(side: usize, count: usize, value: impl Fn(usize, f32) -> f32) -> Self {
        let function = |n: usize| (0..side).map(|i| value(n, i as f32)).collect();
        Self { side, functions: (0..count).map(function).collect() }
    }

    /// Linear interpolation between `count` (at least 2) points, the first and last of them on the outermost voxels.
    pub fn linear(side: usize, count: usize) -> Self {
        let spacing = (side as f32 - 1.0) / (count as f32 - 1.0);
        Self::tabulated(side, count, |n, i| (1.0 - (i / spacing - n as f32).abs()).max(0.0))
    }

    /// Uniform cubic B-splines, `count` (at least 4) of them, that sum to 1 everywhere on the axis.
    pub fn spline(side: usize, count: usize) -> Self {
        let spacing = side as f32 / (count as f32 - 3.0);
        let cubic = |u: f32| match u.abs() {
            u if u < 1.0 => 2.0 / 3.0 - u * u * (1.0 - u / 2.0),
            u if u < 2.0 => (2.0 - u).powi(3) / 6.0,
            _ => 0.0,
        };
        Self::tabulated(side, count, |n, i| cubic((i + 0.5) / spacing - (n as f32 - 1.0)))
    }

    /// Legendre polynomials up to `degree` on [−1, 1], whose ends are the outermost voxels.
    pub fn legendre(side: usize, degree: usize) -> Self {
        let value = |n: usize, i: f32| {
            let x = 2.0 * i / (side as f32 - 1.0) - 1.0;
            let (mut before, mut now) = (0.0, 1.0);
            for k in 0..n {
                let k = k as f32;
                (before, now) = (now, ((2.0 * k + 1.0) * x * now - k * before) / (k + 1.0));
            }
            now
        };
        Self::tabulated(side, degree + 1, value)
    }

    /// Number of functions.
    pub fn count(&self) -> usize {
        self.functions.len()
    }

    /// The field Σ c[a + n · (b + n · c)] · fₐ(x) · f_b(y) · f_c(z) over plane `z`, x fastest.
    pub fn plane(&self, coefficients: &[f32], z: usize) -> Vec<f32> {
        let n = self.count();
        let weigh = |from: &[f32], at: usize, size: usize| {
            let mut sum = vec![0.0; size];
            for (part, function) in from.chunks(size).zip(&self.functions) {
                sum.iter_mut().zip(part).for_each(|(sum, c)| *sum += function[at] * c);
            }
            sum
        };
        let over_plane = weigh(coefficients, z, n * n);
        let mut plane = vec![0.0; self.side * self.side];
        for (y, row) in plane.chunks_mut(self.side).enumerate() {
            for (c, function) in weigh(&over_plane, y, n).into_iter().zip(&self.functions) {
                row.iter_mut().zip(function).for_each(|(sum, f)| *sum += c * f);
            }
        }
        plane
    }

    /// The field over the whole cube.
    pub fn field(&self, coefficients: &[f32]) -> Vec<f32> {
        (0..self.side).into_par_iter().flat_map_iter(|z| self.plane(coefficients, z)).collect()
    }
}
