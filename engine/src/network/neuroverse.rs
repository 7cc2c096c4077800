//! Neuroverse3D as in the paper's figure (Hu et al., ICCV 2025): a target branch and a context U-Net that meet
//! at every scale. Parameter names are those of the published state dict without its leading `net.`.

use super::ops::{Conv, Ops, UpConv};
use crate::Result;
use crate::weights::Weights;
use burn::tensor::{Device, Tensor};

/// Called between the units of the network; an error stops the work there.
pub type Check<'a> = dyn FnMut() -> Result<()> + 'a;

/// Two 3³ convolutions around a residual: GELU(x + conv(GELU(conv(x)))).
pub struct Unit {
    first: Conv,
    second: Conv,
}

/// A 1³ convolution on the concatenation of context and target features, split by its input.
pub struct Fusion {
    context: Conv,
    target: Conv,
}

/// Halves the side after a unit.
pub struct EncoderStage {
    unit: Unit,
    down: Conv,
}

/// Doubles the side, takes the shortcut in, then a unit.
pub struct DecoderStage {
    up: UpConv,
    unit: Unit,
}

/// The whole network, stage 0 being the finest.
pub struct Neuroverse {
    target_embedding: Conv,
    target_encoder: Vec<EncoderStage>,
    context_embedding: Conv,
    context_encoder: Vec<(EncoderStage, Fusion)>,
    context_bottom: Unit,
    context_decoder: Vec<DecoderStage>,
    target_bottom: (Unit, Fusion),
    target_decoder: Vec<(DecoderStage, Fusion)>,
    head: Unit,
    output: Conv,
}

/// What the target encoder makes of the target, and what every pair needs of it.
pub struct TargetFeatures {
    /// Outputs of the encoder's units, finest first.
    pub shortcuts: Vec<Tensor<5>>,
    /// The coarsest features.
    pub bottom: Tensor<5>,
    /// The target's half of the context encoder's fusions, finest first.
    fused: Vec<Tensor<5>>,
}

impl Unit {
    fn forward(&self, ops: &dyn Ops, x: Tensor<5>) -> Tensor<5> {
        let inner = ops.conv3_gelu(&x, &self.first);
        ops.conv3_add_gelu(&inner, &self.second, x)
    }
}

impl DecoderStage {
    fn forward(
        &self,
        ops: &dyn Ops,
        x: &Tensor<5>,
        shortcut: &Tensor<5>,
        check: &mut Check,
    ) -> Result<Tensor<5>> {
        let up = ops.up(x, shortcut, &self.up);
        check()?;
        Ok(self.unit.forward(ops, up))
    }
}

impl Neuroverse {
    /// Features of the target `[1, 1, z, y, x]`, computed once for all labels.
    pub fn encode(&self, ops: &dyn Ops, target: &Tensor<5>, check: &mut Check) -> Result<TargetFeatures> {
        let mut x = ops.mix(target, &self.target_embedding);
        let (mut shortcuts, mut fused) = (Vec::new(), Vec::new());
        for (stage, (_, fusion)) in self.target_encoder.iter().zip(&self.context_encoder) {
            let shortcut = stage.unit.forward(ops, x);
            check()?;
            x = ops.down(&shortcut, &stage.down);
            fused.push(ops.mix(&shortcut, &fusion.target));
            shortcuts.push(shortcut);
        }
        Ok(TargetFeatures { shortcuts, bottom: x, fused })
    }

    /// Features of `pairs` `[ℓ, 2, z, y, x]` (image, label) at five scales, coarsest first.
    pub fn read(
        &self,
        ops: &dyn Ops,
        pairs: &Tensor<5>,
        target: &TargetFeatures,
        check: &mut Check,
    ) -> Result<Vec<Tensor<5>>> {
        let mut x = ops.mix(pairs, &self.context_embedding);
        let mut shortcuts = Vec::new();
        for ((stage, fusion), fused) in self.context_encoder.iter().zip(&target.fused) {
            let unit = stage.unit.forward(ops, x);
            check()?;
            let shortcut = ops.fuse(&unit, &fusion.context, fused);
            x = ops.down(&shortcut, &stage.down);
            shortcuts.push(shortcut);
        }
        let mut features = vec![self.context_bottom.forward(ops, x)];
        for stage in &self.context_decoder {
            check()?;
            let shortcut = shortcuts.pop().expect("there are as many shortcuts as stages");
            let deeper = features.last().expect("the bottom is there");
            features.push(stage.forward(ops, deeper, &shortcut, check)?);
        }
        Ok(features)
    }

