//! How well two segmentations agree, and how tables show it.
//!
//! A new metric is a field of [`LabelScore`], what `compare.rs` fills it with, and its line in [`COLUMNS`].

mod columns;
mod compare;
mod surface;
mod voxelwise;

pub use columns::{COLUMNS, Column, Compact};
pub use compare::{LabelScore, compare};
pub use voxelwise::{dice, psnr};
