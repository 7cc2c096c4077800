//! Metrics that compare voxel by voxel.

/// Dice coefficient of two masks, voxel by voxel; 1 where both are empty.
pub fn dice(voxels: impl Iterator<Item = (bool, bool)>) -> f64 {
    let (mut both, mut sizes) = (0usize, 0);
    for (ours, theirs) in voxels {
        both += usize::from(ours && theirs);
        sizes += usize::from(ours) + usize::from(theirs);
    }
    if sizes == 0 { 1.0 } else { 2.0 * both as f64 / sizes as f64 }
}

/// Peak signal-to-noise ratio in dB of images whose peak is 1; infinite where they are equal.
pub fn psnr(image: &[f32], truth: &[f32]) -> f64 {
    let squares = image.iter().zip(truth).map(|(image, truth)| f64::from(image - truth).powi(2));
    -10.0 * (squares.sum::<f64>() / truth.len() as f64).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_off_is_20_decibels_and_nothing_agrees_with_nothing() {
        assert!((psnr(&[0.1, 0.4, 1.0], &[0.0, 0.5, 0.9]) - 20.0).abs() < 1e-5);
        assert_eq!(psnr(&[0.5], &[0.5]), f64::INFINITY);
        assert_eq!(dice([(false, false)].into_iter()), 1.0);
    }
}
