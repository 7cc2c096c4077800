//! Refinement: further passes in a box around a structure, on a working grid whose voxels are two to four times
//! smaller. Examples are cropped around their own structures and deformed onto the target's box. Two estimates locate
//! the target's structure: the structures of the examples, which the first pass deformed onto the target, and the
//! result of the previous pass. Both are weighted by their variances, and the box moves until it converges.

use super::labelled::Labelled;
use super::prepare::Prepared;
use super::run::{Pass, Run};
use crate::preprocess::displacement_field::DisplacementField;
use crate::preprocess::partial_volume::{PartialVolume, partial_volume};
use crate::preprocess::working_grid::{LEAST_BOX_MM, WorkingGrid, cube, cube_index};
use imaging::{Cube, Result};

/// Side of the box as a multiple of the structure's longest side. Training uses 1.3 to 2.4.
const MARGIN: f64 = 1.5;
/// Largest side of a box as a part of the working grid's; a larger box shows nothing new.
const LARGEST: f64 = 0.75;
/// Standard deviation of a structure's location that a single example leaves unknown, in working voxels.
const UNKNOWN: f64 = 2.0;
/// Standard errors of the location of a predicted structure: as a part of the grid's side (`COARSE`), and as a part of
/// the structure's longest side (`BLUNT`).
const COARSE: f64 = 0.03;
const BLUNT: f64 = 0.1;
/// Maximum number of passes, the first one included.
const MAX_PASSES: usize = 4;
/// The box has converged when it moves by less than this part of its side.
const CONVERGED: f64 = 0.03;

/// A structure on the working grid of the first pass.
struct Location {
    /// Its centre, in working voxels along x, y, z.
    middle: [f64; 3],
    /// Longest side of its box, in working voxels.
    longest: f64,
}

impl Location {
    /// The location of a structure, given the filled part of each working voxel; `None` if it fills none to more than
    /// one half. The outermost 2 % at both ends of each axis are ignored.
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

    /// The centre as a shift from the working grid's centre, in parts of its side.
    fn shift(&self, side: usize) -> [f64; 3] {
        self.middle.map(|middle| (middle + 0.5) / side as f64 - 0.5)
    }
}

/// Where the examples have a structure, as shifts from the centre of the working grid of the first pass, in parts of
/// its side.
struct LocationPrior {
    shift: [f64; 3],
    /// Variance of the shift.
    variance: [f64; 3],
    /// Longest side of the structure, as a part of the working grid's.
    longest: f64,
}

impl LocationPrior {
    fn of(places: &[Location], side: usize) -> Self {
        let n = places.len() as f64;
        let mean = |of: &dyn Fn(&Location) -> f64| places.iter().map(of).sum::<f64>() / n;
        let shift: [f64; 3] = std::array::from_fn(|axis| mean(&|place| place.shift(side)[axis]));
        // A few examples underestimate how subjects differ; this term shrinks with their number.
        let unknown = (UNKNOWN / side as f64).powi(2) / n;
        let variance = std::array::from_fn(|axis| {
            mean(&|place| (place.shift(side)[axis] - shift[axis]).powi(2)) + unknown
        });
        Self { shift, variance, longest: mean(&|place| place.longest) / side as f64 }
    }

    /// Combines the prior with the location that was found, weighted by their variances. `found` holds the shift and
    /// the side of the grid it was found on, as a part of the first one's.
    fn combined_with(&self, found: Option<([f64; 3], f64)>) -> [f64; 3] {
        let Some((found, scale)) = found else { return self.shift };
        let error = (COARSE * scale).powi(2) + (BLUNT * self.longest).powi(2);
        std::array::from_fn(|axis| {
            let trust = self.variance[axis] / (self.variance[axis] + error);
            self.shift[axis] + trust * (found[axis] - self.shift[axis])
        })
    }
}

/// An example that shows the structure inside the working grid.
pub struct ContextExample<'a> {
    pub example: &'a Labelled,
    pub label: u16,
    pub structure: &'a PartialVolume,
    /// Its image, deformed onto the target for the first pass.
    pub image: &'a Cube,
    /// The structure, deformed by the same field.
    pub mask: Cube,
}

impl ContextExample<'_> {
    /// Image and structure on a working grid of the example; `None` if the grid does not intersect the structure.
    fn pair(&self, working: &WorkingGrid) -> Result<Option<(Cube, Cube)>> {
        let Labelled { registered, labels, orientation, .. } = self.example;
        let image = registered.example().on(working)?;
        let labels = orientation.ras_view(&labels.voxels);
        let holds = |voxel| labels(voxel) == self.label;
        let structure = partial_volume(self.structure.extent.clone(), &working.taps(), holds)?;
        structure.map(|structure| Ok((image, cube(working.side, &structure.patch)?))).transpose()
    }

    /// The structure's location in the example, before and after deformation, both on the first working grid.
    fn locations(&self) -> Option<(Location, Location)> {
        let side = self.mask.side;
        Some((Location::of(side, self.structure.patch.places())?, Location::of_cube(&self.mask)?))
    }
}

