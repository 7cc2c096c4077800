//! Damaged and hostile files: refused with a sentence, without a panic, within the memory that a header justifies.

use crate::odd::fixture;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use glam::DAffine3;
use imaging::io::{self, Header, Scan};
use imaging::{Grid, LabelMap};
use proptest::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::path::PathBuf;

/// Counts what the current thread holds, so that tests beside each other do not disturb the count.
struct Counting;

thread_local! {
    static HELD: Cell<[isize; 2]> = const { Cell::new([0; 2]) };
}

fn count(bytes: isize) {
    // A thread that ends frees after its locals are gone; nobody measures it then.
    let _ = HELD.try_with(|held| {
        let [now, most] = held.get();
        held.set([now + bytes, most.max(now + bytes)]);
    });
}

// The only way to see every allocation is to be the allocator, and that trait is unsafe. Each call is handed
// unchanged to the system's allocator, which keeps the contract.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Most bytes held at once during `work`.
pub fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    HELD.with(|held| held.set([0; 2]));
    let result = work();
    (result, HELD.with(|held| held.get()[1]) as usize)
}

/// Buffers whose size does not depend on the file: reader, decompressor, one piece of voxels, sentences.
pub const BUFFERS: usize = 1 << 20;

pub fn gzip(parts: &[&[u8]]) -> Vec<u8> {
    let mut stream = GzEncoder::new(Vec::new(), Compression::fast());
    parts.iter().for_each(|part| stream.write_all(part).unwrap());
    stream.finish().unwrap()
}

/// A small image of labels as an uncompressed file.
pub fn small() -> Vec<u8> {
    let grid = Grid { shape: [20, 30, 10], world_from_voxel: DAffine3::IDENTITY };
    let voxels = (0..grid.len()).map(|i| (i % 7) as u16).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.nii");
    io::write_labels(&path, &LabelMap { grid, voxels }, &Header::for_grid(&grid)).unwrap();
    std::fs::read(path).unwrap()
}

/// A NIfTI-2 series as an uncompressed file.
fn second() -> Vec<u8> {
    let stored = std::fs::read(fixture("samples/nifti2_4d.nii.gz")).unwrap();
    let mut plain = Vec::new();
    GzDecoder::new(&stored[..]).read_to_end(&mut plain).unwrap();
    plain
}

#[test]
fn a_stream_that_expands_beyond_its_header_is_stopped() {
    let plain = small();
    let mut stream = GzEncoder::new(Vec::new(), Compression::fast());
    stream.write_all(&plain).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..1000).for_each(|_| stream.write_all(&zeros).unwrap());
    let bomb = stream.finish().unwrap();
    let (outcome, peak) = peak(|| Scan::from_bytes("bomb.nii.gz", &bomb));
    assert!(outcome.unwrap_err().to_string().contains("far beyond"));
    assert!(peak < BUFFERS + 4 * 4 * 6000, "{peak}");
}

#[test]
fn a_header_that_claims_more_than_the_file_can_hold_takes_no_memory() {
    let file = std::fs::read(fixture("generated/dims_lie_huge.nii.gz")).unwrap();
    let (outcome, peak) = peak(|| Scan::from_bytes("huge.nii.gz", &file));
    assert!(outcome.is_err() && peak < BUFFERS, "{peak}");
}

