//! The window and the command line of Exemplar.

pub mod cli;
pub mod demo;
pub mod document;
pub mod jobs;
pub mod pool;
pub mod viewer;
pub mod window;
