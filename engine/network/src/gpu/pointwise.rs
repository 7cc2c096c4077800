//! What is done voxel by voxel: the last layer, and the running mean over pairs.

use super::product::Four;
use cubecl::prelude::*;

/// The last layer: one channel of each voxel. `weights` begin with the output's for each input, `pitch` vectors apart.
#[cube(launch)]
pub fn head<E: Float>(
    source: &[Four<E>],
    weights: &[Four<f32>],
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
                let weight = weights[(vector * 4 + lane) * pitch].extract(0usize);
                sum = fma(values.extract(lane), weight, sum);
            }
        }
        out[voxel] = sum;
    }
}

/// Moves a mean towards new values by `weight`.
#[cube(launch)]
pub fn mean<E: Float>(
    before: &[Four<E>],
    new: &[Four<E>],
    out: &mut [Four<E>],
    weight: f32,
    #[define(E)] _storage: ElemType,
) {
    let at = ABSOLUTE_POS;
    if at < out.len() {
        let mean = Four::<f32>::cast_from(before[at]);
        let new = Four::<f32>::cast_from(new[at]);
        out[at] = Four::<E>::cast_from(fma(new - mean, Four::<f32>::new(weight), mean));
    }
}
