//! The examples in a folder.

use super::listing::expand;
use super::name::{Holds, role_of_folder};
use super::role::Role;
use super::sorted::Sorted;
use crate::io::readers::{part_number, stem};
use crate::{Error, Result};
use same_file::Handle;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Files that a note names before it says how many more there are.
const NAMED: usize = 5;

/// What a folder holds.
pub struct Examples {
    /// Images with their labels.
    pub pairs: Vec<(PathBuf, PathBuf)>,
    /// What is left out, and why.
    pub notes: Vec<String>,
}

/// Pairs of image and label in a folder: `images/` + `labels/`, `imagesTr/` + `labelsTr/`, or any other convention
/// of this module in the folder itself.
///
/// # Errors
/// As [`examples_in`], and the name of the first image without a label.
pub fn context_dir(dir: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let files = files_of(dir)?;
    let sorted = Sorted::of(&files);
    let plan = sorted.plan(&files);
    if let Some(file) = plan.iter().find(|file| file.role == Role::Target && file.partner.is_none()) {
        let name = stem(&file.path);
        let problem =
            format!("the image {name} has no label beside it; add one or move the image elsewhere.");
        return Err(Error::File { path: dir.into(), problem });
    }
    Ok(examples(dir, &files, &sorted, None)?.pairs)
}

/// Pairs of image and label in a folder, as [`context_dir`], where images without a label are left out. So is the case
/// of `target`: a scan is never its own example.
///
/// # Errors
/// A folder that cannot be read, no pair at all, or files among which names do not decide.
pub fn examples_in(dir: &Path, target: &Path) -> Result<Examples> {
    let files = files_of(dir)?;
    examples(dir, &files, &Sorted::of(&files), Some(target))
}

/// The files of the two halves that a folder consists of, else all its files.
fn files_of(dir: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io { path: dir.into(), source };
    let mut inside: Vec<_> = dir.read_dir().map_err(io)?.flatten().map(|entry| entry.path()).collect();
    inside.sort();
    let halves: Vec<_> = inside
        .into_iter()
        .filter(|path| path.is_dir())
        .filter_map(|path| role_of_folder(&path).map(|(holds, part)| (path, holds, part)))
        .collect();
    let of_part = |wanted: Option<&str>| -> Vec<&(PathBuf, Holds, Option<String>)> {
        halves.iter().filter(|(.., part)| part.as_deref() == wanted).collect()
    };
    let both = |halves: &Vec<&(PathBuf, Holds, Option<String>)>| {
        [Holds::Images, Holds::Labels].iter().all(|wanted| halves.iter().any(|(_, holds, _)| holds == wanted))
    };
    let parts = [None, Some("tr"), Some("train"), Some("training")];
    match parts.into_iter().map(of_part).find(both) {
        Some(halves) => expand(&halves.into_iter().map(|(path, ..)| path.clone()).collect::<Vec<_>>()),
        None => expand(&[dir.to_path_buf()]),
    }
}

fn examples(dir: &Path, files: &[PathBuf], sorted: &Sorted, target: Option<&Path>) -> Result<Examples> {
    let refuse = |problem| Err(Error::File { path: dir.into(), problem });
    let mut own = HashSet::new();
    if let Some(at) = target.and_then(|target| files.iter().position(is_same_scan(target))) {
        let image = if sorted.names[at].label { sorted.partner[at].unwrap_or(at) } else { at };
        let case = sorted.names[image].case();
        own.extend((0..files.len()).filter(|&i| i == at || sorted.names[i].case() == case));
        own.extend(sorted.partner[image]);
    }
    let undecided: Vec<_> = sorted.undecided.iter().filter(|(i, _)| !own.contains(i)).collect();
    if let Some((_, why)) = undecided.first() {
        let more = match undecided.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more like this)"),
        };
        return refuse(format!(
            "{why}{more}; give the pairs one by one, or move the files that are not meant elsewhere."
        ));
    }
    let rest = |i: &usize| !own.contains(i) && sorted.is_image[*i];
    let images = (0..files.len()).filter(|&i| !sorted.names[i].label && sorted.partner[i].is_some());
    let pair = |i: usize| sorted.partner[i].map(|label| (files[i].clone(), files[label].clone()));
    let pairs: Vec<_> = images.clone().filter(rest).filter_map(pair).collect();
    if pairs.is_empty() && images.clone().next().is_some() {
        return refuse(
            "the only labelled image here is the target itself, which cannot be its own example.".into(),
        );
    }
    if pairs.is_empty() {
        return refuse(
            "no image with a label was found; expected are images/ and labels/, imagesTr/ and labelsTr/, or names \
             such as case.nii.gz and case_seg.nii.gz."
                .into(),
        );
    }
    let alone = |label: bool, explained: bool| {
        let single = (0..files.len()).filter(rest).filter(|&i| sorted.partner[i].is_none());
        let of_paired = |i: usize| if label { sorted.why[i].is_some() } else { sorted.case_is_paired(i) };
        let single = single.filter(|&i| sorted.names[i].label == label && of_paired(i) == explained);
        single.collect::<Vec<_>>()
    };
    let left_out = [
        (
            images.filter(|i| own.contains(i)).collect(),
            "the target's own case, which cannot be its own example",
        ),
        (alone(false, false), "images without a label"),
        (alone(true, false), "labels without an image"),
        (alone(false, true), "other images of cases that have a pair"),
        (alone(true, true), "other labels of cases that have a pair"),
    ];
    let notes = left_out.into_iter().filter(|(of, _)| !of.is_empty());
    let notes = notes.map(|(of, what)| {
        format!("{}: {} left out ({what}): {}.", dir.display(), of.len(), named(dir, files, &of))
    });
    Ok(Examples { pairs, notes: notes.collect() })
}

/// The first of some files, within `dir`, and how many more there are.
fn named(dir: &Path, files: &[PathBuf], of: &[usize]) -> String {
    let shown =
        of.iter().take(NAMED).map(|&i| files[i].strip_prefix(dir).unwrap_or(&files[i]).display().to_string());
    let more = (of.len() > NAMED).then(|| format!("and {} more", of.len() - NAMED));
    shown.chain(more).collect::<Vec<_>>().join(", ")
}

/// Whether a file is `scan`, under whatever name; of a scan of several files, any of them. Pipes are never looked at.
pub fn is_same_scan(scan: &Path) -> impl Fn(&PathBuf) -> bool {
    let whole_name = |path: &Path| path.canonicalize().ok().map(|path| path.with_file_name(stem(&path)));
    let is_part = |path: &Path| part_number(path).is_some();
    let handle = scan.is_file().then(|| Handle::from_path(scan).ok()).flatten();
    let pair = is_part(scan).then(|| whole_name(scan)).flatten();
    move |file| {
        handle.as_ref().is_some_and(|scan| Handle::from_path(file).is_ok_and(|file| file == *scan))
            || pair.is_some() && is_part(file) && whole_name(file) == pair
    }
}
