//! The window and the command line of Exemplar.

#![forbid(unsafe_code)]

pub mod cli;
pub mod demo;
pub mod document;
#[cfg(feature = "window")]
pub mod jobs;
pub mod pool;
pub mod viewer;
#[cfg(feature = "window")]
pub mod window;
