//! What the voxels of a volume are, seen while they are decoded: finite or not, their range, labels or intensities.

use crate::Grid;

/// More values than this are intensities, not labels.
const MOST_LABELS: usize = 1000;

/// Labels are whole numbers within this: the published script's masks come back as 1.00001526.
const WHOLE: f32 = 0.01;

/// An image of fewer values is always taken for labels: no image of a brain has so few greys.
const FEW_VALUES: usize = 32;

/// Pairs of neighbours that decide how coherent an image is.
const ENOUGH_PAIRS: usize = 1 << 20;

/// A decoded volume and what was seen in it.
pub(super) struct Decoded {
    /// Finite intensities, x fastest.
    pub voxels: Vec<f32>,
    pub survey: Survey,
}

pub(super) struct Survey {
    pub non_finite: usize,
    negative: usize,
    low: f32,
    high: f32,
    /// Which of the possible labels there are, until a voxel is none.
    labels: Option<Vec<bool>>,
}

impl Survey {
    pub fn new() -> Self {
        let labels = Some(vec![false; 1 << 16]);
        Self { non_finite: 0, negative: 0, low: f32::INFINITY, high: f32::NEG_INFINITY, labels }
    }

    /// Looks at every voxel and sets those to 0 that are no number; these count as nothing else.
    pub fn look_at(&mut self, voxels: &mut [f32]) {
        let odd = voxels.iter().filter(|voxel| !voxel.is_finite()).count();
        self.negative += voxels.iter().filter(|&&voxel| voxel.is_finite() && voxel <= -WHOLE).count();
        for &voxel in voxels.iter() {
            let (low, high) =
                if voxel.is_finite() { (voxel, voxel) } else { (f32::INFINITY, f32::NEG_INFINITY) };
            self.low = self.low.min(low);
            self.high = self.high.max(high);
        }
        if let Some(labels) = &mut self.labels {
            let mut numbers = voxels.iter().filter(|voxel| voxel.is_finite());
            let all = numbers
                .all(|&voxel| label_of(voxel).map(|label| labels[usize::from(label)] = true).is_some());
            if !all {
                self.labels = None;
            }
        }
        if odd > 0 {
            voxels.iter_mut().filter(|voxel| !voxel.is_finite()).for_each(|voxel| *voxel = 0.0);
            self.non_finite += odd;
        }
    }

    /// Smallest and largest finite value; zeros if there is none.
    pub fn range(&self) -> [f32; 2] {
        if self.low <= self.high { [self.low, self.high] } else { [0.0; 2] }
    }

    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let holes = (self.non_finite > 0).then(|| {
            format!("{} voxels were not finite (NaN or infinity); they read as 0.", self.non_finite)
        });
        let [low, high] = self.range();
        let constant = (low == high)
            .then(|| format!("Every voxel has the same value ({low}), so there is nothing to see."));
        holes.into_iter().chain(constant)
    }

    /// The label values above 0, if this can be a label map by its values.
    pub fn label_values(&self) -> Option<Vec<u16>> {
        let seen = self.labels.as_deref()?;
        let values = (0..=u16::MAX).zip(seen).filter(|(_, seen)| **seen).map(|(value, _)| value);
        let values: Vec<u16> = values.collect();
        (values.len() <= MOST_LABELS).then(|| values.into_iter().filter(|&value| value > 0).collect())
    }

    /// A warning about negative values, which a label map does not have.
    pub fn negative_labels(&self) -> Option<String> {
        (self.negative > 0).then(|| {
            format!(
                "{} voxels are negative (down to {}); as labels they read as background.",
                self.negative, self.low
            )
        })
    }
}

/// The label that an intensity stands for: the whole number that it is close to, 0 below 0.
pub(super) fn label_of(value: f32) -> Option<u16> {
    let size = value.abs();
    // Casts saturate, so that sizes beyond u16 are far from their nearest label.
    let nearest = (size + 0.5) as u16;
    let whole = (size - f32::from(nearest)).abs() <= WHOLE;
    let below = value < 0.0 && (size - size.round()).abs() <= WHOLE;
    if below { Some(0) } else { whole.then_some(nearest) }
}

/// Whether whole numbers are intensities: there are many of them, and among the neighbours that are both not 0 more
/// differ than agree.
///
/// A structure is several voxels thick, so neighbours within a label map agree: 0.72 to 0.91 of the pairs in maps of 43
/// to 148 structures (FreeSurfer at 1 mm, MUSE at 2 mm), 0.59 where MUSE is thinned to 4 mm. Of T1, T2 and FLAIR
/// images between 0.00 and 0.49 agree, the skull-stripped and the smooth among them. The number of values alone decides
/// neither: parcellations have as many as an 8-bit image.
pub(super) fn is_intensity(values: usize, grid: &Grid, voxels: &[f32]) -> bool {
    if values < FEW_VALUES {
        return false;
    }
    let [nx, ny, nz] = grid.shape;
    let every = (3 * grid.len() / ENOUGH_PAIRS).clamp(1, nz);
    let (mut same, mut pairs) = (0_usize, 0_usize);
    for z in (0..nz).step_by(every) {
        for y in 0..ny {
            let row_at = |y, z| &voxels[grid.index([0, y, z])..][..nx];
            let row = row_at(y, z);
            let beside = [
                Some(&row[1..]),
                (y + 1 < ny).then(|| row_at(y + 1, z)),
                (z + 1 < nz).then(|| row_at(y, z + 1)),
            ];
            let neighbours = beside.into_iter().flatten().flat_map(|other| row.iter().zip(other));
            for (a, b) in neighbours.filter(|(a, b)| **a != 0.0 && **b != 0.0) {
                pairs += 1;
                same += usize::from((a - b).abs() < 0.5);
            }
        }
    }
    2 * same < pairs
}
