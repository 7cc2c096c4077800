//! Planes of voxels that several threads use concurrently.

// Tiles of several threads write voxels of one line side by side, which slices cannot express. Each `SAFETY` says why
// an address lies inside; that no voxel is written while another thread uses it is the contract of `Planes`.
#![allow(unsafe_code)]

use crate::cpu::map::Shape;

/// Planes of voxels of a map, or a window onto one: plane z lies at z modulo `held`.
///
/// Several threads hold the same planes. The code that creates the jobs of a step must ensure that none writes voxels
/// that another one reads or writes.
#[derive(Clone, Copy)]
pub struct Planes {
    values: *mut f32,
    held: usize,
    line: usize,
    plane: usize,
}

// SAFETY: see the contract above; the memory outlives the step, which borrows it mutably.
unsafe impl Send for Planes {}
// SAFETY: as above.
unsafe impl Sync for Planes {}

impl Planes {
    /// The planes in `values`, all or a window, of a map of this shape.
    pub fn new(values: &mut [f32], shape: Shape) -> Self {
        Self { values: values.as_mut_ptr(), ..Self::to_read(values, shape) }
    }

    /// The same for read-only jobs.
    pub fn to_read(values: &[f32], shape: Shape) -> Self {
        let (line, plane) = (shape.line(), shape.side * shape.line());
        Self { held: values.len() / plane, line, plane, values: values.as_ptr().cast_mut() }
    }

    /// Line `y` of plane `z`.
    ///
    /// # Safety
    /// No other job holds the line, and the memory of the planes outlives `'a`.
    pub unsafe fn line<'a>(self, z: usize, y: usize) -> &'a mut [f32] {
        assert!((y + 1) * self.line <= self.plane);
        // SAFETY: the line lies inside the plane; the caller guarantees the rest.
        unsafe { std::slice::from_raw_parts_mut(self.at(z).add(y * self.line), self.line) }
    }

    /// Pointer to the start of plane `z`.
    #[inline(always)]
    pub fn at(self, z: usize) -> *mut f32 {
        // SAFETY: the remainder is below the number of planes held.
        unsafe { self.values.add(z % self.held * self.plane) }
    }
}

/// Copies a voxel at the end of one half of its `line` into the halo of the other half, with zeros beside it: the left
/// half's last voxel before the right half, or the right half's first voxel after the left half.
///
/// # Safety
/// `line` points to a line of the shape with two groups, and no other thread uses that end.
pub unsafe fn write_halo(shape: Shape, line: *mut f32, x: usize) {
    let (place, half) = (shape.place(), shape.half());
    for i in (0..place).step_by(2) {
        // SAFETY: all lie within the line.
        unsafe {
            if x == 0 {
                *line.add((half + 1) * place + i) = *line.add(place + i + 1);
                *line.add((half + 1) * place + i + 1) = 0.0;
            } else {
                *line.add(i) = 0.0;
                *line.add(i + 1) = *line.add(half * place + i);
            }
        }
    }
}
