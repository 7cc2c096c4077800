//! From stored bytes to finite intensities, a piece at a time, so that no second copy of the image exists: while one is
//! read and decompressed, the one before is scaled and looked at.

use super::fault::{Checked, Fault, refuse};
use super::fields::Fields;
use super::source::Source;
use crate::memory;
use nifti::{DataElement, Endianness, NiftiType};
use std::io::Read;

/// Voxels decoded at once; a multiple of them needs no more memory.
const PIECE: usize = 1 << 15;

/// More values than this are intensities, not labels.
const MOST_LABELS: usize = 1000;

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
    negative: usize,
    low: f32,
    high: f32,
    /// Which of the possible labels there are, until a voxel is none.
    labels: Option<Vec<bool>>,
}

/// Where the voxels of a file lie.
pub(super) struct Extent {
    kind: NiftiType,
    pub shape: [usize; 3],
    pub frames: usize,
    start: u64,
    /// Bytes of one volume.
    bytes: u64,
    end: u64,
}

impl Extent {
    /// What the header claims, refused where a file of `capacity` bytes cannot hold it.
    pub fn of(fields: &Fields, capacity: Option<u64>) -> Checked<Self> {
        let kind = fields.voxel_type()?;
        let (shape, frames) = fields.volumes()?;
        let start = fields.voxels_at();
        let bytes = shape.iter().try_fold(kind.size_of() as u64, |product, &n| product.checked_mul(n as u64));
        let end = bytes.and_then(|bytes| bytes.checked_mul(frames as u64)?.checked_add(start));
        match (bytes, end) {
            (Some(bytes), Some(end)) if capacity.is_none_or(|capacity| end <= capacity) => {
                Ok(Self { kind, shape, frames, start, bytes, end })
            }
            _ => {
                let [x, y, z] = shape;
                refuse(format!(
                    "the header claims {x} × {y} × {z} voxels in {frames} volume{}, more than the file can hold: \
                     the file is truncated or damaged; copy or download it again.",
                    if frames == 1 { "" } else { "s" },
                ))
            }
        }
    }
}

/// Reads volume `frame` of the file; `source` stands after the header or at the start of an `.img`.
pub(super) fn decode(mut source: Source, fields: &Fields, frame: usize) -> Checked<Decoded> {
    let Extent { kind, frames, start, bytes, end, .. } = Extent::of(fields, source.capacity())?;
    if frame >= frames {
        return refuse(format!("there is no volume {} in this file; it holds {frames}.", frame + 1));
    }
    let count = bytes as usize / kind.size_of();
    let mut voxels = match source.capacity() {
        Some(_) => memory::room(count)?,
        // A claim that nothing bounds: memory is taken as voxels arrive.
        None => {
            memory::must_fit(count.saturating_mul(size_of::<f32>()), memory::within_reach_bytes())?;
            Vec::new()
        }
    };
    let mut survey = Survey::new();
    source.skip_to(start + bytes * frame as u64)?;
    let mut decoder = Decoder {
        source: &mut source,
        order: fields.order,
        voxels: &mut voxels,
        survey: &mut survey,
        count,
        scaling: fields.scaling().unwrap_or((1.0, 0.0)),
    };
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
    source.skip_to(end)?;
    source.finish()?;
    Ok(Decoded { voxels, survey })
}

struct Decoder<'a, 'b> {
    source: &'a mut Source<'b>,
    order: Endianness,
    voxels: &'a mut Vec<f32>,
    survey: &'a mut Survey,
    count: usize,
    scaling: (f64, f64),
}

impl Decoder<'_, '_> {
    /// Scales in f64 before the cast, whatever the stored type.
    fn run<T: DataElement + Send>(&mut self, to_f64: impl Fn(T) -> f64 + Sync) -> Checked<()> {
        let Self { source, order, voxels, survey, count, scaling: (slope, inter) } = self;
        let mut left = *count;
        let mut read = || -> Checked<Vec<u8>> {
            let piece = PIECE.min(left);
            left -= piece;
            let mut raw = memory::filled(piece * size_of::<T>(), 0)?;
            source.read_exact(&mut raw)?;
            Ok(raw)
        };
        let mut take = |raw: Vec<u8>| -> Checked<()> {
            let values = T::from_raw_vec(raw, *order)
                .map_err(|error| Fault::Refused(format!("the voxels cannot be decoded ({error}).")))?;
            let before = voxels.len();
            memory::reserve(voxels, values.len())?;
            voxels.extend(values.into_iter().map(|value| (to_f64(value) * *slope + *inter) as f32));
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

impl Survey {
    fn new() -> Self {
        let labels = Some(vec![false; 1 << 16]);
        Self { non_finite: 0, negative: 0, low: f32::INFINITY, high: f32::NEG_INFINITY, labels }
    }

    /// Looks at every voxel and sets those to 0 that are no number; these count as nothing else.
    fn look_at(&mut self, voxels: &mut [f32]) {
        let odd = voxels.iter().filter(|voxel| !voxel.is_finite()).count();
        self.negative += voxels.iter().filter(|&&voxel| voxel.is_finite() && voxel <= -WHOLE).count();
        for &voxel in voxels.iter() {
            let (low, high) =
                if voxel.is_finite() { (voxel, voxel) } else { (f32::INFINITY, f32::NEG_INFINITY) };
            self.low = self.low.min(low);
            self.high = self.high.max(high);
        }
        if let Some(labels) = &mut self.labels {
            let mut numbers = voxels.iter().filter(|voxel| voxel.is_finite());
            let all = numbers
                .all(|&voxel| label_of(voxel).map(|label| labels[usize::from(label)] = true).is_some());
            if !all {
                self.labels = None;
            }
        }
        if odd > 0 {
            voxels.iter_mut().filter(|voxel| !voxel.is_finite()).for_each(|voxel| *voxel = 0.0);
            self.non_finite += odd;
        }
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

    /// The label values above 0, if this can be a label map by its values.
    pub fn label_values(&self) -> Option<Vec<u16>> {
        let seen = self.labels.as_deref()?;
        let values = (0..=u16::MAX).zip(seen).filter(|(_, seen)| **seen).map(|(value, _)| value);
        let values: Vec<u16> = values.collect();
        (values.len() <= MOST_LABELS).then(|| values.into_iter().filter(|&value| value > 0).collect())
    }

    /// A sentence about negative values, which a label map does not have.
    pub fn negative_labels(&self) -> Option<String> {
        (self.negative > 0).then(|| {
            format!(
                "{} voxels are negative (down to {}); as labels they read as background.",
                self.negative, self.low
            )
        })
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
