//! Jobs that come back late: whatever the order of loading, undo, redo, running and finishing, a result is taken only
//! by a document with the content that it was computed from.

use crate::scene::*;
use exemplar::document::*;
use imaging::LabelMap;
use imaging::io::Scan;
use proptest::prelude::*;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Segment,
    Compare,
}

/// A job on its way, and all that it read.
struct Job {
    key: JobKey<Kind>,
    target: Option<Arc<Scan>>,
    examples: Vec<(ExampleId, Arc<Scan>, Arc<LabelMap>)>,
    mask: Option<(MaskId, Vec<u16>)>,
}

fn voxels(document: &Document, mask: MaskId) -> Option<Vec<u16>> {
    document.mask(mask).map(|mask| mask.voxels().region(&Bounds::whole(SHAPE)))
}

impl Job {
    /// A run on target and examples, or a comparison that reads a mask.
    fn start(document: &Document, kind: Kind) -> Option<Self> {
        let target = document.target()?;
        if kind == Kind::Segment {
            let on = || document.examples().iter().filter(|example| example.info().on);
            let parts = on().map(|example| PartId::Example(example.id()));
            let key = document.job(kind, parts.chain([PartId::Target(target.id())]))?;
            let examples = on().map(|e| (e.id(), e.image().clone(), e.labels().clone())).collect();
            Some(Self { key, target: Some(target.scan().clone()), examples, mask: None })
        } else {
            let mask = document.masks().last()?.id();
            let key = document.job(kind, [PartId::Mask(mask)])?;
            Some(Self {
                key,
                target: None,
                examples: Vec::new(),
                mask: Some((mask, voxels(document, mask)?)),
            })
        }
    }

    /// Whether the document holds what the job read, by content.
    fn fits(&self, document: &Document) -> bool {
        let target = document.target().map(Target::scan);
        let same_target =
            self.target.as_ref().is_none_or(|scan| target.is_some_and(|t| Arc::ptr_eq(t, scan)));
        let examples = self.examples.iter().all(|(id, image, labels)| {
            let here = document.example(*id);
            here.is_some_and(|e| Arc::ptr_eq(e.image(), image) && Arc::ptr_eq(e.labels(), labels))
        });
        let mask = self.mask.as_ref().is_none_or(|(id, read)| voxels(document, *id).as_ref() == Some(read));
        same_target && examples && mask
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Load(usize),
    AddExample(usize),
    RemoveExample(usize),
    Toggle(usize),
    Paint(usize),
    Accept,
    Undo,
    Redo,
    Run,
    Compare,
    Finish(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => (0..3_usize).prop_map(Op::Load),
        2 => (0..3_usize).prop_map(Op::AddExample),
        1 => (0..3_usize).prop_map(Op::RemoveExample),
        1 => (0..3_usize).prop_map(Op::Toggle),
        3 => (0..400_usize).prop_map(Op::Paint),
        1 => Just(Op::Accept),
        4 => Just(Op::Undo),
        3 => Just(Op::Redo),
        3 => Just(Op::Run),
        3 => Just(Op::Compare),
        4 => (0..8_usize).prop_map(Op::Finish),
    ]
}

/// One edit, where there is something to edit.
fn edit(draft: &mut Draft<'_>, op: Op, scans: &[Arc<Scan>]) -> Result<(), Refusal> {
    let mask = draft.document().masks().last().map(Mask::id).ok_or(Refusal::Unchanged);
    let example = |draft: &Draft<'_>, n: usize| -> Result<_, Refusal> {
        let example = draft.document().examples().get(n).ok_or(Refusal::Unchanged)?;
        Ok((example.id(), example.info().clone()))
    };
    match op {
        Op::Load(n) => {
            draft.set_target(Some(scans[n].clone()))?;
            draft.add_mask(Bricks::filled(SHAPE, 0), &found(&[1, 2]), info("mask", Status::Edited)).map(drop)
        }
        Op::AddExample(n) => {
            let labels = Arc::new(LabelMap::empty(grid(SHAPE)).unwrap());
            draft.add_example(scans[n].clone(), labels, &[], example_info("example")).map(drop)
        }
        Op::RemoveExample(n) => draft.remove_example(example(draft, n)?.0),
        Op::Toggle(n) => {
            let (id, info) = example(draft, n)?;
            draft.change_example(id, ExampleInfo { on: !info.on, ..info })
        }
        Op::Paint(at) => {
            let rule = WriteRule::paint(1 + at as u16 % 2);
            let mut stroke = Stroke::begin(draft.document(), mask?, rule)?;
            stroke.set([at % 20, at / 20, 0]);
            draft.paint(stroke.finish()?)
        }
        Op::Accept => draft.accept_mask(mask?),
        _ => Ok(()),
    }
}

