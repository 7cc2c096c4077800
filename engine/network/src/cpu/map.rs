//! Feature maps in memory: channels last, so that one voxel's channels are adjacent, in reused buffers.
//!
//! If a vector is twice as long as a voxel, both halves of a line are interleaved: voxel x of the left half and voxel x
//! of the right half, a *group* each, alternate channel by channel and share a vector. So that each voxel has its
//! neighbours, each half has a halo of one voxel at both ends: the other half's voxel, or zeros at the border.

use super::vectors::{most_groups, vectorize};
use bytemuck::{Pod, Zeroable};
use imaging::{Result, memory};
use memmap2::MmapMut;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Channels are padded with zeros to a multiple of this, so that vectors are whole.
const PAD: usize = 8;

/// Feature maps of one image or pair on a cube: `[z, y]` lines of `[x, channel, group]`, group fastest.
#[derive(Clone, Debug)]
pub struct Map {
    /// Layout of the values.
    pub shape: Shape,
    /// Number of channels without padding.
    pub channels: usize,
    /// The values, shared by clones.
    pub values: Arc<Buffer>,
}

/// Layout of a map's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Voxels along each side.
    pub side: usize,
    /// Values per voxel: the channels, padded with zeros.
    pub width: usize,
    /// Interleaved parts of a line: 1 or 2.
    pub groups: usize,
}

/// One value for each channel in the layout of a voxel, for each number of groups.
#[derive(Clone, Debug)]
pub struct Bias(Vec<Vec<f32>>);

impl Bias {
    /// Pads the values with zeros.
    pub fn new(values: &[f32], width: usize) -> Self {
        let channels = || values.iter().copied().chain(std::iter::repeat(0.0)).take(width);
        let grouped =
            |groups| channels().flat_map(|value| std::iter::repeat_n(value, groups)).collect::<Vec<_>>();
        Self((1..=most_groups(width)).map(grouped).collect())
    }

    /// The values for maps with this number of groups.
    pub fn of(&self, groups: usize) -> &[f32] {
        &self.0[groups - 1]
    }
}

/// Number of channels after padding.
pub fn padded(channels: usize) -> usize {
    channels.next_multiple_of(PAD)
}

impl Shape {
    /// The layout of a map with these channels.
    pub fn new(side: usize, channels: usize) -> Self {
        let width = padded(channels);
        // Groups must still match when the side is halved or doubled.
        Self { side, width, groups: if side.is_multiple_of(4) { most_groups(width) } else { 1 } }
    }

    /// Places per line: voxels of one group.
    pub fn half(self) -> usize {
        self.side / self.groups
    }

    /// Halo voxels at each end of a line.
    pub fn ends(self) -> usize {
        self.groups - 1
    }

    /// Values per place: one voxel of each group.
    pub fn place(self) -> usize {
        self.width * self.groups
    }

    /// Values per line, halo included.
    pub fn line(self) -> usize {
        (self.half() + 2 * self.ends()) * self.place()
    }

    /// Values of a map.
    pub fn len(self) -> usize {
        self.side * self.side * self.line()
    }

    /// Copies the voxels of a line, `[x, channel]`, to `line` in this layout; [`Shape::write_halo`] writes the halo.
    pub fn interleave(self, voxels: &[f32], line: &mut [f32]) {
        if self.groups == 1 {
            return line.copy_from_slice(voxels);
        }
        vectorize(self.place(), Interleave { voxels, line: &mut line[self.place()..] });
    }

    /// The voxels of `line` as `[x, channel]`.
    pub fn deinterleave(self, line: &[f32], voxels: &mut [f32]) {
        if self.groups == 1 {
            return voxels.copy_from_slice(line);
        }
        vectorize(self.place(), Deinterleave { line: &line[self.place()..], voxels });
    }

    /// Writes the halo of a line after its voxels: the other half's voxel between the halves; at the border, the half's
    /// own last voxel if `repeat`, otherwise zeros.
    pub fn write_halo(self, line: &mut [f32], repeat: bool) {
        if self.groups == 1 {
            return;
        }
        let (place, half) = (self.place(), self.half());
        let (first, last) = (place, half * place);
        for i in (0..place).step_by(2) {
            let at_border = |value: f32| if repeat { value } else { 0.0 };
            (line[i], line[i + 1]) = (at_border(line[first + i]), line[last + i]);
            let end = last + place + i;
            (line[end], line[end + 1]) = (line[first + i + 1], at_border(line[last + i + 1]));
        }
    }
}

struct Interleave<'a> {
    voxels: &'a [f32],
    line: &'a mut [f32],
}

impl WithSimd for Interleave<'_> {
    type Output = ();

    /// Writes two adjacent values as one of 64 bits, which the compiler vectorises.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (left, right) = self.voxels.split_at(self.voxels.len() / 2);
        let pairs: &mut [u64] = bytemuck::cast_slice_mut(&mut self.line[..self.voxels.len()]);
        for ((pair, left), right) in pairs.iter_mut().zip(left).zip(right) {
            *pair = u64::from(left.to_bits()) | u64::from(right.to_bits()) << 32;
        }
    }
}

struct Deinterleave<'a> {
    line: &'a [f32],
    voxels: &'a mut [f32],
}

impl WithSimd for Deinterleave<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let pairs: &[u64] = bytemuck::cast_slice(&self.line[..self.voxels.len()]);
        let (left, right) = self.voxels.split_at_mut(self.voxels.len() / 2);
        for ((pair, left), right) in pairs.iter().zip(left).zip(right) {
            (*left, *right) = (f32::from_bits(*pair as u32), f32::from_bits((pair >> 32) as u32));
        }
    }
}

