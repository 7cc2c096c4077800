//! The panels of the window, each drawn from the state alone.

pub mod bars;
pub mod centre;
mod network_view;
pub mod results;
pub mod shelf;
