//! What a second run saves where the first one prepared and registered the same images:
//! `cargo bench --profile dev --workspace --bench runs -- FOLDER`, where FOLDER holds at least ten images with labels.

use imaging::io::Scan;
use imaging::io::pairing::context_dir;
use imaging::{LabelMap, Result};
use inference::pipeline::{
    Cache, Example, NamedImage, Options, Progress, Stage, prepare, register, segment, transform, working_side,
};
use network::{Device, Model};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Examples of a run, before one more is added.
const EXAMPLES: usize = 8;
/// MUSE numbers of the hippocampi and of the thalami.
const LABELS: [[u16; 2]; 2] = [[47, 48], [59, 60]];
/// Times that each step is taken, of which the fastest counts.
const TIMES: usize = 5;

fn main() -> Result<()> {
    let folder: PathBuf =
        std::env::args().skip(1).rfind(|word| !word.starts_with("--")).expect("FOLDER is an argument").into();
    let mut pairs = Vec::new();
    for (image, label) in context_dir(&folder)?.into_iter().take(EXAMPLES + 2) {
        let label = Arc::new(Scan::open(&label, 0)?.labels()?);
        pairs.push(Example { image: NamedImage::from(&Scan::open(&image, 0)?), label });
    }
    let target = pairs.remove(0).image;
    let model = Model::bundled(&Device::cpu())?;
    steps(&model, &target, &pairs[0])?;
    runs(&model, &target, &pairs)
}

/// The fastest of some calls, in milliseconds.
fn fastest<T>(mut work: impl FnMut() -> Result<T>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..TIMES {
        let started = Instant::now();
        work()?;
        best = best.min(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(best)
}

fn steps(model: &Model, target: &NamedImage, example: &Example<LabelMap>) -> Result<()> {
    let (side, cache) = (working_side(model), Cache::default());
    let [target, example] =
        [target, &example.image].map(|image| cache.prepare(image, side).expect("there is memory"));
    println!("prepare {:8.2} ms", fastest(|| prepare(example.image(), side))?);
    println!("  known {:8.2} ms, the hash", fastest(|| cache.prepare(example.image(), side))?);
    println!("register {:7.2} ms", fastest(|| register(&example, &target))?);
    let deformed = fastest(|| register(&example, &target)?.deformation().map(|_| ()))?;
    println!("  deformed too {deformed:.2} ms");
    Ok(())
}

fn runs(model: &Model, target: &NamedImage, pairs: &[Example<LabelMap>]) -> Result<()> {
    let cache = Cache::default();
    let timed = |name: &str, examples: usize, labels: &[u16]| -> Result<()> {
        let options = Options { labels: labels.to_vec(), ..Options::default() };
        let before = cache.computed();
        let mut clock = Clock::start();
        segment(model, &cache, target, &pairs[..examples], &options, &mut |at| clock.watch(&at))?;
        let now = cache.computed();
        clock.tell(name, [now.prepared - before.prepared, now.registered - before.registered]);
        Ok(())
    };
    timed("first run", EXAMPLES, &LABELS[0])?;
    timed("the same again", EXAMPLES, &LABELS[0])?;
    timed("other labels", EXAMPLES, &LABELS[1])?;
    timed("one more example", EXAMPLES + 1, &LABELS[0])?;
    let images: Vec<_> = pairs[..EXAMPLES]
        .iter()
        .map(|Example { image, .. }| Example { image: image.clone(), label: image.volume.clone() })
        .collect();
    let mut clock = Clock::start();
    transform(model, &cache, target, &images, &Options::default(), &mut |at| clock.watch(&at))?;
    clock.tell("a transformation", [0; 2]);
    println!("the cache holds {:.1} MB", cache.bytes() as f64 / 1e6);
    Ok(())
}

/// Seconds of a run, and those before the network reads its first example.
struct Clock {
    started: Instant,
    first: Option<f64>,
}

impl Clock {
    fn start() -> Self {
        Self { started: Instant::now(), first: None }
    }

    fn watch(&mut self, at: &Progress) -> Result<()> {
        if matches!(at.stage, Stage::Reading { .. }) {
            self.first.get_or_insert(self.started.elapsed().as_secs_f64());
        }
        Ok(())
    }

    fn tell(&self, name: &str, [prepared, registered]: [usize; 2]) {
        let (first, all) = (self.first.unwrap_or_default(), self.started.elapsed().as_secs_f64());
        println!(
            "{name:17} prepared {prepared}, registered {registered}: {first:5.2} s until the network, {all:5.2} s in all"
        );
    }
}
