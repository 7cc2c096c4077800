//! Reproducible synthetic weights and inputs: a hash of a name and an index (FNV-1a, then SplitMix64), the formula
//! that the golden values were computed with.

use super::{Array, Weights};
use std::collections::BTreeMap;

/// `u(key, i)` for i = 0, 1, 2, …, each in [0, 1).
pub fn uniform(key: &str) -> impl Iterator<Item = f32> {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    (1u64..).map(move |i| {
        let mut z = hash.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 40) as f32 / (1u64 << 24) as f32
    })
}

/// A complete checkpoint with these channels: weights uniform within ±`gain`·√(3 / fan-in), biases within ±0.05.
pub fn weights(salt: &str, channels: &[usize], gain: f64) -> Weights {
    let arrays = shapes(channels).into_iter().map(|(name, shape)| {
        let fan_in: usize = shape[1..].iter().product();
        let bound = if shape.len() == 1 { 0.05 } else { gain * (3.0 / fan_in as f64).sqrt() };
        let draw = |u: f32| ((2.0 * f64::from(u) - 1.0) * bound) as f32;
        let values = uniform(&format!("{salt}{name}")).take(shape.iter().product()).map(draw).collect();
        (name, Array { shape, values })
    });
    Weights::made_up("made-up weights", arrays.collect())
}

/// The shape of every parameter of the network, by its public name without `net.`.
pub fn shapes(channels: &[usize]) -> BTreeMap<String, Vec<usize>> {
    let mut all = BTreeMap::new();
    let mut conv = |name: String, inputs: usize, outputs: usize, kernel: usize| {
        all.insert(format!("{name}.weight"), vec![outputs, inputs, kernel, kernel, kernel]);
        all.insert(format!("{name}.bias"), vec![outputs]);
    };
    let deepest = channels.len() - 1;
    let unit = |conv: &mut dyn FnMut(String, usize, usize, usize), name: String, c: usize| {
        for layer in [0, 2] {
            conv(format!("{name}.layers.{layer}"), c, c, 3);
        }
    };
    conv("target_encoder.target_embedding".into(), 1, channels[0], 1);
    conv("context_unet.context_embedding.module".into(), 2, channels[0], 1);
    for (i, pair) in channels.windows(2).enumerate() {
        let (fine, deep) = (pair[0], pair[1]);
        unit(&mut conv, format!("target_encoder.enc_blocks.{i}.target_conv"), fine);
        conv(format!("target_encoder.downsample_blocks.{i}.target_linear_layer"), fine, deep, 4);
        unit(&mut conv, format!("context_unet.enc_blocks.{i}.context_conv.module"), fine);
        conv(format!("context_unet.enc_blocks.{i}.combine_conv_context.module"), 2 * fine, fine, 1);
        conv(format!("context_unet.downsample_blocks.{i}.context_linear_layer.module"), fine, deep, 4);
        let d = deepest - 1 - i;
        conv(format!("context_unet.upsample_blocks.{d}.context_conv_layer.module"), fine + deep, fine, 1);
        unit(&mut conv, format!("context_unet.dec_blocks.{d}.context_conv.module"), fine);
        conv(format!("target_decoder.upsample_blocks.{d}.target_conv_layer"), fine + deep, fine, 1);
        unit(&mut conv, format!("target_decoder.dec_blocks.{d}.target_conv"), fine);
        conv(format!("target_decoder.dec_blocks.{d}.combine_conv_target.module"), 2 * fine, fine, 1);
    }
    let deep = channels[deepest];
    unit(&mut conv, format!("context_unet.enc_blocks.{deepest}.context_conv.module"), deep);
    unit(&mut conv, "target_decoder.enc_blocks.0.target_conv".into(), deep);
    conv("target_decoder.enc_blocks.0.combine_conv_target.module".into(), 2 * deep, deep, 1);
    unit(&mut conv, "target_decoder.output_block.block.0".into(), channels[0]);
    conv("target_decoder.output_block.block.1".into(), channels[0], 1, 1);
    all
}
