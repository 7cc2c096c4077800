//! Separable resampling to the working grid: linear interpolation, averaged over the working voxel where that is larger
//! than the input voxel (area prefilter), so that thin structures fade instead of aliasing.

use super::foreground::Extent;
use imaging::{Result, memory};
use rayon::prelude::*;
use std::ops::Range;

/// The input voxels along one axis that contribute to an output voxel, and their weights.
#[derive(Clone, Debug)]
pub struct Tap {
    first: usize,
    weights: Vec<f32>,
}

/// Taps for `side` output voxels on an axis of `length` input voxels: output voxel j lies at `start + j · step`
/// (in input voxels) and is the mean over its own width of the linear interpolation through the inputs.
/// The input is 0 beyond the outer faces of the first and last voxel; weights sum to the fraction that is inside.
pub fn taps(length: usize, start: f64, step: f64, side: usize) -> Vec<Tap> {
    let last = length as f64 - 1.0;
    // Integral from minus infinity of a hat function of width 2 around 0.
    let hat = |u: f64| match u.clamp(-1.0, 1.0) {
        u if u < 0.0 => (u + 1.0).powi(2) / 2.0,
        u => 1.0 - (1.0 - u).powi(2) / 2.0,
    };
    let tap = |j: usize| {
        let center = start + j as f64 * step;
        if step <= 1.0 {
            if center < -0.5 || center > last + 0.5 {
                return Tap { first: 0, weights: Vec::new() };
            }
            let center = center.clamp(0.0, last);
            let first = (center as usize).min(length.saturating_sub(2));
            let part = (center - first as f64) as f32;
            let weights = if length == 1 { vec![1.0] } else { vec![1.0 - part, part] };
            return Tap { first, weights };
        }
        let (low, high) = ((center - step / 2.0).max(-0.5), (center + step / 2.0).min(last + 0.5));
        if low >= high {
            return Tap { first: 0, weights: Vec::new() };
        }
        // Between an outer face and the centre of the outermost voxel the image is constant.
        let (inner_low, inner_high) = (low.clamp(0.0, last), high.clamp(0.0, last));
        let first = inner_low.floor() as usize;
        let end = (inner_high.ceil() as usize).min(length - 1);
        let weight = |k: usize| {
            let k = k as f64;
            let mut covered = hat(inner_high - k) - hat(inner_low - k);
            if k == 0.0 {
                covered += low.min(0.0).abs() - high.min(0.0).abs();
            }
            if k == last {
                covered += (high - last).max(0.0) - (low - last).max(0.0);
            }
            (covered / step) as f32
        };
        Tap { first, weights: (first..=end).map(weight).collect() }
    };
    (0..side).map(tap).collect()
}

/// A box of a working grid; everything outside is 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Its box in the working grid.
    pub extent: Extent,
    /// Its voxels, x fastest.
    pub voxels: Vec<f32>,
}

impl Patch {
    /// Its voxels with their positions [x, y, z] in the working grid.
    pub fn places(&self) -> impl Iterator<Item = ([usize; 3], f32)> {
        let [xs, ys, zs] = self.extent.clone();
        let places = zs.flat_map(move |z| {
            let xs = xs.clone();
            ys.clone().flat_map(move |y| xs.clone().map(move |x| [x, y, z]))
        });
        places.zip(self.voxels.iter().copied())
    }
}

/// Resamples the box `within` of an array that `read` returns by voxel [x, y, z]; the array counts as 0 outside the
/// box. The patch covers the output voxels that the box contributes to.
pub fn resample(
    within: &Extent,
    taps: &[Vec<Tap>; 3],
    read: impl Fn([usize; 3]) -> f32 + Sync,
) -> Result<Patch> {
    let extent: Extent = std::array::from_fn(|a| reached(&taps[a], &within[a]));
    let [nx, ny, nz] = extent.clone().map(|e| e.len());
    let clipped: [Vec<Tap>; 3] =
        std::array::from_fn(|a| taps[a][extent[a].clone()].iter().map(|tap| clip(tap, &within[a])).collect());
    // Resamples each input plane in x and y first, then mixes planes along z.
    let inner = within[2].clone();
    let mut planes = memory::zeros(nx * ny * inner.len())?;
    planes.par_chunks_mut((nx * ny).max(1)).zip(inner.clone()).try_for_each(|(plane, z)| -> Result<()> {
        let rows = within[1].clone();
        let mut narrow = memory::zeros(nx * rows.len())?;
        for (line, y) in narrow.chunks_mut(nx.max(1)).zip(rows.clone()) {
            for (voxel, tap) in line.iter_mut().zip(&clipped[0]) {
                let weighted = tap.weights.iter().enumerate().map(|(i, w)| w * read([tap.first + i, y, z]));
                *voxel = weighted.sum();
            }
        }
        for (line, tap) in plane.chunks_mut(nx.max(1)).zip(&clipped[1]) {
            mix(line, tap, rows.start, &narrow);
        }
        Ok(())
    })?;
    let mut voxels = memory::zeros(nx * ny * nz)?;
    voxels.par_chunks_mut((nx * ny).max(1)).zip(&clipped[2]).for_each(|(plane, tap)| {
        mix(plane, tap, inner.start, &planes);
    });
    Ok(Patch { extent, voxels })
}

