//! Neuroverse3D as in the paper's figure (Hu et al., ICCV 2025): a target branch and a context U-Net, fused at every
//! scale. Parameter names are those of the published state dict without its leading `net.`.
//!
//! Without the context branch the target branch is a U-Net for the one task that it was trained for.

use super::Cube;
use super::ops::{Ops, Weighted};
use crate::weights::{Array, Weights};
use imaging::{Result, memory};
use std::sync::Arc;

/// Called between the operations of the network; an error cancels the work.
pub type Check<'a> = dyn FnMut() -> Result<()> + 'a;

/// A 1³ convolution on the concatenation of context and target features, split by its input.
pub struct Fusion<O: Ops> {
    context: O::PointwiseConv,
    target: O::PointwiseConv,
}

/// Halves the side, then applies a residual unit.
pub struct EncoderStage<O: Ops> {
    down: O::Downsample,
    unit: O::ResidualUnit,
}

/// Doubles the side, adds the shortcut, then applies a residual unit. The published 1³ convolution after upsampling is
/// split by its input.
pub struct DecoderStage<O: Ops> {
    up: O::PointwiseConv,
    shortcut: O::PointwiseConv,
    unit: O::ResidualUnit,
}

/// The whole network. Encoder stages go from fine to coarse and end at the bottleneck; decoder stages go back to fine.
pub struct Neuroverse<O: Ops> {
    target_stem: O::Stem,
    target_encoder: Vec<EncoderStage<O>>,
    target_decoder: Vec<DecoderStage<O>>,
    head: O::ResidualUnit,
    output: O::PointwiseConv,
    /// The branch that reads the examples; a U-Net has none.
    pub context: Option<ContextBranch<O>>,
}

/// The context U-Net and its fusions with the target branch.
pub struct ContextBranch<O: Ops> {
    stem: O::Stem,
    encoder: Vec<EncoderStage<O>>,
    /// Fuse the target's features into this branch, before each downsampling.
    fusions: Vec<Fusion<O>>,
    decoder: Vec<DecoderStage<O>>,
    /// Fuse this branch's mean features into the target branch, at the bottleneck and after each upsampling.
    target_fusions: Vec<Fusion<O>>,
}

/// The target branch's features before any fusion with the context, computed once for all labels.
pub struct TargetFeatures<O: Ops> {
    /// Outputs of the encoder's units, finest first.
    pub shortcuts: Vec<O::Map>,
    /// The coarsest features.
    pub bottom: O::Map,
}

impl<O: Ops> ContextBranch<O> {
    /// Computes the features of `pairs` of (image, label) at every scale, coarsest first. Passes each to `take` as soon
    /// as nothing else needs it.
    pub fn read(
        &self,
        ops: &O,
        pairs: &[Vec<&Cube>],
        target: &TargetFeatures<O>,
        check: &mut Check,
        take: &mut dyn FnMut(usize, O::Map) -> Result<()>,
    ) -> Result<()> {
        let mut x = ops.stem(pairs, &self.stem)?;
        let mut shortcuts = Vec::new();
        let stages = self.encoder.iter().zip(&self.fusions).zip(&target.shortcuts);
        for ((stage, fusion), of_target) in stages {
            check()?;
            let shortcut = ops.fuse(x, &fusion.context, of_target, &fusion.target)?;
            check()?;
            let half = ops.downsample(&shortcut, &stage.down)?;
            shortcuts.push(shortcut);
            check()?;
            x = ops.residual_unit(half, &stage.unit)?;
        }
        for (scale, stage) in self.decoder.iter().enumerate() {
            let shortcut = shortcuts.pop().expect("there are as many shortcuts as stages");
            check()?;
            let up = ops.upsample_add(&x, &stage.up, shortcut, &stage.shortcut)?;
            take(scale, x)?;
            check()?;
            x = ops.residual_unit(up, &stage.unit)?;
        }
        take(self.decoder.len(), x)
    }

