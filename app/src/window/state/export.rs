//! Exports, and what becomes of masks that were not exported.

use super::case::{Id, MaskStatus};
use super::{Dialog, Leave, Purpose, State};
use crate::jobs::{Payload, Request};
use crate::window::command::Command;
use crate::window::paths::{complete, completions};
use crate::window::platform::{Answer, Platform, Question};
use imaging::io::WRITTEN_ENDINGS;
use std::path::PathBuf;
use std::sync::Arc;

impl State {
    pub(super) fn ask_where_to_export(&mut self, platform: &mut Platform) {
        let (Some(layer), Some(target)) = (self.case.judged(), &self.case.target) else { return };
        let name = format!("{}_mask{}", target.name, WRITTEN_ENDINGS[0]);
        let folder = target.path.parent().filter(|folder| folder.is_dir()).map(PathBuf::from);
        platform.chooser.ask(Question::Export { layer: layer.id, name, folder }, &platform.context);
    }

    /// Goes on where a file dialog left off.
    pub(super) fn chosen(&mut self, question: Question, answer: Answer, platform: &mut Platform) {
        let paths = match answer {
            Answer::Paths(paths) => paths,
            Answer::NoDialog => {
                let (text, problem) = (question.first_text(), None);
                let offered = completions(&text);
                self.dialog = Some(Dialog::Path { question, text, offered, problem });
                return;
            }
        };
        match question {
            Question::Files | Question::Folder => self.open(paths, platform),
            Question::Export { layer, .. } => {
                let Some(chosen) = paths.into_iter().next() else { return };
                let path = with_ending(chosen.clone());
                // The desktop's dialog asked about the name as it was typed.
                self.export(layer, path.clone(), path == chosen, platform);
            }
        }
    }

    /// Writes a mask; `sure` tells that the user knows of a file of this name.
    fn export(&mut self, layer: Id, path: PathBuf, sure: bool, platform: &Platform) {
        let layer = self.case.layers.iter().find(|known| known.id == layer);
        let (Some(layer), Some(target)) = (layer, &self.case.target) else {
            return self.notify("The mask of this export is gone, so nothing was saved. Export again.", true);
        };
        if !sure && path.exists() {
            self.dialog = Some(Dialog::Replace { layer: layer.id, path });
            return;
        }
        let note = match layer.status {
            MaskStatus::Proposal => format!("{}, not accepted yet,", layer.title),
            _ => layer.title.clone(),
        };
        let (map, like) = (layer.map.clone(), target.header.clone());
        let request = Request::Save { path, what: Payload::Labels(map.clone()), like };
        self.ask(request, Purpose::Export { note, map }, platform);
    }

    /// Whether masks would be lost that the user may want to keep; then a dialog asks.
    pub(super) fn asks_first(&mut self, command: &Command) -> bool {
        let leave = match command {
            Command::CloseCase => Leave::Case,
            Command::Quit => Leave::Window,
            _ => return false,
        };
        let asks = self.unsaved().next().is_some();
        if asks {
            self.dialog = Some(Dialog::Unsaved(leave));
        }
        asks
    }

    /// Takes in what was typed into the window's own dialog for a path.
    pub(super) fn type_path(&mut self, typed: String) {
        if let Some(Dialog::Path { text, offered, problem, .. }) = &mut self.dialog {
            (*offered, *problem) = (completions(&typed), None);
            *text = typed;
        }
    }

    /// Does what the dialog on top asks about.
    pub(super) fn confirm(&mut self, platform: &mut Platform) {
        match self.dialog.take() {
            Some(Dialog::Replace { layer, path }) => self.export(layer, path, true, platform),
            Some(Dialog::Unsaved(leave)) => {
                let given_up: Vec<_> = self.unsaved().map(|layer| Arc::downgrade(&layer.map)).collect();
                self.settled.extend(given_up);
                let command = match leave {
                    Leave::Case => Command::CloseCase,
                    Leave::Window => Command::Quit,
                };
                self.execute(command, platform);
            }
            Some(Dialog::Path { question, text, offered, .. }) => match complete(&question, &text) {
                Ok(path) => match question {
                    Question::Export { layer, .. } => self.export(layer, with_ending(path), false, platform),
                    Question::Files | Question::Folder => self.open(vec![path], platform),
                },
                Err(problem) => {
                    self.dialog = Some(Dialog::Path { question, text, offered, problem: Some(problem) });
                }
            },
            other => self.dialog = other,
        }
    }
}

/// A name that a NIfTI file can have.
fn with_ending(path: PathBuf) -> PathBuf {
    let name = path.to_string_lossy().to_lowercase();
    match WRITTEN_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        true => path,
        false => {
            let mut path = path.into_os_string();
            path.push(WRITTEN_ENDINGS[0]);
            path.into()
        }
    }
}
