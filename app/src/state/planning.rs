//! From paths to an import plan: files are listed, then probed; those whose names say nothing are read for their values.

use super::{Platform, State, messages};
use crate::import::{Check, Item, Phase, Plan, roles};
use crate::jobs::{JobId, Outcome, Probe, Read};
use imaging::io::readable_files;
use std::collections::HashSet;
use std::path::PathBuf;

impl State {
    /// Adds files and what folders hold to the import plan.
    pub fn open(&mut self, paths: Vec<PathBuf>, platform: &mut Platform) {
        if paths.is_empty() {
            return;
        }
        let target = self.target().cloned();
        let plan = self.plan.get_or_insert_with(|| Plan::new(target));
        plan.search(platform.jobs.read(Read::List(paths)));
    }

    /// Adds files to the plan and has them looked at.
    pub(super) fn listed(&mut self, id: JobId, outcome: Outcome<Vec<PathBuf>>, platform: &mut Platform) {
        if !self.plan.as_mut().is_some_and(|plan| plan.searched(id)) {
            return;
        }
        let files = outcome.unwrap_or_else(|failure| {
            self.warn(messages::failure(&failure));
            Vec::new()
        });
        let Some(plan) = &mut self.plan else { return };
        let known: HashSet<PathBuf> = plan.items.iter().map(|item| item.path.clone()).collect();
        let first = plan.items.len();
        plan.items.extend(files.into_iter().filter(|path| !known.contains(path)).map(Item::new));
        if plan.items.is_empty() {
            self.plan = None;
            return self.warn(format!(
                "There is no image file in what you opened; Exemplar reads {}.",
                readable_files()
            ));
        }
        plan.change();
        roles::by_name(plan);
        for index in first..plan.items.len() {
            if matches!(plan.items[index].check, Check::Waiting) {
                let path = plan.items[index].path.clone();
                plan.probe(index, platform.jobs.read(Read::Probe { path, values: false }));
            }
        }
    }

    /// Enters into the plan what became of a file.
    pub(super) fn probed(&mut self, id: JobId, outcome: Outcome<Probe>, platform: &mut Platform) {
        let Some(plan) = &mut self.plan else { return };
        let Some(index) = plan.probed(id) else { return };
        plan.items[index].check = match outcome {
            Ok(probe) => Check::Image(Box::new(probe)),
            // The plan shows it in the file's row.
            Err(failure) => Check::Broken(messages::failure(&failure)),
        };
        plan.change();
        if plan.phase() != Phase::Ready {
            return;
        }
        let unclear = roles::unclear(plan);
        if unclear.is_empty() {
            roles::by_content(plan);
        }
        for index in unclear {
            let path = plan.items[index].path.clone();
            plan.probe(index, platform.jobs.read(Read::Probe { path, values: true }));
        }
    }
}
