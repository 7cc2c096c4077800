//! A residual unit, GELU(x + conv(GELU(conv(x)))), in place: only a window of the planes between the two convolutions
//! is in memory at any time, most of it in cache.

use super::map::{Map, Pool, Scratch, Shape};
use super::winograd::{self, Conv3, HEAVY, Layers, Planes, run};
use imaging::Result;
use std::ops::Range;

/// Two 3³ convolutions around a residual.
pub struct ResidualUnit {
    /// The convolution that reads `x`.
    pub first: Conv3,
    /// The convolution whose output is added to `x`.
    pub second: Conv3,
}

impl ResidualUnit {
    /// `x = GELU(x + second(GELU(first(x))))`.
    pub fn run(&self, x: &mut Map, pool: &Pool) -> Result<()> {
        let shape = x.shape;
        let mut window = pool.buffer(window(shape))?;
        let scratch = Scratch::new(pool, winograd::scratch(shape))?;
        let between = Planes::new(&mut window, shape);
        let around = Planes::new(x.own()?, shape);
        steps(shape, |first, second| {
            let first = first.map(|layers| {
                let conv = &self.first;
                Layers { conv, from: around, to: between, shape, layers, add: false, activate: true }
            });
            let second = second.map(|layers| self.second.residual(between, around, shape, layers));
            let jobs: Vec<Layers> = first.into_iter().chain(second).collect();
            run(&jobs, &scratch);
        });
        Ok(())
    }
}

/// Applies a residual unit to a map in steps. A step computes layers of tiles of the intermediate map (first range)
/// and, in parallel, the outputs of the layers two steps behind (second range): their inputs were finished by the
/// previous step, and their destination is no longer read.
pub fn steps(shape: Shape, mut step: impl FnMut(Option<Range<usize>>, Option<Range<usize>>)) {
    let (tiles, depth) = (shape.side.div_ceil(2), depth(shape));
    let count = tiles.div_ceil(depth);
    let layers = |i: usize| (i < count).then(|| i * depth..((i + 1) * depth).min(tiles));
    (0..count + 2).for_each(|i| step(layers(i), i.checked_sub(2).and_then(layers)))
}

/// Tiles along z in a step: large weights need many tiles at a time, more than a layer of a small map has.
fn depth(shape: Shape) -> usize {
    if shape.width >= HEAVY { shape.side.div_ceil(2) } else { 1 }
}

/// Number of values in the window between the convolutions.
pub fn window(shape: Shape) -> usize {
    (6 * depth(shape) + 2).min(2 * shape.side.div_ceil(2)) * shape.side * shape.line()
}
