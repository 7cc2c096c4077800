//! Sentences to the user.

use super::State;
use std::time::Instant;

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

impl Notice {
    /// How long a notice stays that is not a problem.
    pub const SECONDS: u64 = 8;
}

/// Those that were not taken away yet.
#[derive(Default)]
pub(super) struct Notices {
    shown: Vec<Notice>,
    last_id: u64,
}

impl Notices {
    fn add(&mut self, sentence: String, problem: bool) {
        // The same sentence once is enough, however many files it concerns.
        self.shown.retain(|notice| notice.sentence != sentence);
        self.last_id += 1;
        self.shown.push(Notice { id: self.last_id, sentence, problem, since: Instant::now() });
    }

    /// Lets go what has stood long enough.
    pub(super) fn fade(&mut self) {
        self.shown.retain(|notice| notice.problem || notice.since.elapsed().as_secs() < Notice::SECONDS);
    }
}

impl State {
    /// Sentences to the user that were not taken away yet.
    pub fn notices(&self) -> &[Notice] {
        &self.notices.shown
    }

    /// Takes a sentence away.
    pub fn dismiss(&mut self, id: u64) {
        self.notices.shown.retain(|notice| notice.id != id);
    }

    /// Says that something was done.
    pub fn notify(&mut self, sentence: impl Into<String>) {
        self.notices.add(sentence.into(), false);
    }

    /// Says that something went wrong.
    pub fn warn(&mut self, sentence: impl Into<String>) {
        self.notices.add(sentence.into(), true);
    }
}
