//! Peak speed of the processor: multiply-adds on registers alone, on every thread.

use super::vectors::{multiply_add, vectorize};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::time::{Duration, Instant};

/// Floating-point operations per second, the best of a few short measurements.
pub fn flops_per_second() -> f64 {
    let threads = rayon::current_num_threads();
    let measure = |_| {
        let started = Instant::now();
        let sums: f64 = (0..threads).into_par_iter().with_max_len(1).map(|_| vectorize(32, Chains)).sum();
        sums / started.elapsed().max(Duration::from_nanos(1)).as_secs_f64()
    };
    (0..20).map(measure).fold(0.0, f64::max)
}

/// Enough independent sums to hide the latency of a multiply-add.
struct Chains;

impl WithSimd for Chains {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        const CHAINS: usize = 12;
        const STEPS: usize = 1_000_000;
        let factor = simd.splat_f32s(std::hint::black_box(0.5));
        let mut sums = [simd.splat_f32s(1.0); CHAINS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = multiply_add(simd, *sum, factor, factor);
            }
        }
        std::hint::black_box(sums);
        (2 * CHAINS * STEPS * S::F32_LANES) as f64
    }
}
