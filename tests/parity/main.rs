//! The network against the authors' code, on the CPU and through Vulkan, and checkpoints that must be refused.

mod card;
mod u_net;

use exemplar_tests::{borrowed, fixture, golden, golden_inputs};
use imaging::Cube;
use imaging::Error;
use network::weights::{Array, Weights, formula, write};
use network::{Device, Model, relative_error};
use proptest::prelude::*;
use std::collections::BTreeMap;

const TINY: [usize; 5] = [4, 8, 16, 32, 64];

fn predict(model: &Model, target: &Cube, pairs: &[(&Cube, &Cube)], mini_context: usize) -> Vec<f32> {
    let encoded = model.encode(target, &mut || Ok(())).unwrap();
    model.predict(&encoded, pairs, mini_context, &mut |_| Ok(())).unwrap().voxels
}

fn tiny(device: &Device) -> Model {
    Model::load(formula::weights("dev:", &TINY, 1.4), device).unwrap()
}

fn assert_close(got: &[f32], want: &[f32], tolerance: f64, what: &str) {
    let error = relative_error(got, want);
    println!("{what}: relative error {error:.2e}");
    assert!(error <= tolerance, "{what}: relative error {error:.2e} is above {tolerance:.0e}");
}

#[test]
fn the_formula_is_the_golden_one() {
    let key = "dev:context_unet.context_embedding.module.weight";
    let first: Vec<f32> = formula::uniform(key).take(2).collect();
    assert_eq!(first, [0.172_045_23, 0.017_564_118]);
    let published: usize =
        formula::shapes(&[32, 64, 128, 256, 512]).values().map(|s| s.iter().product::<usize>()).sum();
    assert_eq!(published, 70_854_913);
}

#[test]
fn the_tiny_network_equals_the_authors_in_every_intermediate() {
    let (golden, model) = (golden("tiny_forward.safetensors"), tiny(&Device::cpu()));
    let (target, pairs) = golden_inputs("dev:", 32, 5);
    for mini_context in [1, 2, 3, 5] {
        let output = predict(&model, &target, &borrowed(&pairs), mini_context);
        assert_close(
            &output,
            &golden[&format!("output_l{mini_context}")],
            1e-5,
            &format!("output, l = {mini_context}"),
        );
        let between = model.intermediates(&target, &borrowed(&pairs), mini_context).unwrap();
        assert_eq!(between.len(), 10);
        for (name, values) in between {
            assert_close(&values, &golden[&name], 1e-5, &name);
        }
    }
}

/// The published size on a cube, of whose output the golden file holds every `stride`th voxel along each axis.
fn published(file: &str, side: usize, pairs: usize, stride: usize) {
    let golden = golden(file);
    let model = Model::load(formula::weights("dev:", &[32, 64, 128, 256, 512], 1.4), &Device::cpu()).unwrap();
    let (target, pairs) = golden_inputs("dev:", side, pairs);
    let output = predict(&model, &target, &borrowed(&pairs), 1);
    let n = side / stride;
    let strided: Vec<f32> =
        (0..n.pow(3)).map(|i| output[stride * (i % n + side * (i / n % n + side * (i / n / n)))]).collect();
    assert_close(&strided, &golden["output_strided"], 1e-5, file);
    let mean = output.iter().map(|&v| f64::from(v)).sum::<f64>() / output.len() as f64;
    assert!((mean - f64::from(golden["stats"][0])).abs() <= 1e-5 * f64::from(golden["stats"][1]));
}

#[test]
fn the_published_size_equals_the_authors() {
    published("full_64.safetensors", 64, 3, 2);
    published("full_128.safetensors", 128, 2, 8);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Padded, odd and wide channels, sides that are odd at the bottom, any number of pairs.
    #[test]
    fn the_kernels_compute_what_the_plain_statement_does(
        channels in prop::collection::vec(1usize..40, 2..5),
        side in 1usize..5,
        pairs in 1usize..4,
        mini_context in 1usize..4,
    ) {
        let side = side << (channels.len() - 1);
        let weights = formula::weights("property:", &channels, 1.4);
        let (target, pairs) = golden_inputs("dev:", side, pairs);
        let [ours, plain] = [Device::cpu(), Device::reference()].map(|device| {
            let model = Model::load(weights.clone(), &device).unwrap();
            predict(&model, &target, &borrowed(&pairs), mini_context)
        });
        let error = relative_error(&ours, &plain);
        prop_assert!(error <= 2e-5, "{channels:?} at {side}³: {error:.1e}");
    }
}

