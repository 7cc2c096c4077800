//! 1³ convolutions, and the operations that apply them in one pass over memory: fusion of two branches, upsampling with
//! a shortcut.

use super::gelu::gelu;
use super::gemm::{Packed, Rows, product};
use super::map::{Bias, Map, Pool, Scratch, Shape, padded};
use super::vectors::{multiply_add, vectorize};
use imaging::{Result, memory};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::sync::Arc;

/// A 1³ convolution, packed.
pub struct PointwiseConv {
    weights: Packed,
    bias: Bias,
    outputs: usize,
}

impl PointwiseConv {
    /// Packs weights `[out, in]`.
    pub fn new(pool: &Pool, inputs: usize, outputs: usize, weight: &[f32], bias: &[f32]) -> Result<Self> {
        let weights = Packed::new(pool, [1, padded(inputs), padded(outputs)], |_, input, output| {
            if input < inputs && output < outputs { weight[output * inputs + input] } else { 0.0 }
        })?;
        Ok(Self { bias: Bias::new(bias, weights.n), weights, outputs })
    }

    /// `to = conv(x)` or, with `add`, `to += conv(x)`.
    pub fn apply(&self, x: &Map, to: &mut Map, add: bool, pool: &Pool) -> Result<()> {
        let (from, shape) = (x.shape, to.shape);
        if from.groups == shape.groups {
            let lines = to.own()?.par_chunks_mut(shape.line()).zip(x.values.par_chunks(from.line()));
            lines.for_each(|(out, x)| {
                vectorize(shape.place(), Affine { mix: self, groups: shape.groups, x, out, add });
                shape.write_halo(out, false);
            });
            return Ok(());
        }
        assert!(!add, "maps that are added have the same channels");
        let scratch = Scratch::new(pool, from.side * from.width)?;
        to.write(pool, |number, out| {
            let mut voxels = scratch.mine();
            from.deinterleave(&x.values[number * from.line()..][..from.line()], &mut voxels);
            vectorize(shape.width, Affine { mix: self, groups: 1, x: &voxels, out, add });
        })
    }

    /// The convolution of `x` without the bias, not interleaved.
    fn run(&self, x: &Map, pool: &Pool) -> Result<Map> {
        let shape = Shape { width: self.weights.n, groups: 1, ..x.shape };
        let mut values = pool.buffer(shape.len())?;
        let scratch = Scratch::new(pool, shape.side * x.shape.width)?;
        let lines = values.par_chunks_mut(shape.line()).zip(x.values.par_chunks(x.shape.line()));
        lines.for_each(|(out, x_line)| {
            let mut voxels = scratch.mine();
            x.shape.deinterleave(x_line, &mut voxels);
            vectorize(shape.width, Line { mix: self, groups: 1, x: &voxels, out });
        });
        Ok(Map { shape, channels: self.outputs, values: Arc::new(values) })
    }

    /// The first output channel of the convolution of `x`.
    pub fn first_channel(&self, x: &Map, pool: &Pool) -> Result<Vec<f32>> {
        let Shape { side, groups, .. } = x.shape;
        let (width, bias) = (self.weights.n * groups, self.bias.of(1)[0]);
        let mut values = memory::zeros(side.pow(3))?;
        let scratch = Scratch::new(pool, x.shape.line() / self.weights.k * self.weights.n)?;
        let lines = values.par_chunks_mut(side).zip(x.values.par_chunks(x.shape.line()));
        lines.for_each(|(values, x)| {
            let mut scratch = scratch.mine();
            vectorize(width, Line { mix: self, groups, x, out: &mut scratch });
            let places = scratch[(groups - 1) * width..].chunks_exact(width);
            let half = side / groups;
            for (x, place) in places.take(half).enumerate() {
                (0..groups).for_each(|group| values[group * half + x] = place[group] + bias);
            }
        });
        Ok(values)
    }

    /// `x = GELU(x + own(x) + others(other))`.
    pub fn fuse(&self, x: &mut Map, other: &Map, others: &Self, pool: &Pool) -> Result<()> {
        assert_eq!(x.shape, other.shape);
        let (shape, line) = (x.shape, x.shape.line());
        let scratch = Scratch::new(pool, 2 * line)?;
        x.own()?.par_chunks_mut(line).zip(other.values.par_chunks(line)).for_each(|(x, other)| {
            let scratch = &mut scratch.mine();
            vectorize(shape.place(), Fused { own: self, groups: shape.groups, x, others, other, scratch });
            shape.write_halo(x, false);
        });
        Ok(())
    }

