//! From stored bytes to finite intensities, a piece at a time, so that no second copy of the image exists.

use super::fault::{Checked, Fault, refuse};
use super::fields::Fields;
use super::source::Source;
use crate::memory;
use nifti::{DataElement, Endianness, NiftiType};
use std::io::Read;

/// Voxels decoded at once; a multiple of them needs no more memory.
const PIECE: usize = 1 << 14;

/// More values than this are intensities, not labels.
const MOST_LABELS: u32 = 1000;

/// Labels are whole numbers within this: the published script's masks come back as 1.00001526.
const WHOLE: f32 = 0.01;

/// A decoded volume and what was seen in it.
pub(super) struct Decoded {
    pub voxels: Vec<f32>,
    pub survey: Survey,
}

/// What was seen while decoding.
pub(super) struct Survey {
    pub non_finite: usize,
    low: f32,
    high: f32,
    /// One bit for each possible label, until a voxel is none.
    labels: Option<Box<[u64; 1024]>>,
}

/// Reads volume `frame` of the file; `source` stands after the header or at the start of an `.img`.
pub(super) fn decode(mut source: Source, fields: &Fields, frame: usize) -> Checked<Decoded> {
    let kind = fields.voxel_type()?;
    let (shape, frames) = fields.volumes()?;
    if frame >= frames {
        return refuse(format!("there is no volume {} in this file; it holds {frames}.", frame + 1));
    }
    let start = fields.voxels_at();
    let bytes = shape.iter().try_fold(kind.size_of() as u64, |product, &n| product.checked_mul(n as u64));
    let end = bytes.and_then(|bytes| bytes.checked_mul(frames as u64)?.checked_add(start));
    let (Some(bytes), Some(end)) = (bytes, end.filter(|&end| end <= source.capacity())) else {
        let [x, y, z] = shape;
        return refuse(format!(
            "the header claims {x} × {y} × {z} voxels in {frames} volume{}, more than the file can hold: the \
             file is truncated or damaged; copy or download it again.",
            if frames == 1 { "" } else { "s" },
        ));
    };
    let count = bytes as usize / kind.size_of();
    let voxels = memory::room(count)?;
    source.skip_to(start + bytes * frame as u64)?;
    let mut decoder =
        Decoder { source: &mut source, order: fields.order, voxels, count, scaling: fields.scaling() };
    use NiftiType::*;
    match kind {
        Uint8 => decoder.run::<u8>(f64::from)?,
        Int8 => decoder.run::<i8>(f64::from)?,
        Uint16 => decoder.run::<u16>(f64::from)?,
        Int16 => decoder.run::<i16>(f64::from)?,
        Uint32 => decoder.run::<u32>(f64::from)?,
        Int32 => decoder.run::<i32>(f64::from)?,
        Uint64 => decoder.run::<u64>(|value| value as f64)?,
        Int64 => decoder.run::<i64>(|value| value as f64)?,
        Float32 => decoder.run::<f32>(f64::from)?,
        Float64 => decoder.run::<f64>(|value| value)?,
        Rgb24 | Rgba32 | Complex64 | Complex128 | Complex256 | Float128 => {
            unreachable!("`voxel_type` gives types of one number only")
        }
    }
    let mut voxels = decoder.voxels;
    source.skip_to(end)?;
    source.finish()?;
    let survey = Survey::of(&mut voxels);
    Ok(Decoded { voxels, survey })
}

struct Decoder<'a, 'b> {
    source: &'a mut Source<'b>,
    order: Endianness,
    voxels: Vec<f32>,
    count: usize,
    scaling: Option<(f64, f64)>,
}

impl Decoder<'_, '_> {
    /// Scales in f64 before the cast, whatever the stored type.
    fn run<T: DataElement>(&mut self, to_f64: impl Fn(T) -> f64) -> Checked<()> {
        let (slope, inter) = self.scaling.unwrap_or((1.0, 0.0));
        while self.voxels.len() < self.count {
            let piece = PIECE.min(self.count - self.voxels.len());
            let mut raw = vec![0; piece * size_of::<T>()];
            self.source.read_exact(&mut raw)?;
            let values = T::from_raw_vec(raw, self.order)
                .map_err(|error| Fault::Refused(format!("the voxels cannot be decoded ({error}).")))?;
            self.voxels.extend(values.into_iter().map(|value| (to_f64(value) * slope + inter) as f32));
        }
        Ok(())
    }
}

impl Survey {
    /// Looks at every voxel and sets those to 0 that are no number.
    fn of(voxels: &mut [f32]) -> Self {
        let mut seen = Self {
            non_finite: 0,
            low: f32::INFINITY,
            high: f32::NEG_INFINITY,
            labels: Some(Box::new([0; 1024])),
        };
        for voxel in voxels {
            if !voxel.is_finite() {
                *voxel = 0.0;
                seen.non_finite += 1;
                continue;
            }
            seen.low = seen.low.min(*voxel);
            seen.high = seen.high.max(*voxel);
            if let Some(labels) = &mut seen.labels {
                match label_of(*voxel) {
                    Some(label) => labels[usize::from(label) / 64] |= 1 << (label % 64),
                    None => seen.labels = None,
                }
            }
        }
        seen
    }

    /// Smallest and largest finite value; zeros if there is none.
    pub fn range(&self) -> [f32; 2] {
        if self.low <= self.high { [self.low, self.high] } else { [0.0; 2] }
    }

    /// Sentences about what is odd.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let holes = (self.non_finite > 0).then(|| {
            format!("{} voxels were not finite (NaN or infinity); they read as 0.", self.non_finite)
        });
        let [low, high] = self.range();
        let constant = (low == high)
            .then(|| format!("Every voxel has the same value ({low}), so there is nothing to see."));
        holes.into_iter().chain(constant)
    }

    /// The label values above 0, if this can be a label map.
    pub fn label_values(&self) -> Option<Vec<u16>> {
        let words = self.labels.as_deref()?;
        let few = words.iter().map(|word| word.count_ones()).sum::<u32>() <= MOST_LABELS;
        let holds = |label: u16| words[usize::from(label) / 64] >> (label % 64) & 1 == 1;
        few.then(|| (1..=u16::MAX).filter(|&label| holds(label)).collect())
    }
}

/// The label that an intensity stands for: the whole number that it is close to, 0 below 0.
pub(super) fn label_of(value: f32) -> Option<u16> {
    let size = value.abs();
    // Casts saturate, so that sizes beyond u16 are far from their nearest label.
    let nearest = (size + 0.5) as u16;
    let whole = (size - f32::from(nearest)).abs() <= WHOLE;
    let below = value < 0.0 && (size - size.round()).abs() <= WHOLE;
    if below { Some(0) } else { whole.then_some(nearest) }
}
