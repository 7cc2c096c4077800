//! Predicted memory of a run, computed before it starts: the network, the cubes on the working grid, and the images.

use super::{Cache, Example, Options};
use imaging::{Grid, Result, Voxel, memory};
use network::Model;

/// More pairs at once than this save no further time.
pub const MOST_AT_ONCE: usize = 8;

/// Bytes that the volumes of a run occupy at its peak, without the network: images with their labels of type `T`, the
/// cubes made from them on a working grid of `side`³, and the result with `probabilities` volumes.
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
        // The image on its own working grid and on the registered one, the structure and the labels; the displacement
        // field (three) and image and structure deformed; the same two in a refinement, before and after deformation;
        // and one temporary cube.
        cubes += 14;
    }
    // The copy of an image in RAS axis order, needed while it is prepared, is freed before the result is made: the
    // leading probability and label of each voxel, the requested probabilities, and one more of these in progress.
    let in_progress = probabilities.min(1);
    let result = (float + label + float * (probabilities + in_progress)) * target.len();
    images + float * side.pow(3) * cubes + result.max(float * largest)
}

/// The default number of pairs read at once: the largest, up to `most`, that leaves half of the memory `within_reach`
/// (bytes) to other programs. `predicted` returns the bytes that a run with n pairs holds.
pub fn comfortable(most: usize, within_reach: u64, predicted: impl Fn(usize) -> usize) -> usize {
    (1..=most).rev().find(|&n| 2 * predicted(n) as u64 <= within_reach).unwrap_or(1)
}

/// The memory that a run needs.
pub struct Need {
    /// Pairs read at once, ℓ.
    pub at_once: usize,
    /// A warning if they are fewer than requested.
    pub fewer: Option<String>,
    /// Predicted peak memory of the process, in bytes.
    pub bytes: usize,
}

impl Need {
    /// The memory of a run that returns `probabilities` volumes. The cache counts too; it is cleared if both do not
    /// fit, and never changes how many pairs are read at once.
    ///
    /// # Errors
    /// [`imaging::Error::TooLarge`] if not even a run that reads its examples one by one fits.
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
        let (requested, within_reach) = (options.mini_context.is_some(), memory::within_reach_bytes());
        let all = |at_once: usize| network(at_once) + volumes;
        let (at_once, fewer, bytes) = match model.card_memory() {
            None => {
                let (at_once, fewer) = choose(requested, most, within_reach, all)?;
                (at_once, fewer, all(at_once))
            }
            Some(card) => {
                memory::must_fit(volumes, within_reach)?;
                let (at_once, fewer) = choose(requested, most, card.bytes, network)?;
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
    requested: bool,
    most: usize,
    within_reach: u64,
    predicted: impl Fn(usize) -> usize,
) -> Result<(usize, Option<String>)> {
    memory::must_fit(predicted(1), within_reach)?;
    if !requested {
        return Ok((comfortable(most, within_reach, predicted), None));
    }
    let fits = |&n: &usize| memory::must_fit(predicted(n), within_reach).is_ok();
    let fewer = (1..=most).rev().find(fits).unwrap_or(1);
    let warning = || {
        let [needed, all] = [predicted(most) as f64, within_reach as f64].map(|bytes| bytes / 1e9);
        format!(
            "Reading {most} examples at once would take {needed:.1} of {all:.1} GB, so {fewer} were read at once."
        )
    };
    Ok((fewer, (fewer < most).then(warning)))
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
        assert!(
            matches!(choose(true, 6, 8_000_000_000, predicted), Ok((6, None))),
            "the user's choice may take all"
        );
        let (fewer, warning) = choose(true, 8, 8_000_000_000, predicted).unwrap();
        assert_eq!(fewer, 7);
        assert!(warning.unwrap().contains("8 examples at once would take 9.0 of 8.0 GB"));
        assert!(matches!(choose(false, 8, 0, predicted), Ok((1, None))), "the available memory is unknown");
        let refused = choose(true, 1, 1_900_000_000, predicted).unwrap_err();
        assert!(matches!(refused, Error::TooLarge { .. }));
        assert!(refused.to_string().contains("2.0 GB of memory and there are 1.9 GB"), "{refused}");
    }
}
