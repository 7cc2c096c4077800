//! Deltas: applied, reverted, merged, as bytes, and from bytes that are none.

use crate::scene::*;
use exemplar::document::*;
use proptest::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Notes the largest piece of memory that a thread asks for.
struct Noting;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// The only way to see allocations is to be the allocator, and that trait is unsafe. Each call is handed unchanged to the
// system's allocator, which keeps the contract.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Noting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.with(|largest| largest.set(largest.get().max(layout.size())));
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Noting = Noting;

/// Balls of labels, one stroke each, as deltas with the voxels that they leave.
fn strokes(balls: &[(u16, [usize; 3], usize)]) -> Vec<(VoxelDelta, Bricks)> {
    let (mut document, mut history, mask) = opened(SHAPE);
    let mut made = Vec::new();
    for &(label, centre, radius) in balls {
        let mut stroke = Stroke::begin(&document, mask, WriteRule::paint(label)).unwrap();
        stroke.set_all(ball(SHAPE, centre, radius));
        let Ok(delta) = stroke.finish() else { continue };
        let mut draft = document.draft();
        draft.paint(delta.clone()).unwrap();
        draft.commit(&mut history, "Brush", START);
        made.push((delta, document.mask(mask).unwrap().voxels().clone()));
    }
    made
}

fn balls(
    count: impl Into<prop::collection::SizeRange>,
) -> impl Strategy<Value = Vec<(u16, [usize; 3], usize)>> {
    let centre = (0..40_usize, 0..33_usize, 0..12_usize).prop_map(|(x, y, z)| [x, y, z]);
    prop::collection::vec((1..5_u16, centre, 0..15_usize), count)
}

/// What a delta says, voxel by voxel.
fn plain(delta: &VoxelDelta) -> Vec<(usize, u16, u16)> {
    let runs = delta.runs().iter();
    runs.flat_map(|run| (run.start..run.start + run.len as usize).map(|at| (at, run.old, run.new))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_delta_says_what_changed_and_survives_its_bytes(balls in balls(1..8)) {
        let mut before = Bricks::filled(SHAPE, 0);
        for (delta, after) in strokes(&balls) {
            let whole = Bounds::whole(SHAPE);
            let (old, new) = (before.region(&whole), after.region(&whole));
            let changed = (0..old.len()).filter(|&at| old[at] != new[at]);
            let wanted: Vec<_> = changed.map(|at| (at, old[at], new[at])).collect();
            prop_assert_eq!(plain(&delta), wanted);
            let bounds = delta.bounds().unwrap();
            let inside = |v: &[usize; 3]| before.get(*v) == after.get(*v) || bounds.contains(*v);
            prop_assert!(whole.voxels().all(|voxel| inside(&voxel)));

            let mut voxels = before.clone();
            delta.apply(&mut voxels).unwrap();
            prop_assert_eq!(&voxels, &after);
            prop_assert!(matches!(delta.apply(&mut voxels), Err(DeltaError::OtherValues(_))));
            prop_assert_eq!(&voxels, &after);
            delta.revert(&mut voxels).unwrap();
            prop_assert_eq!(&voxels, &before);
            prop_assert_eq!(VoxelDelta::decode(&delta.encode()).unwrap(), delta);
            before = after;
        }
    }

    #[test]
    fn merged_deltas_do_what_they_do_one_after_the_other(balls in balls(2..8)) {
        let made = strokes(&balls);
        let (mut first, start) = (made[0].0.clone(), Bricks::filled(SHAPE, 0));
        for (delta, after) in &made[1..] {
            first = first.merge(delta).unwrap();
            let mut voxels = start.clone();
            first.apply(&mut voxels).unwrap();
            prop_assert_eq!(&voxels, after);
            first.revert(&mut voxels).unwrap();
            prop_assert_eq!(&voxels, &start);
        }
        if made.len() > 1 {
            prop_assert!(made[1].0.merge(&made[1].0).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_bytes_are_refused_without_panic_or_large_memory(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
        tail in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        thread_local! {
            static BYTES: Vec<u8> = strokes(&[(1, [20, 20, 6], 6), (2, [22, 18, 6], 6)])[1].0.encode();
        }
        let mut bytes = BYTES.with(Clone::clone);
        if cut {
            bytes.truncate(keep.index(bytes.len()));
            bytes.extend(tail);
        }
        for (at, value) in damage {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        LARGEST.set(0);
        let decoded = VoxelDelta::decode(&bytes);
        let largest = LARGEST.get();
        prop_assert!(largest <= 8 * bytes.len(), "{} bytes ask for {largest}", bytes.len());
        if let Ok(delta) = decoded {
            prop_assert_eq!(VoxelDelta::decode(&delta.encode()), Ok(delta.clone()));
            // May fit or not, and must not harm.
            let mut voxels = Bricks::filled(SHAPE, 0);
            if delta.apply(&mut voxels).is_err() {
                prop_assert_eq!(voxels, Bricks::filled(SHAPE, 0));
            }
        }
    }
}

#[test]
fn numbers_that_are_too_large_are_refused() {
    let refused = |bytes: &[u8]| VoxelDelta::decode(bytes).unwrap_err();
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_eq!(refused(&[]), DecodeError::Short);
    // Mask 1 of 4 × 4 × 4 voxels with 2⁶⁴ − 1 runs.
    assert_eq!(refused(&[&[1, 4, 4, 4][..], &huge].concat()), DecodeError::Short);
    assert_eq!(refused(&[&[1][..], &huge, &huge, &huge].concat()), DecodeError::Range);
    // One run of 65 voxels, one that starts beyond the end, one without voxels, one that changes nothing.
    for run in [[0, 65, 0, 1], [130, 1, 0, 1], [0, 0, 0, 1], [0, 1, 1, 1]] {
        let bytes = [&[1, 4, 4, 4, 1][..], &run].concat();
        assert!(matches!(refused(&bytes), DecodeError::Range | DecodeError::Short), "{run:?}");
    }
    let whole = [1, 4, 4, 4, 1, 0, 64, 0, 1];
    assert_eq!(VoxelDelta::decode(&whole).unwrap().change_of(1), 64);
    assert_eq!(refused(&[&whole[..], &[0]].concat()), DecodeError::Long);
}
