//! What each command does.

use super::case::{Case, Id, MaskStatus};
use super::plan::Plan;
use super::run::{Inputs, Run};
use super::{Layout, Purpose, State};
use crate::jobs::Request;
use crate::viewer::{OverlayStyle, PaneAction};
use crate::window::command::{Command, Undo};
use crate::window::platform::{Platform, Question};
use inference::pipeline::{Options, comfortable, volumes_bytes};
use std::path::PathBuf;
use std::time::Instant;

const OPACITY_STEP: f32 = 0.05;
const SCALE_STEP: f32 = 0.1;

impl State {
    /// Carries out a command.
    pub(super) fn execute(&mut self, command: Command, platform: &mut Platform) {
        if !command.is_possible(self) || self.asks_first(&command) {
            return;
        }
        let about = command.about();
        if about.undo == Undo::Case {
            self.history.record(about.label, &self.case);
        }
        match command {
            Command::Open => platform.chooser.ask(Question::Files, &platform.context),
            Command::OpenFolder => platform.chooser.ask(Question::Folder, &platform.context),
            Command::Paste => platform.context.send_viewport_cmd(egui::ViewportCommand::RequestPaste),
            Command::OpenPaths(paths) => self.open(paths, platform),
            Command::OpenDemo => self.open_demo(platform),
            Command::Export => self.ask_where_to_export(platform),
            Command::CloseCase => {
                self.forget_loading(platform);
                self.case = Case::default();
                self.look.layout = Layout::Planes;
            }
            Command::Quit => platform.context.send_viewport_cmd(egui::ViewportCommand::Close),
            Command::Undo => {
                self.forget_loading(platform);
                self.history.undo(&mut self.case);
                self.look_at_case(platform);
            }
            Command::Redo => {
                self.forget_loading(platform);
                self.history.redo(&mut self.case);
                self.look_at_case(platform);
            }
            Command::Segment => self.segment(platform),
            Command::Cancel => self.cancel(platform),
            Command::Accept | Command::Reject => self.judge(command == Command::Accept),
            Command::PlanLoad => self.load_plan(platform),
            Command::PlanCancel => self.drop_plan(platform),
            Command::PlanRole(..)
            | Command::PlanPair(..)
            | Command::PlanFix(..)
            | Command::PlanVolume(..) => self.replan(command),
            Command::Dismiss(id) => self.notices.retain(|notice| notice.id != id),
            Command::Show(dialog) => self.dialog = dialog,
            Command::Confirm => self.confirm(platform),
            Command::TypePath(text) => self.type_path(text),
            Command::View(action) => self.view.apply(action),
            other if about.undo == Undo::Case => self.change_case(other),
            other => self.change_look(other),
        }
        if self.look.layout == Layout::Compare && !Command::Arrange(Layout::Compare).is_possible(self) {
            self.look.layout = Layout::Planes;
        }
    }

    /// Commands about examples, labels and results; undo covers them.
    fn change_case(&mut self, command: Command) {
        let case = &mut self.case;
        match command {
            Command::SwitchExample(id, on) => {
                case.examples.iter_mut().filter(|pair| pair.id == id).for_each(|pair| pair.on = on);
            }
            Command::AllExamplesOn => case.examples.iter_mut().for_each(|pair| pair.on = true),
            Command::AllExamplesOff => case.examples.iter_mut().for_each(|pair| pair.on = false),
            Command::RemoveExample(id) => case.examples.retain(|pair| pair.id != id),
            Command::WantLabel(value, true) => _ = case.left_out.remove(&value),
            Command::WantLabel(value, false) => _ = case.left_out.insert(value),
            Command::AllLabels => case.left_out.clear(),
            Command::NoLabels => case.left_out = case.labels().into_iter().collect(),
            Command::ShowLabel(value, true) => _ = case.hidden.remove(&value),
            Command::ShowLabel(value, false) => _ = case.hidden.insert(value),
            Command::RemoveLayer(id) => self.remove_layer(id),
            other => unreachable!("{other:?} is carried out elsewhere"),
        }
    }

    /// Commands about how things are shown; there is nothing to take back.
    fn change_look(&mut self, command: Command) {
        let (look, view) = (&mut self.look, &mut self.view);
        match command {
            Command::Arrange(layout) => {
                look.layout = if look.layout == layout { Layout::Planes } else { layout };
            }
            Command::Use(tool) => look.tool = tool,
            Command::FlipConvention => view.radiological ^= true,
            Command::ResetView => view.apply(PaneAction::Fit),
            Command::AutoWindow => {
                let known = self.case.target.as_ref().and_then(|target| self.derived(target).cloned());
                if let Some(best) = known.map(|derived| derived.statistics) {
                    self.view.apply(PaneAction::SetContrast { window: best.window, level: best.level });
                }
            }
            Command::ToggleOverlay => look.overlay ^= true,
            Command::SetOpacity(opacity) => view.overlay_opacity = opacity.clamp(0.0, 1.0),
            Command::MoreOpaque => view.overlay_opacity = (view.overlay_opacity + OPACITY_STEP).min(1.0),
            Command::LessOpaque => view.overlay_opacity = (view.overlay_opacity - OPACITY_STEP).max(0.0),
            Command::SetFill(style) => view.overlay_style = style,
            Command::NextFill => {
                view.overlay_style = match view.overlay_style {
                    OverlayStyle::Fill => OverlayStyle::FillAndOutline,
                    OverlayStyle::FillAndOutline => OverlayStyle::Outline,
                    OverlayStyle::Outline => OverlayStyle::Fill,
                }
            }
            Command::ToggleTheme => look.light ^= true,
            Command::ScaleUp => look.scale = (look.scale + SCALE_STEP).min(2.0),
            Command::ScaleDown => look.scale = (look.scale - SCALE_STEP).max(0.6),
            Command::ScaleReset => look.scale = 1.0,
            Command::SetMiniContext(at_once) => self.case.mini_context = Some(at_once.max(1)),
            Command::MoreAtOnce => {
                self.case.mini_context = Some((self.at_once() + 1).min(self.most_at_once()))
            }
            Command::LessAtOnce => self.case.mini_context = Some(self.at_once().saturating_sub(1).max(1)),
            Command::ShowLayer(layer) => self.case.shown = layer,
            other => unreachable!("{other:?} is carried out elsewhere"),
        }
    }

