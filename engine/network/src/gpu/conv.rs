//! Convolutions fused with the operations that follow them, each in one launch: residual, GELU, the other branch,
//! upsampling.

use super::gelu::gelu;
use super::product::*;
use super::tile::Tile;
use cubecl::prelude::*;

/// `to = from * weights + bias`, optionally followed by `+ residual` and GELU.
#[cube(launch)]
pub fn convolve<E: Float>(
    source: &[Four<E>],
    weights: &[Four<f32>],
    bias: &[Four<f32>],
    residual: ComptimeOption<&[Four<E>]>,
    out: &mut [Four<E>],
    from: Grid,
    to: Grid,
    region: Region,
    #[comptime] tile: Tile,
    #[comptime] activate: bool,
    #[define(E)] _storage: ElemType,
) {
    let mut sums = Array::<Four<f32>>::new(comptime!(2 * tile.line));
    start(&mut sums, bias, tile);
    let mut inputs = Shared::<[Four<f32>]>::new_slice(comptime!(tile.staged()));
    let mut taps = Shared::<[Four<f32>]>::new_slice(comptime!(tile.taps()));
    let corner = corner(&to, &region, tile);
    accumulate(&mut sums, source, weights, &mut inputs, &mut taps, &from, &corner, tile);
    let line = line(&corner, tile);
    if line.z < region.end && line.y < to.side {
        let first = to.index(&line) + channel(tile);
        #[unroll]
        for x in 0..tile.line {
            if line.x + x < to.side {
                #[unroll]
                for half in 0..2usize {
                    let at = first + x * to.width + comptime!(half * tile.groups);
                    let mut sum = sums[comptime!(2 * x + half)];
                    #[comptime]
                    if let ComptimeOption::Some(residual) = &residual {
                        sum += Four::<f32>::cast_from(residual[at]);
                    }
                    if activate {
                        sum = gelu(sum);
                    }
                    out[at] = Four::<E>::cast_from(sum);
                }
            }
        }
    }
}

/// `out = GELU(x + x * own + other * others + both biases)`, all kernels being 1³.
#[cube(launch)]
pub fn fuse<E: Float>(
    x: &[Four<E>],
    own: &[Four<f32>],
    own_bias: &[Four<f32>],
    other: &[Four<E>],
    others: &[Four<f32>],
    others_bias: &[Four<f32>],
    out: &mut [Four<E>],
    grid: Grid,
    region: Region,
    #[comptime] tile: Tile,
    #[define(E)] _storage: ElemType,
) {
    let mut sums = Array::<Four<f32>>::new(comptime!(2 * tile.line));
    start(&mut sums, own_bias, tile);
    let mut inputs = Shared::<[Four<f32>]>::new_slice(comptime!(tile.staged()));
    let mut taps = Shared::<[Four<f32>]>::new_slice(comptime!(tile.taps()));
    let corner = corner(&grid, &region, tile);
    accumulate(&mut sums, x, own, &mut inputs, &mut taps, &grid, &corner, tile);
    accumulate(&mut sums, other, others, &mut inputs, &mut taps, &grid, &corner, tile);
    let line = line(&corner, tile);
    if line.z < region.end && line.y < grid.side {
        let first = grid.index(&line) + channel(tile);
        #[unroll]
        for v in 0..tile.line {
            if line.x + v < grid.side {
                #[unroll]
                for half in 0..2usize {
                    let at = first + v * grid.width + comptime!(half * tile.groups);
                    let bias = others_bias[channel(tile) + comptime!(half * tile.groups)];
                    let sum = sums[comptime!(2 * v + half)] + bias + Four::<f32>::cast_from(x[at]);
                    out[at] = Four::<E>::cast_from(gelu(sum));
                }
            }
        }
    }
}

/// `out = shortcut * weights + bias + coarse enlarged ×2` (trilinear, half-pixel), the kernel being 1³. Each fine
/// centre lies a quarter of the coarse spacing from the nearest coarse one, and the border repeats (PyTorch's
/// `align_corners=False`).
#[cube(launch)]
pub fn enlarge<E: Float>(
    shortcut: &[Four<E>],
    weights: &[Four<f32>],
    bias: &[Four<f32>],
    coarse: &[Four<E>],
    out: &mut [Four<E>],
    from: Grid,
    small: Grid,
    to: Grid,
    region: Region,
    #[comptime] tile: Tile,
    #[define(E)] _storage: ElemType,
) {
    let mut sums = Array::<Four<f32>>::new(comptime!(2 * tile.line));
    start(&mut sums, bias, tile);
    let mut inputs = Shared::<[Four<f32>]>::new_slice(comptime!(tile.staged()));
    let mut taps = Shared::<[Four<f32>]>::new_slice(comptime!(tile.taps()));
    let corner = corner(&to, &region, tile);
    accumulate(&mut sums, shortcut, weights, &mut inputs, &mut taps, &from, &corner, tile);
    let line = line(&corner, tile);
    if line.z < region.end && line.y < to.side {
        let first = to.index(&line) + channel(tile);
        #[unroll]
        for half in 0..2usize {
            let vector = channel(tile) + comptime!(half * tile.groups);
            // The coarse voxels under the line and one on either side, interpolated along y and z.
            let mut blended = Array::<Four<f32>>::new(comptime!(tile.line / 2 + 2));
            #[unroll]
            for x in 0..comptime!(tile.line / 2 + 2) {
                // The border repeats the first voxel.
                let x_at = min(max(line.x / 2 + x, 1) - 1, small.side - 1);
                let mut sum = Four::<f32>::new(0.0);
                #[unroll]
                for corner in 0..4usize {
                    let z = around(line.z, small.side, comptime!(corner / 2 == 1));
                    let y = around(line.y, small.side, comptime!(corner % 2 == 1));
                    let place = Place { z, y, x: x_at };
                    let value = Four::<f32>::cast_from(coarse[small.index(&place) + vector]);
                    let weight = comptime!([0.5625f32, 0.1875, 0.1875, 0.0625][corner]);
                    sum = fma(value, Four::<f32>::new(weight), sum);
                }
                blended[x] = sum;
            }
            #[unroll]
            for x in 0..tile.line {
                if line.x + x < to.side {
                    let near = blended[comptime!(x / 2 + 1)];
                    let far = blended[comptime!(if x % 2 == 0 { x / 2 } else { x / 2 + 2 })];
                    let sum = fma(far, Four::<f32>::new(0.25), sums[comptime!(2 * x + half)]);
                    let sum = fma(near, Four::<f32>::new(0.75), sum);
                    out[first + x * to.width + comptime!(half * tile.groups)] = Four::<E>::cast_from(sum);
                }
            }
        }
    }
}

/// The nearer or the farther of the two coarse samples around fine sample `i` of an axis.
#[cube]
fn around(i: usize, side: usize, #[comptime] farther: bool) -> usize {
    let near = i / 2;
    if farther { if i % 2 == 1 { min(near + 1, side - 1) } else { max(near, 1) - 1 } } else { near }
}

/// Initialises the sums of a unit with the bias.
#[cube]
fn start(sums: &mut Array<Four<f32>>, bias: &[Four<f32>], #[comptime] tile: Tile) {
    let first = bias[channel(tile)];
    let second = bias[channel(tile) + tile.groups];
    #[unroll]
    for x in 0..tile.line {
        sums[comptime!(2 * x)] = first;
        sums[comptime!(2 * x + 1)] = second;
    }
}