/// Voxels of a volume as the header claims them (NIfTI-1 and -2, little-endian), as far as the file can hold them.
fn justified_voxels(file: &[u8], voxels: &[u8]) -> usize {
    let mut header = vec![0; 348];
    let zipped = file.starts_with(&[0x1f, 0x8b]);
    let read = if zipped {
        GzDecoder::new(file).read_exact(&mut header)
    } else {
        (&file[..]).read_exact(&mut header)
    };
    let dims: [i64; 3] = match (read, &header[..4]) {
        (Ok(()), [0x5c, 1, 0, 0]) => {
            [42, 44, 46].map(|at| i16::from_le_bytes([header[at], header[at + 1]]).into())
        }
        (Ok(()), [0x1c, 2, 0, 0]) => {
            [24, 32, 40].map(|at| i64::from_le_bytes(header[at..at + 8].try_into().unwrap()))
        }
        (Ok(()), [0, 0, 1, 0x5c]) => {
            [42, 44, 46].map(|at| i16::from_be_bytes([header[at], header[at + 1]]).into())
        }
        _ => [0; 3],
    };
    let claimed = dims.iter().map(|&n| n.max(0) as usize).product::<usize>();
    claimed.min(if voxels.starts_with(&[0x1f, 0x8b]) { 1032 * voxels.len() } else { voxels.len() })
}

#[test]
fn every_odd_file_stays_within_the_memory_that_its_header_justifies() {
    for folder in ["samples", "generated"] {
        for entry in fixture(folder).read_dir().unwrap() {
            let path = entry.unwrap().path();
            let (_, peak) = peak(|| Scan::open(&path, 0).map(|scan| scan.labels().is_ok()));
            // Of a pair of files the header lies in the other half.
            let header = PathBuf::from(path.to_str().unwrap().replace(".img", ".hdr"));
            let [header, voxels] = [&header, &path].map(|file| std::fs::read(file).unwrap());
            let bound = BUFFERS + 4 * size_of::<f32>() * justified_voxels(&header, &voxels);
            assert!(peak < bound, "{}: {peak} of {bound}", path.display());
        }
    }
}

#[test]
fn every_damage_to_a_compressed_file_is_noticed() {
    let plain = small();
    let whole = gzip(&[&plain]);
    let open = |bytes: &[u8]| Scan::from_bytes("x.nii.gz", bytes);
    assert!(open(&whole).is_ok());
    assert!(open(&whole[..whole.len() - 1]).unwrap_err().to_string().contains("truncated"));
    for at in whole.len() - 8..whole.len() {
        let mut wrong = whole.clone();
        wrong[at] ^= 1;
        assert!(open(&wrong).unwrap_err().to_string().contains("damaged"), "trailer byte {at}");
    }
    for at in (10..whole.len() - 8).step_by(7) {
        let mut wrong = whole.clone();
        wrong[at] ^= 0x10;
        assert!(open(&wrong).is_err(), "a flipped bit in byte {at} goes unnoticed");
    }
}

#[test]
fn members_are_joined_and_padding_is_passed_over() {
    let plain = small();
    let (start, end) = plain.split_at(1000);
    let mut joined = gzip(&[start]);
    joined.extend(gzip(&[end]));
    joined.extend([0; 512]);
    let voxels = |bytes: &[u8]| Scan::from_bytes("x.nii.gz", bytes).unwrap().volume.voxels.clone();
    assert_eq!(voxels(&joined), voxels(&plain));
    let mut longer = plain.clone();
    longer.extend([9; 300]);
    assert_eq!(voxels(&longer), voxels(&plain));
    assert_eq!(voxels(&gzip(&[&longer])), voxels(&plain));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// What a header justifies is its image in memory: four bytes for each voxel that the file can hold.
    #[test]
    fn a_damaged_header_never_panics_nor_takes_much_memory(
        changes in prop::collection::vec((0usize..540, any::<u8>()), 1..6),
        compress: bool,
        second_version: bool,
    ) {
        let mut file = if second_version { second() } else { small() };
        changes.iter().for_each(|&(at, byte)| file[at] = byte);
        if compress {
            file = gzip(&[&file]);
        }
        let capacity = if compress { 1032 * file.len() } else { file.len() };
        let (outcome, peak) = peak(|| Scan::from_bytes("x.nii", &file).map(|scan| scan.labels().is_ok()));
        prop_assert!(peak <= BUFFERS + 4 * 4 * capacity, "{peak} for {outcome:?}");
    }
}