    /// `self` applied to `x` and upsampled ×2 (trilinear, half-pixel), plus the convolved shortcut. Overwrites the
    /// shortcut if it is not shared.
    pub fn upsample_add(&self, x: &Map, mut shortcut: Map, shortcuts: &Self, pool: &Pool) -> Result<Map> {
        assert!(shortcut.shape.width == shortcuts.weights.n && shortcut.shape.side == 2 * x.shape.side);
        let coarse = self.run(x, pool)?;
        let (shape, line) = (shortcut.shape, shortcut.shape.line());
        let scratch = Scratch::new(pool, 2 * coarse.shape.line() + 2 * shape.place() + line)?;
        let enlarge = |number: usize, from: Option<&[f32]>, out: &mut [f32]| {
            let (y, z, scratch) = (number % shape.side, number / shape.side, &mut scratch.mine());
            vectorize(
                shape.place(),
                Enlarged { coarse: &coarse, y, z, shape, shortcuts, from, out, scratch },
            );
            shape.write_halo(out, false);
        };
        if Arc::get_mut(&mut shortcut.values).is_some() {
            let lines = shortcut.own()?.par_chunks_mut(line).enumerate();
            lines.for_each(|(number, out)| enlarge(number, None, out));
            return Ok(shortcut);
        }
        let mut map = pool.map(shape.side, shortcuts.outputs)?;
        let lines = map.own()?.par_chunks_mut(line).zip(shortcut.values.par_chunks(line)).enumerate();
        lines.for_each(|(number, (out, from))| enlarge(number, Some(from), out));
        Ok(map)
    }
}

/// A line of places: `out = conv(x)` without the bias.
struct Line<'a> {
    mix: &'a PointwiseConv,
    groups: usize,
    x: &'a [f32],
    out: &'a mut [f32],
}

fn rows<'a>(values: &'a [f32], weights: &Packed, groups: usize) -> Rows<'a> {
    let row = weights.k * groups;
    Rows { values, count: values.len() / row, row, segments: 1, segment: 0, groups }
}

impl WithSimd for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let weights = &self.mix.weights;
        product(simd, &rows(self.x, weights, self.groups), weights.matrix(0), self.out, false);
    }
}

/// A line of places: `out = conv(x)` or `out += conv(x)`.
struct Affine<'a> {
    mix: &'a PointwiseConv,
    groups: usize,
    x: &'a [f32],
    out: &'a mut [f32],
    add: bool,
}

impl WithSimd for Affine<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let weights = &self.mix.weights;
        product(simd, &rows(self.x, weights, self.groups), weights.matrix(0), self.out, self.add);
        let bias: &[S::f32s] = bytemuck::cast_slice(self.mix.bias.of(self.groups));
        for voxel in bytemuck::cast_slice_mut::<_, S::f32s>(self.out).chunks_exact_mut(bias.len()) {
            voxel.iter_mut().zip(bias).for_each(|(value, bias)| *value = simd.add_f32s(*value, *bias));
        }
    }
}

/// A line of places of both branches.
struct Fused<'a> {
    own: &'a PointwiseConv,
    groups: usize,
    x: &'a mut [f32],
    others: &'a PointwiseConv,
    other: &'a [f32],
    /// Two lines of products.
    scratch: &'a mut [f32],
}

impl WithSimd for Fused<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (groups, [own, others]) = (self.groups, [self.own, self.others]);
        let (ours, theirs) = self.scratch.split_at_mut(self.x.len());
        product(simd, &rows(self.x, &own.weights, groups), own.weights.matrix(0), ours, false);
        product(simd, &rows(self.other, &others.weights, groups), others.weights.matrix(0), theirs, false);
        let [a, b]: [&[S::f32s]; 2] = [own, others].map(|mix| bytemuck::cast_slice(mix.bias.of(groups)));
        let [ours, theirs]: [&[S::f32s]; 2] = [ours, theirs].map(|line| bytemuck::cast_slice(line));
        let out: &mut [S::f32s] = bytemuck::cast_slice_mut(self.x);
        for (i, out) in out.iter_mut().enumerate() {
            let bias = simd.add_f32s(a[i % a.len()], b[i % b.len()]);
            let sum = simd.add_f32s(simd.add_f32s(*out, bias), simd.add_f32s(ours[i], theirs[i]));
            *out = gelu(simd, sum);
        }
    }
}

