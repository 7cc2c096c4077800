//! From scans to a mask and back: preparation, registration of the examples, prediction, label fusion, and the thread that
//! runs them on a device.

#![forbid(unsafe_code)]

pub mod pipeline;
pub mod preprocess;
pub mod runner;
