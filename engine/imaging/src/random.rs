//! Reproducible chance: everything that training draws is a function of a seed and the number of an episode.

use rand::{Rng, RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

/// ChaCha with 8 rounds: the same numbers on every platform and in every version.
pub type Generator = chacha20::ChaCha8Rng;

/// The generator of one episode of a run, independent of every other episode's.
pub fn generator(seed: u64, episode: u64) -> Generator {
    let mut generator = Generator::seed_from_u64(seed);
    generator.set_stream(episode);
    generator
}

/// Uniform between the ends of a range, which may be one value.
pub fn within(range: [f32; 2], rng: &mut dyn Rng) -> f32 {
    range[0] + (range[1] - range[0]) * rng.random::<f32>()
}

/// Uniform within `±limit`.
pub fn around_zero(limit: f32, rng: &mut dyn Rng) -> f32 {
    within([-limit, limit], rng)
}

/// Normal with mean 0 and standard deviation 1.
pub fn normal(rng: &mut dyn Rng) -> f32 {
    StandardNormal.sample(rng)
}

/// True with this probability.
pub fn bernoulli(probability: f32, rng: &mut dyn Rng) -> bool {
    rng.random::<f32>() < probability
}

/// One of 0 … `count` − 1.
pub fn index(count: usize, rng: &mut dyn Rng) -> usize {
    rng.random_range(0..count)
}

/// One of these by their weights, none of which is negative; nothing where there is none.
pub fn weighted<T>(all: impl Iterator<Item = (T, f32)> + Clone, rng: &mut dyn Rng) -> Option<T> {
    let mut place = within([0.0, all.clone().map(|(_, weight)| weight).sum()], rng);
    let mut last = None;
    for (one, weight) in all {
        place -= weight;
        if place < 0.0 {
            return Some(one);
        }
        last = Some(one);
    }
    // Rounding may leave the last place beyond the sum of all weights.
    last
}

/// One of these; there is at least one.
pub fn one_of<T: Copy>(all: &[T], rng: &mut dyn Rng) -> T {
    all[index(all.len(), rng)]
}

/// The first `count` of these after shuffling (Fisher and Yates), all where there are fewer.
pub fn sample<T: Copy>(all: &[T], count: usize, rng: &mut dyn Rng) -> Vec<T> {
    let mut all = all.to_vec();
    let count = count.min(all.len());
    for i in 0..count {
        let other = i + index(all.len() - i, rng);
        all.swap(i, other);
    }
    all.truncate(count);
    all
}
