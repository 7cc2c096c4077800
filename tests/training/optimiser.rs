//! The optimiser: how far a step goes.

use learning::training::optimiser::{Adam, follow};
use network::Arrays;
use network::weights::Array;

const RATE: f64 = 1e-3;

/// Two arrays of values that change from call to call.
fn arrays(step: usize, sizes: [f32; 2]) -> Arrays {
    let value = |n: usize| ((n * 7 + step * 13) as f32 * 0.7).sin();
    let array = |size: f32| Array { shape: vec![50], values: (0..50).map(|n| size * value(n)).collect() };
    [("a".into(), array(sizes[0])), ("b".into(), array(sizes[1]))].into()
}

/// The largest move of array `b` by twenty steps, of which the first has a gradient of these sizes.
fn moved(sizes: [f32; 2]) -> f32 {
    let mut weights = arrays(0, [1.0; 2]);
    let mut adam = Adam::new(&weights);
    for step in 0..300 {
        adam.step(&mut weights, &arrays(step, [1.0; 2]), RATE, 0.5);
    }
    let before = weights["b"].values.clone();
    for step in 300..320 {
        let sizes = if step == 300 { sizes } else { [1.0; 2] };
        adam.step(&mut weights, &arrays(step, sizes), RATE, 0.5);
    }
    weights["b"].values.iter().zip(before).map(|(after, before)| (after - before).abs()).fold(0.0, f32::max)
}

#[test]
fn one_odd_gradient_moves_no_array_far() {
    // In one array more than in the other, so that the norm over all of them says little.
    for odd in [[1.0, 1.0], [1.0, 1e3], [1e-3, 1e6], [1e6, 1e12]] {
        // Without a limit, momentum makes it more than twenty times the rate.
        assert!(moved(odd) < 2.0 * RATE as f32, "{odd:?}: {}", moved(odd));
    }
}

#[test]
fn steps_go_against_the_gradient_as_far_as_the_rate_says() {
    let mut weights = arrays(0, [0.0; 2]);
    let gradients = arrays(3, [2.0, 5.0]);
    let norm = Adam::new(&weights).step(&mut weights, &gradients, 1e-2, 1.0);
    let all = gradients.values().flat_map(|array| &array.values);
    assert!((norm - all.map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt()).abs() < 1e-6);
    // The first step of Adam has the size of the rate for each weight, whatever the gradient's size.
    for (weights, gradients) in weights.values().zip(gradients.values()) {
        for (weight, gradient) in weights.values.iter().zip(&gradients.values) {
            assert!((weight + 1e-2 * gradient.signum()).abs() < 1e-5, "{weight} for {gradient}");
        }
    }
}

#[test]
fn the_average_forgets_what_learning_began_with() {
    let (mut average, weights) = (arrays(0, [100.0; 2]), arrays(1, [1.0; 2]));
    (1..=100).for_each(|step| follow(&mut average, &weights, 0.999, step));
    for (average, weights) in average.values().zip(weights.values()) {
        for (average, weight) in average.values.iter().zip(&weights.values) {
            assert!((average - weight).abs() < 1e-4, "{average} for {weight}");
        }
    }
}

#[test]
fn an_array_whose_first_gradients_are_zero_learns_later() {
    let mut weights = arrays(0, [1.0; 2]);
    let before = weights["b"].values.clone();
    let mut adam = Adam::new(&weights);
    for step in 0..40 {
        adam.step(&mut weights, &arrays(step, [1.0, if step < 20 { 0.0 } else { 1.0 }]), RATE, 0.5);
        let moved = weights["b"].values != before;
        assert_eq!(moved, step >= 20, "after step {step}");
    }
    let far = weights["b"].values.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far < 50.0 * RATE as f32, "{far}");
}

#[test]
fn a_gradient_that_is_not_finite_changes_nothing() {
    for odd in [f32::NAN, f32::INFINITY] {
        let mut weights = arrays(0, [1.0; 2]);
        let mut adam = Adam::new(&weights);
        adam.step(&mut weights, &arrays(1, [1.0; 2]), RATE, 0.5);
        let (weights_before, adam_before) = (weights.clone(), adam.clone());
        let mut gradients = arrays(2, [1.0; 2]);
        gradients.get_mut("b").unwrap().values[7] = odd;
        assert!(!adam.step(&mut weights, &gradients, RATE, 0.5).is_finite());
        assert!(weights == weights_before && adam == adam_before, "{odd}");
    }
}
