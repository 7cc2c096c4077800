//! What the annotator edits and saves: target, examples, masks and label table, with undo.
//!
//! ```text
//! tool ─→ Stroke ─→ VoxelDelta ─┐
//! command ──────────────────────┴→ Draft ─→ Edit … ─→ Transaction ─→ History
//! ```
//!
//! - A [`Document`] changes through a [`Draft`] alone, which becomes a step of the [`History`] or leaves no trace.
//! - Voxels change through a [`Stroke`] alone; it holds the [`WriteRule`] that all tools obey.
//! - A [`Revision`] names a content. An edit takes a new one and undo puts the old one back, so that whatever was
//!   derived from (id, revision) stays true, and a [`JobKey`] tells whether a result is still wanted.
//!
//! Nothing here knows of a window, a graphics card, a thread, a clock or a file.

mod apply;
mod bounds;
mod bricks;
mod codec;
pub mod colours;
mod delta;
#[expect(clippy::module_inception, reason = "the folder is named after its main type")]
mod document;
mod draft;
mod draft_labels;
mod edit;
mod history;
mod ids;
mod job;
mod labels;
mod mask;
mod parts;
mod refusal;
mod rule;
mod stroke;
mod transaction;

pub use bounds::Bounds;
pub use bricks::Bricks;
pub use codec::DecodeError;
pub use colours::Colour;
pub use delta::{DeltaError, Run, VoxelDelta};
pub use document::Document;
pub use draft::Draft;
pub use edit::{Edit, EditError};
pub use history::{Changes, History};
pub use ids::{ExampleId, MaskId, PartId, Revision, TargetId};
pub use job::JobKey;
pub use labels::{FoundLabel, Label, LabelChange, LabelTable};
pub use mask::{Mask, MaskInfo, Provenance, Status};
pub use parts::{Example, ExampleInfo, Target};
pub use refusal::Refusal;
pub use rule::{Action, Limits, PaintOver, WriteRule};
pub use stroke::Stroke;
pub use transaction::Transaction;
