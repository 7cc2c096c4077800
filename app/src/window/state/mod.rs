//! Everything the window shows. It is drawn from `&State` and changes in [`State::apply`] only.

mod answers;
pub mod case;
mod commands;
pub mod derived;
mod export;
mod guess;
mod history;
mod loading;
pub mod plan;
pub mod run;
pub mod verdict;

use super::command::Command;
use super::platform::{Answer, Platform, Question};
use crate::jobs::{DeviceSummary, Event, JobId};
use crate::viewer::{Palette, Statistics, Tool, View};
use case::{Case, Id, Layer, MaskStatus};
use derived::Derived;
use glam::DAffine3;
use history::History;
use imaging::io::Scan;
use imaging::{Grid, LabelMap};
use inference::pipeline::Report;
use plan::Plan;
use run::Run;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Instant;

/// The whole of it.
pub struct State {
    /// What the user works on; undo covers it.
    pub case: Case,
    /// Earlier and later states of the case.
    pub history: History,
    /// What the panes look at.
    pub view: View,
    /// Colours of the labels, and which are drawn.
    pub palette: Palette,
    /// How the window is arranged.
    pub look: Look,
    /// The import plan, while its sheet is open.
    pub plan: Option<Plan>,
    /// The network's work.
    pub run: Run,
    /// Device and model.
    pub engine: Engine,
    /// Sentences to the user that were not taken away yet.
    pub notices: Vec<Notice>,
    /// The dialog on top.
    pub dialog: Option<Dialog>,
    /// What the worker was asked and has not answered.
    waiting: HashMap<JobId, Purpose>,
    next_notice: u64,
    /// Names of examples and layers; it never goes back, so that no answer reaches another than it was asked for.
    last_id: Id,
    /// Masks that may go without a question: they were exported, or the user let them go.
    settled: Vec<Weak<LabelMap>>,
    /// What was computed from scans for their pictures.
    derived: Vec<(Weak<Scan>, Arc<Derived>)>,
    /// The labels that the palette was made for.
    coloured: Vec<u16>,
    /// The scan that the panes were last turned to.
    seen: Option<Arc<Scan>>,
}

/// What may happen to the state.
pub enum Message {
    /// The user did something.
    Command(Command),
    /// The worker answered.
    Event(Event),
    /// A file dialog was closed.
    Chosen(Question, Answer),
    /// Time went on.
    Frame,
}

/// How the window is arranged; not part of the case, so not undone.
pub struct Look {
    /// What the centre shows.
    pub layout: Layout,
    /// What dragging in a pane does.
    pub tool: Tool,
    /// Whether labels are drawn.
    pub overlay: bool,
    /// Light theme instead of dark.
    pub light: bool,
    /// Size of everything, 1 as usual.
    pub scale: f32,
}

/// What the centre shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Axial, coronal, sagittal, and what the network sees.
    Planes,
    /// Prediction, ground truth and difference as columns.
    Compare,
}

/// Dialogs.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialog {
    /// Every command with its keys.
    Shortcuts,
    /// What this program is.
    About,
    /// Whether an export may replace this file.
    Replace {
        /// The mask.
        layer: Id,
        /// The file.
        path: PathBuf,
    },
    /// Whether accepted masks that were not exported may go.
    Unsaved(Leave),
    /// The window's own dialog for a path, where the desktop has none.
    Path {
        /// What it is about.
        question: Question,
        /// What is typed so far.
        text: String,
        /// How it could go on.
        offered: Vec<String>,
        /// What is wrong with it.
        problem: Option<String>,
    },
}

/// What takes masks away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Closing the case.
    Case,
    /// Closing the window.
    Window,
}

/// Device and model.
pub enum Engine {
    /// Being chosen and tested.
    Preparing,
    /// At work.
    Ready(Box<DeviceSummary>),
    /// Not to be had; the sentence was shown.
    Failed,
}

impl Engine {
    /// What is known of it.
    pub fn summary(&self) -> Option<&DeviceSummary> {
        match self {
            Self::Ready(summary) => Some(summary),
            _ => None,
        }
    }

    /// Whether a run may be asked for: also while it prepares, since requests wait their turn.
    pub fn is_usable(&self) -> bool {
        !matches!(self, Self::Failed)
    }
}

/// A sentence to the user.
pub struct Notice {
    /// Its name in commands.
    pub id: u64,
    /// The sentence.
    pub sentence: String,
    /// Whether something went wrong. Such a notice stays until it is dismissed; others leave by themselves.
    pub problem: bool,
    /// When it appeared.
    pub since: Instant,
}

/// Why the worker was asked for something.
enum Purpose {
    /// Device and weights at the start.
    Prepare,
    /// Files below the dropped folders.
    List,
    /// A file of the import plan, by its place there.
    Check(usize),
    /// The target of a plan that is being loaded.
    Target(loading::Target, derived::Slot<loading::Opened>),
    /// A label map or mask that is being brought to its image.
    Fit(loading::Waiting),
    /// What the pictures of a scan need.
    Derive(Arc<Scan>, derived::Slot<Arc<Derived>>),
    /// The middle of a first prediction, where the panes turn to.
    Middle(Arc<LabelMap>, derived::Slot<Option<glam::DVec3>>),
    /// The run.
    Run(run::Inputs),
    /// LabelScore of a mask with the ground truth.
    Compare { prediction: Arc<LabelMap>, truth: Arc<LabelMap> },
    /// An export, with what to say of it.
    Export { note: String, map: Arc<LabelMap> },
}

