//! Training data in memory: labelled scans and label maps, in RAS axis order.

use super::config::{Config, Holding, Network, Source};
use crate::synthesis::Classes;
use imaging::io::Scan;
use imaging::io::pairing;
use imaging::labels::Names;
use imaging::{Error, Grid, LabelMap, Result, Volume, conform};
use inference::preprocess::foreground::Extent;
use inference::preprocess::partial_volume::extents;
use inference::preprocess::{Reorientation, Visible, WorkingGrid};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The labelled scan of one subject, or a label map alone.
pub struct LabelledScan {
    /// The scan, with the intensities that become 0 and 1; `None` for a label map alone.
    pub image: Option<(Volume, [f32; 2])>,
    /// All its labels; those that are no structures ([`Source::ignore`]) have no entry in `extents`.
    pub labels: LabelMap,
    /// The bounding box of each structure, by label value.
    pub extents: BTreeMap<u16, Extent>,
    /// The foreground box of the scan, or the box of all labels.
    pub body: Extent,
    /// Whether it is a target of validation only.
    pub unseen: bool,
}

/// A source with its data.
pub struct Pool {
    /// The configured source.
    pub source: Source,
    /// The labelled scans; empty for shapes.
    pub people: Vec<LabelledScan>,
    /// The class of each label; labels of one class share their intensities in synthetic images.
    pub classes: Classes,
}

impl Pool {
    /// Reads a source.
    ///
    /// # Errors
    /// Those of the files, and [`Error::File`] if the folder lacks a file that [`Source::only`] names or has too few
    /// scans for training: two for a target with an example, one for a U-Net.
    pub fn open(config: &Config, source: &Source) -> Result<Self> {
        let source = Source { folder: config.folder.join(&source.folder), ..source.clone() };
        let files = match source.holds {
            Holding::Scans => pairing::context_dir(&source.folder)?,
            Holding::LabelMaps => {
                let files = pairing::expand(std::slice::from_ref(&source.folder))?;
                let maps = files.into_iter().filter(|file| imaging::io::is_image_name(file));
                maps.map(|map| (PathBuf::new(), map)).collect()
            }
            Holding::Shapes => Vec::new(),
        };
        if let Some(missing) = pairing::missing(&source.only, files.iter().map(|(_, label)| label)) {
            let problem = format!("no label map is called {missing}…, which `only` asks for.");
            return Err(Error::File { path: source.folder, problem });
        }
        let kept = files.par_iter().filter(|(_, label)| {
            (source.only.is_empty() || pairing::begins(label, &source.only))
                && !pairing::begins(label, &source.hold_out)
        });
        let read = |(image, label): &(PathBuf, PathBuf)| {
            LabelledScan::open(&source, image, label, pairing::begins(label, &source.validate))
        };
        let scans: Vec<LabelledScan> = kept.map(read).collect::<Result<_>>()?;
        let for_training = scans.iter().filter(|scan| !scan.unseen).count();
        let (least, needs) = match config.network {
            Network::InContext => (2, "an episode needs two: one to segment and one as its example"),
            Network::UNet => (1, "a U-Net needs one at least"),
        };
        if source.holds != Holding::Shapes && for_training < least {
            let problem = format!("{for_training} labelled scans are left to learn from, and {needs}.");
            return Err(Error::File { path: source.folder, problem });
        }
        let names = files.first().map(|(_, label)| Names::beside(label)).unwrap_or_default();
        Ok(Self::of(source, scans, &names))
    }

    /// A pool of scans in memory. Structures whose `names` differ only in the side of the body share a class.
    pub fn of(source: Source, scans: Vec<LabelledScan>, names: &Names) -> Self {
        let labels = scans.iter().flat_map(|scan| scan.extents.keys());
        let classes = classes(names, labels.chain(&source.ignore).copied());
        Self { source, people: scans, classes }
    }

