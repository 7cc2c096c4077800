//! How long the import plan of many scans takes, from a dropped folder to roles and headers:
//! `cargo bench --profile dev --workspace --bench import`. Each file is a whole 256³ image of zeros, compressed.

use flate2::{Compression, write::GzEncoder};
use imaging::io::pairing::{Role, expand, guess_roles};
use imaging::io::probe;
use imaging::memory::peak_bytes;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Files of one folder: probed, and only sorted.
const COUNTS: [usize; 2] = [500, 10_000];

/// A name of a way to arrange files, and the path of the file of this number.
type Arrangement = (&'static str, fn(usize) -> String);

/// Customs of data sets; every other file holds labels.
const ARRANGEMENTS: [Arrangement; 6] = [
    ("imagesTr and labelsTr", |i| match i % 2 {
        0 => format!("imagesTr/case_{:04}_0000.nii.gz", i / 2),
        _ => format!("labelsTr/case_{:04}.nii.gz", i / 2),
    }),
    ("BIDS, subjects", |i| {
        let suffix = ["T1w", "dseg"][i % 2];
        format!("sub-{0:04}/anat/sub-{0:04}_{suffix}.nii.gz", i / 2)
    }),
    ("BIDS, one subject", |i| {
        let suffix = ["T1w", "dseg"][i % 2];
        format!("sub-1/ses-{0:04}/sub-1_ses-{0:04}_{suffix}.nii.gz", i / 2)
    }),
    ("_seg beside", |i| format!("scan{:04}{}.nii.gz", i / 2, ["", "_seg"][i % 2])),
    ("FreeSurfer", |i| format!("s{:04}/mri/{}.mgz", i / 2, ["orig", "aseg"][i % 2])),
    ("images alone", |i| format!("IM_{i:05}.nii.gz")),
];

/// One compressed 256³ image of 16-bit zeros.
fn image(mgh: bool) -> Vec<u8> {
    let mut header = vec![0; if mgh { 284 } else { 352 }];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    if mgh {
        [1, 256, 256, 256, 1, 4_i32].iter().enumerate().for_each(|(i, n)| put(4 * i, &n.to_be_bytes()));
    } else {
        put(0, &348_i32.to_le_bytes());
        [3, 256, 256, 256_i16].iter().enumerate().for_each(|(i, n)| put(40 + 2 * i, &n.to_le_bytes()));
        put(70, &4_i16.to_le_bytes());
        put(108, &352_f32.to_le_bytes());
        put(344, b"n+1\0");
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(&header).unwrap();
    encoder.write_all(&vec![0; 2 << 24]).unwrap();
    encoder.finish().unwrap()
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let done = work();
    (started.elapsed().as_secs_f64() * 1e3, done)
}

fn create(folder: &Path, path: fn(usize) -> String) {
    let [nifti, mgh] = [false, true].map(image);
    for file in (0..COUNTS[0]).map(|i| folder.join(path(i))) {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let content = if file.extension().unwrap() == "mgz" { &mgh } else { &nifti };
        std::fs::write(file, content).unwrap();
    }
}

fn main() {
    println!("| arrangement | list, ms | roles | probes | 500 files together | pairs | roles of 10,000 |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (name, path) in ARRANGEMENTS {
        let folder = tempfile::tempdir().unwrap();
        create(folder.path(), path);
        let (list, files) = timed(|| expand(&[folder.path().into()]).unwrap());
        let (roles, plan) = timed(|| guess_roles(&files));
        let (probes, probed) = timed(|| files.iter().map(|file| probe(file).unwrap()).collect::<Vec<_>>());
        assert_eq!(probed.len(), COUNTS[0]);
        let pairs = plan.iter().filter(|file| file.role == Role::ExampleImage).count();
        let many: Vec<PathBuf> = (0..COUNTS[1]).map(|i| Path::new("/data").join(path(i))).collect();
        let (all, _) = timed(|| guess_roles(&many));
        println!(
            "| {name} | {list:.0} | {roles:.0} | {probes:.0} | {:.0} | {pairs} | {all:.0} |",
            list + roles + probes
        );
    }
    println!("\nMost memory: {} MB", peak_bytes() / 1_000_000);
}
