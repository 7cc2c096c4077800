//! Files: opening, checking, pairing by name, and writing so that nothing is lost.
//!
//! A [`Scan`] is the same whatever its format. Which one a file has is decided by its content, not by its name:
//! `readers.rs` lists the readers. Every size in a header is checked against what the file can hold before memory is
//! taken, and compressed streams are read to their end, so that a damaged file never passes for a whole one.

mod fault;
mod foreign;
mod header;
mod labels;
mod mgh;
mod names;
mod nifti;
pub mod pairing;
mod placement;
mod probe;
mod reader;
mod readers;
pub mod replace;
mod scan;
mod source;
mod survey;
mod voxels;

pub use self::nifti::{WRITTEN_ENDINGS, write_image, write_labels, write_series};
pub use header::Header;
pub use probe::{Probe, probe};
pub use readers::{is_image, is_image_name, readable_endings, readable_files, readable_formats, stem};
pub use scan::{Facts, Scan};
