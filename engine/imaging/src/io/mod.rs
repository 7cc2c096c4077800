//! Files: opening, checking, pairing by name, and writing so that nothing is lost.

pub mod nifti;
pub mod pairing;
pub mod replace;
