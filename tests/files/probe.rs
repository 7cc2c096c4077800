//! Headers without their voxels, and files that are something else.

use crate::damage::{peak, small};
use exemplar_tests::fixture;
use flate2::Compression;
use flate2::write::GzEncoder;
use imaging::io::{Probe, Scan, probe};
use proptest::prelude::*;
use std::io::Write;
use std::path::Path;

/// Buffers of a reader and a decompressor; nothing of a probe grows with the image.
const BUFFERS: usize = 1 << 18;

/// What the header decides is the same for both: facts, or the sentence of a refusal.
fn agree(path: &Path) {
    let (probed, held) = peak(|| probe(path));
    assert!(held < BUFFERS, "{}: {held} bytes", path.display());
    match (probed, Scan::open(path, 0)) {
        (Ok(probe), Ok(scan)) => {
            let Probe { name, header, grid, format, datatype, shape, frames, .. } = probe;
            let facts = scan.facts;
            assert_eq!(
                (name, header, grid),
                (scan.name, scan.header, scan.volume.grid),
                "{}",
                path.display()
            );
            assert_eq!((format, datatype, shape), (facts.format, facts.datatype, facts.shape));
            assert_eq!((frames, probe.transform), (facts.frames, facts.transform));
            assert_eq!(probe.transform_reason, facts.transform_reason);
            assert!(facts.warnings.starts_with(&probe.warnings), "{:?}", probe.warnings);
        }
        // Damage that shows in the voxels only.
        (Ok(_), Err(error)) => {
            let sentence = error.to_string();
            assert!(["truncated", "damaged"].iter().any(|word| sentence.contains(word)), "{sentence}");
        }
        (Err(probed), opened) => assert_eq!(probed.to_string(), opened.unwrap_err().to_string()),
    }
}

#[test]
fn a_probe_says_what_the_whole_scan_says() {
    for folder in ["odd/samples", "odd/generated", "hippocampus_msd/images", "hippocampus_msd/labels"] {
        for entry in fixture(folder).read_dir().unwrap() {
            agree(&entry.unwrap().path());
        }
    }
    agree(&fixture("odd"));
    agree(&fixture("not there.img"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_probe_of_a_damaged_header_agrees_too(
        changes in prop::collection::vec((0usize..348, any::<u8>()), 1..4),
        compress: bool,
    ) {
        let mut file = small();
        changes.iter().for_each(|&(at, byte)| file[at] = byte);
        if compress {
            let mut stream = GzEncoder::new(Vec::new(), Compression::fast());
            stream.write_all(&file).unwrap();
            file = stream.finish().unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.nii");
        std::fs::write(&path, file).unwrap();
        agree(&path);
    }
}

#[test]
fn other_formats_are_named_for_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, words) in [
        ("a.mha", "ObjectType = Image\nNDims = 3\n", "MetaImage"),
        ("a.mhd", "NDims = 3\nDimSize = 4 4 4\n", "MetaImage"),
        ("a.nrrd", "NRRD0004\ntype: short\n", "NRRD"),
        ("a.npy", "\u{93}NUMPY", "NumPy"),
        ("a.nii.bz2", "BZh91AY", "bzip2"),
        ("a.nii.gz", "PK\u{3}\u{4}", "zip archive"),
        ("IM0001.dcm", "no preamble", "DICOM"),
        ("a.gii", "<?xml version=\"1.0\"?><!DOCTYPE GIFTI><GIFTI>", "GIFTI"),
        ("a.nii", "<!DOCTYPE html><p>404", "web page"),
        ("brain+orig.HEAD", "type = string-attribute", "AFNI"),
        ("a.mif", "mrtrix image\ndim: 4,4,4\n", "MRtrix"),
    ] {
        let path = folder.path().join(name);
        // One byte for each letter below U+0100.
        std::fs::write(&path, content.chars().map(|letter| letter as u8).collect::<Vec<_>>()).unwrap();
        let sentence = probe(&path).unwrap_err().to_string();
        assert!(sentence.contains(words), "{sentence}");
    }
}
