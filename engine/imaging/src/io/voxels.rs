//! From stored bytes to finite intensities, a piece at a time, so that no second copy of the image exists: while one is
//! read and decompressed, the one before is scaled and surveyed.

use super::fault::{Checked, refuse};
use super::source::Source;
use super::survey::{Decoded, Survey};
use crate::{CancelToken, memory};
use std::io::Read;

/// Voxels decoded at once; a multiple of them needs no more memory.
const PIECE: usize = 1 << 15;

/// How one voxel is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VoxelType {
    Uint8,
    Int8,
    Uint16,
    Int16,
    Uint32,
    Int32,
    Uint64,
    Int64,
    Float32,
    Float64,
}

impl VoxelType {
    /// `int16` and the like, as numpy calls it.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    fn bytes(self) -> u64 {
        match self {
            Self::Uint8 | Self::Int8 => 1,
            Self::Uint16 | Self::Int16 => 2,
            Self::Uint32 | Self::Int32 | Self::Float32 => 4,
            Self::Uint64 | Self::Int64 | Self::Float64 => 8,
        }
    }
}

/// Where the voxels lie in a stream, and what they are: volumes one after the other, x fastest.
pub(super) struct Layout {
    pub kind: VoxelType,
    pub big_endian: bool,
    pub shape: [usize; 3],
    pub frames: usize,
    /// Byte of the stream, decompressed, at which the first volume begins.
    pub start: u64,
    /// Slope and intercept of the intensities.
    pub scaling: (f64, f64),
}

impl Layout {
    /// Refuses a header that claims more than a file of `capacity` bytes can hold; None bounds nothing.
    pub fn check(&self, capacity: Option<u64>) -> Checked<()> {
        let end = self.end();
        if end.is_some() && capacity.is_none_or(|capacity| end <= Some(capacity)) {
            return Ok(());
        }
        let ([x, y, z], frames) = (self.shape, self.frames);
        refuse(format!(
            "the header claims {x} × {y} × {z} voxels in {frames} volume{}, more than the file can hold: \
             the file is truncated or damaged; copy or download it again.",
            if frames == 1 { "" } else { "s" },
        ))
    }

    /// Bytes of one volume, where a u64 holds them.
    fn volume(&self) -> Option<u64> {
        self.shape.iter().try_fold(self.kind.bytes(), |product, &n| product.checked_mul(n as u64))
    }

    /// The byte after the last volume, where a u64 holds it.
    fn end(&self) -> Option<u64> {
        self.volume()?.checked_mul(self.frames as u64)?.checked_add(self.start)
    }
}

/// Reads volume `frame` of a stream that stands before its first volume. Once cancelled, it stops at the next piece.
pub(super) fn decode(
    mut source: Source,
    layout: &Layout,
    frame: usize,
    cancel: CancelToken,
) -> Checked<Decoded> {
    source.stop_when(cancel);
    layout.check(source.capacity())?;
    if frame >= layout.frames {
        return refuse(format!("there is no volume {} in this file; it holds {}.", frame + 1, layout.frames));
    }
    let [volume, end] = [layout.volume(), layout.end()].map(|bytes| bytes.expect("the layout was checked"));
    let count = (volume / layout.kind.bytes()) as usize;
    let mut voxels = match source.capacity() {
        Some(_) => memory::with_capacity(count)?,
        // A claim that nothing bounds: memory is taken as voxels arrive.
        None => {
            memory::must_fit(count.saturating_mul(size_of::<f32>()), memory::within_reach_bytes())?;
            Vec::new()
        }
    };
    let mut survey = Survey::new();
    source.skip_to(layout.start + volume * frame as u64)?;
    let mut decoder = Decoder {
        source: &mut source,
        big_endian: layout.big_endian,
        voxels: &mut voxels,
        survey: &mut survey,
        count,
        scaling: layout.scaling,
    };
    match layout.kind {
        VoxelType::Uint8 => decoder.run(|[byte]| byte.into()),
        VoxelType::Int8 => decoder.run(|bytes| i8::from_le_bytes(bytes).into()),
        VoxelType::Uint16 => decoder.run(|bytes| u16::from_le_bytes(bytes).into()),
        VoxelType::Int16 => decoder.run(|bytes| i16::from_le_bytes(bytes).into()),
        VoxelType::Uint32 => decoder.run(|bytes| u32::from_le_bytes(bytes).into()),
        VoxelType::Int32 => decoder.run(|bytes| i32::from_le_bytes(bytes).into()),
        VoxelType::Uint64 => decoder.run(|bytes| u64::from_le_bytes(bytes) as f64),
        VoxelType::Int64 => decoder.run(|bytes| i64::from_le_bytes(bytes) as f64),
        VoxelType::Float32 => decoder.run(|bytes| f32::from_le_bytes(bytes).into()),
        VoxelType::Float64 => decoder.run(f64::from_le_bytes),
    }?;
    source.skip_to(end)?;
    source.finish()?;
    Ok(Decoded { voxels, survey })
}

struct Decoder<'a, 'b> {
    source: &'a mut Source<'b>,
    big_endian: bool,
    voxels: &'a mut Vec<f32>,
    survey: &'a mut Survey,
    count: usize,
    scaling: (f64, f64),
}

impl Decoder<'_, '_> {
    /// Scales in f64 before the cast, whatever the stored type; `number` takes the bytes with the lowest first.
    fn run<const N: usize>(&mut self, number: impl Fn([u8; N]) -> f64 + Sync) -> Checked<()> {
        let Self { source, big_endian, voxels, survey, count, scaling: (slope, inter) } = self;
        let mut left = *count;
        let mut read = || -> Checked<Vec<u8>> {
            let piece = PIECE.min(left);
            left -= piece;
            let mut raw = memory::filled(piece * N, 0)?;
            source.read_exact(&mut raw)?;
            Ok(raw)
        };
        let scaled = |bytes: [u8; N]| (number(bytes) * *slope + *inter) as f32;
        let mut take = |raw: Vec<u8>| -> Checked<()> {
            let (values, _) = raw.as_chunks::<N>();
            let before = voxels.len();
            memory::reserve(voxels, values.len())?;
            if *big_endian {
                let reversed = |mut bytes: [u8; N]| {
                    bytes.reverse();
                    bytes
                };
                voxels.extend(values.iter().map(|&bytes| scaled(reversed(bytes))));
            } else {
                voxels.extend(values.iter().map(|&bytes| scaled(bytes)));
            }
            survey.look_at(&mut voxels[before..]);
            Ok(())
        };
        let mut raw = read()?;
        while !raw.is_empty() {
            let (next, taken) = rayon::join(&mut read, || take(raw));
            taken?;
            raw = next?;
        }
        Ok(())
    }
}
