//! Finds the voxels of an image that carry intensities, as opposed to a masked background, padding and overflow.
//!
//! Brains are often z-scored within their mask, so that the 0 around them lies among their intensities; scans are
//! padded with a value that no scanner produces; and values that do not fit into 16 bits are stored as −32768. A
//! threshold over all values then finds the padding instead of the body. Neither rule below applies to a scan whose air
//! is its darkest part.

use super::foreground::Extent;
use imaging::statistics::quantiles_of;
use imaging::{Result, Volume, memory};
use rayon::prelude::*;
use std::ops::Range;

/// The visible part of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Visible {
    /// The box of the voxels that differ from the constant at the image's faces; the whole image if there is no
    /// constant.
    pub extent: Extent,
    /// The constant at the faces, if it is a background without intensities.
    background: Option<f32>,
    /// The smallest value other than the background.
    lowest: f32,
    /// The smallest value that is an intensity, neither padding nor overflow.
    darkest: f32,
}

impl Visible {
    /// Analyses an image.
    ///
    /// A value that more than half of the voxels at the image's faces share is a constant. It is a background if the
    /// 2nd percentile of all other values lies below it. Values below 0 are padding or overflow if they lie farther
    /// below the 2nd percentile of the values above the smallest one than that percentile lies below the 98th.
    ///
    /// # Errors
    /// [`imaging::Error::Memory`].
    pub fn of(image: &Volume) -> Result<Self> {
        let [nx, ny, nz] = image.grid.shape;
        let rows = memory::collect(image.voxels.chunks(nx.max(1)))?;
        let constant = most_at_faces(image);
        let extent = constant.and_then(|value| differing(&rows, ny, value));
        let extent = extent.unwrap_or([0..nx, 0..ny, 0..nz]);
        let range = |keep: &(dyn Fn(f32) -> bool + Sync)| {
            quantiles_of(&rows, keep, [0.02, 0.98]).filter(|[low, high]| low < high)
        };
        // In most scans the constant is the smallest value, and no quantile has to be computed.
        let background = constant.filter(|&constant| {
            let other = |value: f32| value != constant;
            smallest(&rows, other).is_some_and(|value| value < constant)
                && range(&other).is_some_and(|[low, _]| low < constant)
        });
        let shown = |value: f32| Some(value) != background;
        let lowest = smallest(&rows, shown).unwrap_or(0.0);
        let fence =
            || range(&|value| shown(value) && value > lowest).map(|[low, high]| (2.0 * low - high).min(0.0));
        let outlying = (lowest < 0.0).then(fence).flatten().filter(|&fence| lowest < fence);
        let darkest = outlying.and_then(|fence| smallest(&rows, |value| shown(value) && value >= fence));
        Ok(Self { extent, background, lowest, darkest: darkest.unwrap_or(lowest) })
    }

    /// A voxel's value as an intensity: the darkest intensity if the voxel is background, padding or overflow.
    pub fn value(&self, voxel: f32) -> f32 {
        if voxel < self.darkest || Some(voxel) == self.background { self.darkest } else { voxel }
    }

    /// Replaces the values of an image's voxels by their intensities; see [`Visible::value`].
    pub fn apply(&self, image: &mut Volume) {
        if self.background.is_some() || self.lowest < self.darkest {
            image.voxels.par_iter_mut().for_each(|voxel| *voxel = self.value(*voxel));
        }
    }

    /// A note for each rule that applies to the image.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let background = self.background.map(|value| {
            format!("the background ({value}) is not darker than the body, so it was seen as the body's darkest part.")
        });
        let outlying = (self.lowest < self.darkest).then(|| {
            format!(
                "values down to {} lie far below all others, as padding and overflow do, so they were seen as the \
                 darkest intensity ({}).",
                self.lowest, self.darkest
            )
        });
        background.into_iter().chain(outlying)
    }
}

/// The smallest of the values that satisfy `keep`.
fn smallest(rows: &[&[f32]], keep: impl Fn(f32) -> bool + Sync) -> Option<f32> {
    rows.par_iter()
        .filter_map(|row| row.iter().copied().filter(|&v| keep(v)).reduce(f32::min))
        .reduce_with(f32::min)
}

