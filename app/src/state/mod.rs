//! Everything the window shows: the document, how it is looked at, and what is under way.
//!
//! It changes through a command, the end of a job ([`State::on_event`]), an answer of a file dialog
//! ([`State::on_answer`]) and the passing of time ([`State::on_frame`]). Nothing here draws.

mod derive;
mod device;
mod dialog;
mod events;
mod export;
mod inputs;
mod loading;
mod masks;
pub mod messages;
mod notices;
pub mod paths;
mod planning;
mod platform;
mod read_out;
mod run;
mod settings;

pub use device::DeviceState;
pub use dialog::{Dialog, Leave};
pub use notices::Notice;
pub use platform::{Answer, Chooser, Platform, Question};
pub use read_out::ReadOut;
pub use run::Run;
pub use settings::{Layout, Settings};

use crate::document::{
    Changes, Document, Draft, EditError, History, MaskId, PartId, Refusal, Revision, TargetId,
};
use crate::import::Plan;
use crate::jobs::{Cache, Compute};
use crate::viewer::{Palette, Statistics, View};
use export::Exports;
use glam::DAffine3;
use imaging::Grid;
use inference::pipeline::Report;
use loading::Loads;
use notices::Notices;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All that the window shows.
pub struct State {
    /// What the user works on.
    pub document: Document,
    /// Its steps of undo.
    pub history: History,
    /// What was derived from its volumes.
    pub cache: Cache,
    /// What the panes look at.
    pub view: View,
    /// Layout, tool, theme.
    pub settings: Settings,
    /// Colours of the labels, and which are drawn.
    pub palette: Palette,
    /// The import plan, while its dialog is open.
    pub plan: Option<Plan>,
    /// The network's work.
    pub run: Run,
    /// Device and model.
    pub device: DeviceState,
    /// The dialog on top.
    pub dialog: Option<Dialog>,
    notices: Notices,
    loads: Loads,
    exports: Exports,
    /// How predictions were made.
    reports: HashMap<MaskId, Arc<Report>>,
    /// Predictions made for a target so far, for their numbers.
    predictions: (Option<TargetId>, usize),
    began: Instant,
    /// The target that the panes were last turned to.
    viewed: Option<TargetId>,
    /// The first prediction for a target, whose middle the panes turn to once it is known.
    turn_to: Option<MaskId>,
    /// The state of the document for which all that is derived was asked for.
    derived_for: Option<Revision>,
    /// The label table that the palette was made for.
    coloured: Option<Revision>,
}

impl State {
    /// An empty window that asks for device and model.
    pub fn new(platform: &mut Platform) -> Self {
        let load = platform.jobs.compute(Compute::LoadModel { device: Default::default(), model: None });
        let nothing = Grid { shape: [1; 3], world_from_voxel: DAffine3::IDENTITY };
        let statistics = Statistics { low: 0.0, high: 1.0, window: 1.0, level: 0.5 };
        let document = Document::default();
        Self {
            history: History::new(&document),
            document,
            cache: Cache::default(),
            view: View::of(&nothing, &statistics),
            settings: Settings::default(),
            palette: Palette::default(),
            plan: None,
            run: Run::Idle,
            device: DeviceState::Preparing(load),
            dialog: None,
            notices: Notices::default(),
            loads: Loads::default(),
            exports: Exports::default(),
            reports: HashMap::new(),
            predictions: (None, 0),
            began: Instant::now(),
            viewed: None,
            turn_to: None,
            derived_for: None,
            coloured: None,
        }
    }

    /// Time passed.
    pub fn on_frame(&mut self, platform: &mut Platform) {
        self.plan.iter_mut().for_each(Plan::refresh);
        self.run.take_progress(&platform.jobs);
        self.settle(platform);
    }

    /// Brings everything in line with the document as it is now. Called after every change.
    pub fn settle(&mut self, platform: &mut Platform) {
        self.supersede_run();
        self.derive_missing(platform);
        self.turn_to_target();
        self.colour_labels();
        if self.settings.layout == Layout::Compare && self.active_mask().is_none() {
            self.settings.layout = Layout::Planes;
        }
        self.notices.fade();
    }

    /// A step of undo; what is refused leaves the document as it was and is said.
    pub fn edit<T>(
        &mut self,
        title: &str,
        change: impl FnOnce(&mut Draft) -> Result<T, Refusal>,
    ) -> Option<T> {
        self.edit_with(title, |draft| draft, change)
    }

    /// A step of undo that is `marked` as part of a series.
    fn edit_with<T>(
        &mut self,
        title: &str,
        marked: impl for<'d> FnOnce(Draft<'d>) -> Draft<'d>,
        change: impl FnOnce(&mut Draft) -> Result<T, Refusal>,
    ) -> Option<T> {
        let time = self.now();
        let mut draft = marked(self.document.draft());
        match change(&mut draft) {
            Ok(done) => {
                draft.commit(&mut self.history, title, time);
                Some(done)
            }
            Err(refusal) => {
                drop(draft);
                self.warn(messages::refusal(refusal));
                None
            }
        }
    }

    /// Takes back the last step.
    pub fn undo(&mut self) {
        self.loads.clear();
        let undone = self.history.undo(&mut self.document);
        self.show_changes(undone);
    }

    /// Makes the step again that was taken back last.
    pub fn redo(&mut self) {
        self.loads.clear();
        let redone = self.history.redo(&mut self.document);
        self.show_changes(redone);
    }

    /// Shows a mask that came back.
    fn show_changes(&mut self, changes: Result<Option<Changes>, EditError>) {
        match changes {
            Ok(changes) => {
                let parts = changes.iter().flat_map(|changes| &changes.parts);
                let mut masks = parts.filter_map(|part| match part {
                    PartId::Mask(id) => self.document.mask(*id).map(|_| *id),
                    _ => None,
                });
                if let Some(mask) = masks.next_back() {
                    self.settings.shown = Some(mask);
                }
            }
            Err(error) => self.warn(format!("This step cannot be taken: {error}.")),
        }
    }

    /// Time since the window opened.
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// A label keeps the colour of its entry in the table; what is hidden, and labels that a prediction was not asked for,
    /// are not drawn.
    fn colour_labels(&mut self) {
        let table = self.document.labels();
        if self.coloured != Some(table.revision()) {
            self.palette = Palette::new(table.colours());
            self.coloured = Some(table.revision());
        }
        let drawn: Vec<_> = table.iter().map(|(value, _)| (value, self.draws(value))).collect();
        drawn.into_iter().for_each(|(value, drawn)| self.palette.set_visible(value, drawn));
    }
}
