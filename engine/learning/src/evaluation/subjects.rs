//! Labelled scans of a study: files selected by name prefixes, and their form under each condition.

use super::condition::{Condition, Curve, centred_on};
use super::config::Structure;
use imaging::conform::{GeometryChoice, reconcile};
use imaging::io::Scan;
use imaging::io::pairing::missing;
use imaging::{Error, LabelMap, Result};
use inference::pipeline::Example;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An image and its label map.
pub type Files = (PathBuf, PathBuf);

/// Checks that each prefix matches a file.
///
/// # Errors
/// [`Error::File`] that names the prefix.
pub fn must_be_found<'a>(
    folder: &Path,
    prefixes: &[String],
    files: impl Iterator<Item = &'a PathBuf> + Clone,
) -> Result<()> {
    let Some(prefix) = missing(prefixes, files) else { return Ok(()) };
    let problem =
        format!("no name of an image with a label begins with {prefix}; correct the configuration.");
    Err(Error::File { path: folder.into(), problem })
}

/// Groups of structures that one label map can hold, since none overlaps another of its group; as indices.
pub fn groups(structures: &[Structure]) -> Vec<Vec<usize>> {
    let overlap = |a: &Structure, b: &Structure| {
        a.labels.is_empty() || b.labels.is_empty() || a.labels.iter().any(|label| b.labels.contains(label))
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (number, structure) in structures.iter().enumerate() {
        let fits =
            |group: &&mut Vec<usize>| !group.iter().any(|&other| overlap(structure, &structures[other]));
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(number),
            None => groups.push(vec![number]),
        }
    }
    groups
}

/// A scan with the label maps of its structures.
#[derive(Clone)]
pub struct LabelledScan {
    /// The image.
    pub image: Arc<Scan>,
    /// For each group of structures a map with the values 1, 2, … in the group's order.
    pub labels: Vec<Arc<LabelMap>>,
}

impl LabelledScan {
    fn open((image, label): &Files, structures: &[Structure], groups: &[Vec<usize>]) -> Result<Self> {
        let opened = Scan::open(image, 0)?;
        let labels = Scan::open(label, 0)?.labels()?;
        let labels = reconcile(&opened.volume.grid, labels, GeometryChoice::Strict);
        let (image, labels) = (opened, labels.map_err(|error| error.between(image, label))?);
        let of_group = |group: &Vec<usize>| {
            let mut values = vec![0; usize::from(u16::MAX) + 1];
            for (value, &number) in (1..).zip(group) {
                match structures[number].labels.as_slice() {
                    [] => values[1..].fill(value),
                    labels => labels
                        .iter()
                        .filter(|label| **label > 0)
                        .for_each(|&l| values[usize::from(l)] = value),
                }
            }
            let voxels = labels.voxels.par_iter().map(|&label| values[usize::from(label)]).collect();
            Arc::new(LabelMap { grid: labels.grid, voxels })
        };
        Ok(Self { labels: groups.iter().map(of_group).collect(), image: Arc::new(image) })
    }

    /// Opens several scans in parallel.
    ///
    /// # Errors
    /// The errors of opening them.
    pub fn open_all(files: &[&Files], structures: &[Structure], groups: &[Vec<usize>]) -> Result<Vec<Self>> {
        files.par_iter().map(|files| Self::open(files, structures, groups)).collect()
    }

    /// The scan with its intensities mapped by a curve, if there is one.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn through(&self, curve: Option<&Curve>) -> Result<Self> {
        let Some(curve) = curve else { return Ok(self.clone()) };
        Ok(Self { image: Arc::new(curve.apply(&self.image)?), labels: self.labels.clone() })
    }

    /// The scan with another one's labels.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn labelled_as(&self, other: &Self) -> Result<Self> {
        let labels =
            other.labels.iter().map(|labels| Ok(Arc::new(centred_on(&self.image.volume.grid, labels)?)));
        Ok(Self { image: self.image.clone(), labels: labels.collect::<Result<_>>()? })
    }

    /// The scan as an example of a group's structures.
    pub fn example(&self, group: usize) -> Example<LabelMap> {
        Example { image: (&*self.image).into(), label: self.labels[group].clone() }
    }
}

/// The first `most` subjects of a draw under a condition.
///
/// # Errors
/// [`Error::Memory`].
pub fn shown(
    subjects: &[LabelledScan],
    most: usize,
    condition: Condition,
    curve: Option<&Curve>,
) -> Result<Vec<LabelledScan>> {
    let show = |n: usize| match condition {
        Condition::Shuffled => subjects[n].labelled_as(&subjects[(n + 1) % subjects.len()]),
        _ => subjects[n].through(curve),
    };
    (0..most).map(show).collect()
}
