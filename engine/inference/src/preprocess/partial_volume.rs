//! Label maps on the working grid as partial volumes: the fraction of each working voxel that a structure fills.

use super::foreground::Extent;
use super::resample::{Patch, Tap, resample};
use imaging::{LabelMap, Result};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// One structure on the working grid.
#[derive(Clone, Debug)]
pub struct PartialVolume {
    /// Filled fraction of each working voxel, from 0 to 1.
    pub patch: Patch,
    /// Whether the structure filled no working voxel to one half, so that its strongest voxel was set to 1.
    pub below_resolution: bool,
    /// The structure's box in the label map, in RAS axis order.
    pub extent: Extent,
}

/// Every label on the working grid that `taps` describe (for maps in RAS axis order), by value.
pub fn partial_volumes(labels: &LabelMap, taps: &[Vec<Tap>; 3]) -> Result<BTreeMap<u16, PartialVolume>> {
    partial_volumes_of(labels, taps, |_| true)
}

/// As [`partial_volumes`], restricted to the labels that are `wanted`.
pub fn partial_volumes_of(
    labels: &LabelMap,
    taps: &[Vec<Tap>; 3],
    wanted: impl Fn(u16) -> bool,
) -> Result<BTreeMap<u16, PartialVolume>> {
    let fill = |(value, extent): (u16, Extent)| {
        let part = partial_volume(extent, taps, |voxel| labels.voxels[labels.grid.index(voxel)] == value)?;
        Ok(part.map(|part| (value, part)))
    };
    let mut extents = extents(labels);
    extents.retain(|&value, _| wanted(value));
    let parts: Result<Vec<_>> = extents.into_par_iter().map(fill).collect();
    Ok(parts?.into_iter().flatten().collect())
}

/// One structure within its box; `holds` returns whether a voxel [x, y, z] in RAS axis order belongs to it. `None` if
/// the structure does not intersect the working grid.
pub fn partial_volume(
    extent: Extent,
    taps: &[Vec<Tap>; 3],
    holds: impl Fn([usize; 3]) -> bool + Sync,
) -> Result<Option<PartialVolume>> {
    let mut patch = resample(&extent, taps, |voxel| f32::from(u8::from(holds(voxel))))?;
    let Some(below_resolution) = keep_strongest(&mut patch.voxels) else { return Ok(None) };
    Ok(Some(PartialVolume { patch, below_resolution, extent }))
}

/// Sets the strongest voxel of a structure to 1 if the structure fills none to one half, and returns whether that was
/// the case; `None` if all voxels are empty.
pub fn keep_strongest(voxels: &mut [f32]) -> Option<bool> {
    let strongest = voxels.iter_mut().rev().max_by(|a, b| a.total_cmp(b)).filter(|part| **part > 0.0)?;
    let below_resolution = *strongest < 0.5;
    if below_resolution {
        *strongest = 1.0;
    }
    Some(below_resolution)
}

/// The bounding box of each label value above 0.
pub fn extents(labels: &LabelMap) -> BTreeMap<u16, Extent> {
    let [nx, ny, _] = labels.grid.shape;
    let mut extents: BTreeMap<u16, Extent> = BTreeMap::new();
    for (number, row) in labels.voxels.chunks(nx.max(1)).enumerate() {
        let (y, z) = (number % ny, number / ny);
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            let end = x + run.len();
            if run[0] > 0 {
                let grown = extents.entry(run[0]).or_insert_with(|| [x..end, y..y + 1, z..z + 1]);
                grown[0] = grown[0].start.min(x)..grown[0].end.max(end);
                grown[1] = grown[1].start.min(y)..grown[1].end.max(y + 1);
                grown[2].end = z + 1;
            }
            x = end;
        }
    }
    extents
}

#[cfg(test)]
mod tests {
    use super::super::resample::taps;
    use super::*;
    use imaging::Grid;

    #[test]
    fn structures_become_area_averages_and_a_speck_keeps_its_strongest_voxel() {
        let grid = Grid { shape: [16, 16, 16], world_from_voxel: Default::default() };
        let mut labels = LabelMap::empty(grid).unwrap();
        for z in 0..8 {
            for y in 0..8 {
                for x in 0..10 {
                    labels.voxels[grid.index([x, y, z])] = 3;
                }
            }
        }
        labels.voxels[grid.index([13, 13, 13])] = 9;
        let axis = taps(16, 1.5, 4.0, 4);
        let parts = partial_volumes(&labels, &[axis.clone(), axis.clone(), axis]).unwrap();
        assert_eq!(parts.keys().copied().collect::<Vec<_>>(), [3, 9]);
        let volume: f32 = parts[&3].patch.voxels.iter().sum::<f32>() * 64.0;
        assert!((volume - 640.0).abs() < 1e-2, "{volume}");
        assert!(!parts[&3].below_resolution);
        assert!(parts[&9].below_resolution);
        assert_eq!(parts[&9].patch.voxels.iter().filter(|&&v| v == 1.0).count(), 1);
    }
}
