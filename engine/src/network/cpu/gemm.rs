//! The inner product that all convolutions end in: rows of activations times a packed panel of weights.
//!
//! Activations are read as they lie in a map (channels last), one broadcast value for each multiply-add; weights are
//! packed once into panels as wide as two vectors, so that an inner step reads memory in order only.

// Row pointers are computed, not sliced: a bounds check for each broadcast would cost as much as the multiply-add.
// `Rows` says what must be in bounds; it is checked once for each call in `product`.
#![allow(unsafe_code)]

use pulp::{Simd, WithSimd};
use std::sync::OnceLock;

/// Weights `[k][n]` of a product, packed by panels of columns.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Rows: inputs.
    pub k: usize,
    /// Columns: outputs, a multiple of the vector width.
    pub n: usize,
    values: Vec<f32>,
    lanes: usize,
}

/// Where the activations of a product lie: row r is made of `segments` pieces of `k / segments` values, the first at
/// `r · row` and each next one `segment` further on.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// What the rows lie in.
    pub values: &'a [f32],
    /// Number of rows.
    pub count: usize,
    /// Distance between rows.
    pub row: usize,
    /// Pieces of a row.
    pub segments: usize,
    /// Distance between pieces.
    pub segment: usize,
}

impl Packed {
    /// Packs `weight(input, output)`.
    pub fn new(lanes: usize, k: usize, n: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        assert!(n.is_multiple_of(lanes), "outputs are padded to whole vectors");
        let mut values = Vec::with_capacity(k * n);
        let mut first = 0;
        while first < n {
            let width = (2 * lanes).min(n - first);
            for input in 0..k {
                values.extend((first..first + width).map(|output| weight(input, output)));
            }
            first += width;
        }
        Self { k, n, values, lanes }
    }
}

/// `out[r] = rows[r] · weights` or, with `add`, `out[r] += rows[r] · weights`; rows of `out` are `n` wide.
#[inline(always)]
pub fn product<S: Simd>(simd: S, rows: &Rows, weights: &Packed, out: &mut [f32], add: bool) {
    let (lanes, piece) = (S::F32_LANES, weights.k / rows.segments);
    assert_eq!(weights.lanes, lanes, "weights are packed for the vectors in use");
    assert_eq!(out.len(), rows.count * weights.n);
    if rows.count == 0 {
        return;
    }
    let end = (rows.count - 1) * rows.row + (rows.segments - 1) * rows.segment + piece;
    assert!(end <= rows.values.len(), "every row lies within the values");
    let mut column = 0;
    while column < weights.n {
        let panel = Panel { weights: &weights.values[column * weights.k..], piece, width: weights.n, add };
        if weights.n - column >= 2 * lanes {
            columns::<S, 2>(simd, rows, &panel, &mut out[column..]);
            column += 2 * lanes;
        } else {
            columns::<S, 1>(simd, rows, &panel, &mut out[column..]);
            column += lanes;
        }
    }
}

/// The columns of a product that registers hold at once.
struct Panel<'a> {
    weights: &'a [f32],
    /// Inputs in a piece of a row.
    piece: usize,
    /// Width of the rows of the output.
    width: usize,
    add: bool,
}

/// All rows for one panel of `N` vectors.
#[inline(always)]
fn columns<S: Simd, const N: usize>(simd: S, rows: &Rows, panel: &Panel, out: &mut [f32]) {
    let mut done = 0;
    macro_rules! block {
        ($m:literal) => {
            while rows.count - done >= $m {
                block::<S, $m, N>(simd, rows, done, panel, &mut out[done * panel.width..]);
                done += $m;
            }
        };
    }
    // As many sums as registers hold beside the weights and a value.
    match (S::REGISTER_COUNT >= 32, N) {
        (true, 2) => block!(12),
        (true, _) => block!(16),
        (false, 2) => block!(6),
        (false, _) => block!(8),
    }
    block!(4);
    block!(1);
}

/// `M` rows from `first` on: sums stay in registers over the whole of k.
#[inline(always)]
fn block<S: Simd, const M: usize, const N: usize>(
    simd: S,
    rows: &Rows,
    first: usize,
    panel: &Panel,
    out: &mut [f32],
) {
    let mut sums = [[simd.splat_f32s(0.0); N]; M];
    let used = panel.piece * rows.segments * N * S::F32_LANES;
    let weights: &[[S::f32s; N]] = bytemuck::cast_slice(&panel.weights[..used]);
    for (segment, weights) in weights.chunks_exact(panel.piece).enumerate() {
        let start = first * rows.row + segment * rows.segment;
        for (k, w) in weights.iter().enumerate() {
            for (m, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `product` checked that the last value of the last row lies within the values.
                let x = simd.splat_f32s(unsafe { *rows.values.get_unchecked(start + m * rows.row + k) });
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = simd.mul_add_e_f32s(x, *w, *sum);
                }
            }
        }
    }
    for (m, sums) in sums.iter().enumerate() {
        let out: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut out[m * panel.width..][..N * S::F32_LANES]);
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = if panel.add { simd.add_f32s(*out, *sum) } else { *sum };
        }
    }
}

/// Most lanes that vectors may have; `EXEMPLAR_LANES` lowers it, to measure and test what other processors do.
fn most_lanes() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| {
        std::env::var("EXEMPLAR_LANES").ok().and_then(|lanes| lanes.parse().ok()).unwrap_or(usize::MAX)
    })
}

/// Runs `op` with the widest vectors that `width` is a multiple of.
pub fn vectorize<Op: WithSimd>(width: usize, op: Op) -> Op::Output {
    let allowed = |lanes: usize| width.is_multiple_of(lanes) && lanes <= most_lanes();
    #[cfg(target_arch = "x86_64")]
    {
        if allowed(16)
            && let Some(simd) = pulp::x86::V4::try_new()
        {
            return Simd::vectorize(simd, op);
        }
        if allowed(8)
            && let Some(simd) = pulp::x86::V3::try_new()
        {
            return Simd::vectorize(simd, op);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if allowed(4)
        && let Some(simd) = pulp::aarch64::Neon::try_new()
    {
        return Simd::vectorize(simd, op);
    }
    // Eight values that the compiler makes vectors of where it can; widths are multiples of eight.
    Simd::vectorize(pulp::Scalar256b, op)
}

/// Values in a vector for maps of this width.
pub fn lanes(width: usize) -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    vectorize(width, Lanes)
}