    /// The labels that skull stripping keeps; empty if no label is known to lie outside the brain.
    pub fn brain(&self) -> Vec<u16> {
        let ignored = &self.source.ignore;
        let inside = self.classes.keys().copied().filter(|label| !ignored.contains(label));
        if ignored.is_empty() { Vec::new() } else { inside.collect() }
    }
}

impl LabelledScan {
    fn open(source: &Source, image: &Path, label: &Path, unseen: bool) -> Result<Self> {
        let labels = Scan::open(label, 0)?.labels()?;
        let scan = if source.holds == Holding::LabelMaps {
            Self::of(None, &labels, &source.ignore)?
        } else {
            let volume = Scan::open(image, 0)?.volume;
            let labels = conform::reconcile(&volume.grid, labels, conform::GeometryChoice::Strict);
            let (image, labels) = (volume, labels.map_err(|error| error.between(image, label))?);
            Self::of(Some(&image), &labels, &source.ignore)?
        };
        if scan.extents.is_empty() {
            let problem = "there is no structure in this label map; leave the file out.".into();
            return Err(Error::File { path: label.into(), problem });
        }
        Ok(Self { unseen, ..scan })
    }

    /// An image and its labels on the same grid, or a label map alone; the labels to `ignore` are no structures.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn of(image: Option<&Volume>, labels: &LabelMap, ignore: &[u16]) -> Result<Self> {
        let orientation = Reorientation::of(&labels.grid);
        let labels = orientation.labels_to_ras(labels)?;
        let mut extents = extents(&labels);
        let (image, body) = match image {
            Some(image) => {
                let mut image = orientation.image_to_ras(image)?;
                Visible::of(&image)?.apply(&mut image);
                let (body, range) = WorkingGrid::body(&image)?;
                (Some((image, range)), body)
            }
            None => (None, union(extents.values(), &labels.grid)),
        };
        extents.retain(|label, _| !ignore.contains(label));
        Ok(Self { image, labels, extents, body, unseen: false })
    }

    /// The box around `labels`; the foreground box if it has none of them.
    pub fn around(&self, labels: &[u16]) -> Extent {
        let mut found = labels.iter().filter_map(|label| self.extents.get(label)).peekable();
        if found.peek().is_none() { self.body.clone() } else { union(found, &self.labels.grid) }
    }

    /// Its label map reduced to the `wanted` labels.
    pub fn only(&self, wanted: &[u16]) -> LabelMap {
        let keep = |&label: &u16| if wanted.contains(&label) { label } else { 0 };
        LabelMap { grid: self.labels.grid, voxels: self.labels.voxels.par_iter().map(keep).collect() }
    }
}

/// The box around all boxes; the whole grid if there is none.
fn union<'a>(extents: impl Iterator<Item = &'a Extent>, grid: &Grid) -> Extent {
    let join =
        |a: Extent, b: Extent| std::array::from_fn(|i| a[i].start.min(b[i].start)..a[i].end.max(b[i].end));
    extents.cloned().reduce(join).unwrap_or(grid.shape.map(|n| 0..n))
}

/// Assigns a class to each label; labels whose names differ only in the side of the body share one.
fn classes(names: &Names, labels: impl Iterator<Item = u16>) -> Classes {
    let mut numbers = BTreeMap::new();
    let mut class = |label: u16| {
        let name = names.name(label).to_lowercase();
        let words = name.split(|c: char| !c.is_alphanumeric());
        let name: Vec<&str> = words.filter(|word| !["left", "right", "l", "r"].contains(word)).collect();
        let next = numbers.len() as u16;
        (label, *numbers.entry(name.join(" ")).or_insert(next))
    };
    labels.map(&mut class).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_structure_share_a_class() {
        let names =
            Names::parse("17\tleft hippocampus\n53\tright hippocampus\n36\tCaudate_R\n37\tCaudate_L\n2\tx\n");
        let classes = classes(&names, [2, 17, 36, 37, 53, 99].into_iter());
        assert_eq!(classes[&17], classes[&53]);
        assert_eq!(classes[&36], classes[&37]);
        assert_eq!(classes.values().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }
}
