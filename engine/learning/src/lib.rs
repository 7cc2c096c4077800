//! Training and evaluation of weights: tasks, augmentation, synthetic subjects, training, and studies on labelled
//! scans.

#![forbid(unsafe_code)]

pub mod augment;
pub mod evaluation;
pub mod settings;
pub mod synthesis;
pub mod tasks;
pub mod training;
