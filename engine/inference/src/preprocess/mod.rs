//! From a scan to the working grid: RAS axis order, foreground box, intensity range, resampling. Also the registration
//! of an example with the target.

pub mod displacement_field;
pub mod foreground;
pub mod partial_volume;
pub mod reorientation;
pub mod resample;
pub mod scale_shift;
pub mod visible;
pub mod working_grid;

pub use reorientation::Reorientation;
pub use visible::Visible;
pub use working_grid::WorkingGrid;