#[test]
fn order_and_mini_context_change_rounding_only() {
    let model = tiny(&Device::cpu());
    let (target, pairs) = golden_inputs("dev:", 16, 4);
    let mut pairs = borrowed(&pairs);
    let want = predict(&model, &target, &pairs, 4);
    pairs.rotate_left(1);
    pairs.swap(0, 2);
    for mini_context in [1, 2, 3, 4, 9] {
        assert_close(&predict(&model, &target, &pairs, mini_context), &want, 1e-5, "another order and size");
    }
}

#[test]
fn both_golden_checkpoints_load_and_survive_conversion() {
    let folder = tempfile::tempdir().unwrap();
    for (file, channels) in [("tiny_trained.ckpt", TINY), ("lightning_full_layout.ckpt", [2, 4, 8, 16, 32])] {
        let weights = Weights::open(&fixture(&format!("golden/{file}"))).unwrap();
        let model = Model::load(weights.clone(), &Device::cpu()).unwrap();
        assert_eq!(model.info.channels, channels);
        let copy = folder.path().join(format!("{file}.safetensors"));
        write(&copy, &weights, network::weights::Precision::F32).unwrap();
        assert_eq!(Weights::open(&copy).unwrap().arrays, weights.arrays);
    }
}

#[test]
fn a_checkpoint_that_does_not_fit_is_refused_by_name() {
    type Harm = fn(&mut BTreeMap<String, Array>);
    let cases: [(Harm, &str); 6] = [
        (
            |a| drop(a.remove("target_decoder.output_block.block.1.bias")),
            "output_block.block.1.bias is missing",
        ),
        (
            |a| drop(a.insert("target_decoder.extra".into(), Array { shape: vec![1], values: vec![0.0] })),
            "extra does not belong",
        ),
        (
            |a| a.get_mut("target_encoder.target_embedding.weight").unwrap().shape = vec![4, 1, 1, 1],
            "target_embedding.weight has shape [4, 1, 1, 1]",
        ),
        (|a| a.retain(|name, _| name.starts_with("context_unet")), "not a Neuroverse3D checkpoint"),
        // Half of a context branch is neither the network nor a U-Net.
        (
            |a| a.retain(|name, _| !name.starts_with("context_unet")),
            "context_unet.context_embedding.module.weight is missing",
        ),
        (
            |a| a.retain(|name, _| !name.contains("combine_conv_target")),
            "target_decoder.enc_blocks.0.combine_conv_target.module.weight is missing",
        ),
    ];
    for (harm, sentence) in cases {
        let mut weights = formula::weights("dev:", &TINY, 1.4);
        harm(&mut weights.arrays);
        let Err(error @ Error::Checkpoint { .. }) = Model::load(weights, &Device::cpu()) else {
            panic!("accepted")
        };
        assert!(error.to_string().contains(sentence), "{error}");
    }
}

#[test]
fn damaged_checkpoints_are_refused_without_a_panic() {
    let whole = std::fs::read(fixture("golden/lightning_full_layout.ckpt")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.ckpt");
    let mut draws = formula::uniform("damage");
    for round in 0..40 {
        let mut bytes = whole.clone();
        if round % 4 == 0 {
            bytes.truncate((draws.next().unwrap() * whole.len() as f32) as usize);
        }
        for _ in 0..20 {
            let at = (draws.next().unwrap() * bytes.len() as f32) as usize;
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (round % 8);
            }
        }
        std::fs::write(&path, bytes).unwrap();
        // Damage in the optimiser's part goes unnoticed, as it should; the point is that nothing panics.
        Weights::open(&path).ok();
    }
    std::fs::write(&path, b"PK nonsense").unwrap();
    assert!(Weights::open(&path).is_err());
}

#[test]
fn a_step_can_stop_the_work() {
    let model = tiny(&Device::cpu());
    let (target, pairs) = golden_inputs("dev:", 16, 3);
    let encoded = model.encode(&target, &mut || Ok(())).unwrap();
    let mut stop_in_second_pair = |done| if done == 1 { Err(Error::Cancelled) } else { Ok(()) };
    let stopped = model.predict(&encoded, &borrowed(&pairs), 1, &mut stop_in_second_pair);
    assert!(matches!(stopped, Err(Error::Cancelled)));
}
