//! The window: drawn from `&State`, changed by [`Command`]s.
//!
//! One frame: ends of jobs and answers of file dialogs reach the state; panels draw it and say what the user did, beside
//! dropped files and keys; the commands are carried out. Nothing here waits for anything.

mod dialogs;
mod fonts;
mod icons;
mod panels;
mod platform;
mod texture_cache;
mod theme;
mod widgets;

use crate::commands::file::File;
use crate::commands::run::Run;
use crate::commands::{self, Command};
use crate::jobs::Jobs;
use crate::state::paths::pasted;
use crate::state::{Chooser, Platform, State};
use crate::viewer::{self, Gpu};
use anyhow::anyhow;
use eframe::egui_wgpu::{RenderState, WgpuSetup};
use eframe::wgpu::DeviceType;
use panels::{bars, centre, results, shelf};
use platform::Desktop;
use std::path::PathBuf;
use std::time::Duration;
use texture_cache::TextureCache;
use widgets::Commands;

/// Opens the window with these files, as if they were dropped on it, and returns when it is closed.
pub fn run(files: Vec<PathBuf>) -> anyhow::Result<()> {
    let icon = eframe::icon_data::from_png_bytes(include_bytes!("../../../assets/icon/exemplar.png"));
    let viewport = egui::ViewportBuilder::default()
        .with_title("Exemplar")
        .with_app_id("exemplar")
        .with_inner_size([1440.0, 900.0])
        .with_min_inner_size([1024.0, 640.0])
        .with_icon(icon?);
    let mut options = eframe::NativeOptions { viewport, ..Default::default() };
    if let WgpuSetup::CreateNew(setup) = &mut options.wgpu_options.wgpu_setup {
        viewer::raise_limits(setup);
    }
    let app = move |creation: &eframe::CreationContext<'_>| {
        let chooser = Box::new(Desktop::default());
        let app = App::new(&creation.egui_ctx, creation.wgpu_render_state.as_ref(), chooser, files);
        Ok(Box::new(app) as Box<dyn eframe::App>)
    };
    eframe::run_native("Exemplar", options, Box::new(app)).map_err(|error| {
        let reason = match error {
            // Its own words name a source file of the machine that built the program.
            eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => {
                "no display answers at DISPLAY or WAYLAND_DISPLAY".to_owned()
            }
            other => other.to_string(),
        };
        let way_out = "on a machine without a display use `exemplar segment` instead";
        anyhow!("The window could not be opened ({reason}); {way_out}.")
    })
}

/// Time between frames while a run works, when only figures and a bar move: each frame takes time from the run.
const PACE: Duration = Duration::from_millis(100);
/// The same where the processor draws: a frame of 1440 × 900 points took 0.1 to 0.2 s of a core with Mesa's lavapipe.
const SOFTWARE_PACE: Duration = Duration::from_secs(2);

/// The window's contents, also without a window around them.
pub struct App {
    /// What is shown.
    pub state: State,
    /// What the state acts through; dropping it ends the background threads.
    pub platform: Platform,
    texture_cache: TextureCache,
    pace: Duration,
}

impl App {
    /// Starts the background jobs and opens `files`. Without `graphics` the panes stay black.
    pub fn new(
        context: &egui::Context,
        graphics: Option<&RenderState>,
        chooser: Box<dyn Chooser>,
        files: Vec<PathBuf>,
    ) -> Self {
        theme::install(context);
        let wake = context.clone();
        let jobs = Jobs::start(move || wake.request_repaint());
        let mut platform = Platform { jobs, chooser, context: context.clone() };
        let mut state = State::new(&mut platform);
        Command::from(File::OpenPaths(files)).execute(&mut state, &mut platform);
        let software = |graphics: &RenderState| graphics.adapter.get_info().device_type == DeviceType::Cpu;
        let pace = if graphics.is_some_and(software) { SOFTWARE_PACE } else { PACE };
        Self { state, platform, texture_cache: TextureCache::new(graphics.map(Gpu::new)), pace }
    }

    /// One frame.
    pub fn update(&mut self, ui: &mut egui::Ui) {
        while let Ok(event) = self.platform.jobs.events.try_recv() {
            self.state.on_event(event, &mut self.platform);
        }
        let context = ui.ctx().clone();
        if let Some((question, answer)) = self.platform.chooser.answer(&context) {
            self.state.on_answer(question, answer, &mut self.platform);
        }
        self.state.on_frame(&mut self.platform);
        self.texture_cache.keep_masks_of(&self.state);
        let mut commands = Commands::default();
        input(&context, &self.state, &mut commands);
        self.draw(ui, &mut commands);
        let commands = commands.into_inner();
        if !commands.is_empty() {
            // What they changed shows in the next frame.
            context.request_repaint();
        }
        for command in commands {
            command.execute(&mut self.state, &mut self.platform);
        }
        if self.state.run.is_running() {
            context.request_repaint_after(self.pace);
        }
        let theme = if self.state.settings.light { egui::Theme::Light } else { egui::Theme::Dark };
        if context.theme() != theme {
            context.set_theme(theme);
        }
        if context.zoom_factor() != self.state.settings.scale {
            context.set_zoom_factor(self.state.settings.scale);
        }
    }

    fn draw(&mut self, ui: &mut egui::Ui, commands: &mut Commands) {
        let (state, texture_cache) = (&self.state, &mut self.texture_cache);
        bars::menu_bar(ui, state, commands);
        bars::status_bar(ui, state);
        shelf::show(ui, state, texture_cache, commands);
        bars::tool_strip(ui, state, commands);
        results::show(ui, state, commands);
        centre::show(ui, state, texture_cache, commands);
        dialogs::import::show(ui, state, commands);
        dialogs::show(ui, state, commands);
        dialogs::notices(ui, state, commands);
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut egui::Ui, _: &mut eframe::Frame) {
        self.update(ui);
    }
}

/// Dropped files, pasted paths and keys as commands.
fn input(context: &egui::Context, state: &State, commands: &mut Commands) {
    let typing = context.memory(|memory| memory.focused().is_some()) && context.text_edit_focused();
    // Escape closes an open menu first.
    let popup = egui::Popup::is_any_open(context);
    let covered = state.plan.is_some() || state.dialog.is_some();
    if context.input(|input| input.viewport().close_requested()) && state.unsaved().next().is_some() {
        context.send_viewport_cmd(egui::ViewportCommand::CancelClose);
        commands.push(File::Quit);
    }
    context.input_mut(|input| {
        let dropped: Vec<PathBuf> =
            input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect();
        if !dropped.is_empty() {
            commands.push(File::OpenPaths(dropped));
        }
        for event in &input.events {
            if let (egui::Event::Paste(text), false) = (event, typing) {
                commands.push(File::OpenPaths(pasted(text)));
            }
        }
        // Longer shortcuts first, since a shortcut also matches with more modifiers held.
        let mut listed: Vec<_> =
            commands::listed().filter_map(|c| c.about().keys.map(|keys| (c, keys))).collect();
        listed.sort_by_key(|(_, keys)| !keys.modifiers.shift);
        for (command, keys) in listed {
            let taken = typing
                || (popup && command == Run::Cancel.into())
                || (covered && !command.about().over_dialogs);
            if !taken && command.is_possible(state) && input.consume_shortcut(&keys) {
                commands.push(command);
            }
        }
    });
}
