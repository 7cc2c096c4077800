//! The target branch alone: a U-Net that reads no example, on every device.

use super::predict;
use exemplar_tests::{borrowed, golden_inputs};
use network::weights::{Precision, Weights, formula, write};
use network::{Device, Model, relative_error};

/// Devices, and how far each may be from the plain statement.
fn devices() -> [(Device, f64); 3] {
    let card = |half| Device::software_gpu(half).expect("a software Vulkan driver is installed");
    [(Device::cpu(), 2e-5), (card(false), 1e-4), (card(true), 2e-3)]
}

#[test]
fn a_u_net_is_the_same_on_every_device_whatever_the_examples() {
    for (channels, side) in [(&[5, 12, 40][..], 20), (&[8, 16, 32, 64], 24), (&[24, 72], 10)] {
        let weights = formula::weights("u-net:", channels, 1.4).u_net();
        let (target, pairs) = golden_inputs("dev:", side, 3);
        let plain = Model::load(weights.clone(), &Device::reference()).unwrap();
        let want = predict(&plain, &target, &[], 1);
        for (device, tolerance) in devices() {
            let model = Model::load(weights.clone(), &device).unwrap();
            let got = predict(&model, &target, &[], 1);
            let error = relative_error(&got, &want);
            assert!(error <= tolerance, "{}, {channels:?}: {error:.1e}", device.name);
            assert_eq!(predict(&model, &target, &borrowed(&pairs), 2), got, "{}", device.name);
            assert_eq!((model.info.reads_examples, model.useful_mini_context(8)), (false, 1));
            let fits = |held: u64| held <= model.predicted_bytes(side, pairs.len(), 2) as u64;
            assert!(model.card_memory().is_none_or(|card| fits(card.held)), "{}", device.name);
        }
    }
}

#[test]
fn a_u_net_is_what_is_left_without_the_context_branch() {
    let whole = formula::weights("dev:", &super::TINY, 1.4);
    assert!(whole.read_examples() && Model::load(whole.clone(), &Device::cpu()).unwrap().info.reads_examples);
    let left = whole.clone().u_net();
    // Embedding, 5 units and the head; 4 halvings, 4 units and mixes on the way up; the output.
    assert_eq!(left.arrays.len(), 2 * (1 + 2 * 6 + 4 + 4 * 3 + 1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("u.safetensors");
    write(&path, &left, Precision::F32).unwrap();
    let back = Weights::open(&path).unwrap();
    assert_eq!((&back.arrays, back.channels().unwrap()), (&left.arrays, super::TINY.to_vec()));
}
