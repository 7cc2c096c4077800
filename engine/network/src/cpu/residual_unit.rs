//! A residual unit, GELU(x + conv(GELU(conv(x)))), in place: only a window of the planes between the two convolutions
//! exists at any moment, and most of it in cache.

use super::map::{Map, Pool, Scratch, Shape};
use super::winograd::{self, Conv3, HEAVY, Layers, Planes, run};
use imaging::Result;
use std::ops::Range;

/// Two 3³ convolutions around a residual.
pub struct ResidualUnit {
    /// The one that reads `x`.
    pub first: Conv3,
    /// The one whose outputs are added to `x`.
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

/// Takes a unit through a map in steps. A step makes layers of tiles of what lies between the convolutions (first range),
/// and beside it the outputs of the layers two steps behind (second range): those need what the step before finished,
/// and are written where no one reads any more.
pub fn steps(shape: Shape, mut step: impl FnMut(Option<Range<usize>>, Option<Range<usize>>)) {
    let (tiles, depth) = (shape.side.div_ceil(2), depth(shape));
    let count = tiles.div_ceil(depth);
    let layers = |i: usize| (i < count).then(|| i * depth..((i + 1) * depth).min(tiles));
    (0..count + 2).for_each(|i| step(layers(i), i.checked_sub(2).and_then(layers)))
}

/// Tiles along z that a step takes: large weights want many tiles at once, more than small maps have in a layer.
fn depth(shape: Shape) -> usize {
    if shape.width >= HEAVY { shape.side.div_ceil(2) } else { 1 }
}

/// Values of the window between the convolutions.
pub fn window(shape: Shape) -> usize {
    (6 * depth(shape) + 2).min(2 * shape.side.div_ceil(2)) * shape.side * shape.line()
}