/// The probability of a structure in its converged box, with the working grid of that box; `None` if a box would show
/// nothing new or nothing was found in it. `whole` is the probability of the first pass, `first` that pass.
pub fn refine(
    run: &mut Run,
    target: &Prepared,
    whole: &Cube,
    examples: &[ContextExample],
    first: Pass,
) -> Result<Option<(WorkingGrid, Cube)>> {
    let working = target.working_grid();
    let side = working.side;
    let locations = examples.iter().map(ContextExample::locations).collect::<Option<Vec<_>>>();
    let Some(locations) = locations else { return Ok(None) };
    let (own, deformed): (Vec<_>, Vec<_>) = locations.into_iter().unzip();
    let expected = LocationPrior::of(&deformed, side);
    let scale = (MARGIN * expected.longest).max(LEAST_BOX_MM / (working.voxel_mm[0] * side as f64));
    if scale > LARGEST {
        return Ok(None);
    }
    let pairs = run.preparing(|| {
        let pair = |(example, location): (&ContextExample, &Location)| {
            let own = example.example.registered.working_grid();
            example.pair(&own.moved(location.shift(side), [scale; 3]))
        };
        examples.iter().zip(&own).map(pair).collect::<Result<Option<Vec<_>>>>()
    })?;
    let Some(pairs) = pairs else { return Ok(None) };
    let mut shift = expected.combined_with(Location::of_cube(whole).map(|found| (found.shift(side), 1.0)));
    let mut best = None;
    for number in 2..=MAX_PASSES {
        let closer = working.moved(shift, [scale; 3]);
        let pass = run.pass(Pass { number, ..first });
        let image = run.preparing(|| target.on(&closer))?;
        let reading = run.reading(pass, 0, pairs.len());
        let deformed = run.in_parallel(
            &pairs,
            |costs| costs.deform,
            |_| reading.clone(),
            |(example, mask)| {
                let field = DisplacementField::onto(&image, example)?;
                Ok((field.image(example)?, field.label(mask)?))
            },
        )?;
        let pairs: Vec<_> = deformed.iter().map(|(image, mask)| (image, mask)).collect();
        let found = run.predict_in(&image, &pairs, pass)?;
        let Some(location) = Location::of_cube(&found) else { break };
        best = Some((closer, found));
        let step = location.shift(side);
        let next = expected
            .combined_with(Some((std::array::from_fn(|axis| shift[axis] + step[axis] * scale), scale)));
        if (0..3).all(|axis| (next[axis] - shift[axis]).abs() < CONVERGED * scale) {
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
    fn a_location_is_that_of_the_bulk_and_not_of_stray_voxels() {
        let block =
            (0..10).flat_map(|x| (0..6).flat_map(move |y| (0..4).map(move |z| [x + 5, y + 8, z + 20])));
        let filled = block.map(|at| (at, 1.0)).chain([([31, 0, 0], 1.0), ([0, 31, 2], 0.4)]);
        let location = Location::of(32, filled).unwrap();
        assert_eq!((location.middle, location.longest), ([9.5, 10.5, 21.5], 10.0));
        assert_eq!(location.shift(32), [-0.1875, -0.15625, 0.1875]);
        assert!(
            Location::of(32, [([1, 1, 1], 0.5)].into_iter()).is_none(),
            "nothing is filled to more than one half"
        );
    }

    #[test]
    fn the_prior_wins_where_examples_agree_and_the_found_location_where_they_do_not() {
        let at = |x: f64| Location { middle: [x, 23.5, 23.5], longest: 8.0 };
        let found = Some(([0.25, 0.0, 0.0], 1.0));
        let with = |xs: &[f64]| {
            let places: Vec<Location> = xs.iter().map(|&x| at(x)).collect();
            LocationPrior::of(&places, 48).combined_with(found)[0]
        };
        // All examples have it at the centre, a quarter of the side away from what was found.
        assert!(with(&[23.5; 8]) < 0.06);
        // The examples disagree, as they do for lesions.
        assert!(with(&[3.5, 13.5, 33.5, 43.5]) > 0.22);
        // One example gives a location, but no variance.
        assert!((0.06..0.2).contains(&with(&[23.5])));
        let nowhere = LocationPrior::of(&[at(23.5), at(27.5)], 48).combined_with(None)[0];
        assert!((nowhere - 2.0 / 48.0).abs() < 1e-9);
    }
}
