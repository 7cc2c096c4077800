//! The room that opens, compares and saves.

use super::{Event, Job, Outbox, Payload, Placement, Request};
use crate::nifti::{self, Scan};
use crate::{Error, Grid, LabelMap, Result, metrics};
use glam::DVec3;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Answers a request about files.
pub fn answer(job: &Job, _: &Outbox) -> Result<Event> {
    let ticket = job.ticket;
    Ok(match &job.request {
        Request::Open { path, frame } => Event::Opened(ticket, Arc::new(Scan::open(path, *frame)?)),
        Request::List { paths } => Event::Listed(ticket, list(paths, job)?),
        Request::Fit { label, image, placement } => {
            let labels = fit(label, image, *placement)?;
            let counts = labels.counts();
            Event::Fitted(ticket, Arc::new(labels), counts)
        }
        Request::Compare { prediction, truth } => {
            Event::Compared(ticket, metrics::compare(prediction, truth)?)
        }
        Request::Save { path, what, like } => {
            match what {
                Payload::Labels(labels) => nifti::write_labels(path, labels, like)?,
                Payload::Image(volume) => nifti::write_image(path, volume, like)?,
            }
            Event::Saved(ticket, path.clone())
        }
        Request::Prepare { .. } | Request::Segment { .. } | Request::Transform { .. } => {
            unreachable!("sent to the network's room")
        }
    })
}

/// Folders within folders that are searched, and files that one request lists at most.
const DEPTH: usize = 6;
const MOST_FILES: usize = 5000;

/// Files below folders in the order of their names, other paths as they are.
fn list(paths: &[PathBuf], job: &Job) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            search(path, DEPTH, job, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn search(folder: &Path, depth: usize, job: &Job, found: &mut Vec<PathBuf>) -> Result<()> {
    job.check()?;
    let broken = |source| Error::Io { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(broken)?;
    let mut paths = entries.map(|entry| Ok(entry.map_err(broken)?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || found.len() >= MOST_FILES {
            continue;
        }
        if path.is_dir() {
            if depth > 0 {
                search(&path, depth - 1, job, found)?;
            }
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads a scan as labels and brings them to the grid of their image.
fn fit(label: &Scan, image: &Scan, placement: Placement) -> Result<LabelMap> {
    let labels = label.labels()?;
    let grid = image.volume.grid;
    if labels.grid.agrees_with(&grid) {
        return Ok(LabelMap { grid, ..labels });
    }
    match placement {
        Placement::Resample => Ok(resample(&labels, &grid)),
        Placement::CopyHeader if labels.grid.shape == grid.shape => Ok(LabelMap { grid, ..labels }),
        Placement::CopyHeader | Placement::AsStored => Err(Error::Geometry {
            problem: format!(
                "{} does not lie on {}: choose whether to resample it or to copy the image's header.",
                label.name, image.name
            ),
        }),
    }
}

/// Nearest label through the world; background outside.
fn resample(labels: &LabelMap, grid: &Grid) -> LabelMap {
    let map = labels.grid.voxel_from_world() * grid.world_from_voxel;
    let [width, height, _] = grid.shape;
    let nearest = |at: usize| {
        let voxel = [at % width, at / width % height, at / width / height].map(|v| v as f64);
        let from = map.transform_point3(DVec3::from_array(voxel)).round();
        let inside = (0..3).all(|axis| from[axis] >= 0.0 && from[axis] < labels.grid.shape[axis] as f64);
        if inside { labels.voxels[labels.grid.index(from.to_array().map(|v| v as usize))] } else { 0 }
    };
    LabelMap { grid: *grid, voxels: (0..grid.len()).into_par_iter().map(nearest).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DAffine3;

    #[test]
    fn a_mask_keeps_its_place_in_the_world_on_another_grid() {
        let fine = Grid { shape: [4, 4, 4], world_from_voxel: DAffine3::IDENTITY };
        let flip = DAffine3::from_scale_rotation_translation(
            DVec3::new(-1.0, 2.0, 1.0),
            glam::DQuat::IDENTITY,
            DVec3::new(3.0, 0.0, 0.0),
        );
        let other = Grid { shape: [4, 2, 4], world_from_voxel: flip };
        let mut labels = LabelMap::empty(fine);
        labels.voxels[fine.index([3, 2, 1])] = 7;
        let moved = resample(&labels, &other);
        assert_eq!(moved.counts(), [(7, 1)]);
        assert_eq!(moved.voxels[other.index([0, 1, 1])], 7);
    }
}
