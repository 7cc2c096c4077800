//! Images as label maps: what is one, and what is said of what is not.

use super::scan::Scan;
use super::survey::{is_intensity, label_of};
use crate::{Error, LabelMap, Result};

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

    /// As [`Scan::labels`], for a volume of a series that was chosen.
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
