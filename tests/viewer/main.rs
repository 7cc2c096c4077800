//! The panes: geometry, pixels and gestures, on whatever graphics device the machine has.

mod geometry;
mod gestures;
mod pixels;
mod stage;
