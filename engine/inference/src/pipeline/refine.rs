//! The second look: a box around a structure on a working grid of its own, whose voxels are two to four times smaller.
//! Examples are cut around their own structures and bent onto what the target's box shows. Where the target's structure is,
//! the examples say, which are bent onto it in the first look too, and what was found in the look before; each counts as far
//! as it can be relied on, and the box moves until it rests.

use super::aligned::Seen;
use super::fuse::probability;
use super::run::{Run, Task};
use crate::preprocess::displacement_field::DisplacementField;
use crate::preprocess::partial_volume::{PartialVolume, partial_volume};
use crate::preprocess::working_grid::{LEAST_BOX_MM, WorkingGrid, cube, cube_index};
use imaging::Cube;
use imaging::io::Scan;
use imaging::{LabelMap, Result};

/// Side of the box to the examples' structures at their longest. Training shows 1.3 to 2.4.
const MARGIN: f64 = 1.5;
/// A box that is not so much smaller than the body shows nothing new.
const WORTH: f64 = 0.75;
/// How far away, in working voxels, a structure may be that one example has elsewhere.
const UNKNOWN: f64 = 2.0;
/// Errors of the place where a structure is found: parts of the grid's side, and of the structure's longest side.
const COARSE: f64 = 0.03;
const BLUNT: f64 = 0.1;
/// Most looks, the first one counted.
const MOST: usize = 4;
/// A box rests when it moves by less than this part of its side.
const REST: f64 = 0.03;

/// A structure on the working grid of the first look.
struct Location {
    /// In working voxels along x, y, z.
    middle: [f64; 3],
    /// Longest of its sides, in working voxels.
    longest: f64,
}

impl Location {
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
        Self::of(side, all.map(|at| (at, cube.voxels[cube_index(side, at)])))
    }

    /// The middle as a shift from the frame's middle, in parts of its side.
    fn shift(&self, side: usize) -> [f64; 3] {
        self.middle.map(|middle| (middle + 0.5) / side as f64 - 0.5)
    }
}

/// Where the examples have a structure, as shifts from the middle of the frame of the first look, in parts of its side.
struct LocationPrior {
    shift: [f64; 3],
    /// Squared errors to reckon with.
    variance: [f64; 3],
    /// Longest side of the structure, as part of the frame's.
    longest: f64,
}

impl LocationPrior {
    fn of(places: &[Location], side: usize) -> Self {
        let n = places.len() as f64;
        let mean = |of: &dyn Fn(&Location) -> f64| places.iter().map(of).sum::<f64>() / n;
        let shift: [f64; 3] = std::array::from_fn(|axis| mean(&|place| place.shift(side)[axis]));
        // As if there were one more that lies some voxels away: a few examples do not show how people differ.
        let unknown = (UNKNOWN / side as f64).powi(2) / n;
        let variance = std::array::from_fn(|axis| {
            mean(&|place| (place.shift(side)[axis] - shift[axis]).powi(2)) + unknown
        });
        Self { shift, variance, longest: mean(&|place| place.longest) / side as f64 }
    }

    /// Together with where it was found on a grid whose side is this part of the first one's, if it was found.
    fn with(&self, found: Option<([f64; 3], f64)>) -> [f64; 3] {
        let Some((found, scale)) = found else { return self.shift };
        let error = (COARSE * scale).powi(2) + (BLUNT * self.longest).powi(2);
        std::array::from_fn(|axis| {
            let trust = self.variance[axis] / (self.variance[axis] + error);
            self.shift[axis] + trust * (found[axis] - self.shift[axis])
        })
    }
}

/// An example that holds the structure.
pub struct ContextExample<'a> {
    pub scan: &'a Scan,
    pub labels: &'a LabelMap,
    pub value: u16,
    pub seen: &'a Seen,
    pub soft: &'a PartialVolume,
    /// Its image and the structure in the first look, bent onto the target.
    pub bent: (&'a Cube, Cube),
}

impl ContextExample<'_> {
    /// What the network sees of it in a frame: image and structure.
    fn pair(&self, frame: &WorkingGrid) -> Result<Option<(Cube, Cube)>> {
        let image = self.seen.in_frame(self.scan, frame)?;
        let labels = self.seen.order.ras_view(&self.labels.voxels);
        let soft =
            partial_volume(self.soft.extent.clone(), &frame.taps(), |voxel| labels(voxel) == self.value)?;
        soft.map(|soft| Ok((image, cube(frame.side, &soft.patch)?))).transpose()
    }
}

