//! Measures training steps: loss, gradients and optimiser.

use super::{BenchArgs, cube, median, out, pairs};
use anyhow::Result;
use imaging::memory;
use learning::training::loss::Loss;
use learning::training::optimiser::Adam;
use network::weights::Weights;
use network::{Device, Learner};
use serde_json::json;
use std::time::Instant;

/// Takes `args.runs` steps, with all pairs in one mini-context unless another is requested.
pub fn run(args: &BenchArgs, device: &Device, mut weights: Weights) -> Result<()> {
    let mini_context = args.compute.mini_context.0.unwrap_or(args.contexts);
    let learner = Learner::new(device)?;
    let (target, truth, pairs) = (cube(args, "target"), cube(args, "truth"), pairs(args));
    let pairs: Vec<_> = pairs.iter().map(|(image, label)| (image, label)).collect();
    let mut adam = Adam::new(&weights.arrays);
    let (mut seconds, mut optimising) = (Vec::new(), Vec::new());
    for _ in 0..args.runs {
        let start = Instant::now();
        let loss = &mut |output: &[f32]| Loss::Segmentation.of(output, &truth.voxels, args.size);
        let (_, gradients) = learner.gradients(&weights, (&target, &pairs), mini_context, loss)?;
        let before_optimiser = start.elapsed().as_secs_f64();
        adam.step(&mut weights.arrays, &gradients, 1e-4, 1.0);
        seconds.push(start.elapsed().as_secs_f64());
        optimising.push(start.elapsed().as_secs_f64() - before_optimiser);
    }
    let (step, optimiser, peak) = (median(&seconds), median(&optimising), memory::peak_bytes());
    if args.json {
        let report = json!({
            "device": device.name, "channels": args.channels, "size": args.size, "contexts": args.contexts,
            "mini_context": mini_context, "seconds": seconds, "median_seconds": step,
            "optimiser_seconds": optimiser, "peak_memory_bytes": peak,
        });
        out!("{}", serde_json::to_string_pretty(&report)?)
    } else {
        out!(
            "{}: {step:.3} s a step (median of {}), {optimiser:.3} s of it the optimiser, peak {:.2} GB",
            device.name,
            args.runs,
            peak as f64 / 1e9
        )
    }
}
