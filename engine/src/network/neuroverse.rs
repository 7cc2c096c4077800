//! Neuroverse3D as in the paper's figure (Hu et al., ICCV 2025): a target branch and a context U-Net that meet
//! at every scale. Parameter names are those of the published state dict without its leading `net.`.

use super::ops::{Ops, UpConv};
use crate::Result;
use crate::weights::{Array, Weights};
use std::borrow::Cow;

/// Called between the operations of the network; an error stops the work there.
pub type Check<'a> = dyn FnMut() -> Result<()> + 'a;

/// A 1³ convolution on the concatenation of context and target features, split by its input.
pub struct Fusion<O: Ops> {
    context: O::Mix,
    target: O::Mix,
}

/// Halves the side after a unit.
pub struct EncoderStage<O: Ops> {
    unit: O::Unit,
    down: O::Down,
}

/// Doubles the side, takes the shortcut in, then a unit.
pub struct DecoderStage<O: Ops> {
    up: UpConv<O::Mix>,
    unit: O::Unit,
}

/// The whole network, stage 0 being the finest.
pub struct Neuroverse<O: Ops> {
    target_embedding: O::Mix,
    target_encoder: Vec<EncoderStage<O>>,
    context_embedding: O::Mix,
    context_encoder: Vec<(EncoderStage<O>, Fusion<O>)>,
    context_bottom: O::Unit,
    context_decoder: Vec<DecoderStage<O>>,
    target_bottom: (O::Unit, Fusion<O>),
    target_decoder: Vec<(DecoderStage<O>, Fusion<O>)>,
    head: O::Unit,
    output: O::Mix,
}

/// What the target encoder makes of the target, computed once for all labels.
pub struct TargetFeatures<O: Ops> {
    /// Outputs of the encoder's units, finest first.
    pub shortcuts: Vec<O::Map>,
    /// The coarsest features.
    pub bottom: O::Map,
}

impl<O: Ops> Neuroverse<O> {
    /// Features of the target `[1, 1, z, y, x]`.
    pub fn encode(&self, ops: &O, target: &O::Map, check: &mut Check) -> Result<TargetFeatures<O>> {
        let mut x = ops.mix(target, &self.target_embedding);
        let mut shortcuts = Vec::new();
        for stage in &self.target_encoder {
            let shortcut = ops.unit(x, &stage.unit);
            check()?;
            x = ops.down(&shortcut, &stage.down);
            check()?;
            shortcuts.push(shortcut);
        }
        Ok(TargetFeatures { shortcuts, bottom: x })
    }

    /// Features of `pairs` `[ℓ, 2, z, y, x]` (image, label) at five scales, coarsest first. Each is handed to `take`
    /// as soon as nothing else needs it.
    pub fn read(
        &self,
        ops: &O,
        pairs: O::Map,
        target: &TargetFeatures<O>,
        check: &mut Check,
        take: &mut dyn FnMut(usize, O::Map),
    ) -> Result<()> {
        let mut x = ops.mix(&pairs, &self.context_embedding);
        drop(pairs);
        let mut shortcuts = Vec::new();
        for ((stage, fusion), of_target) in self.context_encoder.iter().zip(&target.shortcuts) {
            let unit = ops.unit(x, &stage.unit);
            check()?;
            let shortcut = ops.fuse(unit, &fusion.context, of_target, &fusion.target);
            check()?;
            x = ops.down(&shortcut, &stage.down);
            check()?;
            shortcuts.push(shortcut);
        }
        let mut features = ops.unit(x, &self.context_bottom);
        for (scale, stage) in self.context_decoder.iter().enumerate() {
            let shortcut = shortcuts.pop().expect("there are as many shortcuts as stages");
            check()?;
            let up = ops.up(&features, Cow::Owned(shortcut), &stage.up);
            take(scale, features);
            check()?;
            features = ops.unit(up, &stage.unit);
        }
        take(self.context_decoder.len(), features);
        Ok(())
    }

    /// The prediction, `[z, y, x]`, from the target's features and the mean features of the context, coarsest first.
    pub fn decode(
        &self,
        ops: &O,
        target: &TargetFeatures<O>,
        context: &[O::Map],
        check: &mut Check,
    ) -> Result<Vec<f32>> {
        let fuse = |x: O::Map, fusion: &Fusion<O>, context: &O::Map| {
            ops.fuse(x, &fusion.target, context, &fusion.context)
        };
        let (bottom, fusion) = &self.target_bottom;
        let mut x = fuse(ops.unit(target.bottom.clone(), bottom), fusion, &context[0]);
        let scales = self.target_decoder.iter().zip(target.shortcuts.iter().rev()).zip(&context[1..]);
        for (((stage, fusion), shortcut), context) in scales {
            check()?;
            let up = ops.up(&x, Cow::Borrowed(shortcut), &stage.up);
            check()?;
            x = fuse(ops.unit(up, &stage.unit), fusion, context);
        }
        check()?;
        ops.output(&ops.unit(x, &self.head), &self.output)
    }

