//! Exports, and what becomes of masks that were not exported.

use super::paths::completions;
use super::{Answer, Dialog, Platform, Question, State, messages};
use crate::document::{Mask, MaskId, Revision, Status};
use crate::jobs::{JobId, Outcome, Save};
use imaging::io::WRITTEN_ENDINGS;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// Exports under way, and masks that may go without a question.
#[derive(Default)]
pub(super) struct Exports {
    pending: HashMap<JobId, Export>,
    /// Contents that were exported, or that the user let go.
    settled: HashSet<(MaskId, Revision)>,
}

struct Export {
    /// How the mask is called in the sentence about it.
    name: String,
    content: (MaskId, Revision),
}

impl Exports {
    /// Whether a mask as it is now may go without a question.
    pub(super) fn is_settled(&self, mask: &Mask) -> bool {
        self.settled.contains(&(mask.id(), mask.revision()))
    }
}

impl State {
    /// Asks for the file that the active mask is exported to.
    pub fn ask_where_to_export(&mut self, platform: &mut Platform) {
        let (Some(mask), Some(target)) = (self.active_mask(), self.target()) else { return };
        let name = format!("{}_mask{}", target.name, WRITTEN_ENDINGS[0]);
        let folder = target.path.parent().filter(|folder| folder.is_dir()).map(PathBuf::from);
        platform.chooser.ask(Question::Export { mask: mask.id(), name, folder }, &platform.context);
    }

    /// A file dialog was closed.
    pub fn on_answer(&mut self, question: Question, answer: Answer, platform: &mut Platform) {
        match (answer, question) {
            (Answer::NoDialog, question) => {
                let text = question.first_text();
                let offered = completions(&text);
                self.dialog = Some(Dialog::Path { question, text, offered, problem: None });
            }
            (Answer::Paths(paths), Question::Files | Question::Folder) => self.open(paths, platform),
            (Answer::Paths(paths), Question::Export { mask, .. }) => {
                if let Some(chosen) = paths.into_iter().next() {
                    // The desktop's dialog asked about the name as it was typed.
                    let sure = with_ending(chosen.clone()) == chosen;
                    self.export(mask, chosen, sure, platform);
                }
            }
        }
        self.settle(platform);
    }

    /// Writes a mask, with an ending of an exported file; `sure` says that the user knows of a file of this name.
    pub fn export(&mut self, mask: MaskId, path: PathBuf, sure: bool, platform: &mut Platform) {
        let path = with_ending(path);
        let (Some(mask), Some(target)) = (self.document.mask(mask), self.target()) else {
            return self.warn("The mask of this export is gone, so nothing was saved. Export again.");
        };
        if !sure && path.exists() {
            self.dialog = Some(Dialog::Replace { mask: mask.id(), path });
            return;
        }
        let name = match mask.info().status {
            Status::Proposal => format!("{}, not accepted yet,", mask.info().name),
            _ => mask.info().name.clone(),
        };
        let export = Export { name, content: (mask.id(), mask.revision()) };
        let id = platform.jobs.save(Save {
            path,
            mask: mask.voxels().clone(),
            world_from_voxel: target.volume.grid.world_from_voxel,
            like: target.header.clone(),
        });
        self.exports.pending.insert(id, export);
    }

    /// Takes in how an export ended.
    pub(super) fn saved(&mut self, id: JobId, outcome: Outcome<PathBuf>) {
        let Some(Export { name, content }) = self.exports.pending.remove(&id) else { return };
        match outcome {
            Ok(path) => {
                self.exports.settled.insert(content);
                self.notify(format!("{name} was exported to {}", path.display()));
            }
            Err(failure) => self.warn(messages::failure(&failure)),
        }
    }

    /// Lets go of masks that were not exported: the user was asked.
    pub fn give_up_unsaved(&mut self) {
        let given_up: Vec<_> = self.unsaved().map(|mask| (mask.id(), mask.revision())).collect();
        self.exports.settled.extend(given_up);
    }
}

/// A name that an exported file can have.
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
