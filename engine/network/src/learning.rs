//! The gradient of Algorithm 1, which records the last mini-context only.

use super::mean::Mean;
use super::neuroverse::{ContextBranch, Neuroverse, TargetFeatures};
use super::ops::{Ops, Weighted};
use super::{Cube, must_be_cubes};
use crate::weights::{Array, Weights};
use imaging::{Error, Result};
use std::collections::BTreeMap;

/// Arrays by the name of the parameter.
pub type Arrays = BTreeMap<String, Array>;

/// The loss of an output, and its gradient with respect to each voxel of the output.
pub type Loss<'a> = dyn FnMut(&[f32]) -> (f64, Vec<f32>) + 'a;

/// Operations that are recorded for a backward pass.
pub trait Learn: Ops {
    /// Discards the record of an earlier run that failed, and starts recording.
    fn start(&self);
    /// Pauses or resumes recording; results computed while `paused` count as constant.
    fn pause(&self, paused: bool);
    /// The same values, with their gradient multiplied by `factor`.
    fn amplify(&self, x: Self::Map, factor: f64) -> Result<Self::Map>;
    /// From the gradient with respect to the last result of [`Ops::output`], writes the gradients with respect to all
    /// weights to `gradients`, which must hold zeros for all of them, and discards the record.
    fn backward(&self, gradient: &[f32], gradients: &mut Arrays) -> Result<()>;
}

/// The loss of one prediction and its gradients with respect to all weights.
///
/// Pairs are read in mini-contexts of `mini_context`. All but the last are constant; the gradient through the last is
/// multiplied by the number of mini-contexts, so that its expectation over their order is the full gradient
/// (appendix A.1 of the paper). A U-Net reads no pairs.
///
/// # Errors
/// [`Error::Request`] for pairs of another side than the target's, and for a loss whose gradient is not one of the
/// output.
pub fn gradients<O: Learn>(
    ops: &O,
    weights: &Weights,
    (target, pairs): (&Cube, &[(&Cube, &Cube)]),
    mini_context: usize,
    loss: &mut Loss,
) -> Result<(f64, Arrays)> {
    must_be_cubes(target.side, pairs.iter().flat_map(|&(image, label)| [image, label]).chain([target]))?;
    let mut gradients = weights.arrays.iter().map(|(name, array)| (name.clone(), array.zeros())).collect();
    ops.start();
    let network = Neuroverse::load(ops, &mut weights.clone())?;
    let check = &mut || Ok(());
    let features = network.encode(ops, target, check)?;
    let context = match &network.context {
        Some(branch) => read((ops, branch), &features, pairs, mini_context)?,
        None => Vec::new(),
    };
    let output = network.decode(ops, &features, &context, check)?;
    let (loss, gradient) = loss(&output);
    if gradient.len() != output.len() {
        return Err(Error::Request(format!(
            "The loss gave a gradient for {} voxels and the output has {}; give one for each.",
            gradient.len(),
            output.len()
        )));
    }
    ops.backward(&gradient, &mut gradients)?;
    Ok((loss, gradients))
}

/// Mean context features over all pairs, coarsest first; only the last mini-context is recorded.
fn read<O: Learn>(
    (ops, branch): (&O, &ContextBranch<O>),
    target: &TargetFeatures<O>,
    pairs: &[(&Cube, &Cube)],
    mini_context: usize,
) -> Result<Vec<O::Map>> {
    let mini_context = mini_context.max(1);
    let count = pairs.len().div_ceil(mini_context);
    let amplify = |new| ops.amplify(new, count as f64);
    let mut mean = Mean::new(target);
    for (number, some) in pairs.chunks(mini_context).enumerate() {
        ops.pause(number + 1 < count);
        for some in some.chunks(ops.useful_mini_context(mini_context)) {
            mean.read((ops, branch), target, some, &mut || Ok(()), &amplify)?;
        }
    }
    mean.finish()
}

impl Weighted {
    /// Writes gradients `[out, in, k, k, k]` and, if this part has the bias, `[out]` to their places in those of the
    /// stored convolution.
    pub fn credit(&self, gradients: &mut Arrays, weight: Vec<f32>, bias: Vec<f32>) {
        let mut write = |what: &str, first: usize, values: Vec<f32>| {
            let whole = gradients.get_mut(&format!("{}.{what}", self.name));
            let whole = &mut whole.expect("there are gradients for all weights").values;
            if whole.len() == values.len() {
                *whole = values;
                return;
            }
            let [whole_row, row] = [whole.len(), values.len()].map(|len| len / self.outputs());
            for (to, from) in whole.chunks_mut(whole_row).zip(values.chunks(row)) {
                to[first..][..row].copy_from_slice(from);
            }
        };
        let taps = weight.len() / (self.outputs() * self.inputs());
        write("weight", self.first_input * taps, weight);
        if !self.bias.is_empty() {
            write("bias", 0, bias);
        }
    }
}
