//! Memory that is not there: at whatever point a run is refused a piece, it ends in a sentence, and the next one is right.

use crate::{Files, alone};
use exemplar::jobs::{Compute, Event, Failure, Jobs};
use imaging::memory::guard_pages;
use imaging::metrics::compare;
use imaging::{Error, Result};
use inference::pipeline::{Example, NamedImage, Options};
use inference::runner::{Runner, Setup};
use network::DeviceChoice;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::time::Duration;

/// Refuses one large piece, and counts what is held.
struct Refusing;

/// Bytes that are held, and the most that were since [`most_held`] began.
static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Large pieces until the one that is refused; negative: none is.
static LEFT: AtomicIsize = AtomicIsize::new(-1);

/// Smaller pieces are not refused: tables of 2¹⁶ counts, the compressor's window, and others that do not grow with an
/// image.
const LARGE: usize = 600 << 10;

fn granted(bytes: usize) -> bool {
    let count = |left: isize| (left >= 0).then(|| left - 1);
    bytes < LARGE || LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count) != Ok(0)
}

// The only way to refuse an allocation is to be the allocator, and that trait is unsafe. Each call that is granted is
// handed unchanged to the system's allocator, which keeps the contract; null is the contract's own refusal.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !granted(layout.size()) {
            return std::ptr::null_mut();
        }
        let held = HELD.fetch_add(layout.size(), Ordering::SeqCst) + layout.size();
        MOST.fetch_max(held, Ordering::SeqCst);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::SeqCst);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;

/// Does `work` with the large piece number `n` refused; also whether it got so far.
fn refusing<T>(n: usize, work: impl FnOnce() -> T) -> (T, bool) {
    guard_pages(granted);
    LEFT.store(n as isize, Ordering::SeqCst);
    let outcome = work();
    (outcome, LEFT.swap(-1, Ordering::SeqCst) < 0)
}

fn options() -> Options {
    Options { probabilities: true, ..Options::default() }
}

/// Refuses each `step`th large piece that `work` asks for; every time the next work comes to the same as ever.
fn refuse_in_turn<T: PartialEq>(step: usize, files: &Files, work: impl Fn(&mut Runner) -> Result<T>) {
    let new = || {
        let setup = Setup { device: DeviceChoice::Cpu, model: Some(files.model()), ..Setup::default() };
        Runner::new(setup)
    };
    let whole = work(&mut new()).unwrap();
    for piece in (0..).step_by(step) {
        let mut session = new();
        let (outcome, reached) = refusing(piece, || work(&mut session));
        if !reached {
            assert!(piece > 20 && outcome.is_ok_and(|done| done == whole), "only {piece} pieces were seen");
            return println!("{piece} pieces of {LARGE} bytes and more");
        }
        match outcome {
            Err(Error::Memory { bytes }) => assert!(bytes >= LARGE, "piece {piece}: {bytes}"),
            other => panic!("piece {piece}: {:?}", other.map(|_| "a result")),
        }
        assert!(work(&mut session).unwrap() == whole, "the run after piece {piece}");
    }
}

#[test]
fn a_piece_refused_anywhere_is_an_error_and_the_next_run_is_right() {
    let _turn = alone();
    let files = Files::new(72, 64);
    // The whole path: files, labels laid on their image, weights, the run, the mask.
    refuse_in_turn(1, &files, |session| {
        let (target, examples) = (files.target()?, files.examples(2)?);
        let mut done = session.segment((&*target).into(), examples, &options(), &mut |_| Ok(()))?;
        files.write(&done.mask, &target)?;
        Ok((done.mask, done.probabilities.remove(0).voxels))
    });
}

#[test]
fn a_transformation_and_a_comparison_without_memory_end_in_an_error_too() {
    let _turn = alone();
    let files = Files::new(72, 64);
    refuse_in_turn(3, &files, |session| {
        let (target, labels) = (files.target()?, files.examples(1)?);
        let images = vec![Example { image: NamedImage::from(&*target), label: files.image()? }];
        let done = session.transform((&*target).into(), images, &Options::default(), &mut |_| Ok(()))?;
        let judged = compare(&labels[0].label, &labels[0].label)?;
        Ok((done.image.voxels, judged[0].dice))
    });
}

