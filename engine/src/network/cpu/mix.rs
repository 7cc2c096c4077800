//! 1³ convolutions, and what is done with them in one pass over memory: fusion of two branches, enlarging with a shortcut.

use super::gelu::gelu;
use super::gemm::{Packed, Rows, lanes, product, vectorize};
use super::map::{Map, Pool, padded};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::borrow::Cow;
use std::cell::RefCell;

/// A 1³ convolution, packed.
#[derive(Clone, Debug)]
pub struct Mix {
    weights: Packed,
    bias: Vec<f32>,
    outputs: usize,
}

impl Mix {
    /// Packs weights `[out, in]`; inputs lie `width` apart in memory.
    pub fn new(inputs: usize, width: usize, outputs: usize, weight: &[f32], bias: Option<&[f32]>) -> Self {
        let to = padded(outputs);
        let weights = Packed::new(lanes(to), width, to, |input, output| {
            if input < inputs && output < outputs { weight[output * inputs + input] } else { 0.0 }
        });
        let mut padded_bias = bias.map_or(Vec::new(), <[f32]>::to_vec);
        padded_bias.resize(to, 0.0);
        Self { weights, bias: padded_bias, outputs }
    }

    /// The convolution of `x`.
    pub fn run(&self, x: &Map, pool: &Pool) -> Map {
        let mut out = pool.map(x.side, self.outputs);
        let line = x.side * self.weights.n;
        out.values.par_chunks_mut(line).zip(x.values.par_chunks(x.side * x.width)).for_each(|(out, x)| {
            vectorize(self.weights.n, Line { mix: self, x, out });
        });
        out
    }

    /// The first output channel of the convolution of `x`.
    pub fn first_channel(&self, x: &Map) -> Vec<f32> {
        let mut values = vec![0.0; x.side.pow(3)];
        values.par_chunks_mut(x.side).zip(x.values.par_chunks(x.side * x.width)).for_each(|(values, x)| {
            let mut scratch = SCRATCH.take();
            scratch.resize(values.len() * self.weights.n, 0.0);
            vectorize(self.weights.n, Line { mix: self, x, out: &mut scratch });
            let outputs = scratch.chunks_exact(self.weights.n);
            values.iter_mut().zip(outputs).for_each(|(value, voxel)| *value = voxel[0]);
            SCRATCH.set(scratch);
        });
        values
    }

    /// `x = GELU(x + own(x) + others(other))`.
    pub fn fuse(&self, x: &mut Map, other: &Map, others: &Self) {
        let line = x.side * x.width;
        x.values.par_chunks_mut(line).zip(other.values.par_chunks(line)).for_each(|(x, other)| {
            vectorize(self.weights.n, Fused { own: self, x, others, other });
        });
    }

    /// `x` mixed by `self` and enlarged ×2 (trilinear, half-pixel), plus the mixed shortcut, in whose place it goes
    /// where nobody else needs that.
    pub fn up(&self, x: &Map, shortcut: Cow<Map>, shortcuts: &Self, pool: &Pool) -> Map {
        let coarse = self.run(x, pool);
        let (side, from) = (shortcut.side, shortcut.width);
        let line = |number: usize| Place { coarse: &coarse, y: number % side, z: number / side };
        match shortcut {
            Cow::Owned(mut map) if from == shortcuts.weights.n => {
                map.values.par_chunks_mut(side * from).enumerate().for_each(|(number, out)| {
                    vectorize(from, Enlarged { place: line(number), shortcuts, shortcut: None, out });
                });
                map
            }
            shortcut => {
                let mut out = pool.map(side, shortcuts.outputs);
                let lines = shortcut.values.par_chunks(side * from);
                out.values.par_chunks_mut(side * shortcuts.weights.n).zip(lines).enumerate().for_each(
                    |(number, (out, shortcut))| {
                        let job = Enlarged { place: line(number), shortcuts, shortcut: Some(shortcut), out };
                        vectorize(shortcuts.weights.n, job);
                    },
                );
                out
            }
        }
    }
}

thread_local! {
    /// One or two lines of products.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// A line of voxels: `out = mix(x)`.
struct Line<'a> {
    mix: &'a Mix,
    x: &'a [f32],
    out: &'a mut [f32],
}

fn rows(values: &[f32], width: usize) -> Rows<'_> {
    Rows { values, count: values.len() / width, row: width, segments: 1, segment: 0 }
}

impl WithSimd for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        product(simd, &rows(self.x, self.mix.weights.k), &self.mix.weights, self.out, false);
        let bias: &[S::f32s] = bytemuck::cast_slice(&self.mix.bias);
        let out: &mut [S::f32s] = bytemuck::cast_slice_mut(self.out);
        for voxel in out.chunks_exact_mut(bias.len()) {
            for (value, bias) in voxel.iter_mut().zip(bias) {
                *value = simd.add_f32s(*value, *bias);
            }
        }
    }
}

