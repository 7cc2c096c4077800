//! The annotator's document: edits and undo, the rule of writing, deltas as bytes, jobs that come back late.

mod colours;
mod deltas;
mod history;
mod jobs;
mod labels;
mod random;
mod scene;
mod strokes;
