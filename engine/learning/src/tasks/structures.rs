//! A subject's structures as partial volumes: the fraction of each working voxel that each label fills.

use imaging::Cube;
use imaging::filter::LabelCube;
use inference::preprocess::partial_volume::PartialVolume;
use inference::preprocess::working_grid::cube_index;
use std::collections::BTreeMap;

/// Labels, binary or as partial volumes, stored sparsely.
#[derive(Clone, Debug, PartialEq)]
pub struct Structures {
    side: usize,
    /// For each label the flat indices in a cube and the fraction of each voxel that it fills.
    filled: BTreeMap<u16, Vec<(u32, f32)>>,
}

impl Structures {
    /// From partial volumes on a working grid of this side.
    pub fn soft(side: usize, labels: &BTreeMap<u16, PartialVolume>) -> Self {
        let fill = |(&label, structure): (&u16, &PartialVolume)| {
            let places = structure.patch.places().map(|(place, part)| (cube_index(side, place) as u32, part));
            let filled = places.filter(|(_, part)| *part > 0.0);
            (label, filled.collect())
        };
        Self { side, filled: labels.iter().map(fill).collect() }
    }

    /// From a label cube: each voxel belongs to one label.
    pub fn whole(labels: &LabelCube) -> Self {
        let mut filled: BTreeMap<u16, Vec<(u32, f32)>> = BTreeMap::new();
        for (at, &label) in labels.voxels.iter().enumerate().filter(|(_, label)| **label > 0) {
            filled.entry(label).or_default().push((at as u32, 1.0));
        }
        Self { side: labels.side, filled }
    }

    /// All labels, ascending.
    pub fn labels(&self) -> Vec<u16> {
        self.filled.keys().copied().collect()
    }

    /// The union of these labels: the sum of their partial volumes, at most 1.
    pub fn mask(&self, labels: &[u16]) -> Cube {
        let mut voxels = vec![0.0; self.side.pow(3)];
        for &(at, part) in labels.iter().filter_map(|label| self.filled.get(label)).flatten() {
            let sum = &mut voxels[at as usize];
            *sum = (*sum + part).min(1.0);
        }
        Cube { side: self.side, voxels }
    }

    /// The label, or background, that fills the largest fraction of each voxel.
    pub fn largest(&self) -> LabelCube {
        let mut voxels = vec![0; self.side.pow(3)];
        // The fraction left to the background, and the largest fraction so far.
        let mut parts = vec![(1.0, 0.0); voxels.len()];
        for (&label, filled) in &self.filled {
            for &(at, part) in filled {
                let (rest, most) = &mut parts[at as usize];
                *rest -= part;
                if part > *most {
                    *most = part;
                    voxels[at as usize] = label;
                }
            }
        }
        for (voxel, (rest, most)) in voxels.iter_mut().zip(parts) {
            if rest >= most {
                *voxel = 0;
            }
        }
        LabelCube { side: self.side, voxels }
    }
}
