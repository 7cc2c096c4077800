//! What is done voxel by voxel: the last layer, and the mean over pairs.

use super::product::Four;
use cubecl::prelude::*;

/// The last layer: one channel of each voxel. `weights` begin with the output's for each input, `pitch` vectors apart.
#[cube(launch)]
pub fn head<E: Float>(
    source: &[Four<E>],
    weights: &[Four<E>],
    bias: &[Four<f32>],
    out: &mut [f32],
    width: usize,
    pitch: usize,
    #[define(E)] _storage: ElemType,
) {
    let voxel = ABSOLUTE_POS;
    if voxel < out.len() {
        let mut sum = bias[0].extract(0usize);
        for vector in 0..width {
            let values = Four::<f32>::cast_from(source[voxel * width + vector]);
            #[unroll]
            for lane in 0..4usize {
                let weight = Four::<f32>::cast_from(weights[(vector * 4 + lane) * pitch]);
                sum = fma(values.extract(lane), weight.extract(0usize), sum);
            }
        }
        out[voxel] = sum;
    }
}

/// The mean over the pairs of `new`, and where there is a mean already that one moved towards it by `weight`.
#[cube(launch)]
pub fn mean<E: Float>(
    new: &[Four<E>],
    before: ComptimeOption<&[Four<E>]>,
    out: &mut [Four<E>],
    pairs: usize,
    weight: f32,
    #[define(E)] _storage: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at < out.len() {
        let mut sum = Four::<f32>::new(0.0);
        for pair in 0..pairs {
            sum += Four::<f32>::cast_from(new[pair * out.len() + at]);
        }
        let mut value = sum / Four::<f32>::new(f32::cast_from(pairs));
        #[comptime]
        if let ComptimeOption::Some(before) = &before {
            let before = Four::<f32>::cast_from(before[at]);
            value = before + (value - before) * Four::<f32>::new(weight);
        }
        out[at] = Four::<E>::cast_from(value);
    }
}
