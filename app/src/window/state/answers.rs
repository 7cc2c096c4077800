//! What each answer of the worker does.

use super::case::{Layer, MaskStatus};
use super::plan::Check;
use super::run::Run;
use super::{Engine, Layout, Purpose, State};
use crate::jobs::{Event, JobId, Request};
use crate::viewer::{PaneAction, camera::snap, middle_mm};
use crate::window::platform::Platform;
use imaging::LabelMap;
use imaging::metrics::LabelScore;
use inference::pipeline::{Segmentation, Stage};
use std::sync::Arc;

impl State {
    /// Takes in an answer.
    pub(super) fn on_event(&mut self, event: Event, platform: &Platform) {
        match event {
            Event::Progress(ticket, now, part) => self.progress(ticket, now, part),
            Event::Listed(ticket, files) => {
                if self.waiting.remove(&ticket).is_some() {
                    self.check_files(files, platform);
                }
            }
            Event::Probed(ticket, probe) => {
                if let Some(Purpose::Check(index)) = self.waiting.remove(&ticket) {
                    self.checked(index, Check::Image(Box::new(probe)), platform);
                }
            }
            Event::Computed(ticket) => self.computed(ticket, platform),
            Event::Fitted(ticket, fitted) => {
                if let Some(Purpose::Fit(waiting)) = self.waiting.remove(&ticket) {
                    self.fitted(waiting, fitted, platform);
                }
            }
            Event::Compared(ticket, agreement) => {
                if let Some(Purpose::Compare { prediction, truth }) = self.waiting.remove(&ticket) {
                    self.compared(&prediction, &truth, agreement);
                }
            }
            Event::Saved(ticket, path) => {
                if let Some(Purpose::Export { note, map }) = self.waiting.remove(&ticket) {
                    self.settled.retain(|mask| mask.strong_count() > 0);
                    self.settled.push(Arc::downgrade(&map));
                    self.notify(format!("{note} was exported to {}", path.display()), false);
                }
            }
            Event::Ready(ticket, summary) => {
                self.waiting.remove(&ticket);
                self.engine = Engine::Ready(Box::new(summary));
            }
            Event::Segmented(ticket, done) => {
                if let Some(Purpose::Run(inputs)) = self.waiting.remove(&ticket)
                    && inputs.are_in(&self.case)
                {
                    self.propose(*done, platform);
                }
            }
            Event::Transformed(ticket, _) => _ = self.waiting.remove(&ticket),
            Event::Failed(ticket, sentence) => self.failed(ticket, sentence, platform),
            Event::Cancelled(ticket) => {
                if let Some(Purpose::Run(_)) = self.waiting.remove(&ticket) {
                    self.run = Run::Cancelled;
                    self.notify("The run was stopped; nothing was changed.", false);
                }
            }
        }
    }

    fn progress(&mut self, of: JobId, now: Stage, part: f32) {
        if let Run::Running { ticket, stage, fraction, .. } = &mut self.run
            && *ticket == of
        {
            (*stage, *fraction) = (Some(now), part);
        }
    }

    fn failed(&mut self, ticket: JobId, sentence: String, platform: &Platform) {
        match self.waiting.remove(&ticket) {
            // The plan shows it in the file's row.
            Some(Purpose::Check(index)) => self.checked(index, Check::Broken(sentence), platform),
            Some(Purpose::Prepare) => {
                self.engine = Engine::Failed;
                self.notify(sentence, true);
            }
            Some(Purpose::Run(_)) => {
                self.run = Run::Failed;
                self.notify(sentence, true);
            }
            Some(Purpose::List) => {
                self.check_files(Vec::new(), platform);
                self.notify(sentence, true);
            }
            Some(_) => self.notify(sentence, true),
            None => {}
        }
    }

    /// A computation in the background left its result.
    fn computed(&mut self, ticket: JobId, platform: &Platform) {
        match self.waiting.remove(&ticket) {
            Some(Purpose::Target(target, slot)) => match slot.get() {
                Some(Ok((scan, derived))) => {
                    self.keep_derived(scan, derived.clone());
                    self.set_target(scan.clone(), target, platform);
                }
                Some(Err(sentence)) => self.notify(sentence, true),
                None => {}
            },
            Some(Purpose::Derive(scan, slot)) => {
                if let Some(derived) = slot.get() {
                    self.keep_derived(&scan, derived.clone());
                }
            }
            Some(Purpose::Middle(map, slot)) => {
                let shown = self.case.shown_layer().is_some_and(|layer| Arc::ptr_eq(&layer.map, &map));
                if let (true, Some(Some(middle))) = (shown, slot.get()) {
                    self.view.apply(PaneAction::MoveCursor(snap(&map.grid, *middle)));
                }
            }
            _ => {}
        }
    }

    /// Enters a score where both masks are still what was compared.
    fn compared(&mut self, prediction: &Arc<LabelMap>, truth: &Arc<LabelMap>, scores: Vec<LabelScore>) {
        if self.case.truth().is_none_or(|layer| !Arc::ptr_eq(&layer.map, truth)) {
            return;
        }
        let scores = Arc::new(scores);
        let layers = self.case.layers.iter_mut().filter(|layer| Arc::ptr_eq(&layer.map, prediction));
        layers.for_each(|layer| layer.agreement = Some(scores.clone()));
    }

    /// A prediction arrives as a proposal beside everything else; it replaces no mask.
    fn propose(&mut self, done: Segmentation, platform: &Platform) {
        let report = Arc::new(done.report);
        self.run = Run::Done(report.clone());
        self.history.record("Prediction", &self.case);
        let id = self.next_id();
        self.case.predictions += 1;
        let examples = if report.contexts == 1 { "example" } else { "examples" };
        let title = format!("Prediction {}", self.case.predictions);
        let map = Arc::new(done.mask);
        // The first one is shown where it is; later ones where the user is looking.
        if self.case.predictions == 1 {
            let (of, mask) = (map.clone(), map.clone());
            self.compute(move || middle_mm(&of), |slot| Purpose::Middle(mask, slot), platform);
        }
        let origin = format!(
            "{} {examples} · ℓ = {} · {:.1} s",
            report.contexts, report.mini_context, report.seconds.total
        );
        let layer = Layer {
            id,
            title,
            origin,
            map,
            volumes_ml: report.labels.iter().map(|label| (label.value, label.ml)).collect(),
            status: MaskStatus::Proposal,
            warnings: report.warnings.clone(),
            report: Some(report),
            agreement: None,
        };
        self.case.layers.insert(0, layer);
        self.case.shown = Some(id);
        (self.look.overlay, self.look.layout) = (true, Layout::Compare);
        self.compare_with_truth(platform);
    }

    /// Asks for the agreement of every layer that has none yet.
    pub(super) fn compare_with_truth(&mut self, platform: &Platform) {
        let Some(truth) = self.case.truth().map(|layer| layer.map.clone()) else { return };
        let asked = |map: &Arc<LabelMap>| {
            self.waiting.values().any(|purpose| match purpose {
                Purpose::Compare { prediction, truth: by } => {
                    Arc::ptr_eq(prediction, map) && Arc::ptr_eq(by, &truth)
                }
                _ => false,
            })
        };
        let open = self.case.layers.iter().filter(|l| l.status != MaskStatus::Truth && l.agreement.is_none());
        let open: Vec<_> = open.map(|layer| layer.map.clone()).filter(|map| !asked(map)).collect();
        for prediction in open {
            let request = Request::Compare { prediction: prediction.clone(), truth: truth.clone() };
            self.ask(request, Purpose::Compare { prediction, truth: truth.clone() }, platform);
        }
    }
}