/// The output for a structure in the box where it rested, with its frame; `None` where a box would show nothing new or
/// nothing was found in it. `first` is the probability of the first look, `task` the first look itself.
pub fn refine(
    run: &mut Run,
    (target, seen): (&Scan, &Seen),
    first: &Cube,
    holders: &[ContextExample],
    task: Task,
) -> Result<Option<(WorkingGrid, Cube)>> {
    let side = seen.frame.side;
    let places = |holder: &ContextExample| {
        Some((Location::of(side, holder.soft.patch.places())?, Location::of_cube(&holder.bent.1)?))
    };
    let Some(places) = holders.iter().map(places).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let (own, bent): (Vec<_>, Vec<_>) = places.into_iter().unzip();
    let expected = LocationPrior::of(&bent, side);
    let scale = (MARGIN * expected.longest).max(LEAST_BOX_MM / (seen.frame.voxel_mm[0] * side as f64));
    if scale > WORTH {
        return Ok(None);
    }
    let pairs = run.prepare(|| {
        let pair = |(holder, place): (&ContextExample, &Location)| {
            holder.pair(&holder.seen.frame.moved(place.shift(side), [scale; 3]))
        };
        holders.iter().zip(&own).map(pair).collect::<Result<Option<Vec<_>>>>()
    })?;
    let Some(pairs) = pairs else { return Ok(None) };
    let mut shift = expected.with(Location::of_cube(first).map(|place| (place.shift(side), 1.0)));
    let mut best = None;
    for look in 2..=MOST {
        let frame = seen.frame.moved(shift, [scale; 3]);
        let task = Task { look, ..task };
        run.begin(task);
        let image = run.prepare(|| seen.in_frame(target, &frame))?;
        let reading = run.reading(task, 0, pairs.len());
        let bent = run.bend(
            &pairs,
            |_| reading.clone(),
            |(example, label)| {
                let bend = DisplacementField::onto(&image, example)?;
                Ok((bend.image(example)?, bend.label(label)?))
            },
        )?;
        let pairs: Vec<_> = bent.iter().map(|(image, label)| (image, label)).collect();
        let encoded = run.encode(&image)?;
        let found = probability(run.predict(&encoded, &pairs, task)?);
        let Some(place) = Location::of_cube(&found) else { break };
        best = Some((frame, found));
        let step = place.shift(side);
        let next = expected.with(Some((std::array::from_fn(|axis| shift[axis] + step[axis] * scale), scale)));
        if (0..3).all(|axis| (next[axis] - shift[axis]).abs() < REST * scale) {
            break;
        }
        shift = next;
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
        let place = Location::of(32, filled).unwrap();
        assert_eq!((place.middle, place.longest), ([9.5, 10.5, 21.5], 10.0));
        assert_eq!(place.shift(32), [-0.1875, -0.15625, 0.1875]);
        assert!(
            Location::of(32, [([1, 1, 1], 0.5)].into_iter()).is_none(),
            "nothing is filled to more than one half"
        );
    }

    #[test]
    fn a_place_is_expected_where_examples_agree_and_found_where_they_do_not() {
        let at = |x: f64| Location { middle: [x, 23.5, 23.5], longest: 8.0 };
        let found = Some(([0.25, 0.0, 0.0], 1.0));
        let with = |xs: &[f64]| {
            let places: Vec<Location> = xs.iter().map(|&x| at(x)).collect();
            LocationPrior::of(&places, 48).with(found)[0]
        };
        // All of them in the middle, a quarter of the side away from what was found.
        assert!(with(&[23.5; 8]) < 0.06);
        // Anywhere, as a lesion may be.
        assert!(with(&[3.5, 13.5, 33.5, 43.5]) > 0.22);
        // One example says where it is, but not how far that holds.
        assert!((0.06..0.2).contains(&with(&[23.5])));
        let nowhere = LocationPrior::of(&[at(23.5), at(27.5)], 48).with(None)[0];
        assert!((nowhere - 2.0 / 48.0).abs() < 1e-9);
    }
}
