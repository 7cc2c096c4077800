//! Images as label maps: what is one, and what is said of what is not.

use super::Scan;
use super::voxels::label_of;
use crate::{Error, Grid, LabelMap, Result};

/// An image of fewer values is never taken for anything but labels: nobody draws a brain in so few greys.
const FEW_VALUES: usize = 32;

/// Pairs of neighbours that decide how coherent an image is.
const ENOUGH_PAIRS: usize = 1 << 20;

impl Scan {
    /// The image as label values: rounded where within 0.01 of whole numbers (the published script's
    /// masks are); negative values are background, which [`super::Facts::warnings`] reports.
    ///
    /// # Errors
    /// [`Error::File`] where the file is a series, its values are not whole numbers from 0 to 65535, or its voxels
    /// differ from one to the next as those of an image do.
    pub fn labels(&self) -> Result<LabelMap> {
        if self.facts.frames > 1 {
            return Err(self.refused(self.series()));
        }
        self.labels_of_volume()
    }

    /// As [`Scan::labels`], for a volume of a series that somebody has chosen.
    ///
    /// # Errors
    /// As [`Scan::labels`].
    pub fn labels_of_volume(&self) -> Result<LabelMap> {
        let mut labels = LabelMap::empty(self.volume.grid)?;
        for (label, &value) in labels.voxels.iter_mut().zip(&self.volume.voxels) {
            *label = label_of(value).ok_or_else(|| self.refused(self.not_whole()))?;
        }
        let values = labels.counts().len();
        if is_intensity(values, &labels.grid, &self.volume.voxels) {
            return Err(self.refused(format!(
                "{values} values, and most neighbouring voxels differ: this looks like an image, not a label map; are \
                 image and label swapped?"
            )));
        }
        Ok(labels)
    }

    fn refused(&self, problem: String) -> Error {
        Error::File { path: self.path.clone(), problem }
    }

    fn series(&self) -> String {
        let [low, high] = self.facts.range;
        let binary = self.facts.label_values.as_deref().is_some_and(|values| matches!(values, [] | [1]));
        let what = if binary {
            "it seems to be one-hot, a mask of 0 and 1 for each structure"
        } else if low >= 0.0 && high <= 1.0 {
            "they seem to be probabilities, a volume for each structure"
        } else {
            "it is not known which of them is meant"
        };
        format!(
            "this file holds {} volumes, and a label map is a single one; {what}. Merge them into one volume that \
             gives each structure a number of its own and background 0, or save the volume that is meant as a file.",
            self.facts.frames
        )
    }

    fn not_whole(&self) -> String {
        let strange = self.volume.voxels.iter().filter(|&&value| label_of(value).is_none());
        let example = strange.clone().next().copied().unwrap_or_default();
        let percent = 100.0 * strange.count() as f64 / self.volume.voxels.len().max(1) as f64;
        format!(
            "this is no label map: {percent:.1} % of its voxels are no whole number from 0 to 65535, such as \
             {example}; choose the file with the labels, or check whether image and label are swapped."
        )
    }
}

/// Whether whole numbers are intensities: there are many of them, and among the neighbours that are both not 0 more
/// differ than agree.
///
/// A structure is several voxels thick, so neighbours within a label map agree: 0.72 to 0.91 of the pairs in maps of 43
/// to 148 structures (FreeSurfer at 1 mm, MUSE at 2 mm), 0.59 where MUSE is thinned to 4 mm. Of T1, T2 and FLAIR
/// images between 0.00 and 0.49 agree, the skull-stripped and the smooth among them. The number of values alone tells
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
