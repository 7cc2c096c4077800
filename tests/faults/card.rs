//! A graphics card that fails in the middle of a run: the CPU takes over and says so, and a hung card holds nobody up.

use crate::{Files, alone};
use exemplar::jobs::{Compute, Event, Jobs};
use imaging::{Error, Result};
use inference::pipeline::{Options, Progress, Segmentation, Stage};
use inference::runner::{Runner, Setup, Timeouts};
use network::{DeviceChoice, Fault, pretend_gpu};
use std::time::{Duration, Instant};

/// More operations than the self-test has, fewer than the self-test and a run.
const MID_RUN: usize = 45;

const PATIENCE: Timeouts =
    Timeouts { between_steps: Duration::from_millis(1500), after_stop: Duration::from_millis(500) };

fn session(files: &Files, device: DeviceChoice) -> Runner {
    let model = Some(files.model());
    Runner::new(Setup { device, model, timeouts: PATIENCE })
}

fn run(files: &Files, session: &mut Runner) -> Result<Segmentation> {
    let (target, examples) = (files.target()?, files.examples(3)?);
    let options = Options { mini_context: Some(3), ..Options::default() };
    session.segment((&*target).into(), examples, &options, &mut |_| Ok(()))
}

#[test]
fn a_card_that_fails_leaves_the_work_to_the_cpu_and_the_next_run_starts_on_it_again() {
    let _turn = alone();
    let files = Files::new(20, 16);
    let mask = run(&files, &mut session(&files, DeviceChoice::Cpu)).unwrap().mask;
    for (fault, words) in [
        (Fault::Fails, "The graphics card failed. The CPU did the work."),
        (Fault::Panics, "The graphics card failed in the middle of its work. The CPU did the work."),
        (Fault::Hangs, "The graphics card does not answer any more. The CPU did the work."),
    ] {
        let mut session = session(&files, DeviceChoice::Auto);
        pretend_gpu(Some((fault, MID_RUN)));
        let done = run(&files, &mut session).unwrap();
        assert_eq!(done.report.warnings.first().map(String::as_str), Some(words), "{fault:?}");
        assert!(done.report.device.starts_with("CPU"), "{fault:?}: {}", done.report.device);
        assert_eq!(done.mask, mask, "{fault:?}");
        pretend_gpu(Some((fault, usize::MAX)));
        let done = run(&files, &mut session).unwrap();
        assert_eq!((done.report.device.as_str(), done.report.warnings.len()), ("GPU · pretended", 0));
    }
    pretend_gpu(None);
}

#[test]
fn a_card_without_memory_for_all_examples_reads_them_one_by_one() {
    let _turn = alone();
    let files = Files::new(20, 16);
    pretend_gpu(Some((Fault::HoldsOnePair, 0)));
    let done = run(&files, &mut session(&files, DeviceChoice::Auto)).unwrap();
    pretend_gpu(None);
    assert_eq!((done.report.device.as_str(), done.report.mini_context), ("GPU · pretended", 1));
    assert!(
        done.report.warnings[0].ends_with("The examples were read one by one."),
        "{:?}",
        done.report.warnings
    );
}

#[test]
fn a_card_without_memory_for_f32_stores_f16_and_the_next_run_starts_with_f32_again() {
    let _turn = alone();
    let files = Files::new(20, 16);
    let mut session = session(&files, DeviceChoice::Gpu);
    pretend_gpu(Some((Fault::HoldsHalves, 0)));
    let done = run(&files, &mut session).unwrap();
    assert_eq!(done.report.device, "GPU · pretended · f16");
    let ends: Vec<_> = done.report.warnings.iter().map(|warning| warning.rsplit(". ").next()).collect();
    let told = [Some("The examples were read one by one."), Some("The card was tried with f16.")];
    assert_eq!(ends[..2], told, "{:?}", done.report.warnings);
    pretend_gpu(Some((Fault::HoldsHalves, usize::MAX)));
    let done = run(&files, &mut session).unwrap();
    pretend_gpu(None);
    assert_eq!((done.report.device.as_str(), done.report.warnings.len()), ("GPU · pretended", 0));
}

#[test]
fn a_card_that_was_demanded_is_not_replaced_in_silence() {
    let _turn = alone();
    let files = Files::new(20, 16);
    for fault in [Fault::Fails, Fault::Panics, Fault::Hangs] {
        pretend_gpu(Some((fault, MID_RUN)));
        let outcome = run(&files, &mut session(&files, DeviceChoice::Gpu));
        let Err(Error::Device(sentence)) = outcome else {
            panic!("{fault:?}: {:?}", outcome.map(|_| "done"))
        };
        assert!(sentence.starts_with("The graphics card"), "{fault:?}: {sentence}");
    }
    pretend_gpu(None);
}

#[test]
fn a_run_on_a_hung_card_can_be_stopped() {
    let _turn = alone();
    let files = Files::new(20, 16);
    pretend_gpu(Some((Fault::Hangs, MID_RUN)));
    let timeouts = Timeouts { between_steps: Duration::from_secs(600), ..PATIENCE };
    let (device, model) = (DeviceChoice::Auto, Some(files.model()));
    let mut session = Runner::new(Setup { device, model, timeouts });
    let (target, examples) = (files.target().unwrap(), files.examples(3).unwrap());
    let began = Instant::now();
    let mut observer = |Progress { stage, .. }| match stage {
        Stage::Reading { .. } if began.elapsed() > Duration::from_secs(1) => Err(Error::Cancelled),
        _ if began.elapsed() > Duration::from_secs(2) => Err(Error::Cancelled),
        _ => Ok(()),
    };
    let stopped = session.segment((&*target).into(), examples, &Options::default(), &mut observer);
    assert!(matches!(stopped, Err(Error::Cancelled)));
    pretend_gpu(None);
    assert!(run(&files, &mut session).is_ok(), "the next run has a thread of its own");
}

#[test]
fn jobs_outlive_a_hung_card_and_close_while_it_hangs() {
    let _turn = alone();
    let files = Files::new(20, 16);
    pretend_gpu(Some((Fault::Hangs, MID_RUN)));
    let mut jobs = Jobs::with_timeouts(PATIENCE, || ());
    let end = |jobs: &Jobs| jobs.events.recv_timeout(Duration::from_secs(60)).unwrap();
    jobs.compute(Compute::LoadModel { device: DeviceChoice::Auto, model: Some(files.model()) });
    assert!(matches!(end(&jobs), Event::Ready(_, Ok(_))));
    let (target, examples) = (files.target().unwrap(), files.examples(2).unwrap());
    let options = Options::default();
    jobs.compute(Compute::Segment {
        target: (&*target).into(),
        examples: examples.clone(),
        options: options.clone(),
    });
    let Event::Segmented(_, Ok(done)) = end(&jobs) else { panic!("the CPU takes over") };
    assert!(done.report.warnings[0].contains("does not answer"), "{:?}", done.report.warnings);
    // The card hangs in its self-test now.
    jobs.compute(Compute::Segment { target: (&*target).into(), examples, options });
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    drop(jobs);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    pretend_gpu(None);
}