/// A result arrives: a proposal, if it is for the document as it is.
fn finish(document: &mut Document, history: &mut History, job: &Job) -> Result<(), TestCaseError> {
    let before = Snapshot::of(document);
    if document.is_current(&job.key) {
        prop_assert!(job.fits(document), "a result for other contents is taken");
        if job.key.kind == Kind::Segment {
            let mut draft = document.draft();
            draft.add_mask(Bricks::filled(SHAPE, 1), &found(&[1]), info("p", Status::Proposal)).unwrap();
            draft.commit(history, "Prediction", START);
        }
    } else {
        prop_assert_eq!(Snapshot::of(document), before);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_result_is_taken_only_where_its_inputs_are_as_they_were(ops in prop::collection::vec(op(), 60)) {
        // All on one grid, so that a grid says nothing.
        let scans: Vec<_> = (0..3).map(|seed| scan(SHAPE, seed)).collect();
        let mut document = Document::default();
        let mut history = History::new(&document);
        let mut jobs: Vec<Job> = Vec::new();
        for op in ops {
            match op {
                Op::Undo => _ = history.undo(&mut document).unwrap(),
                Op::Redo => _ = history.redo(&mut document).unwrap(),
                Op::Run => jobs.extend(Job::start(&document, Kind::Segment)),
                Op::Compare => jobs.extend(Job::start(&document, Kind::Compare)),
                Op::Finish(n) if n < jobs.len() => finish(&mut document, &mut history, &jobs.swap_remove(n))?,
                _ => {
                    let mut draft = document.draft();
                    if edit(&mut draft, op, &scans).is_ok() {
                        draft.commit(&mut history, "Step", START);
                    }
                }
            }
            for job in &jobs {
                prop_assert!(!document.is_current(&job.key) || job.fits(&document));
            }
        }
    }
}

#[test]
fn undo_supersedes_a_run_and_redo_makes_it_current_again() {
    let (mut document, mut history, mask) = opened(SHAPE);
    let run = |document: &Document| Job::start(document, Kind::Segment).unwrap().key;
    let compare = Job::start(&document, Kind::Compare).unwrap().key;
    let first = run(&document);
    let mut draft = document.draft();
    draft.set_target(Some(scan(SHAPE, 1))).unwrap();
    draft.commit(&mut history, "Open", START);
    let second = run(&document);
    assert!(!document.is_current(&first) && document.is_current(&second));
    history.undo(&mut document).unwrap();
    assert!(document.is_current(&first) && !document.is_current(&second));
    history.redo(&mut document).unwrap();
    assert!(document.is_current(&second));
    history.undo(&mut document).unwrap();

    // A name, a status or a switch is no content; a voxel is.
    let mut draft = document.draft();
    draft.rename_mask(mask, "other").unwrap();
    draft.commit(&mut history, "Rename", START);
    assert!(document.is_current(&compare));
    write((&mut document, &mut history, mask), WriteRule::paint(1), [[0; 3]]).unwrap();
    assert!(!document.is_current(&compare));
    history.undo(&mut document).unwrap();
    assert!(document.is_current(&compare));
    let PartId::Mask(gone) = compare.inputs[0].0 else { panic!("a comparison reads a mask") };
    let mut draft = document.draft();
    draft.remove_mask(gone).unwrap();
    draft.commit(&mut history, "Remove", START);
    assert_eq!(document.job(Kind::Compare, [PartId::Mask(gone)]), None);
}