impl State {
    /// An empty window that asks for device and model.
    pub fn new(platform: &Platform) -> Self {
        let prepare = crate::jobs::Request::Prepare { device: Default::default(), model: None };
        let nothing = Grid { shape: [1; 3], world_from_voxel: DAffine3::IDENTITY };
        let statistics = Statistics { low: 0.0, high: 1.0, window: 1.0, level: 0.5 };
        Self {
            case: Case::default(),
            history: History::default(),
            view: View::of(&nothing, &statistics),
            palette: Palette::default(),
            look: Look {
                layout: Layout::Planes,
                tool: Tool::default(),
                overlay: true,
                light: false,
                scale: 1.0,
            },
            plan: None,
            run: Run::Idle,
            engine: Engine::Preparing,
            notices: Vec::new(),
            dialog: None,
            waiting: HashMap::from([(platform.worker.send(prepare), Purpose::Prepare)]),
            next_notice: 0,
            last_id: 0,
            settled: Vec::new(),
            derived: Vec::new(),
            coloured: Vec::new(),
            seen: None,
        }
    }

    /// The one place where state changes.
    pub fn apply(&mut self, message: Message, platform: &mut Platform) {
        match message {
            Message::Command(command) => self.execute(command, platform),
            Message::Event(event) => self.on_event(event, platform),
            Message::Chosen(question, answer) => self.chosen(question, answer, platform),
            Message::Frame => self.plan.iter_mut().for_each(Plan::refresh),
        }
        self.supersede_run(platform);
        self.colour_labels();
        self.notices.retain(|notice| notice.problem || notice.since.elapsed().as_secs() < Notice::SECONDS);
    }

    /// Whether label maps or masks are still on their way from the import plan.
    pub fn is_loading(&self) -> bool {
        self.waiting.values().any(|purpose| matches!(purpose, Purpose::Target(..) | Purpose::Fit(_)))
    }

    /// The name of a label value.
    pub fn label_name(&self, value: u16) -> String {
        self.case.names.name(value)
    }

    /// Whether panes and figures show a label: the user did not hide it, and where a prediction is looked at, it was
    /// asked for.
    pub fn draws(&self, value: u16) -> bool {
        let judged = self.case.judged().filter(|layer| {
            self.look.layout == Layout::Compare || self.case.shown.is_none_or(|shown| shown == layer.id)
        });
        let asked = |report: &Report| report.labels.iter().any(|label| label.value == value);
        let report = judged.and_then(|layer| layer.report.as_deref());
        !self.case.hidden.contains(&value) && report.is_none_or(asked)
    }

    /// The mask that the panes show.
    pub fn on_screen(&self) -> Option<&Layer> {
        match self.look.layout {
            Layout::Planes => self.case.shown_layer(),
            Layout::Compare => self.case.judged(),
        }
    }

    /// The prediction on the screen, where nobody has judged it.
    pub fn proposal(&self) -> Option<&Layer> {
        self.on_screen().filter(|layer| layer.status == MaskStatus::Proposal)
    }

    /// Accepted predictions that were not exported.
    pub fn unsaved(&self) -> impl Iterator<Item = &Layer> {
        let settled = |layer: &Layer| self.settled.iter().any(|map| map.as_ptr() == Arc::as_ptr(&layer.map));
        let made_here = |layer: &&Layer| layer.status == MaskStatus::Accepted && layer.report.is_some();
        self.case.layers.iter().filter(made_here).filter(move |layer| !settled(layer))
    }

    /// A label keeps the colour that it got when the case first held it.
    fn colour_labels(&mut self) {
        self.case.see_labels();
        if self.case.seen != self.coloured {
            self.palette = Palette::for_labels(&self.case.seen);
            self.coloured = self.case.seen.clone();
        }
        for value in self.coloured.clone() {
            self.palette.set_visible(value, self.draws(value));
        }
    }

    fn next_id(&mut self) -> Id {
        self.last_id += 1;
        self.last_id
    }

    fn ask(&mut self, request: crate::jobs::Request, purpose: Purpose, platform: &Platform) -> JobId {
        let ticket = platform.worker.send(request);
        self.waiting.insert(ticket, purpose);
        ticket
    }

    fn notify(&mut self, sentence: impl Into<String>, problem: bool) {
        let sentence = sentence.into();
        // The same sentence once is enough, however many files it concerns.
        self.notices.retain(|notice| notice.sentence != sentence);
        self.next_notice += 1;
        self.notices.push(Notice { id: self.next_notice, sentence, problem, since: Instant::now() });
    }
}

impl Notice {
    /// How long a notice stays that is not a problem.
    pub const SECONDS: u64 = 8;
}
