//! How the network learns: losses and gradients against the authors' code, and Algorithm 1 against the full gradient.

mod optimiser;
mod runs;
mod u_net;

use exemplar_tests::{borrowed, golden, golden_cube, golden_inputs};
use learning::training::loss::Loss;
use network::weights::{Weights, formula};
use network::{Arrays, Device, Learner, relative_error};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn losses_and_their_gradients_are_the_authors() {
    let golden = golden("losses.safetensors");
    let uniform = |key: &str, to: fn(f32) -> f32| -> Vec<f32> {
        formula::uniform(key).take(12_usize.pow(3)).map(to).collect()
    };
    let output = uniform("dev:loss:p", |u| 2.6 * u - 0.8);
    let truth = uniform("dev:loss:t", |u| u);
    for (loss, name) in [(Loss::Segmentation, "seg"), (Loss::Generation, "gen")] {
        let (value, gradient) = loss.of(&output, &truth, 12);
        let error = (value / f64::from(golden[name][0]) - 1.0).abs();
        assert!(error <= 1e-5, "{name}: {value} is off by {error:.1e}");
        // The authors' tensors are [z, y, x] of the same flat order.
        let error = relative_error(&gradient, &golden[&format!("{name}_grad")]);
        assert!(error <= 1e-4, "{name}: the gradient is off by {error:.1e}");
    }
}

/// Weights by the golden formula.
fn made_up(channels: &[usize]) -> Weights {
    formula::weights("dev:", channels, 1.4)
}

/// Gradients of 50 · Eq. 6 at 16³ by the golden formula, and the loss.
fn learned(learner: &Learner, weights: &Weights, order: &[usize], mini_context: usize) -> (f64, Arrays) {
    let (target, pairs) = golden_inputs("dev:grad:", 16, order.len());
    let truth = golden_cube("dev:grad:target_label", 16, true);
    let pairs = borrowed(&pairs);
    let pairs: Vec<_> = order.iter().map(|&i| pairs[i]).collect();
    let mut loss = |output: &[f32]| {
        let (loss, gradient) = Loss::Segmentation.of(output, &truth.voxels, 16);
        (50.0 * loss, gradient.into_iter().map(|slope| 50.0 * slope).collect())
    };
    learner.gradients(weights, (&target, &pairs), mini_context, &mut loss).unwrap()
}

#[test]
fn gradients_are_the_authors_for_every_mini_context() {
    let golden = golden("gradients.safetensors");
    for learner in [Learner::new(&Device::cpu()).unwrap(), Learner::reference()] {
        for mini_context in [1, 2, 3] {
            let weights = made_up(&[4, 8, 16, 32, 64]);
            let (loss, gradients) = learned(&learner, &weights, &[0, 1, 2], mini_context);
            let want = f64::from(golden[&format!("l{mini_context}.loss")][0]);
            assert!((loss / want - 1.0).abs() <= 1e-5, "loss {loss} instead of {want}");
            let prefix = format!("l{mini_context}.");
            let wanted =
                golden.iter().filter_map(|(name, values)| Some((name.strip_prefix(&prefix)?, values)));
            let wanted: Vec<_> = wanted.filter(|(name, _)| *name != "loss").collect();
            assert_eq!(wanted.len(), 105);
            for (name, want) in wanted {
                let error = relative_error(&gradients[name].values, want);
                assert!(error <= 1e-4, "ℓ = {mini_context}, {name}: off by {error:.1e}");
            }
        }
    }
}

/// Largest error over all parameters.
fn worst(got: &Arrays, want: &Arrays) -> f64 {
    want.iter().map(|(name, want)| relative_error(&got[name].values, &want.values)).fold(0.0, f64::max)
}

/// Kernels and the plain statement in f64 differ by rounding only: 1e-4 over all parameters together, and ten times that
/// for any one of them, since a sum over few channels may cancel.
fn differ_by_rounding(got: &Arrays, want: &Arrays) -> bool {
    let all = |arrays: &Arrays| -> Vec<f32> {
        arrays.values().flat_map(|array| array.values.iter().copied()).collect()
    };
    relative_error(&all(got), &all(want)) <= 1e-4 && worst(got, want) <= 1e-3
}

#[test]
fn over_all_choices_of_the_last_mini_context_the_gradient_is_the_full_one() {
    let (learner, weights) = (Learner::reference(), made_up(&[2, 4, 8]));
    let (_, full) = learned(&learner, &weights, &[0, 1, 2, 3], 4);
    for (mini_context, orders) in [
        (1, vec![[0, 1, 2, 3], [1, 2, 3, 0], [2, 3, 0, 1], [3, 0, 1, 2]]),
        (2, vec![[0, 1, 2, 3], [2, 3, 0, 1]]),
    ] {
        let mut mean = full.clone();
        mean.values_mut().for_each(|array| array.values.fill(0.0));
        for order in &orders {
            let (_, gradients) = learned(&learner, &weights, order, mini_context);
            for (sum, one) in mean.values_mut().zip(gradients.values()) {
                let share = one.values.iter().map(|value| value / orders.len() as f32);
                sum.values.iter_mut().zip(share).for_each(|(sum, share)| *sum += share);
            }
        }
        let error = worst(&mean, &full);
        println!("ℓ = {mini_context}: the mean is off by {error:.1e}");
        // Computed in f64, handed over in f32.
        assert!(error <= 1e-6, "ℓ = {mini_context}: {error:.1e}");
    }
}

#[test]
fn a_run_that_failed_leaves_nothing_to_the_next() {
    let fresh: [fn() -> Learner; 2] = [|| Learner::new(&Device::cpu()).unwrap(), Learner::reference];
    for fresh in fresh {
        let learner = fresh();
        let failed = catch_unwind(AssertUnwindSafe(|| {
            let (target, pairs) = golden_inputs("dev:grad:", 16, 2);
            let weights = formula::weights("other:", &[2, 4], 1.4);
            let loss = &mut |_: &[f32]| panic!("no loss");
            learner.gradients(&weights, (&target, &borrowed(&pairs)), 1, loss).map(|_| ())
        }));
        assert!(failed.is_err());
        let run = |learner: &Learner| learned(learner, &made_up(&[2, 4, 8]), &[0, 1, 2], 2);
        assert_eq!(run(&learner), run(&fresh()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Padded, odd and wide channels.
    #[test]
    fn the_kernels_learn_what_the_plain_statement_does(
        channels in prop::collection::vec(1usize..40, 2..5),
        pairs in 1usize..4,
        mini_context in 1usize..4,
    ) {
        let (weights, order) = (made_up(&channels), (0..pairs).collect::<Vec<usize>>());
        let (_, want) = learned(&Learner::reference(), &weights, &order, mini_context);
        let (_, got) = learned(&Learner::new(&Device::cpu()).unwrap(), &weights, &order, mini_context);
        prop_assert!(differ_by_rounding(&got, &want), "{channels:?}: {:.1e}", worst(&got, &want));
    }
}
