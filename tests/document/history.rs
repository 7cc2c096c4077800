//! Steps, their names, their limits, and what is on disk.

use crate::scene::*;
use exemplar::document::*;
use std::sync::Arc;
use std::time::Duration;

fn milliseconds(time: u64) -> Duration {
    Duration::from_millis(time)
}

/// Names the first mask once more, as one of a series of nudges.
fn nudge(document: &mut Document, history: &mut History, name: &str, time: u64) -> bool {
    let mask = document.masks()[0].id();
    let mut draft = document.draft();
    draft.rename_mask(mask, name).unwrap();
    draft.nudge().commit(history, "Rename", milliseconds(time)).is_some()
}

#[test]
fn a_step_says_what_it_did_and_undo_where() {
    let (mut document, mut history, mask) = opened(SHAPE);
    let mut stroke = Stroke::begin(&document, mask, WriteRule::paint(3)).unwrap();
    stroke.set_all(Bounds { min: [30, 3, 4], max: [35, 6, 6] }.voxels());
    let mut draft = document.draft();
    draft.paint(stroke.finish().unwrap()).unwrap();
    let made = draft.about(3).commit(&mut history, "Brush: Hippocampus L", START).unwrap();
    assert_eq!(made.label, "Brush: Hippocampus L, +30 voxels");
    assert_eq!(made.regions, [(mask, Bounds { min: [30, 3, 4], max: [35, 6, 6] })]);
    assert_eq!(made.parts, [PartId::Mask(mask)]);
    assert_eq!(history.past().next_back().unwrap().label(), made.label);
    assert_eq!(history.undo(&mut document).unwrap().as_ref(), Some(&made));
    assert_eq!(history.future().next().unwrap().label(), made.label);
    assert_eq!(history.redo(&mut document).unwrap(), Some(made));
}

#[test]
fn nothing_makes_no_step() {
    let (mut document, mut history, mask) = opened(SHAPE);
    let (steps, before) = (history.past().len(), Snapshot::of(&document));
    assert!(document.draft().commit(&mut history, "Nothing", START).is_none());
    let mut draft = document.draft();
    draft.rename_mask(mask, "mask").unwrap();
    draft.set_target(None).unwrap();
    drop(draft);
    let mut draft = document.draft();
    draft.rename_mask(mask, "mask").unwrap();
    assert!(draft.commit(&mut history, "The same name", START).is_none());
    assert_eq!((history.past().len(), Snapshot::of(&document)), (steps, before));
}

#[test]
fn nudges_within_a_second_are_one_step() {
    let (mut document, mut history, mask) = opened(SHAPE);
    let (mut steps, start) = (history.past().len(), Snapshot::of(&document));
    for (name, time) in [("a", 0), ("b", 900), ("c", 1900)] {
        nudge(&mut document, &mut history, name, time);
    }
    assert_eq!(history.past().len(), steps + 1);
    let series = Snapshot::of(&document);
    nudge(&mut document, &mut history, "d", 2901);
    assert_eq!(history.past().len(), steps + 2);
    history.undo(&mut document).unwrap();
    assert_eq!(Snapshot::of(&document), series);
    // A state that undo came back to is not changed under the user's hands, however quickly a nudge follows.
    write((&mut document, &mut history, mask), WriteRule::paint(1), [[1; 3]]).unwrap();
    history.undo(&mut document).unwrap();
    nudge(&mut document, &mut history, "e", 2000);
    assert_eq!(history.past().len(), steps + 2);
    history.undo(&mut document).unwrap();
    history.undo(&mut document).unwrap();
    assert_eq!(Snapshot::of(&document), start);

    // Parts of one act that arrive one after the other are one step, however slowly; of the next act, another.
    for (batch, time) in [(1, 0), (1, 60_000), (2, 60_001), (1, 60_002)] {
        let mut draft = document.draft();
        draft.add_mask(Bricks::filled(SHAPE, 0), &[], info("loaded", Status::Accepted)).unwrap();
        draft.batch(batch).commit(&mut history, "Load", milliseconds(time)).unwrap();
    }
    assert_eq!((history.past().len(), document.masks().len()), (steps + 3, 5));
    (0..3).for_each(|_| drop(history.undo(&mut document).unwrap()));
    assert_eq!(Snapshot::of(&document), start);

    // Voxels: there and back is no step, and the old revision is back.
    steps = history.past().len();
    for (number, action) in [Action::Paint, Action::Erase].into_iter().enumerate() {
        let rule = WriteRule { action, ..WriteRule::paint(1) };
        let mut stroke = Stroke::begin(&document, mask, rule).unwrap();
        stroke.set([5, 5, 5]);
        let mut draft = document.draft();
        draft.paint(stroke.finish().unwrap()).unwrap();
        draft.about(1).nudge().commit(&mut history, "Move", milliseconds(9000)).unwrap();
        assert_eq!(history.past().len(), steps + 1 - number);
    }
    assert_eq!(Snapshot::of(&document), start);
}

