//! What dropped files are taken for, before anything is loaded.

mod checks;
mod item;
mod plan;
pub mod roles;

pub use checks::shape_of;
pub use item::{Check, Fix, Item, Role};
pub use plan::{Light, Outcome, Phase, Plan, Verdict, Yield, within_folder};
