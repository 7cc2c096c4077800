//! The label table: colours stay, and a label means the same everywhere.

use crate::scene::*;
use exemplar::document::*;
use std::collections::HashSet;
use std::sync::Arc;

fn colours(document: &Document) -> Vec<(u16, Colour)> {
    document.labels().iter().map(|(value, label)| (value, label.colour)).collect()
}

fn commit(
    document: &mut Document,
    history: &mut History,
    edit: impl Fn(&mut Draft<'_>) -> Result<(), Refusal>,
) {
    let mut draft = document.draft();
    edit(&mut draft).unwrap();
    draft.commit(history, "Labels", START).unwrap();
}

/// An example that holds one label throughout.
fn add_example(draft: &mut Draft<'_>, value: u16) -> Result<ExampleId, Refusal> {
    let labels = Bricks::filled(SHAPE, value).to_label_map(grid(SHAPE).world_from_voxel).unwrap();
    draft.add_example(scan(SHAPE, 1), Arc::new(labels), &found(&[value]), example_info("one"))
}

#[test]
fn a_file_names_labels_without_a_name_and_renames_none() {
    let (mut document, mut history) = (Document::default(), History::new(&Document::default()));
    let named = |name: Option<&str>| [FoundLabel { value: 4, name: name.map(str::to_owned), colour: None }];
    let mut add = |document: &mut Document, name: Option<&str>| {
        let conflicts = document.labels().conflicts(&named(name)).count();
        let mut draft = document.draft();
        let labels = Bricks::filled(SHAPE, 4).to_label_map(grid(SHAPE).world_from_voxel).unwrap();
        draft.add_example(scan(SHAPE, 1), Arc::new(labels), &named(name), example_info("one")).unwrap();
        draft.commit(&mut history, "Load", START).unwrap();
        (document.labels().name(4), conflicts)
    };
    assert_eq!(add(&mut document, None), ("Label 4".into(), 0));
    let colour = document.labels().get(4).unwrap().colour;
    assert_eq!(add(&mut document, Some("Putamen")), ("Putamen".into(), 0));
    assert_eq!(document.labels().get(4).unwrap().colour, colour);
    // Another protocol: the name stays, and whoever loads can say so.
    assert_eq!(add(&mut document, Some("Ventricle")), ("Putamen".into(), 1));
    assert_eq!(document.labels().names().known(4), Some("Putamen"));
}

#[test]
fn what_was_hidden_is_shown_in_the_next_document() {
    let (mut document, mut history, _) = opened(SHAPE);
    document.show_label(2, false);
    commit(&mut document, &mut history, |draft| draft.clear());
    assert!(document.labels().is_empty() && document.target().is_none());
    commit(&mut document, &mut history, |draft| add_example(draft, 2).map(drop));
    assert!(document.labels().is_visible(2));
}

#[test]
fn colours_stay_whatever_comes_and_goes() {
    let (mut document, mut history, mask) = opened(SHAPE);
    let first = colours(&document);
    assert_eq!(first[0], (1, [0xea, 0x75, 0x01]));
    assert_eq!(first[3], (4, [0x2d, 0x7e, 0x54]));
    // The next colour goes to the next label that comes, not to the next value.
    commit(&mut document, &mut history, |draft| add_example(draft, 9000).map(drop));
    commit(&mut document, &mut history, |draft| add_example(draft, 17).map(drop));
    let colour = |document: &Document, value| document.labels().get(value).unwrap().colour;
    assert_eq!(colour(&document, 9000), [0xb7, 0x72, 0xa4]);
    assert_eq!(colour(&document, 17), [0x8e, 0x4c, 0x7d]);
    let all = colours(&document);
    assert!(first.iter().all(|entry| all.contains(entry)));

    // Hide, switch off, remove, undo, rename, lock, another target: no colour moves.
    let example = document.examples()[0].id();
    document.show_label(2, false);
    assert_eq!((document.labels().is_visible(2), document.labels().is_visible(1)), (false, true));
    commit(&mut document, &mut history, |draft| {
        draft.change_example(example, ExampleInfo { on: false, ..example_info("one") })?;
        draft.remove_example(example)?;
        draft.remove_mask(mask)
    });
    commit(&mut document, &mut history, |draft| draft.set_target(None).map(drop));
    let label = document.labels().get(1).unwrap().clone();
    commit(&mut document, &mut history, |draft| {
        draft.change_label(1, Label { name: "Amygdala".into(), locked: true, ..label.clone() })
    });
    assert_eq!(colours(&document), all);
    while history.undo(&mut document).unwrap().is_some() {}
    assert!(document.labels().is_empty());
    while history.redo(&mut document).unwrap().is_some() {}
    assert_eq!(colours(&document), all);
    assert!(!document.labels().is_visible(2), "undo does not touch what is shown");
}

#[test]
fn what_a_file_says_of_a_label_that_has_a_name_does_not_count() {
    let (mut document, mut history, _) = opened(SHAPE);
    let old = Label { name: "Label one".into(), ..document.labels().get(1).unwrap().clone() };
    commit(&mut document, &mut history, |draft| draft.change_label(1, old.clone()));
    let tag = |value, name: &str| FoundLabel { value, name: Some(name.into()), colour: Some([1, 2, 3]) };
    commit(&mut document, &mut history, |draft| {
        let found = [tag(1, "Other protocol"), tag(30, "Left-Hippocampus")];
        draft.add_mask(Bricks::filled(SHAPE, 30), &found, info("file", Status::Accepted)).map(drop)
    });
    assert_eq!(document.labels().get(1), Some(&old));
    let new = Label { name: "Left-Hippocampus".into(), colour: [1, 2, 3], locked: false, excluded: false };
    assert_eq!(document.labels().get(30), Some(&new));
    let hits = |text: &str| document.labels().search(text).map(|(value, _)| value).collect::<Vec<_>>();
    assert_eq!(hits("hippo LEFT"), [30]);
    assert_eq!(hits("3"), [3, 30]);
    assert_eq!(hits("label"), [1, 2, 3, 4]);
    assert_eq!(hits("").len(), document.labels().len());
    assert!(hits("amygdala").is_empty());
}

#[test]
fn every_label_value_has_a_colour_of_its_own() {
    let all: Vec<u16> = (0..=u16::MAX).collect();
    let (mut document, mut history, _) = opened(SHAPE);
    let mask = |draft: &mut Draft<'_>| {
        draft.add_mask(Bricks::filled(SHAPE, 0), &found(&all), info("all", Status::Edited)).map(drop)
    };
    commit(&mut document, &mut history, mask);
    let colours: HashSet<Colour> = document.labels().iter().map(|(_, label)| label.colour).collect();
    assert_eq!((document.labels().len(), colours.len()), (65_535, 65_535));
    assert_eq!(document.draft().add_label(None, None), Err(Refusal::NoValueLeft));
}

