//! GELU with the exact error function, to the precision of f32.

use super::vectors::multiply_add;
use pulp::Simd;

/// erf(x / √2) ≈ x · P(x²) / Q(x²) for |x| ≤ [`FLAT`]: a minimax fit of this project with a maximum error of 8e-9.
const P: [f32; 6] =
    [0.797_884_5, 0.065_871_57, 0.009_255_985, 0.000_320_668_87, 0.000_012_758_106, 0.000_000_048_100_47];
const Q: [f32; 6] = [1.0, 0.249_224, 0.028_138_822, 0.001_836_571, 0.000_071_352_27, 0.000_001_237_165_9];
/// Beyond this the error function is 1 in f32.
const FLAT: f32 = 5.3;

/// x · Φ(x), where Φ is the cumulative normal distribution. Below −[`FLAT`] the value stays constant at −3e-7: rounding
/// of the error function, multiplied by a large x, would be a large error.
#[inline(always)]
pub fn gelu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.max_f32s(x, simd.splat_f32s(-FLAT));
    let erf = odd(simd, x, FLAT, P, Q);
    let half = simd.mul_f32s(x, simd.splat_f32s(0.5));
    multiply_add(simd, half, erf, half)
}

/// The derivative of [`gelu`], ½ + x · P(x²) / Q(x²) for |x| ≤ [`STEEP`]: a minimax fit with a maximum error of 1.4e-7.
const SLOPE_P: [f32; 6] =
    [0.797_884_5, -0.030_743_293, 0.014_209_163, 0.000_024_187_21, 0.000_035_850_546, 0.000_000_190_884_2];
const SLOPE_Q: [f32; 6] =
    [1.0, 0.294_805_88, 0.041_064_754, 0.003_528_767, 0.000_193_520_9, 0.000_008_887_45];
/// Beyond this the derivative is 0 or 1 in f32.
const STEEP: f32 = 6.0;

/// The derivative of [`gelu`]: Φ(x) + x · φ(x).
#[inline(always)]
pub fn gelu_slope<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    simd.add_f32s(simd.splat_f32s(0.5), odd(simd, x, STEEP, SLOPE_P, SLOPE_Q))
}

/// x · P(x²) / Q(x²), constant beyond ±`end`.
#[inline(always)]
fn odd<S: Simd>(simd: S, x: S::f32s, end: f32, p: [f32; 6], q: [f32; 6]) -> S::f32s {
    let end = simd.splat_f32s(end);
    let clamped = simd.max_f32s(simd.min_f32s(x, end), simd.neg_f32s(end));
    let square = simd.mul_f32s(clamped, clamped);
    simd.div_f32s(simd.mul_f32s(clamped, polynomial(simd, p, square)), polynomial(simd, q, square))
}

/// The sum of `terms[i] · xⁱ`. Not a closure, since closures are compiled without the caller's vector instructions.
#[inline(always)]
fn polynomial<S: Simd>(simd: S, terms: [f32; 6], x: S::f32s) -> S::f32s {
    let mut sum = simd.splat_f32s(terms[5]);
    for i in (0..5).rev() {
        sum = multiply_add(simd, sum, x, simd.splat_f32s(terms[i]));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::vectors::vectorize;
    use super::*;
    use pulp::WithSimd;

    struct All<'a>(&'a mut [f32]);

    impl WithSimd for All<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let values: &mut [S::f32s] = bytemuck::cast_slice_mut(self.0);
            values.iter_mut().for_each(|value| *value = gelu(simd, *value));
        }
    }

    #[test]
    fn large_values_pass_or_vanish_whatever_their_size() {
        let mut values: Vec<f32> = (0..16).map(|i| -(10.0_f32.powi(i))).collect();
        values.extend((0..16).map(|i| 10.0_f32.powi(i)));
        let want: Vec<f32> =
            values.iter().map(|&x| if x.abs() < 2.0 { x / 2.0 + 0.341_345 } else { x.max(0.0) }).collect();
        vectorize(16, All(&mut values));
        for (got, want) in values.iter().zip(want) {
            assert!((got - want).abs() <= 2e-6 * want.abs().max(1.0), "{got} instead of {want}");
        }
    }
}
