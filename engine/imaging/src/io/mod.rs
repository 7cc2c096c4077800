//! Files: opening, checking, pairing by name, and writing so that nothing is lost.

mod nifti;
pub mod pairing;
pub mod replace;

pub use nifti::{
    Facts, Header, Probe, Scan, is_image, is_image_name, probe, stem, write_image, write_labels, write_series,
};
