//! What files are for, from their names: which label belongs to which image, and what is the target.
//!
//! One rule for all conventions (`images/` + `labels/`, nnU-Net, BIDS and its derivatives, `_seg`, FreeSurfer, BraTS,
//! IBSR): an image and a label are partners where the same name is left without the words that say what a file is for.
//! Where several labels fit an image equally well, or one label several scans, there is no pair but a message.

mod folder;
mod listing;
mod name;
mod prefix;
mod role;
mod sorted;
mod words;

pub use folder::{Examples, context_dir, examples_in, is_same_scan};
pub use listing::{MOST_FILES, expand};
pub use prefix::{begins, missing};
pub use role::{Planned, Role};
pub use sorted::guess_roles;
