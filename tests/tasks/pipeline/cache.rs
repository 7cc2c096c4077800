//! A second run prepares and registers only what is new, and comes to the same result.

use super::{HEAD, Head, example, image, vote, whole};
use glam::DVec3;
use imaging::{LabelMap, Result};
use inference::pipeline::{Cache, Computed, Example, Options, Refinement, Segmentation, segment};
use inference::runner::{Runner, Setup};
use network::DeviceChoice;

fn heads() -> Vec<Example<LabelMap>> {
    let head = |scale: f64| Head { middle: DVec3::ZERO, scale };
    let scales = [("h1", 1.0), ("h2", 1.05), ("h3", 0.95)];
    scales
        .map(|(name, scale)| example(name, &head(scale).image(whole(), 0.0), head(scale).labels(whole())))
        .into()
}

fn run(cache: &Cache, examples: &[Example<LabelMap>], labels: &[u16]) -> Result<Segmentation> {
    let options = Options {
        labels: labels.to_vec(),
        probabilities: true,
        refinement: Refinement::Closer,
        ..Options::default()
    };
    let target = image("target", &HEAD.image(whole(), 1.0));
    segment(&vote(), cache, &target, examples, &options, &mut |_| Ok(()))
}

fn equal(a: &Segmentation, b: &Segmentation) -> bool {
    let bits = |done: &Segmentation| {
        let volumes = done.probabilities.iter().flat_map(|volume| &volume.voxels);
        volumes.map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    a.mask == b.mask && bits(a) == bits(b) && a.report.warnings == b.report.warnings
}

fn computed(prepared: usize, registered: usize) -> Computed {
    Computed { prepared, registered }
}

#[test]
fn other_labels_and_one_more_example_cost_only_what_is_new() {
    let (cache, examples) = (Cache::default(), heads());
    let first = run(&cache, &examples[..2], &[1]).unwrap();
    assert_eq!(cache.computed(), computed(3, 2));
    let again = run(&cache, &examples[..2], &[1]).unwrap();
    assert!(equal(&again, &first));
    run(&cache, &examples[..2], &[2, 3]).unwrap();
    assert_eq!(cache.computed(), computed(3, 2), "the same images");
    let more = run(&cache, &examples, &[1, 2]).unwrap();
    assert_eq!(cache.computed(), computed(4, 3), "one more example");
    assert!(equal(&more, &run(&Cache::new(0), &examples, &[1, 2]).unwrap()));
}

#[test]
fn a_runner_keeps_its_cache_from_run_to_run_and_counts_it() {
    let mut runner = Runner::new(Setup { device: DeviceChoice::Cpu, ..Setup::default() });
    let target = image("target", &HEAD.image(whole(), 1.0));
    let mut run = |labels: &[u16]| {
        let options = Options { labels: labels.to_vec(), refinement: Refinement::One, ..Options::default() };
        let done = runner.segment(target.clone(), heads()[..1].to_vec(), &options, &mut |_| Ok(()));
        (done.unwrap(), runner.cache().computed(), runner.cache().bytes())
    };
    let (first, _, held) = run(&[1]);
    let (again, once, _) = run(&[1]);
    assert!(equal(&first, &again) && once == computed(2, 1));
    let predicted = [&first, &again].map(|done| done.report.predicted_memory_bytes);
    assert_eq!(predicted[1] - predicted[0], held);
    assert_eq!(run(&[2]).1, computed(2, 1));
}

#[test]
fn content_decides_and_not_the_name() {
    let (cache, mut examples) = (Cache::default(), heads());
    run(&cache, &examples[..1], &[1]).unwrap();
    examples[0].image.name = "renamed".into();
    let renamed = run(&cache, &examples[..1], &[1]).unwrap();
    assert_eq!(cache.computed(), computed(2, 1));
    assert_eq!(renamed.report.records[1].name, "renamed");
    // The same name, one voxel or its place in the world another.
    let mut brighter = HEAD.image(whole(), 0.0);
    brighter.voxels[40 + 40 * (40 + 40 * 20)] += 1.0;
    let mut aside = HEAD.image(whole(), 0.0);
    aside.grid.world_from_voxel.translation.x += 0.01;
    for (n, volume) in [brighter, aside].iter().enumerate() {
        let mut labels = HEAD.labels(whole());
        labels.grid = volume.grid;
        run(&cache, &[example("renamed", volume, labels)], &[1]).unwrap();
        assert_eq!(cache.computed(), computed(3 + n, 2 + n));
    }
}

#[test]
fn what_an_earlier_run_deformed_is_not_told_of_a_run_that_leaves_it_out() {
    // Voxels that are said to be lower than they are: the example is flagged, and deformed as long as it is the only one.
    let lower = |mut volume: imaging::Volume| {
        volume.grid.world_from_voxel.matrix3.z_axis /= 1.7;
        volume
    };
    let odd = lower(HEAD.image(whole(), 0.0));
    let labels = LabelMap { grid: odd.grid, voxels: HEAD.labels(whole()).voxels };
    let (cache, odd) = (Cache::default(), example("odd", &odd, labels));
    let moved = |examples: &[Example<LabelMap>], n: usize| {
        run(&cache, examples, &[1]).unwrap().report.records[n].mean_displacement_mm
    };
    assert!(moved(std::slice::from_ref(&odd), 1).is_some());
    assert!(moved(&[heads().remove(0), odd], 2).is_none());
}

#[test]
fn a_cache_holds_no_more_than_its_limit_and_the_latest() {
    // On 48³ a prepared image takes 0.44 MB and a registration 2.7 MB: room for one and for two.
    let (limit, examples) = (8 * 800_000, heads());
    let cache = Cache::new(limit);
    for (n, example) in examples.iter().enumerate() {
        run(&cache, std::slice::from_ref(example), &[1]).unwrap();
        assert!(cache.bytes() <= limit && cache.bytes() > 0, "{n}: {}", cache.bytes());
    }
    let before = cache.computed();
    run(&cache, &examples[2..], &[1]).unwrap();
    assert_eq!(cache.computed().registered, before.registered, "the latest is there");
    run(&cache, &examples[..1], &[1]).unwrap();
    assert_eq!(cache.computed().registered, before.registered + 1, "the first has given way");
    cache.clear();
    assert_eq!(cache.bytes(), 0);
}
