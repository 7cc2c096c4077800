//! The data side of training: tasks, augmentation, synthetic subjects, each by its defining numbers.

mod augment;
mod filter;
mod phantom;
mod pipeline;
mod synthesis;
mod tasks;
