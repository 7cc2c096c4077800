//! Results of analyses by the contents that they were derived from. A revision names a content for ever, so nothing here
//! is ever wrong: undo finds its scores again, and no edit has to invalidate anything.

use super::analysis::{Analysed, AnalysisKey, MaskSummary, Pictures};
use super::protocol::{Failure, Outcome};
use crate::document::Revision;
use imaging::metrics::LabelScore;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Derived data, and what has been asked for.
#[derive(Default)]
pub struct Cache {
    asked: HashSet<AnalysisKey>,
    pictures: HashMap<Revision, Arc<Pictures>>,
    summaries: HashMap<Revision, Arc<MaskSummary>>,
    scores: HashMap<[Revision; 2], Arc<Vec<LabelScore>>>,
}

impl Cache {
    /// Pictures of the target or example with this content.
    pub fn pictures(&self, of: Revision) -> Option<&Arc<Pictures>> {
        self.pictures.get(&of)
    }

    /// Summary of the mask with this content.
    pub fn summary(&self, of: Revision) -> Option<&Arc<MaskSummary>> {
        self.summaries.get(&of)
    }

    /// Scores of a mask against the ground truth.
    pub fn scores(&self, mask: Revision, truth: Revision) -> Option<&Arc<Vec<LabelScore>>> {
        self.scores.get(&[mask, truth])
    }

    /// Whether an analysis is new; it counts as asked for from now on.
    pub fn ask(&mut self, key: &AnalysisKey) -> bool {
        self.asked.insert(key.clone())
    }

    /// Takes in how an analysis ended. One that was cancelled may be asked for again.
    pub fn enter(&mut self, key: &AnalysisKey, outcome: Outcome<Analysed>) -> Result<(), Failure> {
        let revision = |input: usize| key.inputs[input].1;
        match outcome {
            Ok(Analysed::Pictures(pictures)) => _ = self.pictures.insert(revision(0), Arc::new(pictures)),
            Ok(Analysed::Summary(summary)) => _ = self.summaries.insert(revision(0), Arc::new(summary)),
            Ok(Analysed::Scores(scores)) => {
                self.scores.insert([revision(0), revision(1)], Arc::new(scores));
            }
            Err(Failure::Cancelled) => _ = self.asked.remove(key),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}
