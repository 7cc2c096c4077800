//! Training: configuration, episodes drawn from data, losses, optimiser, checkpoints.
//!
//! A run is a function of its configuration: episode n depends on the seed and on n alone, and a checkpoint holds
//! everything else that the next step needs. A run can be stopped at any time and resumed with a bit-identical result.

mod checkpoint;
mod config;
mod data;
mod episode;
pub mod loss;
pub mod optimiser;
mod trainer;
mod training_loop;

pub use checkpoint::State;
pub use config::{Config, DEFAULTS, Holding, Network, Source, Stage, Validation};
pub use data::{LabelledScan, Pool};
pub use episode::{Episode, Episodes};
pub use trainer::{Point, Trainer};
pub use training_loop::{TrainingLoop, Validated};
