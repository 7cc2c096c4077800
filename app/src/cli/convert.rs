//! `exemplar convert`: converts a checkpoint to safetensors.

use super::print::out;
use super::{ConvertArgs, Precision, outputs};
use anyhow::Result;
use network::weights;
use network::weights::Weights;
use network::{Device, Model};

/// Runs the command.
pub fn run(args: &ConvertArgs) -> Result<()> {
    outputs::check([&args.input], [(args.output.as_path(), outputs::WEIGHTS)], args.force)?;
    let mut weights = Weights::open(&args.input)?;
    // Loading the model checks that the weights form a complete network.
    let model = Model::load(weights.clone(), &Device::cpu())?;
    let origin = format!("converted from {}", weights.name());
    weights.metadata.entry("description".into()).or_insert(origin);
    let precision = match args.precision {
        Precision::F32 => weights::Precision::F32,
        Precision::F16 => weights::Precision::F16,
    };
    weights::write(&args.output, &weights, precision)?;
    let (name, count) = (args.output.display(), model.info.parameters);
    out!("{name}: {count} parameters, channels {:?}", model.info.channels)
}
