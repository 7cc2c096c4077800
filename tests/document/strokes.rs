//! The one write path: it writes what the rule allows, says why not, and costs what it touches.

use crate::scene::*;
use exemplar::document::*;
use imaging::LabelMap;
use imaging::io::Scan;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Label value, locks and rule as numbers; see `rule_of`.
type Op = (u16, u8, u8, BTreeSet<u16>, BTreeSet<u16>, Option<(u8, u8)>, Option<[usize; 6]>, [usize; 6]);

const SMALL: [usize; 3] = [35, 9, 4];

fn bounds_of([a, b, c, d, e, f]: [usize; 6]) -> Bounds {
    Bounds { min: [a.min(d), b.min(e), c.min(f)], max: [a.max(d), b.max(e), c.max(f)] }
}

fn op() -> impl Strategy<Value = Op> {
    let corners = || [0..36_usize, 0..10, 0..5, 0..36, 0..10, 0..5];
    let some = || prop::collection::btree_set(0..5_u16, 0..4);
    let limits = prop::option::of((0..60_u8, 0..60_u8));
    (1..5_u16, 0..4_u8, 0..3_u8, some(), some(), limits, prop::option::of(corners()), corners())
}

fn rule_of((label, action, over, _, chosen, limits, region, _): &Op, image: &Arc<Scan>) -> WriteRule {
    let action = [Action::Paint, Action::Paint, Action::Erase, Action::EraseAny][usize::from(*action)];
    let over = match over {
        0 => PaintOver::AllUnlocked,
        1 => PaintOver::BackgroundOnly,
        _ => PaintOver::Chosen(chosen.clone()),
    };
    let limits = limits.map(|(low, width)| {
        let range = f32::from(low)..=f32::from(low + width);
        Limits { image: image.clone(), range }
    });
    WriteRule { label: *label, action, over, limits, region: region.map(bounds_of) }
}

fn lock_only(document: &mut Document, history: &mut History, locked: &BTreeSet<u16>) {
    let labels: Vec<_> = document.labels().iter().map(|(value, label)| (value, label.clone())).collect();
    let mut draft = document.draft();
    for (value, label) in labels {
        draft.change_label(value, Label { locked: locked.contains(&value), ..label }).unwrap();
    }
    draft.commit(history, "Lock", START);
}