    /// Builds the network of these channels from named weights, each used exactly once.
    pub fn load(ops: &O, weights: &mut Weights) -> Result<Self> {
        let channels = weights.channels()?;
        let stages = channels.len() - 1;
        let mut l = Loader { weights, ops };
        let target = |name: &str, i: usize| format!("target_encoder.{name}.{i}");
        let context = |name: &str, i: usize| format!("context_unet.{name}.{i}");
        let decoder = |name: &str, i: usize| format!("target_decoder.{name}.{i}");
        let fine_first = || (0..stages).map(|i| (i, channels[i], channels[i + 1]));
        let coarse_first = || (0..stages).map(|i| (i, channels[stages - i], channels[stages - 1 - i]));
        let deep = channels[stages];
        Ok(Self {
            target_embedding: l.embedding("target_encoder.target_embedding", 1, channels[0])?,
            target_encoder: fine_first()
                .map(|(i, a, b)| {
                    let unit = l.unit(&(target("enc_blocks", i) + ".target_conv"), a)?;
                    let down = l.down(&(target("downsample_blocks", i) + ".target_linear_layer"), a, b)?;
                    Ok(EncoderStage { unit, down })
                })
                .collect::<Result<_>>()?,
            context_embedding: l.embedding("context_unet.context_embedding.module", 2, channels[0])?,
            context_encoder: fine_first()
                .map(|(i, a, b)| {
                    let block = context("enc_blocks", i);
                    let unit = l.unit(&format!("{block}.context_conv.module"), a)?;
                    let fusion = l.fusion(&format!("{block}.combine_conv_context.module"), a)?;
                    let down_name = context("downsample_blocks", i) + ".context_linear_layer.module";
                    let down = l.down(&down_name, a, b)?;
                    Ok((EncoderStage { unit, down }, fusion))
                })
                .collect::<Result<_>>()?,
            context_bottom: l.unit(&(context("enc_blocks", stages) + ".context_conv.module"), deep)?,
            context_decoder: coarse_first()
                .map(|(i, a, b)| {
                    let name = context("upsample_blocks", i) + ".context_conv_layer.module";
                    let unit = l.unit(&(context("dec_blocks", i) + ".context_conv.module"), b)?;
                    Ok(DecoderStage { up: l.up(&name, a, b)?, unit })
                })
                .collect::<Result<_>>()?,
            target_bottom: (
                l.unit("target_decoder.enc_blocks.0.target_conv", deep)?,
                l.fusion("target_decoder.enc_blocks.0.combine_conv_target.module", deep)?,
            ),
            target_decoder: coarse_first()
                .map(|(i, a, b)| {
                    let block = decoder("dec_blocks", i);
                    let up = l.up(&(decoder("upsample_blocks", i) + ".target_conv_layer"), a, b)?;
                    let unit = l.unit(&format!("{block}.target_conv"), b)?;
                    let fusion = l.fusion(&format!("{block}.combine_conv_target.module"), b)?;
                    Ok((DecoderStage { up, unit }, fusion))
                })
                .collect::<Result<_>>()?,
            head: l.unit("target_decoder.output_block.block.0", channels[0])?,
            output: l.mix("target_decoder.output_block.block.1", channels[0], 1)?,
        })
    }
}

/// Turns named weights into layers on a device.
struct Loader<'a, O> {
    weights: &'a mut Weights,
    ops: &'a O,
}

impl<O: Ops> Loader<'_, O> {
    fn take(
        &mut self,
        name: &str,
        inputs: usize,
        outputs: usize,
        kernel: usize,
    ) -> Result<(Array, Vec<f32>)> {
        let shape = vec![outputs, inputs, kernel, kernel, kernel];
        let values = self.weights.take(&format!("{name}.weight"), &shape)?;
        Ok((Array { shape, values }, self.weights.take(&format!("{name}.bias"), &[outputs])?))
    }

    fn unit(&mut self, name: &str, channels: usize) -> Result<O::Unit> {
        let mut conv = |layer: usize| self.take(&format!("{name}.layers.{layer}"), channels, channels, 3);
        let (first, second) = (conv(0)?, conv(2)?);
        Ok(self.ops.load_unit(&first, &second))
    }

    fn down(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<O::Down> {
        let (weight, bias) = self.take(name, inputs, outputs, 4)?;
        Ok(self.ops.load_down(&weight, &bias))
    }

    fn embedding(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<O::Mix> {
        let (weight, bias) = self.take(name, inputs, outputs, 1)?;
        Ok(self.ops.load_mix(&weight, Some(&bias), true))
    }

    fn mix(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<O::Mix> {
        let (weight, bias) = self.take(name, inputs, outputs, 1)?;
        Ok(self.ops.load_mix(&weight, Some(&bias), false))
    }

    /// A 1³ convolution on a concatenation of `a` and `b` channels as two, the second with the bias.
    fn split(&mut self, name: &str, a: usize, b: usize, outputs: usize) -> Result<(O::Mix, O::Mix)> {
        let (whole, bias) = self.take(name, a + b, outputs, 1)?;
        let part = |columns: std::ops::Range<usize>| Array {
            shape: vec![outputs, columns.len(), 1, 1, 1],
            values: whole.values.chunks(a + b).flat_map(|row| &row[columns.clone()]).copied().collect(),
        };
        let first = self.ops.load_mix(&part(0..a), None, false);
        Ok((first, self.ops.load_mix(&part(a..a + b), Some(&bias), false)))
    }

    fn up(&mut self, name: &str, coarse: usize, fine: usize) -> Result<UpConv<O::Mix>> {
        let (up, shortcut) = self.split(name, coarse, fine, fine)?;
        Ok(UpConv { up, shortcut })
    }

    /// The published code concatenates context first in both directions.
    fn fusion(&mut self, name: &str, channels: usize) -> Result<Fusion<O>> {
        let (context, target) = self.split(name, channels, channels, channels)?;
        Ok(Fusion { context, target })
    }
}