    fn load(l: &mut Loader<O>, channels: &[usize]) -> Result<Self> {
        let name = |name: &str, i: usize| format!("context_unet.{name}.{i}");
        let unit = |i: usize| name("enc_blocks", i) + ".context_conv.module";
        let fusion_name =
            |block: &str, i: usize| format!("target_decoder.{block}.{i}.combine_conv_target.module");
        let stem = l.stem("context_unet.context_embedding.module", &unit(0), 2, channels[0])?;
        let bottom = channels[channels.len() - 1];
        Ok(Self {
            stem,
            encoder: fine_first(channels)
                .map(|(i, a, b)| {
                    let down = name("downsample_blocks", i) + ".context_linear_layer.module";
                    Ok(EncoderStage {
                        down: l.downsample(&down, a, b)?,
                        unit: l.residual_unit(&unit(i + 1), b)?,
                    })
                })
                .collect::<Result<_>>()?,
            fusions: fine_first(channels)
                .map(|(i, a, _)| l.fusion(&(name("enc_blocks", i) + ".combine_conv_context.module"), a))
                .collect::<Result<_>>()?,
            decoder: coarse_first(channels)
                .map(|(i, a, b)| {
                    let up = name("upsample_blocks", i) + ".context_conv_layer.module";
                    l.decoder_stage(&up, &(name("dec_blocks", i) + ".context_conv.module"), a, b)
                })
                .collect::<Result<_>>()?,
            target_fusions: std::iter::once((fusion_name("enc_blocks", 0), bottom))
                .chain(coarse_first(channels).map(|(i, _, b)| (fusion_name("dec_blocks", i), b)))
                .map(|(name, channels)| l.fusion(&name, channels))
                .collect::<Result<_>>()?,
        })
    }
}

impl<O: Ops> Neuroverse<O> {
    /// Features of a target.
    pub fn encode(&self, ops: &O, target: &Cube, check: &mut Check) -> Result<TargetFeatures<O>> {
        let mut x = ops.stem(&[vec![target]], &self.target_stem)?;
        let mut shortcuts = Vec::new();
        for stage in &self.target_encoder {
            check()?;
            let half = ops.downsample(&x, &stage.down)?;
            shortcuts.push(x);
            check()?;
            x = ops.residual_unit(half, &stage.unit)?;
        }
        Ok(TargetFeatures { shortcuts, bottom: x })
    }

    /// The prediction, `[z, y, x]`, from the target's features and the mean context features, coarsest first; a U-Net
    /// takes none.
    pub fn decode(
        &self,
        ops: &O,
        target: &TargetFeatures<O>,
        context: &[O::Map],
        check: &mut Check,
    ) -> Result<Vec<f32>> {
        let mut fusions = self.context.as_ref().map(|branch| branch.target_fusions.iter().zip(context));
        let mut fuse = |x: O::Map| {
            let Some(fusions) = &mut fusions else { return Ok(x) };
            let (fusion, context) = fusions.next().expect("every scale has its features");
            ops.fuse(x, &fusion.target, context, &fusion.context)
        };
        let mut x = fuse(target.bottom.clone())?;
        for (stage, shortcut) in self.target_decoder.iter().zip(target.shortcuts.iter().rev()) {
            check()?;
            let up = ops.upsample_add(&x, &stage.up, shortcut.clone(), &stage.shortcut)?;
            check()?;
            x = fuse(ops.residual_unit(up, &stage.unit)?)?;
        }
        check()?;
        ops.output(&ops.residual_unit(x, &self.head)?, &self.output)
    }

    /// The target's bottleneck as the published code defines it: the input of the coarsest residual unit.
    pub fn bottleneck(&self, ops: &O, target: &TargetFeatures<O>) -> Result<O::Map> {
        let last = self.target_encoder.last().zip(target.shortcuts.last());
        let (stage, shortcut) = last.expect("a network has two stages at least");
        ops.downsample(shortcut, &stage.down)
    }

    /// Builds the network from named weights, each used exactly once; without a context branch if the weights have no
    /// tensor of it.
    pub fn load(ops: &O, weights: &mut Weights) -> Result<Self> {
        let channels = weights.channels()?;
        let reads_examples = weights.read_examples();
        let last = channels.len() - 1;
        let mut l = Loader { weights, ops };
        let encoder = |name: &str, i: usize| format!("target_encoder.{name}.{i}");
        let decoder = |name: &str, i: usize| format!("target_decoder.{name}.{i}");
        let unit = |i: usize| encoder("enc_blocks", i) + ".target_conv";
        let at_bottom = || decoder("enc_blocks", 0) + ".target_conv";
        let target_stem = l.stem("target_encoder.target_embedding", &unit(0), 1, channels[0])?;
        Ok(Self {
            target_stem,
            target_encoder: fine_first(&channels)
                .map(|(i, a, b)| {
                    let down =
                        l.downsample(&(encoder("downsample_blocks", i) + ".target_linear_layer"), a, b)?;
                    let unit = if i + 1 < last { unit(i + 1) } else { at_bottom() };
                    Ok(EncoderStage { down, unit: l.residual_unit(&unit, b)? })
                })
                .collect::<Result<_>>()?,
            target_decoder: coarse_first(&channels)
                .map(|(i, a, b)| {
                    let name = decoder("upsample_blocks", i) + ".target_conv_layer";
                    l.decoder_stage(&name, &(decoder("dec_blocks", i) + ".target_conv"), a, b)
                })
                .collect::<Result<_>>()?,
            head: l.residual_unit("target_decoder.output_block.block.0", channels[0])?,
            output: l.output("target_decoder.output_block.block.1", channels[0])?,
            context: reads_examples.then(|| ContextBranch::load(&mut l, &channels)).transpose()?,
        })
    }
}

