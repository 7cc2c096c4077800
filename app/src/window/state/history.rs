//! Undo and redo of the case, by keeping earlier states; they share their volumes.

use super::case::Case;

/// Earlier and later states of the case, each with the label of the command between it and the next.
#[derive(Default)]
pub struct History {
    past: Vec<(&'static str, Case)>,
    future: Vec<(&'static str, Case)>,
}

/// Most steps that are kept, so that removed volumes are let go some day.
const STEPS: usize = 50;

impl History {
    /// Remembers the case before a command.
    pub fn record(&mut self, label: &'static str, before: &Case) {
        self.future.clear();
        self.past.push((label, before.clone()));
        if self.past.len() > STEPS {
            self.past.remove(0);
        }
    }

    /// Whether there is something to take back.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether something was taken back.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }

    /// Label of what [`History::undo`] would take back.
    pub fn undo_label(&self) -> Option<&'static str> {
        self.past.last().map(|(label, _)| *label)
    }

    /// Label of what [`History::redo`] would do again.
    pub fn redo_label(&self) -> Option<&'static str> {
        self.future.last().map(|(label, _)| *label)
    }

    /// Puts the case back as it was before the last command.
    pub fn undo(&mut self, case: &mut Case) {
        if let Some((label, before)) = self.past.pop() {
            self.future.push((label, std::mem::replace(case, before)));
        }
    }

    /// Puts the case back as it was before the last undo.
    pub fn redo(&mut self, case: &mut Case) {
        if let Some((label, after)) = self.future.pop() {
            self.past.push((label, std::mem::replace(case, after)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(predictions: usize) -> Case {
        Case { predictions, ..Case::default() }
    }

    #[test]
    fn undo_and_redo_walk_the_same_states() {
        let mut history = History::default();
        let mut now = case(0);
        for step in 1..=2 {
            history.record("step", &now);
            now = case(step);
        }
        history.undo(&mut now);
        assert_eq!(now.predictions, 1);
        history.undo(&mut now);
        assert_eq!((now.predictions, history.can_undo()), (0, false));
        history.redo(&mut now);
        history.redo(&mut now);
        assert_eq!((now.predictions, history.can_redo()), (2, false));
    }

    #[test]
    fn a_new_step_ends_the_way_forward() {
        let mut history = History::default();
        let mut now = case(0);
        history.record("first", &now);
        history.undo(&mut now);
        history.record("other", &now);
        assert!(!history.can_redo());
        assert_eq!(history.undo_label(), Some("other"));
    }
}
