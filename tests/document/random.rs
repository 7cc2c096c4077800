//! Random edits of every kind, undone to the start and made again to the end.

use crate::scene::*;
use exemplar::document::*;
use glam::DAffine3;
use imaging::LabelMap;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// What an edit is about; each kind takes from the numbers what it needs.
type Op = (u8, u16, u16, u16);

fn pick<T: Copy>(all: &[T], number: u16) -> Option<T> {
    (!all.is_empty()).then(|| all[usize::from(number) % all.len()])
}

/// A volume with a block of each of some labels.
fn blocks(a: u16, b: u16) -> (Bricks, Vec<FoundLabel>) {
    let mut labels = LabelMap::empty(grid(SHAPE)).unwrap();
    let values = [1 + a % 9, 1 + b % 70];
    for (value, corner) in values.into_iter().zip([a, b]) {
        let min = SHAPE.map(|n| usize::from(corner) % n);
        let block = Bounds { min, max: min.map(|i| i + 9) }.intersection(&Bounds::whole(SHAPE));
        block.voxels().for_each(|voxel| labels.voxels[labels.grid.index(voxel)] = value);
    }
    let found: Vec<u16> = labels.counts().into_iter().map(|(value, _)| value).collect();
    (Bricks::from_label_map(&labels), crate::scene::found(&found))
}

/// Enters one edit into a draft, or learns that it cannot be.
fn draft_op(draft: &mut Draft<'_>, (kind, a, b, c): Op) -> Result<(), Refusal> {
    let document = draft.document();
    let masks: Vec<MaskId> = document.masks().iter().map(Mask::id).collect();
    let examples: Vec<ExampleId> = document.examples().iter().map(Example::id).collect();
    let values: Vec<u16> = document.labels().iter().map(|(value, _)| value).collect();
    let label = pick(&values, b).unwrap_or(1);
    let Some(mask) = pick(&masks, a) else {
        if document.target().is_none() {
            draft.set_target(Some(scan(SHAPE, a.into())))?;
        }
        let (voxels, found) = blocks(b, c);
        return draft.add_mask(voxels, &found, info("mask", Status::Accepted)).map(drop);
    };
    match kind {
        0..=7 => {
            let action =
                [Action::Paint, Action::Paint, Action::Erase, Action::EraseAny][usize::from(kind % 4)];
            let rule = WriteRule { action, ..WriteRule::paint(label) };
            let mut stroke = Stroke::begin(document, mask, rule)?;
            let centre = [usize::from(a % 40), usize::from(c % 33), usize::from(b % 12)];
            stroke.set_all(ball(SHAPE, centre, usize::from(c % 7)));
            draft.paint(stroke.finish()?)
        }
        8 | 9 => {
            let (voxels, found) = blocks(b, c);
            let status = [Status::Proposal, Status::Accepted, Status::Reference][usize::from(c % 3)];
            draft.add_mask(voxels, &found, info("mask", status)).map(drop)
        }
        10 => draft.remove_mask(mask),
        11 => draft.accept_mask(mask),
        12 => draft.rename_mask(mask, &format!("mask {c}")),
        13 => {
            let (voxels, found) = blocks(b, c);
            let labels = Arc::new(voxels.to_label_map(grid(SHAPE).world_from_voxel).unwrap());
            draft.add_example(scan(SHAPE, b.into()), labels, &found, example_info("example")).map(drop)
        }
        14 => pick(&examples, a).map_or(Ok(()), |id| draft.remove_example(id)),
        15 => pick(&examples, a).map_or(Ok(()), |id| {
            let info = draft.document().example(id).unwrap().info().clone();
            draft.change_example(id, ExampleInfo { on: !info.on, ..info })
        }),
        16 if c % 4 == 0 => draft.set_target((c % 8 == 0).then(|| scan(SHAPE, c.into()))).map(drop),
        16 | 17 => draft.add_label(None, None).map(drop),
        18 => {
            let old = document.labels().get(label).cloned().ok_or(Refusal::NoLabel(label))?;
            let colour = [c as u8, a as u8, 3];
            draft.change_label(label, Label { colour, locked: c % 3 == 0, ..old })
        }
        19 => draft.merge_label(label, if c % 3 == 0 { 0 } else { pick(&values, c).unwrap_or(2) }),
        _ => draft.renumber_label(label, 100 + c % 500),
    }
}

fn full(document: &Document) -> Vec<LabelMap> {
    document.masks().iter().map(|m| m.voxels().to_label_map(DAffine3::IDENTITY).unwrap()).collect()
}

/// Makes steps of one to three edits, with undo and redo and dropped drafts in between. Returns the states that the
/// steps of the history lie between, and how many edits there were.
fn play(ops: &[(u8, Vec<Op>)], document: &mut Document, history: &mut History) -> (Vec<Snapshot>, usize) {
    let (mut states, mut edits) = (vec![Snapshot::of(document)], 0);
    for (number, (how, step)) in ops.iter().enumerate() {
        let (before, time) = (document.revision(), Duration::from_millis(400 * number as u64));
        match how {
            0 => _ = history.undo(document).unwrap(),
            1 => _ = history.redo(document).unwrap(),
            _ => {
                let mut draft = document.draft();
                let refused = step.iter().any(|&op| draft_op(&mut draft, op).is_err());
                if refused || *how == 2 {
                    drop(draft);
                    assert_eq!(document.revision(), before);
                } else {
                    let draft = if *how < 5 { draft.nudge() } else { draft };
                    let made = draft.commit(history, "Step", time);
                    edits += made.map_or(0, |_| step.len());
                }
                let now = history.past().len();
                if document.revision() > before {
                    states.truncate(now);
                    states.push(Snapshot::of(document));
                } else {
                    // Refused, dropped, or a nudge that went back to where its series began.
                    states.truncate((now + history.future().len() + 1).max(now + 1));
                }
            }
        }
        assert_eq!(Snapshot::of(document), states[history.past().len()], "step {number}");
    }
    (states, edits)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_thousand_random_edits_are_undone_and_redone_to_the_byte(
        ops in prop::collection::vec(
            (0_u8..20, prop::collection::vec((0_u8..21, any::<u16>(), any::<u16>(), any::<u16>()), 1..4)),
            1000,
        )
    ) {
        let mut document = Document::default();
        let mut history = History::with_limit(&document, usize::MAX);
        let (states, edits) = play(&ops, &mut document, &mut history);
        prop_assert!(edits > 300, "only {edits} edits were possible");
        while history.redo(&mut document).unwrap().is_some() {}
        let (steps, end) = (history.past().len(), full(&document));
        prop_assert_eq!(states.len(), steps + 1);
        for state in states[..steps].iter().rev() {
            history.undo(&mut document).unwrap().unwrap();
            prop_assert_eq!(&Snapshot::of(&document), state);
        }
        prop_assert_eq!(document.revision(), Document::default().revision());
        prop_assert!(history.undo(&mut document).unwrap().is_none());
        for state in &states[1..] {
            history.redo(&mut document).unwrap().unwrap();
            prop_assert_eq!(&Snapshot::of(&document), state);
        }
        prop_assert!(history.redo(&mut document).unwrap().is_none());
        prop_assert_eq!(full(&document), end);
    }
}
