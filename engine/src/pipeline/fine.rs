//! The second look: where the first one found a structure, a box around it on a working grid of its own, whose voxels are
//! two or three times smaller. Examples are cut around their own structures. The target's box moves to what was found in
//! it until it rests.

use super::aligned::Seen;
use super::restore::probability;
use super::run::{Run, Task};
use crate::network::Cube;
use crate::nifti::Scan;
use crate::preprocess::frame::{Frame, LEAST_BOX_MM, cube, position};
use crate::preprocess::soft::{SoftLabel, soft_label};
use crate::{LabelMap, Result};

/// Side of the box to the examples' structures at their longest. Training shows 1.3 to 2.4.
const MARGIN: f64 = 1.7;
/// A box that is not so much smaller than the body shows nothing new.
const WORTH: f64 = 0.75;
/// Most looks, the first one counted.
const MOST: usize = 4;
/// A box rests when it moves by less than this part of its side.
const REST: f64 = 0.03;

/// A structure on the working grid of the first look.
struct Place {
    /// In working voxels along x, y, z.
    middle: [f64; 3],
    /// Longest of its sides, in working voxels.
    longest: f64,
}

impl Place {
    /// Of a structure that fills these parts of working voxels; nothing where it fills none to one half. What lies beyond
    /// 2 % along an axis does not count.
    fn of(side: usize, filled: impl Iterator<Item = ([usize; 3], f32)>) -> Option<Self> {
        let mut sums = [(); 3].map(|()| vec![0.0; side]);
        for (at, part) in filled.filter(|(_, part)| *part > 0.5) {
            (0..3).for_each(|axis| sums[axis][at[axis]] += f64::from(part));
        }
        let total: f64 = sums[0].iter().sum();
        if total == 0.0 {
            return None;
        }
        let ends = sums.map(|sums| {
            let past = |part: f64| {
                let mut sum = 0.0;
                sums.iter().position(|value| {
                    sum += value;
                    sum >= part * total
                })
            };
            [0.02, 0.98].map(|part| past(part).unwrap_or(side - 1) as f64)
        });
        let longest = ends.iter().map(|[first, last]| last - first + 1.0).fold(0.0, f64::max);
        Some(Self { middle: ends.map(|[first, last]| (first + last) / 2.0), longest })
    }

    fn of_cube(cube: &Cube) -> Option<Self> {
        let side = cube.side;
        let all = (0..side.pow(3)).map(|i| [i % side, i / side % side, i / side.pow(2)]);
        Self::of(side, all.map(|at| (at, cube.voxels[position(side, at)])))
    }

    /// The middle as a shift from the frame's middle, in parts of its side.
    fn shift(&self, side: usize) -> [f64; 3] {
        self.middle.map(|middle| (middle + 0.5) / side as f64 - 0.5)
    }
}

/// An example that holds the structure.
pub struct Holder<'a> {
    pub scan: &'a Scan,
    pub labels: &'a LabelMap,
    pub value: u16,
    pub seen: &'a Seen,
    pub soft: &'a SoftLabel,
}

impl Holder<'_> {
    /// What the network sees of it in a frame: image and structure.
    fn pair(&self, frame: &Frame) -> Result<Option<(Cube, Cube)>> {
        let order = self.seen.order;
        let image = frame.image_of(order.look(&self.scan.volume.voxels), self.seen.intensity)?;
        let labels = order.look(&self.labels.voxels);
        let soft = soft_label(self.soft.extent.clone(), &frame.taps(), |voxel| labels(voxel) == self.value)?;
        soft.map(|soft| Ok((image, cube(frame.side, &soft.patch)?))).transpose()
    }
}

/// The output for a structure in the box where it rested, with its frame; `None` where a box would show nothing new or
/// nothing was found in it. `first` is the probability of the first look, `task` the first look itself.
pub fn look(
    run: &mut Run,
    (target, seen): (&Scan, &Seen),
    first: &Cube,
    holders: &[Holder],
    task: Task,
) -> Result<Option<(Frame, Cube)>> {
    let side = seen.frame.side;
    let places: Vec<Place> =
        holders.iter().filter_map(|holder| Place::of(side, holder.soft.patch.places())).collect();
    if places.len() < holders.len() {
        return Ok(None);
    }
    let mean = |of: &dyn Fn(&Place) -> f64| places.iter().map(of).sum::<f64>() / places.len() as f64;
    let voxel_mm = seen.frame.voxel_mm[0];
    let scale = (MARGIN * mean(&|place| place.longest)).max(LEAST_BOX_MM / voxel_mm) / side as f64;
    if scale > WORTH {
        return Ok(None);
    }
    let pairs = run.prepare(|| {
        let pair = |(holder, place): (&Holder, &Place)| {
            holder.pair(&holder.seen.frame.moved(place.shift(side), [scale; 3]))
        };
        holders.iter().zip(&places).map(pair).collect::<Result<Option<Vec<_>>>>()
    })?;
    let Some(pairs) = pairs else { return Ok(None) };
    let pairs: Vec<_> = pairs.iter().map(|(image, label)| (image, label)).collect();
    // What the first look missed is sought where the examples have it.
    let mut shift = match Place::of_cube(first) {
        Some(place) => place.shift(side),
        None => std::array::from_fn(|axis| mean(&|place| place.shift(side)[axis])),
    };
    let mut best = None;
    for look in 2..=MOST {
        let frame = seen.frame.moved(shift, [scale; 3]);
        let image = run.prepare(|| frame.image_of(seen.order.look(&target.volume.voxels), seen.intensity))?;
        let encoded = run.encode(&image)?;
        let found = probability(run.predict(&encoded, &pairs, Task { look, ..task })?);
        let Some(place) = Place::of_cube(&found) else { break };
        let step = place.shift(side).map(|step| step * scale);
        best = Some((frame, found));
        if step.iter().all(|step| step.abs() < REST * scale) {
            break;
        }
        shift = std::array::from_fn(|axis| shift[axis] + step[axis]);
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_that_of_the_bulk_and_not_of_stray_voxels() {
        let block =
            (0..10).flat_map(|x| (0..6).flat_map(move |y| (0..4).map(move |z| [x + 5, y + 8, z + 20])));
        let filled = block.map(|at| (at, 1.0)).chain([([31, 0, 0], 1.0), ([0, 31, 2], 0.4)]);
        let place = Place::of(32, filled).unwrap();
        assert_eq!((place.middle, place.longest), ([9.5, 10.5, 21.5], 10.0));
        assert_eq!(place.shift(32), [-0.1875, -0.15625, 0.1875]);
        assert!(
            Place::of(32, [([1, 1, 1], 0.5)].into_iter()).is_none(),
            "nothing is filled to more than one half"
        );
    }
}
