//! The example pairs of `segment` and `transform`: finds their files, opens them and prints notes about them.

use super::RunArgs;
use super::print::note;
use anyhow::Result;
use imaging::conform::{GeometryChoice, agree, reconcile};
use imaging::io::Scan;
use imaging::io::pairing;
use imaging::{Error, Image, Voxel};
use inference::pipeline::{Example, NamedImage};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Pairs of image and label, and notes for stderr and the report.
pub struct Found {
    /// Images with their labels.
    pub pairs: Vec<(PathBuf, PathBuf)>,
    /// Oddities of the pairs.
    pub notes: Vec<String>,
}

/// Finds the pairs, and prints on stderr which pairs of a folder are used and which files are left out.
pub fn find(args: &RunArgs) -> Result<Found> {
    let mut pairs: Vec<_> = args.context.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let is_target = pairing::is_same_scan(&args.target);
    let own = pairs.iter().filter(|(image, _)| is_target(image));
    let mut notes: Vec<String> =
        own.map(|(image, _)| format!("{}: the target is its own example.", image.display())).collect();
    if let Some(dir) = &args.context_dir {
        let found = pairing::examples_in(dir, &args.target)?;
        for (image, label) in &found.pairs {
            note!("Example: {} with {}", image.display(), label.display());
        }
        pairs.extend(found.pairs);
        notes.extend(found.notes);
    }
    notes.iter().for_each(|note| note!("{note}"));
    Ok(Found { pairs, notes })
}

/// Opens a pair and brings the label to its image's grid. Oddities of the label are printed on stderr and added to
/// `notes`.
pub fn load<T: Voxel>(
    image_file: &Path,
    label_file: &Path,
    read: impl Fn(Scan) -> Result<Image<T>, Error>,
    how: GeometryChoice,
    notes: &mut Vec<String>,
) -> Result<Example<Image<T>>> {
    let image = NamedImage::from(&Scan::open(image_file, 0)?);
    let grid = &image.volume.grid;
    let label = Scan::open(label_file, 0)?;
    let mut oddities = label.facts.warnings.clone();
    let label = read(label)?;
    if !grid.agrees_with(&label.grid) && agree(grid, &label.grid) {
        oddities.push("The label is stored in another axis order; it was turned by its header.".into());
    }
    for oddity in oddities {
        let note = format!("{}: {oddity}", label_file.display());
        note!("{note}");
        notes.push(note);
    }
    let label = reconcile(grid, label, how).map_err(|error| error.between(image_file, label_file))?;
    Ok(Example { image, label: Arc::new(label) })
}