#[test]
fn dirty_means_another_revision_than_on_disk() {
    let (mut document, mut history, mask) = opened(SHAPE);
    assert!(history.is_dirty(&document));
    history.undo(&mut document).unwrap();
    assert!(!history.is_dirty(&document), "an empty document needs no file");
    history.redo(&mut document).unwrap();
    let writing = document.revision();
    write((&mut document, &mut history, mask), WriteRule::paint(1), [[1; 3]]).unwrap();
    history.mark_saved(writing);
    assert!(history.is_dirty(&document), "a stroke during the writing is not on disk");
    history.undo(&mut document).unwrap();
    assert!(!history.is_dirty(&document));
    document.show_label(1, false);
    assert!(!history.is_dirty(&document), "what is shown is no content");
    history.undo(&mut document).unwrap();
    assert!(history.is_dirty(&document));
    // A nudge does not swallow the saved state.
    history.redo(&mut document).unwrap();
    nudge(&mut document, &mut history, "a", 0);
    history.mark_saved(document.revision());
    nudge(&mut document, &mut history, "b", 10);
    assert!(history.is_dirty(&document));
    history.undo(&mut document).unwrap();
    assert!(!history.is_dirty(&document));
}

#[test]
fn a_hundred_strokes_on_256_cubed_take_less_than_64_mb() {
    const SHAPE: [usize; 3] = [256; 3];
    let (mut document, mut history, mask) = opened(SHAPE);
    for number in 0..100 {
        // Balls of 50 voxels across over what earlier ones left: the largest usual brush.
        let centre = [1, 3, 7].map(|step| 26 + number * step * 29 % 204);
        let rule = WriteRule::paint(1 + number as u16 % 4);
        write((&mut document, &mut history, mask), rule, ball(SHAPE, centre, 25)).unwrap();
    }
    assert!(history.past().len() > 100);
    assert!(history.bytes() <= 64_000_000, "{} bytes", history.bytes());
    println!("100 strokes: {} bytes", history.bytes());
}

#[test]
fn the_oldest_steps_go_when_there_are_too_many_bytes_but_a_hundred_stay() {
    let (mut document, _, mask) = opened(SHAPE);
    // Every other column and its removal: as many runs as voxels.
    let columns = |document: &mut Document, history: &mut History, number: u16| {
        let action = if number.is_multiple_of(2) { Action::Paint } else { Action::Erase };
        let rule = WriteRule { action, ..WriteRule::paint(1) };
        let every_other = Bounds::whole(SHAPE).voxels().filter(|[x, _, _]| x.is_multiple_of(2));
        write((document, history, mask), rule, every_other).unwrap();
    };
    let mut history = History::with_limit(&document, 1_000);
    for number in 0..130 {
        columns(&mut document, &mut history, number);
    }
    assert_eq!(history.past().len(), 100);
    let step = history.bytes() / 100;
    assert!(step > SHAPE.iter().product::<usize>() / 2 * size_of::<Run>());

    let limit = 115 * step + step / 2;
    let mut history = History::with_limit(&document, limit);
    for number in 0..130 {
        columns(&mut document, &mut history, number);
    }
    assert_eq!(history.past().len(), 115);
    assert!(history.bytes() <= limit);
    while history.undo(&mut document).unwrap().is_some() {}
    assert_eq!(history.future().len(), 115);
    assert!(history.bytes() <= limit, "what can be made again counts too");
}