    /// The prediction `[1, 1, z, y, x]` from the target's features and the mean features of the context.
    pub fn decode(
        &self,
        ops: &dyn Ops,
        target: &TargetFeatures,
        context: &[Tensor<5>],
        check: &mut Check,
    ) -> Result<Tensor<5>> {
        let fuse = |x: &Tensor<5>, fusion: &Fusion, context: &Tensor<5>| {
            ops.fuse(x, &fusion.target, &ops.mix(context, &fusion.context))
        };
        let (bottom, fusion) = &self.target_bottom;
        let mut x = fuse(&bottom.forward(ops, target.bottom.clone()), fusion, &context[0]);
        let scales = self.target_decoder.iter().zip(target.shortcuts.iter().rev()).zip(&context[1..]);
        for (((stage, fusion), shortcut), context) in scales {
            check()?;
            let unit = stage.forward(ops, &x, shortcut, check)?;
            x = fuse(&unit, fusion, context);
        }
        check()?;
        Ok(ops.mix(&self.head.forward(ops, x), &self.output))
    }

    /// Builds the network of these channels from named weights, each used exactly once.
    pub fn load(weights: &mut Weights, device: &Device) -> Result<Self> {
        let channels = weights.channels()?;
        let stages = channels.len() - 1;
        let mut l = Loader { weights, device };
        let target = |name: &str, i: usize| format!("target_encoder.{name}.{i}");
        let context = |name: &str, i: usize| format!("context_unet.{name}.{i}");
        let decoder = |name: &str, i: usize| format!("target_decoder.{name}.{i}");
        let fine_first = || (0..stages).map(|i| (i, channels[i], channels[i + 1]));
        let coarse_first = || (0..stages).map(|i| (i, channels[stages - i], channels[stages - 1 - i]));
        let deep = channels[stages];
        Ok(Self {
            target_embedding: l.conv("target_encoder.target_embedding", 1, channels[0], 1)?,
            target_encoder: fine_first()
                .map(|(i, a, b)| {
                    let unit = l.unit(&(target("enc_blocks", i) + ".target_conv"), a)?;
                    let down = l.conv(&(target("downsample_blocks", i) + ".target_linear_layer"), a, b, 4)?;
                    Ok(EncoderStage { unit, down })
                })
                .collect::<Result<_>>()?,
            context_embedding: l.conv("context_unet.context_embedding.module", 2, channels[0], 1)?,
            context_encoder: fine_first()
                .map(|(i, a, b)| {
                    let block = context("enc_blocks", i);
                    let unit = l.unit(&format!("{block}.context_conv.module"), a)?;
                    let (first, second) =
                        l.split(&format!("{block}.combine_conv_context.module"), a, a, a)?;
                    let down_name = context("downsample_blocks", i) + ".context_linear_layer.module";
                    let down = l.conv(&down_name, a, b, 4)?;
                    // The bias rides with the target's half, which is computed once for all pairs.
                    Ok((EncoderStage { unit, down }, Fusion { context: first, target: second }))
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
            output: l.conv("target_decoder.output_block.block.1", channels[0], 1, 1)?,
        })
    }
}

/// Turns named weights into layers on a device.
struct Loader<'a> {
    weights: &'a mut Weights,
    device: &'a Device,
}

impl Loader<'_> {
    fn conv(&mut self, name: &str, inputs: usize, outputs: usize, kernel: usize) -> Result<Conv> {
        let shape = [outputs, inputs, kernel, kernel, kernel];
        let weight = self.weights.take(&format!("{name}.weight"), &shape)?;
        let bias = self.weights.take(&format!("{name}.bias"), &[outputs])?;
        Ok(Conv {
            weight: Tensor::<1>::from_floats(weight.as_slice(), self.device).reshape(shape),
            bias: Some(Tensor::from_floats(bias.as_slice(), self.device)),
        })
    }

    fn unit(&mut self, name: &str, channels: usize) -> Result<Unit> {
        let first = self.conv(&format!("{name}.layers.0"), channels, channels, 3)?;
        Ok(Unit { first, second: self.conv(&format!("{name}.layers.2"), channels, channels, 3)? })
    }

    /// A 1³ convolution on a concatenation of `a` and `b` channels as two, the second with the bias.
    fn split(&mut self, name: &str, a: usize, b: usize, outputs: usize) -> Result<(Conv, Conv)> {
        let whole = self.conv(name, a + b, outputs, 1)?;
        let first = Conv { weight: whole.weight.clone().narrow(1, 0, a), bias: None };
        Ok((first, Conv { weight: whole.weight.narrow(1, a, b), bias: whole.bias }))
    }

    fn up(&mut self, name: &str, coarse: usize, fine: usize) -> Result<UpConv> {
        let (up, shortcut) = self.split(name, coarse, fine, fine)?;
        Ok(UpConv { up, shortcut })
    }

    /// The target decoder's fusion; the published code concatenates context first here too.
    fn fusion(&mut self, name: &str, channels: usize) -> Result<Fusion> {
        let (context, target) = self.split(name, channels, channels, channels)?;
        Ok(Fusion { context, target })
    }
}
