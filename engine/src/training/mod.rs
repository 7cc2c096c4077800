//! How the network learns: losses, optimiser, episodes, checkpoints.

pub mod loss;
pub mod optimiser;