impl Map {
    /// Writes all values: `write` receives the number of a line and a buffer for its voxels, `[x, channel]`.
    pub fn write(&mut self, pool: &Pool, write: impl Fn(usize, &mut [f32]) + Sync) -> Result<()> {
        let shape = self.shape;
        let scratch = Scratch::new(pool, shape.side * shape.width)?;
        self.own()?.par_chunks_mut(shape.line()).enumerate().for_each(|(number, line)| {
            let mut voxels = scratch.mine();
            write(number, &mut voxels);
            shape.interleave(&voxels, line);
            shape.write_halo(line, false);
        });
        Ok(())
    }

    /// A copy without interleaving.
    pub fn straight(&self, pool: &Pool) -> Result<Self> {
        let shape = Shape { groups: 1, ..self.shape };
        let mut values = pool.buffer(shape.len())?;
        let lines = values.par_chunks_mut(shape.line()).zip(self.values.par_chunks(self.shape.line()));
        lines.for_each(|(voxels, line)| self.shape.deinterleave(line, voxels));
        Ok(Self { shape, channels: self.channels, values: Arc::new(values) })
    }

    /// The values for writing; copies them first if another map shares them.
    pub fn own(&mut self) -> Result<&mut [f32]> {
        if Arc::get_mut(&mut self.values).is_none() {
            let mut copy = self.values.pool.buffer(self.values.len())?;
            copy.copy_from_slice(&self.values);
            self.values = Arc::new(copy);
        }
        Ok(Arc::get_mut(&mut self.values).expect("nobody shares a copy just made"))
    }
}

/// Values aligned to cache lines, so that no vector crosses two.
#[derive(Debug)]
pub struct Aligned {
    memory: Memory,
    len: usize,
}

/// Storage of values.
#[derive(Debug)]
enum Memory {
    Heap(Vec<CacheLine>),
    /// Mapped from the system, in huge pages if available: page faults and address translation of small pages would
    /// take as long as a layer.
    Pages(MmapMut),
}

#[derive(Clone, Copy, Debug, Zeroable, Pod)]
#[repr(C, align(64))]
struct CacheLine([f32; 16]);

/// Buffers of at least this number of bytes are mapped in pages of their own.
const LARGE: usize = 2 << 20;

impl Aligned {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Result<Self> {
        let bytes = len * size_of::<f32>();
        let memory = if bytes < LARGE {
            Memory::Heap(memory::zeros(len.div_ceil(16))?)
        } else {
            let pages = memory::pages(bytes)?;
            // Only a hint: without huge pages the kernels are slower.
            #[cfg(target_os = "linux")]
            pages.advise(memmap2::Advice::HugePage).ok();
            Memory::Pages(pages)
        };
        Ok(Self { memory, len })
    }
}

impl Deref for Aligned {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        match &self.memory {
            Memory::Heap(lines) => &bytemuck::cast_slice(lines)[..self.len],
            Memory::Pages(pages) => bytemuck::cast_slice(pages),
        }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        match &mut self.memory {
            Memory::Heap(lines) => &mut bytemuck::cast_slice_mut(lines)[..self.len],
            Memory::Pages(pages) => bytemuck::cast_slice_mut(pages),
        }
    }
}

/// Memory that returns to its pool when it is dropped.
#[derive(Debug)]
pub struct Buffer {
    values: Option<Aligned>,
    pool: Pool,
}

/// Free buffers, reused by size, so that memory is allocated once.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    free: Arc<Mutex<Vec<Aligned>>>,
}

impl Pool {
    /// A map with undefined values, for an operation that writes them all.
    pub fn map(&self, side: usize, channels: usize) -> Result<Map> {
        let shape = Shape::new(side, channels);
        Ok(Map { shape, channels, values: Arc::new(self.buffer(shape.len())?) })
    }

    /// A buffer with undefined values, those of an earlier use.
    pub fn buffer(&self, len: usize) -> Result<Buffer> {
        let free = {
            let mut all = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            // The buffer returned last may still be in cache.
            let at = all.iter().rposition(|values| values.len == len);
            at.map(|at| all.remove(at))
        };
        let values = free.map_or_else(|| Aligned::zeros(len), Ok)?;
        Ok(Buffer { values: Some(values), pool: self.clone() })
    }

    /// Returns all unused buffers to the system.
    pub fn clear(&self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Scratch memory for each thread within an operation.
pub struct Scratch(Vec<Mutex<Buffer>>);

impl Scratch {
    /// `len` values for each thread.
    pub fn new(pool: &Pool, len: usize) -> Result<Self> {
        let parts = (0..rayon::current_num_threads()).map(|_| pool.buffer(len).map(Mutex::new));
        Ok(Self(parts.collect::<Result<_>>()?))
    }

    /// The calling thread's part. Only this thread's jobs lock it, one after another.
    pub fn mine(&self) -> MutexGuard<'_, Buffer> {
        let thread = rayon::current_thread_index().unwrap_or(0);
        self.0[thread].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        self.values.as_ref().expect(HELD)
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        self.values.as_mut().expect(HELD)
    }
}

const HELD: &str = "a buffer holds its values until it is dropped";

impl Drop for Buffer {
    fn drop(&mut self) {
        let values = self.values.take();
        self.pool.free.lock().unwrap_or_else(PoisonError::into_inner).extend(values);
    }
}
