//! A load that is cancelled while its file is decoded.

use glam::DAffine3;
use imaging::io::{Header, Scan, write_image};
use imaging::{CancelToken, Error, Grid, Volume};
use std::time::{Duration, Instant};

#[test]
fn a_file_that_is_being_decoded_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.nii.gz");
    let grid = Grid { shape: [256, 256, 256], world_from_voxel: DAffine3::IDENTITY };
    let volume = Volume { grid, voxels: (0..grid.len()).map(|i| (i % 977) as f32).collect() };
    write_image(&path, &volume, &Header::for_grid(&grid)).unwrap();
    let closing = CancelToken::default();
    let token = closing.child();
    let reader = {
        let (path, token) = (path.clone(), token.clone());
        std::thread::spawn(move || (Scan::open_unless(&path, 0, &token), Instant::now()))
    };
    std::thread::sleep(Duration::from_millis(20));
    closing.cancel();
    let cancelled = Instant::now();
    let (read, ended) = reader.join().unwrap();
    assert!(matches!(read, Err(Error::Cancelled)), "{:?}", read.map(|scan| scan.name));
    assert!(ended.duration_since(cancelled) < Duration::from_millis(500));
}