    fn segment(&mut self, platform: &Platform) {
        let (Some(target), Some(inputs)) = (self.case.target.clone(), Inputs::of(&self.case)) else { return };
        let options = Options {
            mini_context: Some(self.at_once()),
            labels: self.case.wanted(),
            names: self.case.names.clone(),
            ..Options::default()
        };
        let examples = self.case.examples_for_run();
        let ticket = self.ask(Request::Segment { target, examples, options }, Purpose::Run(inputs), platform);
        let started = Instant::now();
        self.run = Run::Running { ticket, stage: None, fraction: 0.0, started, stopping: false };
    }

    /// Closes what lies on top, or stops the run.
    fn cancel(&mut self, platform: &Platform) {
        match (self.dialog.take(), &self.plan) {
            (Some(_), _) => {}
            (None, Some(_)) => self.drop_plan(platform),
            (None, None) => self.stop(platform),
        }
    }

    /// Stops a run whose target or examples have left the case: its result would belong to nothing.
    pub(super) fn supersede_run(&mut self, platform: &Platform) {
        let Some(ticket) = self.run.ticket() else { return };
        let Some(Purpose::Run(inputs)) = self.waiting.get(&ticket) else { return };
        if !inputs.are_in(&self.case) {
            platform.worker.cancel(ticket);
            self.waiting.remove(&ticket);
            self.run = Run::Cancelled;
            self.notify("The run was stopped, since its target or one of its examples is gone.", false);
        }
    }

    fn stop(&mut self, platform: &Platform) {
        if let Run::Running { ticket, stopping, .. } = &mut self.run {
            *stopping = true;
            platform.worker.cancel(*ticket);
        }
    }

    fn judge(&mut self, accept: bool) {
        let Some(id) = self.proposal().map(|layer| layer.id) else { return };
        if accept {
            let layer = self.case.layers.iter_mut().find(|layer| layer.id == id);
            layer.expect("the proposal is a layer").status = MaskStatus::Accepted;
            self.case.shown = Some(id);
        } else {
            self.remove_layer(id);
        }
    }

    fn remove_layer(&mut self, id: Id) {
        let case = &mut self.case;
        case.layers.retain(|layer| layer.id != id);
        if case.shown == Some(id) {
            case.shown = case.layers.iter().find(|l| l.status == MaskStatus::Accepted).map(|layer| layer.id);
        }
    }

    fn replan(&mut self, command: Command) {
        let Some(plan) = &mut self.plan else { return };
        plan.change();
        let mut choose = |index: usize| {
            if let Some(item) = plan.items.get_mut(index) {
                item.chosen = true;
            }
        };
        match command {
            Command::PlanRole(index, role) => {
                choose(index);
                plan.set_role(index, role);
            }
            Command::PlanPair(index, partner) => {
                choose(index);
                partner.into_iter().for_each(choose);
                plan.set_partner(index, partner);
            }
            Command::PlanFix(index, fix) => {
                if let Some(item) = plan.items.get_mut(index) {
                    item.fix = (item.fix != Some(fix)).then_some(fix);
                }
            }
            Command::PlanVolume(index, frame) => {
                if let Some(item) = plan.items.get_mut(index) {
                    item.frame = frame;
                }
            }
            _ => {}
        }
    }

    pub(super) fn open(&mut self, paths: Vec<PathBuf>, platform: &Platform) {
        if paths.is_empty() {
            return;
        }
        let target = self.case.target.clone();
        self.plan.get_or_insert_with(|| Plan::new(target)).collecting = true;
        self.ask(Request::List { paths }, Purpose::List, platform);
    }

    /// Examples read at once: what the user chose, else as many as comfortably fit into memory.
    pub fn at_once(&self) -> usize {
        let comfortable = || {
            let Some(summary) = self.engine.summary() else { return 1 };
            let predicted = |at_once: usize| self.predicted_bytes(at_once).unwrap_or(usize::MAX / 2);
            comfortable(self.most_at_once(), summary.memory_bytes, predicted)
        };
        self.case.mini_context.unwrap_or_else(comfortable).clamp(1, self.most_at_once())
    }

    /// Bytes that are expected to be held at the peak of a run with so many examples at once: on a card by the network;
    /// in the computer's memory by the network, the scans of the case, and what is made of them.
    pub fn predicted_bytes(&self, at_once: usize) -> Option<usize> {
        let summary = self.engine.summary()?;
        let by_pairs = &summary.predicted_bytes;
        let pairs = self.case.on().count().clamp(1, by_pairs.len());
        let network = by_pairs.get(pairs - 1)?.get(at_once - 1)?;
        let Some(target) = self.case.target.as_ref().filter(|_| !summary.card) else { return Some(*network) };
        let examples = self.case.on().map(|pair| &pair.image.volume.grid);
        Some(network + volumes_bytes::<u16>(summary.grid, &target.volume.grid, examples, 0))
    }

    /// Right end of the slider.
    pub fn most_at_once(&self) -> usize {
        let worth = self.engine.summary().map_or(1, |summary| summary.most_at_once);
        self.case.on().count().clamp(1, worth)
    }
}