/// A line of voxels of both branches.
struct Fused<'a> {
    own: &'a Mix,
    x: &'a mut [f32],
    others: &'a Mix,
    other: &'a [f32],
}

impl WithSimd for Fused<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut scratch = SCRATCH.take();
        scratch.resize(2 * self.x.len(), 0.0);
        let (ours, theirs) = scratch.split_at_mut(self.x.len());
        product(simd, &rows(self.x, self.own.weights.k), &self.own.weights, ours, false);
        product(simd, &rows(self.other, self.others.weights.k), &self.others.weights, theirs, false);
        let [a, b]: [&[S::f32s]; 2] =
            [&self.own.bias, &self.others.bias].map(|bias| bytemuck::cast_slice(bias));
        let [ours, theirs]: [&[S::f32s]; 2] = [ours, theirs].map(|line| bytemuck::cast_slice(line));
        let out: &mut [S::f32s] = bytemuck::cast_slice_mut(self.x);
        for (i, out) in out.iter_mut().enumerate() {
            let bias = simd.add_f32s(a[i % a.len()], b[i % b.len()]);
            let sum = simd.add_f32s(simd.add_f32s(*out, bias), simd.add_f32s(ours[i], theirs[i]));
            *out = gelu(simd, sum);
        }
        SCRATCH.set(scratch);
    }
}

/// A line of voxels: `out = mixed shortcut + enlarged coarse`.
struct Enlarged<'a> {
    place: Place<'a>,
    shortcuts: &'a Mix,
    /// None where it lies in `out`.
    shortcut: Option<&'a [f32]>,
    out: &'a mut [f32],
}

/// A line of the fine grid over a coarse map.
struct Place<'a> {
    coarse: &'a Map,
    y: usize,
    z: usize,
}

/// The two coarse samples around fine sample `i` of an axis and the weight of the second: each fine centre lies a
/// quarter of the coarse spacing from the nearer one, and the border repeats (PyTorch's `align_corners=False`).
fn around(i: usize, side: usize) -> (usize, usize) {
    let near = i / 2;
    let far = if i.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(side - 1) };
    (near, far)
}

impl WithSimd for Enlarged<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { place: Place { coarse, y, z }, shortcuts, shortcut, out } = self;
        let (side, width) = (coarse.side, coarse.width);
        let mut scratch = SCRATCH.take();
        scratch.resize(side * width + out.len(), 0.0);
        let (near, fine) = scratch.split_at_mut(side * width);
        let shortcut = rows(shortcut.unwrap_or(out), shortcuts.weights.k);
        product(simd, &shortcut, &shortcuts.weights, fine, false);

        let (y, z) = (around(y, side), around(z, side));
        let line = |y: usize, z: usize| &coarse.values[(z * side + y) * side * width..][..side * width];
        let lines: [&[S::f32s]; 4] =
            [line(y.0, z.0), line(y.1, z.0), line(y.0, z.1), line(y.1, z.1)].map(bytemuck::cast_slice);
        let [both, one, none] =
            [simd.splat_f32s(9.0 / 16.0), simd.splat_f32s(3.0 / 16.0), simd.splat_f32s(1.0 / 16.0)];
        let near: &mut [S::f32s] = bytemuck::cast_slice_mut(near);
        for (i, near) in near.iter_mut().enumerate() {
            let [a, b, c, d] = [lines[0][i], lines[1][i], lines[2][i], lines[3][i]];
            let sides = simd.mul_f32s(simd.add_f32s(b, c), one);
            *near = simd.mul_add_e_f32s(a, both, simd.mul_add_e_f32s(d, none, sides));
        }

        let bias: &[S::f32s] = bytemuck::cast_slice(&shortcuts.bias);
        let vectors = bias.len();
        let fine: &[S::f32s] = bytemuck::cast_slice(fine);
        let out: &mut [S::f32s] = bytemuck::cast_slice_mut(out);
        let [near_part, far_part] = [simd.splat_f32s(0.75), simd.splat_f32s(0.25)];
        for (x, (out, fine)) in out.chunks_exact_mut(vectors).zip(fine.chunks_exact(vectors)).enumerate() {
            let (first, second) = around(x, side);
            let pairs = near[first * vectors..][..vectors].iter().zip(&near[second * vectors..][..vectors]);
            for (((out, fine), bias), (first, second)) in out.iter_mut().zip(fine).zip(bias).zip(pairs) {
                let sum = simd.mul_add_e_f32s(*second, far_part, simd.add_f32s(*fine, *bias));
                *out = simd.mul_add_e_f32s(*first, near_part, sum);
            }
        }
        SCRATCH.set(scratch);
    }
}
