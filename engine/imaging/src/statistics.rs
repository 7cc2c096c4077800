//! Order statistics and Otsu's threshold of many floats, exact and the same for any number of threads.

use rayon::prelude::*;

const BUCKETS: usize = 1 << 16;

/// A float as an integer that sorts the same way.
fn key(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

fn value_of(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
}

/// Counts the values of all rows by bucket; `None` leaves a value out.
fn count(rows: &[&[f32]], buckets: usize, bucket: impl Fn(f32) -> Option<usize> + Sync) -> Vec<u64> {
    let tally = |mut counts: Vec<u64>, some: &[&[f32]]| {
        some.iter().copied().flatten().filter_map(|&v| bucket(v)).for_each(|b| counts[b] += 1);
        counts
    };
    let add = |mut a: Vec<u64>, b: Vec<u64>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    let part = rows.len().div_ceil(4 * rayon::current_num_threads()).max(1);
    rows.par_chunks(part).fold(|| vec![0; buckets], tally).reduce(|| vec![0; buckets], add)
}

/// The values at these fractions (0 smallest, 1 largest) of all rows in ascending order. Zeros when there is no value.
pub fn quantiles<const N: usize>(rows: &[&[f32]], fractions: [f64; N]) -> [f32; N] {
    quantiles_of(rows, |_| true, fractions).unwrap_or([0.0; N])
}

/// As [`quantiles`], of the values to `keep`: two counting passes over the upper and lower half of each float's bits, so
/// nothing is copied or sorted.
pub fn quantiles_of<const N: usize>(
    rows: &[&[f32]],
    keep: impl Fn(f32) -> bool + Sync,
    fractions: [f64; N],
) -> Option<[f32; N]> {
    let upper = count(rows, BUCKETS, |v| keep(v).then(|| (key(v) >> 16) as usize));
    let total: u64 = upper.iter().sum();
    let value = |fraction: f64| {
        let rank = (fraction * total.saturating_sub(1) as f64).round() as u64;
        let (high, before) = find(&upper, rank);
        let lower = count(rows, BUCKETS, |v| {
            (key(v) >> 16 == high as u32 && keep(v)).then_some((key(v) & 0xffff) as usize)
        });
        let (low, _) = find(&lower, rank - before);
        value_of((high as u32) << 16 | low as u32)
    };
    (total > 0).then(|| fractions.map(value))
}

/// The bucket that holds the value of this rank, and how many values lie before the bucket.
fn find(counts: &[u64], rank: u64) -> (usize, u64) {
    let mut before = 0;
    for (bucket, &n) in counts.iter().enumerate() {
        if rank < before + n {
            return (bucket, before);
        }
        before += n;
    }
    (0, rank)
}

/// Sums over pairs of values, for their correlation.
#[derive(Clone, Copy, Default)]
pub struct Sums([f64; 6]);

impl Sums {
    /// Adds a pair.
    pub fn add(&mut self, a: f64, b: f64) {
        self.join(&Self([1.0, a, b, a * a, b * b, a * b]));
    }

    /// Adds the pairs of `others`.
    pub fn join(&mut self, others: &Self) {
        self.0.iter_mut().zip(others.0).for_each(|(sum, term)| *sum += term);
    }

    /// Number of pairs.
    pub fn count(&self) -> f64 {
        self.0[0]
    }

    /// Pearson's correlation; 0 where one of both is constant.
    pub fn correlation(&self) -> f64 {
        let [n, a, b, aa, bb, ab] = self.0;
        let variances = (aa - a * a / n) * (bb - b * b / n);
        if variances > 0.0 { (ab - a * b / n) / variances.sqrt() } else { 0.0 }
    }
}

/// Otsu's threshold: the split of the histogram with the largest variance between its halves. The histogram ends
/// at the 99.9th percentile so that a few hot voxels do not decide. `None` for a constant image.
pub fn otsu(rows: &[&[f32]]) -> Option<f32> {
    const BINS: usize = 256;
    let [low, high] = quantiles(rows, [0.0, 0.999]).map(f64::from);
    if high <= low {
        return None;
    }
    let width = (high - low) / BINS as f64;
    let bins = count(rows, BINS, |v| Some((((f64::from(v) - low) / width) as usize).min(BINS - 1)));
    let total: f64 = bins.iter().map(|&n| n as f64).sum();
    let sum: f64 = bins.iter().enumerate().map(|(i, &n)| i as f64 * n as f64).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let mut best = (0.0, 0);
    for (i, &n) in bins.iter().enumerate() {
        below += n as f64;
        sum_below += i as f64 * n as f64;
        let between = (sum / total * below - sum_below).powi(2) / (below * (total - below)).max(1.0);
        if between > best.0 {
            best = (between, i);
        }
    }
    // The upper edge of the best bin: what lies in it belongs below.
    Some((low + (best.1 + 1) as f64 * width) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let values: Vec<f32> = (0..1001).map(|i| ((i * 577) % 1001) as f32 * 0.37 - 100.0).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f32::total_cmp);
        let rows: Vec<_> = values.chunks(10).collect();
        assert_eq!(quantiles(&rows, [0.0, 0.02, 0.5, 0.98, 1.0]), [0, 20, 500, 980, 1000].map(|i| sorted[i]));
        assert_eq!(quantiles(&[], [0.5]), [0.0]);
    }

    #[test]
    fn otsu_splits_two_tissues_whatever_the_hot_voxels() {
        let mut values: Vec<f32> =
            (0..2000).map(|i| if i % 3 == 0 { 100.0 } else { 10.0 } + (i % 7) as f32).collect();
        values[5] = 1e7;
        let threshold = otsu(&[&values]).unwrap();
        assert!(threshold > 16.0 && threshold < 100.0, "{threshold}");
        assert_eq!(otsu(&[&[3.0; 50]]), None);
    }
}
