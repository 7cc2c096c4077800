//! How weights are learnt and judged: tasks, augmentation, synthetic subjects, training, and evaluation on labelled scans.

#![forbid(unsafe_code)]

pub mod augment;
pub mod evaluation;
pub mod settings;
pub mod synthesis;
pub mod tasks;
pub mod training;
