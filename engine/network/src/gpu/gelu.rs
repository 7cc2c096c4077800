//! GELU with the exact error function, to the precision of f32, with the same fit as on the CPU.

use cubecl::prelude::*;

/// x · Φ(x), where Φ is the cumulative normal distribution; erf(x / √2) ≈ x · P(x²) / Q(x²) with a maximum error of
/// 8e-9, and 1 beyond 5.3. Below −5.3 the value stays constant at −3e-7: rounding of the error function, multiplied by
/// a large x, would be a large error.
#[cube]
pub fn gelu(x: Vector<f32, Const<4>>) -> Vector<f32, Const<4>> {
    let flat = Vector::<f32, Const<4>>::new(5.3);
    let x = max(x, -flat);
    let clamped = min(x, flat);
    let square = clamped * clamped;
    let mut p = Vector::<f32, Const<4>>::new(0.000_000_048_100_47);
    p = fma(p, square, Vector::new(0.000_012_758_106));
    p = fma(p, square, Vector::new(0.000_320_668_87));
    p = fma(p, square, Vector::new(0.009_255_985));
    p = fma(p, square, Vector::new(0.065_871_57));
    p = fma(p, square, Vector::new(0.797_884_5));
    let mut q = Vector::<f32, Const<4>>::new(0.000_001_237_165_9);
    q = fma(q, square, Vector::new(0.000_071_352_27));
    q = fma(q, square, Vector::new(0.001_836_571));
    q = fma(q, square, Vector::new(0.028_138_822));
    q = fma(q, square, Vector::new(0.249_224));
    q = fma(q, square, Vector::new(1.0));
    let half = x * Vector::new(0.5);
    fma(half, clamped * p / q, half)
}
