//! NIfTI files: the only module that names the nifti crate.
//!
//! `.nii`, `.nii.gz` and `.hdr`/`.img` pairs, NIfTI-1 (<https://nifti.nimh.nih.gov/nifti-1>) and NIfTI-2
//! (<https://nifti.nimh.nih.gov/nifti-2>), both byte orders, integers to 64 bits and floats.

mod fields;
mod read;
mod stored;
mod transform;
mod write;

pub(super) use read::READER;
pub use write::{WRITTEN_ENDINGS, write_image, write_labels, write_series};