#[test]
fn labels_are_merged_and_renumbered_in_masks_that_can_change() {
    let (mut document, mut history, mask) = opened(SHAPE);
    write((&mut document, &mut history, mask), WriteRule::paint(1), ball(SHAPE, [9, 9, 6], 4)).unwrap();
    write((&mut document, &mut history, mask), WriteRule::paint(2), ball(SHAPE, [30, 30, 6], 4)).unwrap();
    let before = Snapshot::of(&document);
    let count = |document: &Document, value| {
        let counts = labels_of(document, mask).counts();
        counts.into_iter().find(|(v, _)| *v == value).map_or(0, |(_, n)| n)
    };
    let [one, two] = [1, 2].map(|value| count(&document, value));

    commit(&mut document, &mut history, |draft| draft.merge_label(1, 2));
    assert_eq!((count(&document, 1), count(&document, 2)), (0, one + two));
    assert_eq!(document.labels().get(1), None);
    history.undo(&mut document).unwrap();
    assert_eq!(Snapshot::of(&document), before);

    commit(&mut document, &mut history, |draft| draft.merge_label(1, 0));
    assert_eq!((count(&document, 1), count(&document, 2)), (0, two));
    history.undo(&mut document).unwrap();

    let label = document.labels().get(1).unwrap().clone();
    commit(&mut document, &mut history, |draft| draft.renumber_label(1, 17));
    assert_eq!((count(&document, 1), count(&document, 17)), (0, one));
    assert_eq!((document.labels().get(1), document.labels().get(17)), (None, Some(&label)));
    assert_eq!(document.labels().free_value(), Some(1));
    history.undo(&mut document).unwrap();
    assert_eq!(Snapshot::of(&document), before);
}

#[test]
fn labels_that_something_holds_or_locks_stay() {
    let (mut document, mut history, mask) = opened(SHAPE);
    write((&mut document, &mut history, mask), WriteRule::paint(1), [[1; 3]]).unwrap();
    assert_eq!(document.draft().renumber_label(1, 2), Err(Refusal::LabelTaken(2)));
    assert_eq!(document.draft().renumber_label(1, 0), Err(Refusal::LabelTaken(0)));
    assert_eq!(document.draft().renumber_label(99, 100), Err(Refusal::NoLabel(99)));
    assert_eq!(document.draft().merge_label(1, 1), Err(Refusal::Unchanged));

    commit(&mut document, &mut history, |draft| add_example(draft, 1).map(drop));
    let example = document.examples()[0].id();
    let held = Err(Refusal::LabelHeld(1, PartId::Example(example)));
    assert_eq!(document.draft().renumber_label(1, 50), held);
    commit(&mut document, &mut history, |draft| draft.merge_label(1, 2));
    assert!(document.labels().get(1).is_some(), "the example holds it still");
    assert_eq!(labels_of(&document, mask).counts(), [(2, 1)]);

    let label = document.labels().get(2).unwrap().clone();
    commit(&mut document, &mut history, |draft| {
        draft.change_label(2, Label { locked: true, ..label.clone() })
    });
    let before = Snapshot::of(&document);
    for (value, into) in [(1, 2), (2, 1), (2, 0)] {
        assert_eq!(document.draft().merge_label(value, into), Err(Refusal::LabelLocked(2)));
    }
    assert_eq!(document.draft().renumber_label(2, 50), Err(Refusal::LabelLocked(2)));
    assert_eq!(Snapshot::of(&document), before);
}
