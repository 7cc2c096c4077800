//! Surfaces of masks and the exact distances between them.

use crate::{Result, memory};

/// A box of voxels, both ends included.
pub struct Extent {
    low: [usize; 3],
    high: [usize; 3],
}

impl Extent {
    pub const EMPTY: Self = Self { low: [usize::MAX; 3], high: [0; 3] };

    pub fn include(&mut self, voxel: [usize; 3]) {
        for (a, &v) in voxel.iter().enumerate() {
            self.low[a] = self.low[a].min(v);
            self.high[a] = self.high[a].max(v);
        }
    }
}

/// One label within its box, x fastest.
pub struct Mask {
    pub shape: [usize; 3],
    pub inside: Vec<bool>,
}

impl Mask {
    /// The voxels of `label` within `extent` of an array of `shape`.
    pub fn cut(voxels: &[u16], shape: [usize; 3], extent: &Extent, label: u16) -> Result<Self> {
        let size: [usize; 3] = std::array::from_fn(|a| extent.high[a] + 1 - extent.low[a]);
        let mut inside = memory::with_capacity(size.iter().product())?;
        for z in extent.low[2]..=extent.high[2] {
            for y in extent.low[1]..=extent.high[1] {
                let row = shape[0] * (y + shape[1] * z);
                inside.extend(voxels[row + extent.low[0]..=row + extent.high[0]].iter().map(|&v| v == label));
            }
        }
        Ok(Self { shape: size, inside })
    }

    pub fn count(&self) -> usize {
        self.inside.iter().filter(|&&v| v).count()
    }

    /// The voxels that have one of six neighbours outside; beyond the box is outside.
    pub fn surface(&self) -> Result<Self> {
        let strides = [1, self.shape[0], self.shape[0] * self.shape[1]];
        let surface = self.inside.iter().enumerate().map(|(i, &inside)| {
            let enclosed = |axis: usize| {
                let at = i / strides[axis] % self.shape[axis];
                let last = self.shape[axis] - 1;
                at > 0 && at < last && self.inside[i - strides[axis]] && self.inside[i + strides[axis]]
            };
            inside && !(0..3).all(enclosed)
        });
        Ok(Self { shape: self.shape, inside: memory::collect(surface)? })
    }
}

/// Distance from each voxel of `from` to the nearest one of `to`, in millimetres.
/// Exact: a squared-distance transform axis by axis (Felzenszwalb and Huttenlocher 2012).
pub fn distances_mm(from: &Mask, to: &Mask, spacing_mm: [f64; 3]) -> Result<Vec<f32>> {
    let mut squared = memory::collect(to.inside.iter().map(|&v| if v { 0.0 } else { f64::INFINITY }))?;
    let mut stride = 1;
    for (axis, &n) in to.shape.iter().enumerate() {
        let mut line = vec![0.0; n];
        for start in (0..squared.len()).filter(|i| (i / stride).is_multiple_of(n)) {
            for (k, value) in line.iter_mut().enumerate() {
                *value = squared[start + k * stride];
            }
            envelope(&line, spacing_mm[axis], |k, value| squared[start + k * stride] = value);
        }
        stride *= n;
    }
    let of_surface = squared.iter().zip(&from.inside).filter(|(_, inside)| **inside);
    memory::collect(of_surface.map(|(value, _)| value.sqrt() as f32))
}

/// Lower envelope of the parabolas `f[q] + (h (p − q))²`, given at every p.
fn envelope(f: &[f64], h: f64, mut set: impl FnMut(usize, f64)) {
    // Vertices of the envelope with the place from where each is lowest.
    let mut lowest: Vec<(usize, f64)> = Vec::with_capacity(f.len());
    let position = |q: usize| h * q as f64;
    for q in (0..f.len()).filter(|&q| f[q].is_finite()) {
        let meets = |v: usize| {
            let (a, b) = (f[q] + position(q).powi(2), f[v] + position(v).powi(2));
            (a - b) / (2.0 * (position(q) - position(v)))
        };
        while lowest.last().is_some_and(|&(v, from)| meets(v) <= from) {
            lowest.pop();
        }
        let from = lowest.last().map_or(f64::NEG_INFINITY, |&(v, _)| meets(v));
        lowest.push((q, from));
    }
    let mut k = 0;
    for p in 0..if lowest.is_empty() { 0 } else { f.len() } {
        while lowest.get(k + 1).is_some_and(|&(_, from)| from <= position(p)) {
            k += 1;
        }
        let q = lowest[k].0;
        set(p, f[q] + (position(p) - position(q)).powi(2));
    }
}
