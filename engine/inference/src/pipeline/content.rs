//! A name for the content of an image, so that a cache finds again what was made of it.

use imaging::Volume;
use rayon::prelude::*;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// A 128-bit hash of what the preparation of an image depends on; no other content of this process is expected to
/// share it.
pub(super) fn content(volume: &Volume, side: usize) -> u128 {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [(); 2].map(|()| RandomState::new()));
    /// Voxels that a thread hashes at a time, so that the second hash reads them from the processor's cache.
    const PIECE: usize = 1 << 15;
    let hash = |feed: &dyn Fn(&mut dyn Hasher)| {
        KEYS.each_ref().map(|keys| {
            let mut hasher = keys.build_hasher();
            feed(&mut hasher);
            hasher.finish()
        })
    };
    let piece = |voxels: &[f32]| hash(&|hasher| hasher.write(bytemuck::cast_slice(voxels)));
    let pieces: Vec<[u64; 2]> = volume.voxels.par_chunks(PIECE).map(piece).collect();
    let [high, low] = hash(&|hasher| {
        let numbers = volume.grid.shape.into_iter().chain([side]).map(|number| number as u64);
        let affine = volume.grid.world_from_voxel.to_cols_array();
        let all = numbers.chain(affine.map(f64::to_bits)).chain(pieces.iter().copied().flatten());
        all.for_each(|number| hasher.write_u64(number));
    });
    u128::from(high) << 64 | u128::from(low)
}
