//! Vectors: the widest that the processor has and that divide a row.

use pulp::{Simd, WithSimd};
use std::sync::OnceLock;

/// Maximum number of vector lanes; `EXEMPLAR_LANES` lowers it, to measure and test the code paths of other processors.
fn max_lanes() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| {
        std::env::var("EXEMPLAR_LANES").ok().and_then(|lanes| lanes.parse().ok()).unwrap_or(usize::MAX)
    })
}

/// Runs `op` with the widest vectors that divide `width`.
pub fn vectorize<Op: WithSimd>(width: usize, op: Op) -> Op::Output {
    let allowed = |lanes: usize| width.is_multiple_of(lanes) && lanes <= max_lanes();
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
        if allowed(4)
            && let Some(simd) = pulp::x86::V2::try_new()
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
    Simd::vectorize(pulp::Scalar, op)
}

/// a · b + c, fused where the processor supports it. x86 with four lanes does not, and would call a library function.
#[inline(always)]
pub fn multiply_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    if cfg!(target_arch = "x86_64") && S::F32_LANES == 4 {
        simd.add_f32s(simd.mul_f32s(a, b), c)
    } else {
        simd.mul_add_e_f32s(a, b, c)
    }
}

/// Number of voxels whose values can share a vector: two if a voxel has half as many values as a vector.
pub fn most_groups(width: usize) -> usize {
    if lanes(2 * width) > width { 2 } else { 1 }
}

/// Vector lanes for rows of this width.
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