/// A line of places: `out = convolved shortcut + upsampled coarse`.
struct Enlarged<'a> {
    /// The coarse map, not interleaved.
    coarse: &'a Map,
    y: usize,
    z: usize,
    /// Layout of the fine map.
    shape: Shape,
    shortcuts: &'a PointwiseConv,
    /// The shortcut's line; `None` if it lies in `out`.
    from: Option<&'a [f32]>,
    out: &'a mut [f32],
    /// Buffer for a coarse line, the same interleaved, and a fine one.
    scratch: &'a mut [f32],
}

/// The two coarse samples around fine sample `i` of an axis, the nearer one first. Each fine centre lies a quarter of
/// the coarse spacing from it, and the border is repeated (PyTorch's `align_corners=False`).
fn around(i: usize, side: usize) -> (usize, usize) {
    let near = i / 2;
    let far = if i.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(side - 1) };
    (near, far)
}

impl WithSimd for Enlarged<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { coarse, y, z, shape, shortcuts, from, out, scratch } = self;
        let (side, length) = (coarse.shape.side, coarse.shape.line());
        let (line, scratch) = scratch.split_at_mut(length);
        let (interleaved, fine) = scratch.split_at_mut(scratch.len() - out.len());
        let shortcut = rows(from.unwrap_or(out), &shortcuts.weights, shape.groups);
        product(simd, &shortcut, shortcuts.weights.matrix(0), fine, false);

        let (y, z) = (around(y, side), around(z, side));
        let at = |y: usize, z: usize| &coarse.values[(z * side + y) * length..][..length];
        let lines: [&[S::f32s]; 4] =
            [at(y.0, z.0), at(y.1, z.0), at(y.0, z.1), at(y.1, z.1)].map(bytemuck::cast_slice);
        let [both, one, none] =
            [simd.splat_f32s(9.0 / 16.0), simd.splat_f32s(3.0 / 16.0), simd.splat_f32s(1.0 / 16.0)];
        for (i, value) in bytemuck::cast_slice_mut::<_, S::f32s>(line).iter_mut().enumerate() {
            let [a, b, c, d] = [lines[0][i], lines[1][i], lines[2][i], lines[3][i]];
            let sides = simd.mul_f32s(simd.add_f32s(b, c), one);
            *value = multiply_add(simd, a, both, multiply_add(simd, d, none, sides));
        }
        // Interleaved like the fine line, with a halo.
        let halves = Shape { side, ..shape };
        let interleaved = &mut interleaved[..halves.line()];
        halves.interleave(line, interleaved);
        halves.write_halo(interleaved, true);

        let bias: &[S::f32s] = bytemuck::cast_slice(shortcuts.bias.of(shape.groups));
        let (vectors, ends) = (bias.len(), shape.ends());
        let line: &[S::f32s] = bytemuck::cast_slice(interleaved);
        let fine: &[S::f32s] = bytemuck::cast_slice(&fine[ends * shape.place()..]);
        let out: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut out[ends * shape.place()..]);
        let [near_part, far_part] = [simd.splat_f32s(0.75), simd.splat_f32s(0.25)];
        let voxels = out.chunks_exact_mut(vectors).zip(fine.chunks_exact(vectors)).take(shape.half());
        for (x, (out, fine)) in voxels.enumerate() {
            // With a halo every voxel has its neighbours, and no border case remains.
            let (near, far) = match ends {
                0 => around(x, side),
                _ => (x / 2 + 1, x / 2 + 2 * (x % 2)),
            };
            let pairs = line[near * vectors..][..vectors].iter().zip(&line[far * vectors..][..vectors]);
            for (((out, fine), bias), (near, far)) in out.iter_mut().zip(fine).zip(bias).zip(pairs) {
                let sum = multiply_add(simd, *far, far_part, simd.add_f32s(*fine, *bias));
                *out = multiply_add(simd, *near, near_part, sum);
            }
        }
    }
}
