//! The kernels for graphics cards, on a software Vulkan driver: what they compute and what memory they take.

use super::{TINY, assert_close, predict, tiny};
use exemplar_tests::{borrowed, golden, golden_inputs};
use network::weights::formula;
use network::{Device, Model, relative_error};
use proptest::prelude::*;

/// Tolerances with maps stored as f32 and as f16.
const TOLERANCE: [f64; 2] = [1e-4, 2e-3];

fn cards() -> [Device; 2] {
    [false, true].map(|half| {
        Device::software_gpu(half).expect("a software Vulkan driver is installed; tests/run.sh does that")
    })
}

#[test]
fn a_card_computes_what_the_authors_do_and_the_same_bits_again() {
    let golden = golden("tiny_forward.safetensors");
    let (target, pairs) = golden_inputs("dev:", 32, 5);
    for (card, tolerance) in cards().iter().zip(TOLERANCE) {
        let model = tiny(card);
        let output = predict(&model, &target, &borrowed(&pairs), 2);
        assert_close(&output, &golden["output_l2"], tolerance, &card.name);
        assert_eq!(predict(&model, &target, &borrowed(&pairs), 2), output, "{}", card.name);
        let between = model.intermediates(&target, &borrowed(&pairs), 3).unwrap();
        assert_eq!(between.len(), 2 * TINY.len());
        for (name, values) in between {
            assert_close(&values, &golden[&name], tolerance, &format!("{}, {name}", card.name));
        }
    }
}

fn errors(channels: &[usize], side: usize, pairs: usize, mini_context: usize) -> [f64; 2] {
    let weights = formula::weights("dev:", channels, 1.4);
    let (target, pairs) = golden_inputs("dev:", side, pairs);
    let run = |device: &Device| {
        predict(&Model::load(weights.clone(), device).unwrap(), &target, &borrowed(&pairs), mini_context)
    };
    let want = run(&Device::cpu());
    cards().map(|card| relative_error(&run(&card), &want))
}

#[test]
fn every_width_agrees_with_the_cpu() {
    for channels in [&[8, 16, 32, 64, 128][..], &[32, 64, 128, 256, 512], &[5, 12, 40], &[24, 72, 136]] {
        let [single, half] = errors(channels, 16, 2, 1);
        println!("{channels:?}: {single:.1e}, f16 {half:.1e}");
        assert!(single <= TOLERANCE[0] && half <= TOLERANCE[1]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Sides that are no multiple of a workgroup's box, down to odd ones, and any number of pairs.
    #[test]
    fn odd_sides_agree_with_the_cpu(
        stages in 2usize..5,
        side in 1usize..6,
        pairs in 1usize..4,
        mini_context in 1usize..4,
    ) {
        let side = side << (stages - 1);
        let [single, half] = errors(&[8, 16, 32, 64][..stages], side, pairs, mini_context);
        prop_assert!(single <= TOLERANCE[0] && half <= TOLERANCE[1], "{side}³: {single:.1e}, f16 {half:.1e}");
    }
}

/// Prints a table: `cargo test --workspace --test parity takes_the_memory -- --nocapture`.
#[test]
fn a_prediction_takes_the_memory_that_was_predicted() {
    println!("| card | channels | side | ℓ | predicted, MB | taken, MB |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let cases: [(&[usize], _, _); 3] =
        [(&[4, 8, 16], 40, 1..9), (&[4, 12, 40], 32, 1..4), (&[64, 96], 12, 2..3)];
    for card in cards() {
        for (channels, side, useful_mini_context) in cases.clone() {
            let model = Model::load(formula::weights("memory:", channels, 1.4), &card).unwrap();
            let (target, pairs) = golden_inputs("dev:", side, 8);
            for useful_mini_context in useful_mini_context {
                model.release_buffers();
                predict(&model, &target, &borrowed(&pairs), useful_mini_context);
                let taken = model.card_memory().unwrap().held as f64 / 1e6;
                let predicted = model.predicted_bytes(side, pairs.len(), useful_mini_context) as f64 / 1e6;
                println!(
                    "| {} | {channels:?} | {side} | {useful_mini_context} | {predicted:.2} | {taken:.2} |",
                    card.name
                );
                assert!((predicted / taken - 1.0).abs() < 0.1);
            }
        }
    }
}
