//! What lies outside the state: the worker, file dialogs, the window system.

use super::state::case::Id;
use exemplar_engine::worker::Worker;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Handles that [`super::state::State::apply`] acts through.
pub struct Outside {
    /// Background threads.
    pub worker: Worker,
    /// Asks for paths.
    pub chooser: Box<dyn Chooser>,
    /// The window system: clipboard, closing.
    pub context: egui::Context,
}

/// What a file dialog is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Files to open.
    Files,
    /// A folder to open.
    Folder,
    /// Where to export a mask to.
    Export {
        /// The layer.
        layer: Id,
        /// Suggested file name.
        name: String,
        /// Suggested folder.
        folder: Option<PathBuf>,
    },
}

/// Asks the user for paths without holding up the window. Tests answer by themselves.
pub trait Chooser {
    /// Shows a dialog; one at a time, so a second question is dropped while one is open.
    fn ask(&mut self, question: Question, context: &egui::Context);
    /// The answer, once there is one: no path when the dialog was cancelled.
    fn answer(&mut self, context: &egui::Context) -> Option<(Question, Vec<PathBuf>)>;
}

/// The dialogs of the desktop. The future is polled by the window's own frames, so no thread is needed.
#[derive(Default)]
pub struct Desktop {
    open: Option<(Question, Answer)>,
}

type Answer = Pin<Box<dyn Future<Output = Vec<PathBuf>>>>;

impl Chooser for Desktop {
    fn ask(&mut self, question: Question, context: &egui::Context) {
        if self.open.is_some() {
            return;
        }
        let dialog = rfd::AsyncFileDialog::new();
        let answer: Answer = match &question {
            Question::Files => {
                let files = dialog.set_title("Open scans and labels").pick_files();
                Box::pin(async { files.await.unwrap_or_default().into_iter().map(path).collect() })
            }
            Question::Folder => {
                let folder = dialog.set_title("Open a folder").pick_folder();
                Box::pin(async { folder.await.into_iter().map(path).collect() })
            }
            Question::Export { name, folder, .. } => {
                let mut dialog = dialog
                    .set_title("Export mask")
                    .set_file_name(name)
                    .add_filter("NIfTI", &["nii.gz", "nii"]);
                if let Some(folder) = folder {
                    dialog = dialog.set_directory(folder);
                }
                let file = dialog.save_file();
                Box::pin(async { file.await.into_iter().map(path).collect() })
            }
        };
        self.open = Some((question, answer));
        context.request_repaint();
    }

    fn answer(&mut self, context: &egui::Context) -> Option<(Question, Vec<PathBuf>)> {
        let waker = Waker::from(Arc::new(Repaint(context.clone())));
        let (question, answer) = self.open.as_mut()?;
        match answer.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(paths) => {
                let question = question.clone();
                self.open = None;
                Some((question, paths))
            }
            Poll::Pending => None,
        }
    }
}

fn path(handle: rfd::FileHandle) -> PathBuf {
    handle.path().to_owned()
}

/// Wakes the window when a dialog has an answer.
struct Repaint(egui::Context);

impl Wake for Repaint {
    fn wake(self: Arc<Self>) {
        self.0.request_repaint();
    }
}