/// Adds the weighted slices of `from` to `out`; slice `offset` comes first in `from`.
fn mix(out: &mut [f32], tap: &Tap, offset: usize, from: &[f32]) {
    for (i, &weight) in tap.weights.iter().enumerate() {
        let slice = &from[(tap.first + i - offset) * out.len()..][..out.len()];
        out.iter_mut().zip(slice).for_each(|(out, value)| *out += weight * value);
    }
}

/// Outputs with at least one input in `within`.
fn reached(taps: &[Tap], within: &Range<usize>) -> Range<usize> {
    let meets = |tap: &Tap| !clip(tap, within).weights.is_empty();
    let first = taps.iter().position(meets).unwrap_or(0);
    let end = taps.iter().rposition(meets).map_or(first, |last| last + 1);
    first..end
}

/// The range of inputs that taps read.
pub fn reach(taps: &[Tap]) -> Range<usize> {
    let read = || taps.iter().filter(|tap| !tap.weights.is_empty());
    let first = read().map(|tap| tap.first).min().unwrap_or(0);
    first..read().map(|tap| tap.first + tap.weights.len()).max().unwrap_or(first)
}

fn clip(tap: &Tap, within: &Range<usize>) -> Tap {
    let end = (tap.first + tap.weights.len()).min(within.end);
    let first = tap.first.max(within.start).min(end);
    let weights = tap.weights.get(first.saturating_sub(tap.first)..end.saturating_sub(tap.first));
    Tap { first, weights: weights.unwrap_or_default().to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_stays_a_ramp_at_any_scale() {
        for step in [0.3, 0.8, 1.0, 1.7, 4.1] {
            for (j, tap) in taps(40, 8.0, step, 5).iter().enumerate() {
                let value: f32 =
                    tap.weights.iter().enumerate().map(|(i, w)| w * (tap.first + i) as f32).sum();
                assert!((f64::from(value) - (8.0 + j as f64 * step)).abs() < 1e-4, "{step} {j}: {value}");
            }
        }
    }

    #[test]
    fn outside_is_zero_and_the_edge_fades_by_its_area() {
        let sums = |step, start| -> Vec<f32> {
            taps(4, start, step, 3).iter().map(|tap| tap.weights.iter().sum()).collect()
        };
        assert_eq!(sums(1.0, -2.0), [0.0, 0.0, 1.0]);
        assert_eq!(sums(4.0, -4.5), [0.0, 0.5, 0.5]);
        assert_eq!(taps(1, 0.0, 0.5, 3).iter().map(|t| t.weights.len()).collect::<Vec<_>>(), [1, 1, 0]);
    }

    #[test]
    fn a_box_is_resampled_as_within_the_whole() {
        let scale = |n| taps(n, 0.3, 1.9, 4);
        let taps = [scale(9), scale(8), scale(7)];
        let inside = [2..5, 1..3, 4..7];
        let read = |v: [usize; 3]| {
            let number = v[0] + 9 * (v[1] + 8 * v[2]);
            if (0..3).all(|a| inside[a].contains(&v[a])) { (number % 11) as f32 + 1.0 } else { 0.0 }
        };
        let whole = resample(&[0..9, 0..8, 0..7], &taps, read).unwrap();
        let part = resample(&inside, &taps, read).unwrap();
        assert!(part.voxels.len() < whole.voxels.len());
        for z in 0..4 {
            for y in 0..4 {
                for x in 0..4 {
                    let v = [x, y, z];
                    let inside = (0..3).all(|a| part.extent[a].contains(&v[a]));
                    let [nx, ny] = [part.extent[0].len(), part.extent[1].len()];
                    let position = |o: [usize; 3]| (x - o[0]) + nx * ((y - o[1]) + ny * (z - o[2]));
                    let got = if inside {
                        part.voxels[position(part.extent.clone().map(|e| e.start))]
                    } else {
                        0.0
                    };
                    let want = whole.voxels[x + 4 * (y + 4 * z)];
                    assert!((got - want).abs() < 1e-6, "{v:?}: {got} {want}");
                }
            }
        }
    }
}
