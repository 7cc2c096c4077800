//! What each answer of the worker does.

use super::case::{Layer, Standing};
use super::plan::Check;
use super::run::Run;
use super::{Engine, Layout, Purpose, State};
use crate::viewer::{PaneAction, camera::snap, middle_mm};
use crate::window::outside::Outside;
use exemplar_engine::pipeline::{Segmentation, Stage};
use exemplar_engine::worker::{Event, Request, Ticket};
use std::sync::Arc;

impl State {
    /// Takes in an answer.
    pub(super) fn answer(&mut self, event: Event, outside: &Outside) {
        match event {
            Event::Progress(ticket, now, part) => self.progress(ticket, now, part),
            Event::Listed(ticket, files) => {
                self.waiting.remove(&ticket);
                self.check_files(files, outside);
            }
            Event::Opened(ticket, scan) => {
                if let Some(Purpose::Check(path)) = self.waiting.remove(&ticket) {
                    self.checked(&path, Check::Image(scan));
                }
            }
            Event::Fitted(ticket, fitted) => {
                if let Some(Purpose::Fit(waiting)) = self.waiting.remove(&ticket) {
                    self.fitted(waiting, fitted, outside);
                }
            }
            Event::Compared(ticket, agreement) => {
                if let Some(Purpose::Compare(id)) = self.waiting.remove(&ticket) {
                    let agreement = Arc::new(agreement);
                    let layers = self.case.layers.iter_mut().filter(|layer| layer.id == id);
                    layers.for_each(|layer| layer.agreement = Some(agreement.clone()));
                }
            }
            Event::Saved(ticket, path) => {
                if let Some(Purpose::Export(what)) = self.waiting.remove(&ticket) {
                    self.say(format!("{what} was exported to {}", path.display()), false);
                }
            }
            Event::Ready(ticket, summary) => {
                self.waiting.remove(&ticket);
                self.engine = Engine::Ready(Box::new(summary));
            }
            Event::Segmented(ticket, done) => {
                self.waiting.remove(&ticket);
                self.propose(ticket, *done, outside);
            }
            Event::Transformed(ticket, _) => _ = self.waiting.remove(&ticket),
            Event::Failed(ticket, sentence) => self.failed(ticket, sentence, outside),
            Event::Cancelled(ticket) => {
                if let Some(Purpose::Run) = self.waiting.remove(&ticket) {
                    self.run = Run::Cancelled;
                    self.say("The run was stopped; nothing was changed.", false);
                }
            }
        }
    }

    fn progress(&mut self, of: Ticket, now: Stage, part: f32) {
        if let Run::Running { ticket, stage, fraction, .. } = &mut self.run
            && *ticket == of
        {
            (*stage, *fraction) = (Some(now), part);
        }
    }

    fn failed(&mut self, ticket: Ticket, sentence: String, outside: &Outside) {
        match self.waiting.remove(&ticket) {
            // The plan shows it in the file's row.
            Some(Purpose::Check(path)) => self.checked(&path, Check::Broken(sentence)),
            Some(Purpose::Prepare) => {
                self.engine = Engine::Failed;
                self.say(sentence, true);
            }
            Some(Purpose::Run) => {
                self.run = Run::Failed;
                self.say(sentence, true);
            }
            Some(Purpose::List) => {
                self.check_files(Vec::new(), outside);
                self.say(sentence, true);
            }
            Some(_) => self.say(sentence, true),
            None => {}
        }
    }

    /// A prediction arrives as a proposal beside everything else; it replaces no mask.
    fn propose(&mut self, ticket: Ticket, done: Segmentation, outside: &Outside) {
        if self.run.ticket() != Some(ticket) {
            return;
        }
        let report = Arc::new(done.report);
        self.run = Run::Done(report.clone());
        let fits = self.case.target.as_ref().is_some_and(|target| target.volume.grid == done.mask.grid);
        if !fits {
            return self
                .say("The target changed during the run, so its result was dropped. Run it again.", false);
        }
        self.history.record("Prediction", &self.case);
        let id = self.case.next_id();
        self.case.predictions += 1;
        let examples = if report.contexts == 1 { "example" } else { "examples" };
        let title = format!("Prediction {}", self.case.predictions);
        // The first one is shown where it is; later ones where the user is looking.
        if let (1, Some(middle)) = (self.case.predictions, middle_mm(&done.mask)) {
            self.view.apply(PaneAction::MoveCursor(snap(&done.mask.grid, middle)));
        }
        if let Some(warning) = report.warnings.first() {
            self.say(format!("{title}: {warning}"), false);
        }
        let origin = format!(
            "{} {examples} · ℓ = {} · {:.1} s",
            report.contexts, report.mini_context, report.seconds.total
        );
        let layer = Layer {
            id,
            title,
            origin,
            map: Arc::new(done.mask),
            volumes_ml: report.labels.iter().map(|label| (label.value, label.ml)).collect(),
            standing: Standing::Proposal,
            report: Some(report),
            agreement: None,
        };
        self.case.layers.insert(0, layer);
        self.case.shown = Some(id);
        (self.look.overlay, self.look.layout) = (true, Layout::Compare);
        self.compare_with_truth(outside);
    }

    /// Asks for the agreement of every layer that has none yet.
    pub(super) fn compare_with_truth(&mut self, outside: &Outside) {
        let Some(truth) = self.case.truth().map(|layer| layer.map.clone()) else { return };
        let asked = |id| self.waiting.values().any(|p| matches!(p, Purpose::Compare(known) if *known == id));
        let open = self.case.layers.iter().filter(|l| l.standing != Standing::Truth && l.agreement.is_none());
        let open: Vec<_> = open.filter(|layer| !asked(layer.id)).map(|l| (l.id, l.map.clone())).collect();
        for (id, prediction) in open {
            let request = Request::Compare { prediction, truth: truth.clone() };
            self.ask(request, Purpose::Compare(id), outside);
        }
    }
}
