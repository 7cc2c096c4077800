//! Bias field: receive coils intensify nearby tissue.

use imaging::Cube;
use imaging::filter::field::Basis;
use imaging::random::within;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Multiplies the image by exp(f); f is a sum of products of Legendre polynomials along the three axes, of total degree
/// at most `degree`.
///
/// The authors' data loader interprets the first axis as channels, so that their field is constant along it; this one
/// varies along all three.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BiasField {
    /// Largest total degree.
    pub degree: usize,
    /// Range of the coefficients.
    pub coefficients: [f32; 2],
}

impl BiasField {
    /// Multiplies an image by a randomly drawn field.
    pub fn apply(&self, image: &mut Cube, rng: &mut dyn Rng) {
        let basis = Basis::legendre(image.side, self.degree);
        let n = basis.count();
        let total = |at: usize| at % n + at / n % n + at / (n * n);
        let coefficients: Vec<f32> = (0..n.pow(3))
            .map(|at| if total(at) <= self.degree { within(self.coefficients, rng) } else { 0.0 })
            .collect();
        let field = basis.field(&coefficients);
        image.voxels.iter_mut().zip(field).for_each(|(value, field)| *value *= field.exp());
    }
}
