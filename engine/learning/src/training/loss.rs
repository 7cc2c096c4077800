//! The losses of the paper, each with its gradient with respect to the output.

use serde::{Deserialize, Serialize};

/// The loss of an output.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Eq. 6, for segmentation: the mean over voxels of |d|³ / 3 for |d| < 1, and |d| − 2/3 otherwise; d is the
    /// difference.
    Segmentation,
    /// Eq. 7, for images: half the smooth L1 loss of the intensities, and half that of their differences between
    /// neighbours, averaged over the three axes.
    Generation,
}

impl Loss {
    /// The loss of `output` against `truth`, both cubes of `side`³ with x fastest, and its gradient.
    pub fn of(self, output: &[f32], truth: &[f32], side: usize) -> (f64, Vec<f32>) {
        assert!(output.len() == truth.len() && output.len() == side.pow(3));
        let differences: Vec<f32> = output.iter().zip(truth).map(|(output, truth)| output - truth).collect();
        let mut gradient = vec![0.0; output.len()];
        let count = output.len() as f64;
        let mut loss = 0.0;
        match self {
            Self::Segmentation => {
                for (d, gradient) in differences.iter().map(|&d| f64::from(d)).zip(&mut gradient) {
                    let size = d.abs();
                    loss += if size < 1.0 { size.powi(3) / 3.0 } else { size - 2.0 / 3.0 };
                    *gradient = (d.signum() * (size * size).min(1.0) / count) as f32;
                }
            }
            Self::Generation => {
                for (&d, gradient) in differences.iter().zip(&mut gradient) {
                    let (value, slope) = smooth_l1(d);
                    loss += value / 2.0;
                    *gradient += (slope / 2.0 / count) as f32;
                }
                for step in [1, side, side * side] {
                    for i in (0..differences.len()).filter(|i| i / step % side + 1 < side) {
                        let (value, slope) = smooth_l1(differences[i + step] - differences[i]);
                        loss += value / 6.0;
                        let slope = (slope / 6.0 / count) as f32;
                        gradient[i + step] += slope;
                        gradient[i] -= slope;
                    }
                }
            }
        }
        (loss / count, gradient)
    }
}

/// 1 − the soft Dice of `output` and `truth` with squares in its denominator (Milletari et al., V-Net, 2016), and its
/// gradient. It is defined for any output; an empty output has no loss for an empty truth.
pub fn dice(output: &[f32], truth: &[f32]) -> (f64, Vec<f32>) {
    const SMOOTH: f64 = 1.0;
    let pairs = || output.iter().zip(truth).map(|(&p, &t)| (f64::from(p), f64::from(t)));
    let (both, sizes) =
        pairs().fold((0.0, 0.0), |(both, sizes), (p, t)| (both + p * t, sizes + p * p + t * t));
    let (above, below) = (2.0 * both + SMOOTH, sizes + SMOOTH);
    let slope = |(p, t): (f64, f64)| (2.0 * (above * p - below * t) / (below * below)) as f32;
    (1.0 - above / below, pairs().map(slope).collect())
}

/// Smooth L1: d² / 2 for |d| < 1, |d| − ½ otherwise; also returns the derivative.
fn smooth_l1(d: f32) -> (f64, f64) {
    let d = f64::from(d);
    (if d.abs() < 1.0 { d * d / 2.0 } else { d.abs() - 0.5 }, d.clamp(-1.0, 1.0))
}