/// The value that more than half of the voxels at the faces of an image share (majority vote of Boyer and Moore, 1991).
fn most_at_faces(image: &Volume) -> Option<f32> {
    let [nx, ny, nz] = image.grid.shape;
    let rows = || (0..nz).flat_map(|z| (0..ny).map(move |y| [y, z]));
    let values = || {
        rows().flat_map(|[y, z]| {
            let inner = y > 0 && y + 1 < ny && z > 0 && z + 1 < nz;
            // Inner rows touch the faces with both ends, outer rows with all voxels.
            let step = if inner { (nx - 1).max(1) } else { 1 };
            (0..nx).step_by(step).map(move |x| image.voxels[image.grid.index([x, y, z])])
        })
    };
    let vote = |(leader, ahead): (f32, usize), value: f32| match ahead {
        0 => (value, 1),
        _ if value == leader => (leader, ahead + 1),
        _ => (leader, ahead - 1),
    };
    let (leader, _) = values().fold((0.0, 0), vote);
    let (count, all) = values().fold((0, 0), |(n, all), value| (n + usize::from(value == leader), all + 1));
    (2 * count > all).then_some(leader)
}

/// The box of voxels that differ from a value.
fn differing(rows: &[&[f32]], ny: usize, value: f32) -> Option<Extent> {
    let ends = |row: &[f32]| -> Option<Range<usize>> {
        let first = row.iter().position(|&v| v != value)?;
        Some(first..row.iter().rposition(|&v| v != value)? + 1)
    };
    let join = |a: &Range<usize>, b: &Range<usize>| a.start.min(b.start)..a.end.max(b.end);
    let boxes = rows.par_iter().enumerate().filter_map(|(number, row)| {
        let (y, z) = (number % ny, number / ny);
        Some([ends(row)?, y..y + 1, z..z + 1])
    });
    boxes.reduce_with(|a: Extent, b| std::array::from_fn(|axis| join(&a[axis], &b[axis])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::foreground::foreground;
    use imaging::Grid;

    /// A ball with intensities from `low` to `high`; `around` returns the values outside it by flat index.
    fn ball([low, high]: [f32; 2], around: impl Fn(usize) -> f32) -> Volume {
        let grid = Grid { shape: [24, 20, 22], world_from_voxel: Default::default() };
        let value = |at: usize| {
            let place = [at % 24, at / 24 % 20, at / 480].map(|place| place as f32);
            let away = [12.0, 10.0, 11.0].iter().zip(place).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
            if away < 7.0 { low + (high - low) * (1.0 - away / 7.0).sqrt() } else { around(at) }
        };
        Volume { grid, voxels: (0..grid.len()).map(value).collect() }
    }

    fn analysed(mut image: Volume) -> (Volume, usize, Extent) {
        let visible = Visible::of(&image).unwrap();
        visible.apply(&mut image);
        (image, visible.notes().count(), visible.extent)
    }

    #[test]
    fn a_scan_whose_air_is_its_darkest_part_stays_as_it_is() {
        let noise = |at: usize| (at * 7919 % 13) as f32;
        let [masked, shifted, noisy] =
            [ball([20.0, 100.0], |_| 0.0), ball([-900.0, 400.0], |_| -1024.0), ball([20.0, 100.0], noise)];
        // A ball with hardly any contrast, on a background of 0.
        let flat = ball([99.0, 101.0], |_| 0.0);
        let two = ball([1.0, 1.0], |_| 0.0);
        for image in [masked, shifted, noisy, flat, two] {
            let (after, notes, _) = analysed(image.clone());
            assert!(after.voxels == image.voxels && notes == 0);
        }
    }

    #[test]
    fn a_background_among_the_intensities_is_the_darkest_of_them() {
        let plain = ball([20.0, 100.0], |_| 20.0);
        for background in [0.0, 2.0, 9.0] {
            // As in images z-scored within the mask, and in inverted images.
            let (after, notes, extent) = analysed(ball([-1.5, 1.5], |_| background));
            let smallest = after.voxels.iter().copied().fold(f32::INFINITY, f32::min);
            assert_eq!((after.voxels[0], notes), (smallest, 1));
            assert_eq!(foreground(&after).unwrap(), foreground(&plain).unwrap(), "{background}");
            assert_eq!(extent, [6..19, 4..17, 5..18]);
        }
    }

    #[test]
    fn padding_and_overflow_do_not_hide_the_body() {
        let noise = |at: usize| (at * 7919 % 13) as f32;
        let plain = ball([200.0, 1000.0], noise);
        let own = foreground(&plain).unwrap();
        let mut overflown = plain.clone();
        overflown.voxels.iter_mut().step_by(97).for_each(|voxel| *voxel = -32768.0);
        let padded = |with: f32| ball([200.0, 1000.0], move |at| if at % 24 < 4 { with } else { noise(at) });
        for image in [overflown, padded(-32768.0), padded(-2000.0)] {
            let (after, notes, _) = analysed(image);
            assert_eq!((foreground(&after).unwrap(), notes), (own.clone(), 1));
        }
    }
}
