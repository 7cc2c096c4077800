//! A residual unit, GELU(x + conv(GELU(conv(x)))), in place: only a window of the planes between the two convolutions
//! exists at any moment, and most of it in cache.

use super::map::{Map, Pool};
use super::winograd::{Conv3, HEAVY, Layers, Planes, run};

/// Two 3³ convolutions around a residual.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The one that reads `x`.
    pub first: Conv3,
    /// The one whose outputs are added to `x`.
    pub second: Conv3,
}

impl Unit {
    /// `x = GELU(x + second(GELU(first(x))))`.
    ///
    /// A step takes the first convolution over layers of tiles, and beside it the second over the layers two steps
    /// behind: those need what the step before finished, and write planes that no one reads any more.
    pub fn run(&self, x: &mut Map, pool: &Pool) {
        let (side, tiles) = (x.side, x.side.div_ceil(2));
        let plane = side * side * x.width;
        // Large weights want many tiles at once, more than small maps have in a layer.
        let depth = Self::depth(side, x.width);
        let mut window = pool.buffer(Self::window(side, x.width));
        let between = Planes::new(&mut window, plane);
        let around = Planes::new(&mut x.values, plane);
        let steps = tiles.div_ceil(depth);
        let layers = |step: usize| step * depth..((step + 1) * depth).min(tiles);
        for step in 0..steps + 2 {
            let first = (step < steps).then(|| Layers {
                conv: &self.first,
                from: around,
                to: between,
                side,
                layers: layers(step),
                residual: false,
            });
            let second = step.checked_sub(2).map(|step| Layers {
                conv: &self.second,
                from: between,
                to: around,
                side,
                layers: layers(step),
                residual: true,
            });
            let jobs: Vec<Layers> = first.into_iter().chain(second).collect();
            run(&jobs);
        }
    }

    /// Tiles along z that a step takes.
    fn depth(side: usize, width: usize) -> usize {
        if width >= HEAVY { side.div_ceil(2) } else { 1 }
    }

    /// Values of the window between the convolutions.
    pub fn window(side: usize, width: usize) -> usize {
        (6 * Self::depth(side, width) + 2).min(2 * side.div_ceil(2)) * side * side * width
    }
}
