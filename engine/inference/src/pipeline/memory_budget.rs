//! How much memory a run will hold, known before it starts: the network, the cubes on the working grid, and the images.

use super::{Cache, Example, Options};
use imaging::{Grid, Result, Voxel, memory};
use network::Model;

/// More pairs at once than this save no more time.
pub const MOST_AT_ONCE: usize = 8;

/// What the volumes of a run take besides the network, in bytes at its peak: images with their labels of type `T`, what
/// is made of them on a working grid of `side`³, and the result with `probabilities` volumes.
pub fn volumes_bytes<'a, T: Voxel>(
    side: usize,
    target: &Grid,
    examples: impl Iterator<Item = &'a Grid>,
    probabilities: usize,
) -> usize {
    let (float, label) = (size_of::<f32>(), size_of::<T>());
    let (mut images, mut largest, mut cubes) = (float * target.len(), target.len(), 2);
    for image in examples {
        images += (float + label) * image.len();
        largest = largest.max(image.len());
        // The image on its own working grid and on that where it lies on the target, structure and labels; the displacement
        // (three) and both of them deformed; the same two of a refinement as they are and deformed; and one that is at work.
        cubes += 14;
    }
    // An image turned to the body's order while it is prepared is gone when the result is made: the probability and the
    // label that lead, probabilities that are asked for, and one on its way to them.
    let on_its_way = probabilities.min(1);
    let result = (float + label + float * (probabilities + on_its_way)) * target.len();
    images + float * side.pow(3) * cubes + result.max(float * largest)
}

/// Pairs that are read at once where nobody says how many: the most, up to `most`, that leave half of the memory
/// `within_reach` to others; `predicted` tells what a run with so many holds.
pub fn comfortable(most: usize, within_reach: u64, predicted: impl Fn(usize) -> usize) -> usize {
    (1..=most).rev().find(|&n| 2 * predicted(n) as u64 <= within_reach).unwrap_or(1)
}

/// What a run will hold.
pub struct Need {
    /// Pairs that are read at once.
    pub at_once: usize,
    /// A sentence where they are fewer than were asked for.
    pub fewer: Option<String>,
    /// Bytes that the process holds at its peak.
    pub bytes: usize,
}

impl Need {
    /// What a run with so many volumes of probabilities will hold. What a cache holds of earlier runs counts too, and gives way
    /// where both do not fit; it never changes how many pairs are read at once.
    ///
    /// # Errors
    /// [`imaging::Error`] where not even a run that reads its examples one by one fits.
    pub fn of<T: Voxel>(
        (model, side): (&Model, usize),
        cache: &Cache,
        target: &Grid,
        examples: &[Example<imaging::Image<T>>],
        options: &Options,
        probabilities: usize,
    ) -> Result<Self> {
        let grids = examples.iter().map(|example| &example.image.volume.grid);
        let volumes = volumes_bytes::<T>(side, target, grids, probabilities);
        let network = |at_once: usize| model.predicted_bytes(side, examples.len(), at_once);
        let most =
            model.useful_mini_context(examples.len().min(options.mini_context.unwrap_or(MOST_AT_ONCE)));
        let (asked, within_reach) = (options.mini_context.is_some(), memory::within_reach_bytes());
        let all = |at_once: usize| network(at_once) + volumes;
        let (at_once, fewer, bytes) = match model.card_memory() {
            None => {
                let (at_once, fewer) = choose(asked, most, within_reach, all)?;
                (at_once, fewer, all(at_once))
            }
            Some(card) => {
                memory::must_fit(volumes, within_reach)?;
                let (at_once, fewer) = choose(asked, most, card.bytes, network)?;
                (at_once, fewer, volumes)
            }
        };
        if memory::must_fit(bytes + cache.bytes(), within_reach).is_err() {
            cache.clear();
        }
        Ok(Self { at_once, fewer, bytes: bytes + cache.bytes() })
    }
}

fn choose(
    asked: bool,
    most: usize,
    within_reach: u64,
    predicted: impl Fn(usize) -> usize,
) -> Result<(usize, Option<String>)> {
    memory::must_fit(predicted(1), within_reach)?;
    if !asked {
        return Ok((comfortable(most, within_reach, predicted), None));
    }
    let fits = |&n: &usize| memory::must_fit(predicted(n), within_reach).is_ok();
    let fewer = (1..=most).rev().find(fits).unwrap_or(1);
    let told = || {
        let [needed, all] = [predicted(most) as f64, within_reach as f64].map(|bytes| bytes / 1e9);
        format!(
            "Reading {most} examples at once would take {needed:.1} of {all:.1} GB, so {fewer} were read at once."
        )
    };
    Ok((fewer, (fewer < most).then(told)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::Error;

    #[test]
    fn a_run_takes_what_fits_and_says_so_where_more_was_asked_for() {
        let predicted = |at_once: usize| 1_000_000_000 * (at_once + 1);
        assert!(
            matches!(choose(false, 8, 8_000_000_000, predicted), Ok((3, None))),
            "half is left to others"
        );
        assert!(matches!(choose(true, 6, 8_000_000_000, predicted), Ok((6, None))), "the user decides");
        let (fewer, told) = choose(true, 8, 8_000_000_000, predicted).unwrap();
        assert_eq!(fewer, 7);
        assert!(told.unwrap().contains("8 examples at once would take 9.0 of 8.0 GB"));
        assert!(matches!(choose(false, 8, 0, predicted), Ok((1, None))), "nobody knows how much there is");
        let refused = choose(true, 1, 1_900_000_000, predicted).unwrap_err();
        assert!(matches!(refused, Error::TooLarge { .. }));
        assert!(refused.to_string().contains("2.0 GB of memory and there are 1.9 GB"), "{refused}");
    }
}