/// The rule once more, as plainly as can be: the value that a voxel in the tool's reach has afterwards.
fn expected(rule: &WriteRule, locked: &BTreeSet<u16>, voxel: [usize; 3], intensity: f32, now: u16) -> u16 {
    let (painting, any) = (rule.action == Action::Paint, rule.action == Action::EraseAny);
    let taken = match &rule.over {
        _ if any => true,
        _ if !painting => now == rule.label,
        PaintOver::AllUnlocked => true,
        PaintOver::BackgroundOnly => now == 0,
        PaintOver::Chosen(chosen) => chosen.contains(&now),
    };
    let in_region = match rule.region {
        None => true,
        Some(Bounds { min, max }) => (0..3).all(|a| min[a] <= voxel[a] && voxel[a] < max[a]),
    };
    let in_limits = match &rule.limits {
        None => true,
        Some(limits) => *limits.range.start() <= intensity && intensity <= *limits.range.end(),
    };
    let unlocked = (now == 0 || !locked.contains(&now)) && (any || !locked.contains(&rule.label));
    match unlocked && taken && in_region && in_limits {
        true if painting => rule.label,
        true => 0,
        false => now,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ten_thousand_operations_change_no_forbidden_voxel(ops in prop::collection::vec(op(), 200)) {
        let (mut document, mut history, mask) = opened(SMALL);
        let image = scan(SMALL, 5);
        for op in &ops {
            let (locked, reach) = (&op.3, bounds_of(op.7));
            lock_only(&mut document, &mut history, locked);
            let rule = rule_of(op, &image);
            let before = labels_of(&document, mask);
            let outcome = write((&mut document, &mut history, mask), rule.clone(), reach.voxels());
            let after = labels_of(&document, mask);
            for voxel in Bounds::whole(SMALL).voxels() {
                let at = before.grid.index(voxel);
                let (now, intensity) = (before.voxels[at], image.volume.voxels[at]);
                let reached = reach.contains(voxel);
                let wanted = if reached { expected(&rule, locked, voxel, intensity, now) } else { now };
                prop_assert_eq!(after.voxels[at], wanted, "{:?} at {:?}", op, voxel);
            }
            prop_assert_eq!(outcome.is_ok(), before != after);
        }
    }
}

#[test]
fn a_stroke_touches_only_the_bricks_that_it_crosses() {
    const SHAPE: [usize; 3] = [256; 3];
    let (mut document, mut history, mask) = opened(SHAPE);
    let mut bricks_of = |centre, radius| {
        let before = document.mask(mask).unwrap().voxels().clone();
        let reached: BTreeSet<_> = ball(SHAPE, centre, radius).map(|voxel| voxel.map(|i| i / 32)).collect();
        let place = (&mut document, &mut history, mask);
        write(place, WriteRule::paint(1), ball(SHAPE, centre, radius)).unwrap();
        let after = document.mask(mask).unwrap().voxels();
        let dirty: BTreeSet<_> = after.dirty_since(&before).iter().map(|b| b.min.map(|i| i / 32)).collect();
        assert_eq!(dirty, reached);
        dirty.len()
    };
    assert_eq!(bricks_of([112, 112, 112], 10), 1);
    assert_eq!(bricks_of([128, 112, 112], 10), 2);
    // Crosses bricks that exist by now, and leaves those beside it shared.
    assert_eq!(bricks_of([128, 128, 128], 12), 8);
    let bytes = document.mask(mask).unwrap().voxels().bytes();
    assert!(bytes < 8 * 66_000 + 10_000, "{bytes} bytes");
}

#[test]
fn a_stroke_in_the_making_is_seen_and_can_be_dropped() {
    let (document, _, mask) = opened(SHAPE);
    let mut stroke = Stroke::begin(&document, mask, WriteRule::paint(2)).unwrap();
    stroke.set([39, 32, 11]);
    assert_eq!(stroke.voxels().get([39, 32, 11]), Some(2));
    assert_eq!(document.mask(mask).unwrap().voxels().get([39, 32, 11]), Some(0));
    stroke.set([40, 0, 0]);
    assert_eq!(stroke.voxels().get([40, 0, 0]), None);
}

#[test]
fn a_stroke_that_changes_nothing_says_why() {
    let (mut document, mut history, mask) = opened(SHAPE);
    let spot = [[3, 3, 3]];
    let place = (&mut document, &mut history, mask);
    write(place, WriteRule::paint(1), spot).unwrap();
    lock_only(&mut document, &mut history, &[1].into());
    let image = document.target().unwrap().scan().clone();
    let steps = history.past().len();
    let mut why = |rule: WriteRule, voxels: &[[usize; 3]]| {
        write((&mut document, &mut history, mask), rule, voxels.iter().copied()).unwrap_err()
    };
    let paint = WriteRule::paint;
    assert_eq!(why(paint(2), &spot), Refusal::LabelLocked(1));
    assert_eq!(why(paint(1), &[[5, 5, 5]]), Refusal::LabelLocked(1));
    assert_eq!(why(paint(9), &spot), Refusal::NoLabel(9));
    assert_eq!(why(paint(0), &spot), Refusal::NoLabel(0));
    assert_eq!(why(paint(2), &[[40, 0, 0]]), Refusal::BeyondGrid);
    assert_eq!(why(paint(2), &[]), Refusal::Unchanged);
    assert_eq!(why(WriteRule { action: Action::EraseAny, ..paint(2) }, &spot), Refusal::LabelLocked(1));
    let nothing = Some(Bounds { min: [0; 3], max: [1; 3] });
    assert_eq!(why(WriteRule { region: nothing, ..paint(2) }, &spot), Refusal::OutsideRegion);
    let limits = Some(Limits { image, range: 200.0..=300.0 });
    assert_eq!(why(WriteRule { limits, ..paint(2) }, &[[9, 9, 9]]), Refusal::OutsideLimits);
    let other = Some(Limits { image: scan([4, 4, 4], 0), range: 0.0..=300.0 });
    assert_eq!(why(WriteRule { limits: other, ..paint(2) }, &[[9, 9, 9]]), Refusal::OtherGrid);
    let chosen = PaintOver::Chosen([3].into());
    assert_eq!(why(WriteRule { over: chosen, ..paint(2) }, &[[9, 9, 9]]), Refusal::NotPaintedOver(0));
    assert_eq!(history.past().len(), steps);

    // The lock is worth more than a voxel that has the label already, and is told while others change.
    write((&mut document, &mut history, mask), WriteRule::paint(2), [[5; 3]]).unwrap();
    lock_only(&mut document, &mut history, &[1].into());
    let mut stroke = Stroke::begin(&document, mask, WriteRule::paint(2)).unwrap();
    stroke.set_all([[5; 3], [5; 3], [3; 3]]);
    assert_eq!(stroke.clone().finish(), Err(Refusal::LabelLocked(1)));
    stroke.set([6; 3]);
    assert_eq!(stroke.refusal(), Some(Refusal::LabelLocked(1)));
    assert_eq!(stroke.finish().unwrap().change_of(2), 1);

    lock_only(&mut document, &mut history, &BTreeSet::new());
    let place = (&mut document, &mut history, mask);
    let erase = WriteRule { action: Action::Erase, ..WriteRule::paint(2) };
    assert_eq!(write(place, erase, spot).unwrap_err(), Refusal::NotErased(1));
}

#[test]
fn locked_masks_are_not_written_to() {
    let (mut document, mut history, _) = opened(SHAPE);
    for status in [Status::Proposal, Status::Reference] {
        let mut draft = document.draft();
        let mask = draft.add_mask(Bricks::filled(SHAPE, 0), &[], info("locked", status)).unwrap();
        draft.commit(&mut history, "Mask", START);
        let refused = Stroke::begin(&document, mask, WriteRule::paint(1)).unwrap_err();
        assert_eq!(refused, Refusal::MaskLocked(status));
    }
    let proposal = document.masks()[1].id();
    let mut draft = document.draft();
    draft.accept_mask(proposal).unwrap();
    draft.commit(&mut history, "Accept", START);
    write((&mut document, &mut history, proposal), WriteRule::paint(1), [[0; 3]]).unwrap();
    assert_eq!(document.mask(proposal).unwrap().info().status, Status::Edited);
    history.undo(&mut document).unwrap();
    assert_eq!(document.mask(proposal).unwrap().info().status, Status::Accepted);
    let reference = document.masks()[2].id();
    let refused = document.draft().accept_mask(reference).unwrap_err();
    assert_eq!(refused, Refusal::NoWay(Status::Reference, Status::Accepted));
}

#[test]
fn a_stroke_on_voxels_that_changed_meanwhile_is_refused() {
    let (mut document, mut history, mask) = opened(SHAPE);
    let mut stroke = Stroke::begin(&document, mask, WriteRule::paint(2)).unwrap();
    stroke.set([1, 1, 1]);
    write((&mut document, &mut history, mask), WriteRule::paint(3), [[1, 1, 1]]).unwrap();
    let before = Snapshot::of(&document);
    let delta = stroke.finish().unwrap();
    assert!(matches!(document.draft().paint(delta), Err(Refusal::Outdated(_))));
    assert_eq!(Snapshot::of(&document), before);
}

#[test]
fn bricks_hold_what_a_label_map_holds() {
    let mut labels = LabelMap::empty(grid(SHAPE)).unwrap();
    labels.voxels.iter_mut().enumerate().for_each(|(i, voxel)| *voxel = (i % 65_521) as u16);
    let bricks = Bricks::from_label_map(&labels);
    assert_eq!(bricks.to_label_map(labels.grid.world_from_voxel).unwrap(), labels);
    assert_eq!(bricks.get([39, 32, 11]), labels.voxels.last().copied());
    let part = Bounds { min: [30, 31, 10], max: [35, 50, 12] };
    let inside = Bounds { max: [35, 33, 12], ..part };
    let plain: Vec<u16> = inside.voxels().map(|voxel| labels.voxels[labels.grid.index(voxel)]).collect();
    assert_eq!(bricks.region(&part), plain);
    let spots: Vec<_> = bricks.positions(7).collect();
    assert_eq!(spots.len(), labels.voxels.iter().filter(|&&voxel| voxel == 7).count());
    assert_eq!(spots[0], [7, 0, 0]);
}
