//! The window and the command line of Exemplar.

#![forbid(unsafe_code)]

pub mod cli;
#[cfg(feature = "window")]
pub mod commands;
pub mod demo;
pub mod document;
#[cfg(feature = "window")]
pub mod import;
#[cfg(feature = "window")]
pub mod jobs;
pub mod pool;
#[cfg(feature = "window")]
pub mod state;
pub mod viewer;
#[cfg(feature = "window")]
pub mod window;
