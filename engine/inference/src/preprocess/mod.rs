//! From a scan to the working grid: body's axis order, foreground box, intensity range, resampling;
//! and of an example onto the target.

pub mod align;
pub mod bend;
pub mod foreground;
pub mod frame;
pub mod order;
pub mod resample;
pub mod soft;
pub mod visible;

pub use frame::Frame;
pub use order::Order;
pub use visible::Visible;