#[test]
fn what_leaves_the_document_counts_with_its_size() {
    let (mut document, mut history, _) = opened(SHAPE);
    let labels = Bricks::filled(SHAPE, 1).to_label_map(grid(SHAPE).world_from_voxel).unwrap();
    let mut draft = document.draft();
    let (image, labels) = (scan(SHAPE, 1), Arc::new(labels));
    let example = draft.add_example(image, labels, &found(&[1]), example_info("one")).unwrap();
    draft.commit(&mut history, "Example", START);
    let voxels = SHAPE.iter().product::<usize>();
    let loaded = history.bytes();
    assert!(loaded < voxels, "the document holds the example, not the history");
    let mut draft = document.draft();
    draft.remove_example(example).unwrap();
    draft.commit(&mut history, "Remove", START);
    assert!(history.bytes() - loaded >= voxels * 6, "float intensities and 16-bit labels");
}

#[test]
fn arrivals_are_steps_of_their_own() {
    let (mut document, mut history, mask) = opened(SHAPE);
    write((&mut document, &mut history, mask), WriteRule::paint(1), [[1; 3]]).unwrap();
    let painted = Snapshot::of(&document);
    let mut draft = document.draft();
    let inputs = vec![(PartId::Mask(mask), document_revision(draft.document(), mask))];
    let provenance = Provenance::Predicted { inputs, summary: "1 example".into() };
    let info =
        MaskInfo { name: "Prediction 1".into(), status: Status::Proposal, provenance, remarks: Vec::new() };
    draft.add_mask(Bricks::filled(SHAPE, 5), &found(&[5]), info).unwrap();
    draft.commit(&mut history, "Prediction 1", START);
    assert_eq!(document.labels().name(5), "Label 5");
    assert_eq!(history.undo(&mut document).unwrap().unwrap().label, "Prediction 1");
    assert_eq!(Snapshot::of(&document), painted);
    assert_eq!(document.labels().get(5), None);
}

fn document_revision(document: &Document, mask: MaskId) -> Revision {
    document.mask(mask).unwrap().revision()
}

#[test]
fn masks_go_with_their_target_and_come_back_with_it() {
    let (mut document, mut history, mask) = opened(SHAPE);
    write((&mut document, &mut history, mask), WriteRule::paint(1), [[1; 3]]).unwrap();
    let before = Snapshot::of(&document);
    let mut draft = document.draft();
    draft.set_target(Some(scan([9, 9, 9], 3))).unwrap();
    let other = draft.add_mask(Bricks::filled([9, 9, 9], 0), &[], info("new", Status::Edited));
    assert!(other.unwrap() > mask, "ids never go back");
    assert_eq!(
        draft.add_mask(Bricks::filled(SHAPE, 0), &[], info("", Status::Edited)),
        Err(Refusal::OtherGrid)
    );
    draft.commit(&mut history, "Open", START).unwrap();
    assert_eq!(document.masks().len(), 1);
    history.undo(&mut document).unwrap();
    assert_eq!(Snapshot::of(&document), before);
    history.redo(&mut document).unwrap();
    assert_eq!(document.target().unwrap().scan().volume.grid.shape, [9, 9, 9]);

    let mut empty = Document::default();
    let refused = empty.draft().add_mask(Bricks::filled(SHAPE, 0), &[], info("", Status::Edited));
    assert_eq!(refused, Err(Refusal::NoTarget));
}
