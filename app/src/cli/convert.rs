//! `exemplar convert`: checkpoint to safetensors.

use super::{ConvertArgs, Precision};
use anyhow::{Result, ensure};
use exemplar_engine::network::{Device, Model};
use exemplar_engine::weights::{self, Weights};

/// Runs the command.
pub fn run(args: &ConvertArgs) -> Result<()> {
    ensure!(args.input != args.output, "Choose another output: an input file is never overwritten.");
    let mut weights = Weights::open(&args.input)?;
    // What is written must be a network that opens again.
    let model = Model::load(weights.clone(), &Device::cpu())?;
    let origin = format!("converted from {}", weights.name());
    weights.metadata.entry("description".into()).or_insert(origin);
    let precision = match args.precision {
        Precision::F32 => weights::Precision::F32,
        Precision::F16 => weights::Precision::F16,
    };
    weights::write(&args.output, &weights, precision)?;
    let (name, count) = (args.output.display(), model.info.parameters);
    println!("{name}: {count} parameters, channels {:?}", model.info.channels);
    Ok(())
}
