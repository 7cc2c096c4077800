//! `exemplar bench`: seconds and peak memory of one prediction, or of one training step, with synthetic weights.

mod train;

use super::print::{note, out};
use super::{BenchArgs, DeviceArg, conflict};
use anyhow::{Result, ensure};
use imaging::Cube;
use imaging::memory;
use network::weights::{Weights, formula};
use network::{Cost, Device, Layer, Model, Work, cpu_flops_per_second};
use serde_json::json;
use std::time::Instant;

/// Runs the command.
pub fn run(args: &BenchArgs) -> Result<()> {
    ensure!(args.contexts > 0, "Give at least one example pair (--contexts 1).");
    ensure!(
        args.channels.len() > 1 && !args.channels.contains(&0),
        "Give two or more channel counts above 0."
    );
    let weights = formula::weights("bench:", &args.channels, 1.4);
    match (args.train, args.compute.device) {
        (false, device) => predict(args, &Device::choose(device.into())?, weights),
        (true, DeviceArg::Auto | DeviceArg::Cpu) => train::run(args, &Device::cpu(), weights),
        (true, DeviceArg::Gpu | DeviceArg::GpuHalf) => {
            Err(conflict("training computes on the CPU only; leave out --device"))
        }
    }
}

/// Measures predictions.
fn predict(args: &BenchArgs, device: &Device, weights: Weights) -> Result<()> {
    let compute = &args.compute;
    let model = Model::load(weights, device)?;
    let mini_context = model.useful_mini_context(compute.mini_context.0.unwrap_or(1));
    let cubes = 4 * (2 * args.contexts + 1) * args.size.pow(3);
    let network = model.predicted_bytes(args.size, args.contexts, mini_context);
    let gb = |bytes: f64| bytes / 1e9;
    let (predicted, within_reach) = match model.card_memory() {
        None => (network + cubes, memory::within_reach_bytes()),
        Some(card) => (network, card.bytes),
    };
    let [needed, all] = [predicted as f64, within_reach as f64].map(gb);
    note!("ℓ = {mini_context} · {needed:.2} of {all:.1} GB of memory");
    memory::must_fit(predicted, within_reach)?;
    let (target, pairs) = (cube(args, "target"), pairs(args));
    let pairs: Vec<_> = pairs.iter().map(|(image, label)| (image, label)).collect();
    let mut seconds = Vec::new();
    let mut work = Work::new();
    for _ in 0..args.runs {
        model.take_work();
        let start = Instant::now();
        let encoded = model.encode(&target, &mut || Ok(()))?;
        model.predict(&encoded, &pairs, mini_context, &mut |_| Ok(()))?;
        seconds.push(start.elapsed().as_secs_f64());
        work = model.take_work();
    }
    let median = median(&seconds);
    let peak = model.card_memory().map_or_else(memory::peak_bytes, |card| card.held);
    let flops: f64 = work.values().map(|cost| cost.flops).sum();
    if args.json {
        let report = json!({
            "device": device.name, "channels": args.channels, "size": args.size, "contexts": args.contexts,
            "mini_context": mini_context, "seconds": seconds, "median_seconds": median,
            "flops": flops, "flops_per_second": flops / median, "peak_memory_bytes": peak, "predicted_memory_bytes": predicted,
        });
        out!("{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        device.notes.iter().try_for_each(|note| out!("{note}"))?;
        out!(
            "{}: {median:.3} s (median of {}), {:.0} GFLOP at {:.0} GFLOP/s, peak {:.2} GB, predicted {:.2} GB",
            device.name,
            args.runs,
            flops / 1e9,
            flops / median / 1e9,
            gb(peak as f64),
            gb(predicted as f64)
        )?;
    }
    if args.layers { layers(&work) } else { Ok(()) }
}

/// Synthetic values.
fn cube(args: &BenchArgs, key: &str) -> Cube {
    Cube { side: args.size, voxels: formula::uniform(key).take(args.size.pow(3)).collect() }
}

/// Synthetic examples.
fn pairs(args: &BenchArgs) -> Vec<(Cube, Cube)> {
    let pair = |k: usize| (cube(args, &format!("image {k}")), cube(args, &format!("label {k}")));
    (0..args.contexts).map(pair).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Prints the cost of each kind of layer, finest first, beside the peak of the processor.
fn layers(work: &Work) -> Result<()> {
    let peak = cpu_flops_per_second();
    out!("multiply-adds on registers alone: {:.0} GFLOP/s", peak / 1e9)?;
    out!("| side | layer | channels | times | GFLOP | ms | GFLOP/s | of peak |")?;
    out!("| --- | --- | --- | --- | --- | --- | --- | --- |")?;
    for (Layer { side, operation, inputs, outputs }, cost) in work.iter().rev() {
        let Cost { times, flops, seconds } = cost;
        let (speed, ms) = (flops / seconds, seconds * 1e3);
        out!(
            "| {side} | {operation} | {inputs} → {outputs} | {times} | {:.2} | {ms:.2} | {:.0} | {:.0} % |",
            flops / 1e9,
            speed / 1e9,
            100.0 * speed / peak
        )?;
    }
    Ok(())
}
