//! A subject's structures: the part of each working voxel that each label fills.

use imaging::Cube;
use imaging::filter::LabelCube;
use inference::preprocess::partial_volume::PartialVolume;
use inference::preprocess::working_grid::cube_index;
use std::collections::BTreeMap;

/// Labels, whole or soft; only what they fill is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Structures {
    side: usize,
    /// Positions in a cube and the part of each that the label fills, by label.
    filled: BTreeMap<u16, Vec<(u32, f32)>>,
}

impl Structures {
    /// Soft labels as a frame of this side sees them.
    pub fn soft(side: usize, labels: &BTreeMap<u16, PartialVolume>) -> Self {
        let fill = |(&label, soft): (&u16, &PartialVolume)| {
            let places = soft.patch.places().map(|(place, part)| (cube_index(side, place) as u32, part));
            let filled = places.filter(|(_, part)| *part > 0.0);
            (label, filled.collect())
        };
        Self { side, filled: labels.iter().map(fill).collect() }
    }

    /// Whole labels.
    pub fn whole(labels: &LabelCube) -> Self {
        let mut filled: BTreeMap<u16, Vec<(u32, f32)>> = BTreeMap::new();
        for (at, &label) in labels.voxels.iter().enumerate().filter(|(_, label)| **label > 0) {
            filled.entry(label).or_default().push((at as u32, 1.0));
        }
        Self { side: labels.side, filled }
    }

    /// Every label that fills something, ascending.
    pub fn labels(&self) -> Vec<u16> {
        self.filled.keys().copied().collect()
    }

    /// What these labels fill together.
    pub fn mask(&self, labels: &[u16]) -> Cube {
        let mut voxels = vec![0.0; self.side.pow(3)];
        for &(at, part) in labels.iter().filter_map(|label| self.filled.get(label)).flatten() {
            let sum = &mut voxels[at as usize];
            *sum = (*sum + part).min(1.0);
        }
        Cube { side: self.side, voxels }
    }

    /// The label that fills most of each voxel, background included.
    pub fn largest(&self) -> LabelCube {
        let mut voxels = vec![0; self.side.pow(3)];
        // What is left to the background, and the largest part so far.
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