/// Index, channels and next channels of each stage but the last, fine to coarse.
fn fine_first(channels: &[usize]) -> impl Iterator<Item = (usize, usize, usize)> {
    channels.windows(2).enumerate().map(|(i, pair)| (i, pair[0], pair[1]))
}

/// The same from coarse to fine.
fn coarse_first(channels: &[usize]) -> impl Iterator<Item = (usize, usize, usize)> {
    channels.windows(2).rev().enumerate().map(|(i, pair)| (i, pair[1], pair[0]))
}

/// Loads named weights into layers on a device.
struct Loader<'a, O> {
    weights: &'a mut Weights,
    ops: &'a O,
}

impl<O: Ops> Loader<'_, O> {
    fn take(&mut self, name: &str, inputs: usize, outputs: usize, kernel: usize) -> Result<Weighted> {
        let shape = vec![outputs, inputs, kernel, kernel, kernel];
        let values = self.weights.take(&format!("{name}.weight"), &shape)?;
        let bias = self.weights.take(&format!("{name}.bias"), &[outputs])?;
        let weight = Arc::new(Array { shape, values });
        Ok(Weighted { name: name.to_owned(), first_input: 0, weight, bias })
    }

    /// The two convolutions of a residual unit.
    fn pair(&mut self, name: &str, channels: usize) -> Result<(Weighted, Weighted)> {
        let mut conv = |layer: usize| self.take(&format!("{name}.layers.{layer}"), channels, channels, 3);
        Ok((conv(0)?, conv(2)?))
    }

    fn stem(&mut self, embedding: &str, unit: &str, inputs: usize, channels: usize) -> Result<O::Stem> {
        let embedding = self.take(embedding, inputs, channels, 1)?;
        let (first, second) = self.pair(unit, channels)?;
        self.ops.load_stem(&embedding, &first, &second)
    }

    fn residual_unit(&mut self, name: &str, channels: usize) -> Result<O::ResidualUnit> {
        let (first, second) = self.pair(name, channels)?;
        self.ops.load_residual_unit(&first, &second)
    }

    fn downsample(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<O::Downsample> {
        self.ops.load_downsample(&self.take(name, inputs, outputs, 4)?)
    }

    fn output(&mut self, name: &str, inputs: usize) -> Result<O::PointwiseConv> {
        self.ops.load_pointwise(&self.take(name, inputs, 1, 1)?)
    }

    /// Splits a 1³ convolution on a concatenation of `a` and `b` channels in two; the second one has the bias.
    fn split(
        &mut self,
        name: &str,
        a: usize,
        b: usize,
        outputs: usize,
    ) -> Result<(O::PointwiseConv, O::PointwiseConv)> {
        let whole = self.take(name, a + b, outputs, 1)?;
        let part = |inputs: std::ops::Range<usize>, bias: &[f32]| -> Result<O::PointwiseConv> {
            let (name, first_input) = (name.to_owned(), inputs.start);
            let shape = vec![outputs, inputs.len(), 1, 1, 1];
            let values = whole.weight.values.chunks(a + b).flat_map(|row| &row[inputs.clone()]).copied();
            let weight = Arc::new(Array { shape, values: memory::collect(values)? });
            self.ops.load_pointwise(&Weighted { name, first_input, weight, bias: bias.to_vec() })
        };
        Ok((part(0..a, &[])?, part(a..a + b, &whole.bias)?))
    }

    fn decoder_stage(&mut self, up: &str, unit: &str, coarse: usize, fine: usize) -> Result<DecoderStage<O>> {
        let (up, shortcut) = self.split(up, coarse, fine, fine)?;
        Ok(DecoderStage { up, shortcut, unit: self.residual_unit(unit, fine)? })
    }

    /// The published code concatenates the context first in both directions.
    fn fusion(&mut self, name: &str, channels: usize) -> Result<Fusion<O>> {
        let (context, target) = self.split(name, channels, channels, channels)?;
        Ok(Fusion { context, target })
    }
}