/// The most bytes that were held beyond those before, while `work` was done.
fn most_held<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.load(Ordering::SeqCst);
    MOST.store(before, Ordering::SeqCst);
    let outcome = work();
    (outcome, MOST.load(Ordering::SeqCst) - before)
}

#[test]
fn a_run_holds_what_was_predicted_also_with_probabilities_of_labels_that_nobody_named() {
    let _turn = alone();
    let files = Files::new(96, 32);
    let volume = size_of::<f32>() * 96_usize.pow(3);
    // What `run` held and what it had predicted, both from the files on.
    let run = |examples: usize, probabilities: bool| {
        let work = || {
            let setup = Setup { device: DeviceChoice::Cpu, model: Some(files.model()), ..Setup::default() };
            let (target, mut examples) = (files.target().unwrap(), files.examples(examples).unwrap());
            for example in &mut examples {
                // Six labels in layers.
                let label = Arc::make_mut(&mut example.label);
                label
                    .voxels
                    .iter_mut()
                    .enumerate()
                    .for_each(|(at, label)| *label *= 1 + (at / 96 / 96 / 8 % 6) as u16);
            }
            let options = Options { probabilities, mini_context: Some(1), ..Options::default() };
            let mut session = Runner::new(setup);
            session.segment((&*target).into(), examples, &options, &mut |_| Ok(())).unwrap().report
        };
        let (report, held) = most_held(work);
        assert!(held < report.predicted_memory_bytes, "{held} of {}", report.predicted_memory_bytes);
        (held, report)
    };
    run(8, false);
    let [(less, without), (more, with)] = [false, true].map(|probabilities| run(1, probabilities));
    let labels = with.labels.len();
    assert!(labels >= 4, "{labels} labels");
    let (held, predicted) = (more - less, with.predicted_memory_bytes - without.predicted_memory_bytes);
    println!("{labels} labels: {held} bytes more held, {predicted} predicted, a volume is {volume}");
    assert!(held > (labels - 2) * volume && held <= predicted && predicted <= held + 3 * volume);
}

#[test]
fn a_run_that_cannot_fit_is_refused_before_it_starts() {
    let _turn = alone();
    let files = Files::new(20, 4096);
    let setup = Setup { device: DeviceChoice::Cpu, model: Some(files.model()), ..Setup::default() };
    let (target, examples) = (files.target().unwrap(), files.examples(1).unwrap());
    let mut stages = 0;
    let mut observer = |_| {
        stages += 1;
        Ok(())
    };
    let outcome = Runner::new(setup).segment((&*target).into(), examples, &options(), &mut observer);
    let Err(error @ Error::TooLarge { needed, within_reach }) = outcome else { panic!("it ran") };
    assert!(needed > within_reach && within_reach > 0);
    assert!(error.to_string().contains("smaller working grid"), "{error}");
    assert!(stages < 2, "{stages} steps were taken");
}

#[test]
fn a_job_without_memory_fails_and_the_next_one_runs() {
    let _turn = alone();
    let files = Files::new(72, 64);
    let mut jobs = Jobs::start(|| ());
    let end = |jobs: &Jobs| jobs.events.recv_timeout(Duration::from_secs(60)).unwrap();
    jobs.compute(Compute::LoadModel { device: DeviceChoice::Cpu, model: Some(files.model()) });
    assert!(matches!(end(&jobs), Event::Ready(_, Ok(_))));
    let (target, examples) = (files.target().unwrap(), files.examples(1).unwrap());
    let segment =
        || Compute::Segment { target: (&*target).into(), examples: examples.clone(), options: options() };
    // The second run finds its images prepared, so it asks for less.
    for n in [0, 5, 10] {
        let (event, reached) = refusing(n, || {
            jobs.compute(segment());
            end(&jobs)
        });
        assert!(reached, "piece {n}");
        let Event::Segmented(_, Err(Failure::Engine(error))) = event else {
            panic!("piece {n}: another end")
        };
        assert!(matches!(error, Error::Memory { .. }), "{error}");
        jobs.compute(segment());
        assert!(matches!(end(&jobs), Event::Segmented(_, Ok(_))), "after piece {n}");
    }
}
