//! Range of a volume's intensities and the contrast that suits it.

use imaging::Volume;

/// Computed once for each volume, when it is loaded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Least intensity.
    pub low: f32,
    /// Greatest intensity.
    pub high: f32,
    /// Suggested width of the shown range.
    pub window: f32,
    /// Suggested middle of the shown range.
    pub level: f32,
}

/// Enough voxels for stable percentiles; more would only take longer.
const SAMPLES: usize = 1 << 18;

impl Statistics {
    /// Robust contrast: black at the 1st percentile of all voxels, white at the 99.5th percentile of the
    /// foreground, which is everything brighter than the mean; so neither the air around a head nor a few
    /// bright vessels decide. A flat volume gets a window around its only value.
    pub fn of(volume: &Volume) -> Self {
        let (low, high) = volume
            .voxels
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
        if low >= high {
            let value = if low.is_finite() { low } else { 0.0 };
            return Self { low: value, high: value, window: 1.0, level: value };
        }
        // An odd stride visits all columns of the usual even-sided volumes.
        let stride = (volume.voxels.len() / SAMPLES) | 1;
        let mut samples: Vec<f32> = volume.voxels.iter().copied().step_by(stride).collect();
        samples.sort_unstable_by(f32::total_cmp);
        let mean = samples.iter().map(|&v| f64::from(v)).sum::<f64>() / samples.len() as f64;
        let foreground = &samples[samples.partition_point(|&v| f64::from(v) <= mean)..];
        let black = percentile(&samples, 0.01);
        let white = if foreground.is_empty() { high } else { percentile(foreground, 0.995) };
        let (black, white) = if white > black { (black, white) } else { (low, high) };
        Self { low, high, window: white - black, level: (white + black) / 2.0 }
    }
}

/// The value below which `fraction` of the sorted samples lie.
fn percentile(sorted: &[f32], fraction: f64) -> f32 {
    sorted[((sorted.len() - 1) as f64 * fraction).round() as usize]
}
