//! The file dialogs of the desktop.

use crate::state::paths::desktop_has_dialogs;
use crate::state::{Answer, Chooser, Question};
use imaging::io::{WRITTEN_ENDINGS, readable_endings};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// The dialogs of the desktop. The future is polled by the window's own frames, so no thread is needed.
#[derive(Default)]
pub struct Desktop {
    open: Option<(Question, Instant, Paths)>,
}

type Paths = Pin<Box<dyn Future<Output = Vec<PathBuf>>>>;

/// Nobody closes a dialog within this time of asking for it: it was never shown. rfd tells failure and cancel alike.
const TOO_FAST: Duration = Duration::from_millis(700);

impl Chooser for Desktop {
    fn ask(&mut self, question: Question, context: &egui::Context) {
        if self.open.is_some() {
            return;
        }
        let dialog = rfd::AsyncFileDialog::new();
        let paths: Paths = match &question {
            _ if !desktop_has_dialogs() => Box::pin(async { Vec::new() }),
            Question::Files => {
                let scans: Vec<_> = readable_endings().map(extension).collect();
                let dialog = dialog.set_title("Open scans and labels").add_filter("Scans and labels", &scans);
                let files = dialog.add_filter("All files", &["*"]).pick_files();
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
                    .add_filter("NIfTI", &WRITTEN_ENDINGS.map(extension));
                if let Some(folder) = folder {
                    dialog = dialog.set_directory(folder);
                }
                let file = dialog.save_file();
                Box::pin(async { file.await.into_iter().map(path).collect() })
            }
        };
        self.open = Some((question, Instant::now(), paths));
        context.request_repaint();
    }

    fn answer(&mut self, context: &egui::Context) -> Option<(Question, Answer)> {
        let waker = Waker::from(Arc::new(Repaint(context.clone())));
        let (question, since, paths) = self.open.as_mut()?;
        let Poll::Ready(paths) = paths.as_mut().poll(&mut Context::from_waker(&waker)) else { return None };
        let failed = paths.is_empty() && since.elapsed() < TOO_FAST;
        let answer = if failed { Answer::NoDialog } else { Answer::Paths(paths) };
        let question = question.clone();
        self.open = None;
        Some((question, answer))
    }
}

/// An ending as the dialogs want it.
fn extension(ending: &str) -> &str {
    ending.trim_start_matches('.')
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
