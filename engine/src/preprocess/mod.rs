//! From a scan to the working grid: body's axis order, foreground box, intensity range, resampling.

pub mod align;
pub mod foreground;
pub mod frame;
pub mod order;
pub mod resample;
pub mod soft;
pub mod statistics;

pub use frame::Frame;
pub use order::Order;
