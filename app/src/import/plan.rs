//! The import plan: what dropped files are taken for, what is wrong with them, and what will happen.
//!
//! Collecting (folders are searched) → Checking (headers are read) → Ready. Nothing reaches the document before the user
//! continues, and no voxels are held until then. Roles are guessed from names; where names say nothing, from content.

use super::item::{Check, Fix, Item, Role};
use crate::jobs::{Job, JobId};
use imaging::Grid;
use imaging::io::Scan;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// Where the plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Folders are being searched.
    Collecting,
    /// Files are being looked at.
    Checking,
    /// Waits for the user.
    Ready,
}

/// The plan.
pub struct Plan {
    /// Searches of folders that have not ended.
    listing: Vec<Job>,
    /// Files that are being looked at, by their place among the items.
    probing: HashMap<JobId, (usize, Job)>,
    /// The files.
    pub items: Vec<Item>,
    /// The present target, which truths and masks are for when the plan brings none.
    pub present_target: Option<Arc<Scan>>,
    /// What follows from the files; None where they changed since.
    overview: Option<Overview>,
}

/// What a frame shows of the plan as a whole, made once after each change.
#[derive(Default)]
pub struct Overview {
    /// Items with a row of their own, by role: all but labels that stand beside their image.
    pub rows: Vec<usize>,
    /// How much would be loaded.
    pub sum: Yield,
    /// File names that occur twice.
    alike: HashSet<String>,
}

/// A traffic light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// Nothing to say.
    Off,
    /// Fits.
    Good,
    /// Can be used; something is odd.
    Attention,
    /// Cannot be used as it is.
    Problem,
}

/// What the plan says of a file.
pub struct Verdict {
    /// Traffic light.
    pub light: Light,
    /// What was found.
    pub finding: String,
    /// What will happen.
    pub outcome: Outcome,
}

/// What will happen to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not known yet.
    Waits,
    /// It is loaded as it is.
    Ready,
    /// One of these must be chosen, else it is left out.
    Choose(&'static [Fix]),
    /// It is not loaded.
    Ignored,
}

/// How much a plan would load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Yield {
    /// Examples.
    pub pairs: usize,
    /// Whether there is a target.
    pub target: bool,
    /// Whether there is a ground truth.
    pub truth: bool,
    /// Masks of the target.
    pub masks: usize,
}

impl Plan {
    /// An empty plan.
    pub fn new(present_target: Option<Arc<Scan>>) -> Self {
        let (listing, probing) = (Vec::new(), HashMap::new());
        Self { listing, probing, items: Vec::new(), present_target, overview: None }
    }

    /// Waits for a search of folders.
    pub fn search(&mut self, listing: Job) {
        self.listing.push(listing);
    }

    /// Takes note that a search has ended; false where it is none of this plan's.
    pub fn searched(&mut self, id: JobId) -> bool {
        let before = self.listing.len();
        self.listing.retain(|job| job.id != id);
        self.listing.len() < before
    }

    /// Waits for a look at an item.
    pub fn probe(&mut self, index: usize, probe: Job) {
        self.items[index].check = Check::Waiting;
        self.probing.insert(probe.id, (index, probe));
    }

    /// The item whose look has ended; None where it is none of this plan's.
    pub fn probed(&mut self, id: JobId) -> Option<usize> {
        self.probing.remove(&id).map(|(index, _)| index)
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        if !self.listing.is_empty() {
            Phase::Collecting
        } else if self.items.iter().any(|item| matches!(item.check, Check::Waiting)) {
            Phase::Checking
        } else {
            Phase::Ready
        }
    }

    /// Says that the files or their roles changed.
    pub fn change(&mut self) {
        self.overview = None;
    }

    /// Makes the overview anew where something changed.
    pub fn refresh(&mut self) {
        if self.overview.is_none() {
            let mut names: HashMap<&str, usize> = HashMap::new();
            self.items.iter().for_each(|item| *names.entry(&item.name).or_default() += 1);
            let alike = names.into_iter().filter(|&(_, count)| count > 1).map(|(name, _)| name.to_owned());
            let alike = alike.collect();
            self.overview = Some(Overview { rows: self.rows(), sum: self.to_load(), alike });
        }
    }

    /// The overview of the last refresh.
    pub fn overview(&self) -> Option<&Overview> {
        self.overview.as_ref()
    }

    /// A file's name, with its folder where another file has the same.
    pub fn name(&self, index: usize) -> String {
        let Item { name, path, .. } = &self.items[index];
        let alike = self.overview.as_ref().is_some_and(|overview| overview.alike.contains(name));
        if alike { within_folder(path, name) } else { name.clone() }
    }

    /// Label files that stand beside their image.
    fn taken(&self) -> HashSet<usize> {
        self.items.iter().filter_map(|item| item.partner).collect()
    }

    fn rows(&self) -> Vec<usize> {
        let beside = self.taken();
        let own = |i: &usize| !(self.items[*i].role == Role::Label && beside.contains(i));
        let mut rows: Vec<usize> = (0..self.items.len()).filter(own).collect();
        let place = |i: usize| Role::ALL.iter().position(|&role| role == self.items[i].role);
        rows.sort_by_key(|&i| (matches!(self.items[i].check, Check::NotAnImage), place(i)));
        rows
    }

    /// Label files that an example can take: its own and those of no example.
    pub fn label_choices(&self, of: usize) -> Vec<usize> {
        let taken = self.taken();
        let own = self.items[of].partner;
        let free = |i: usize| own == Some(i) || !taken.contains(&i);
        let usable = |i: usize| i != of && free(i) && !matches!(self.items[i].check, Check::NotAnImage);
        let label =
            |i: usize| matches!(self.items[i].role, Role::Label | Role::Ignored | Role::Mask | Role::Truth);
        (0..self.items.len()).filter(|&i| usable(i) && label(i)).collect()
    }

    /// The plan's own target.
    pub fn target_index(&self) -> Option<usize> {
        self.items.iter().position(|item| item.role == Role::Target)
    }

    /// Notes that the user had a say in an item.
    pub fn choose(&mut self, index: usize) {
        if let Some(item) = self.items.get_mut(index) {
            item.chosen = true;
        }
    }

    /// Chooses a fix, or none where it was chosen already.
    pub fn set_fix(&mut self, index: usize, fix: Fix) {
        if let Some(item) = self.items.get_mut(index) {
            item.fix = (item.fix != Some(fix)).then_some(fix);
        }
    }

    /// Chooses the volume of a series, from 0.
    pub fn set_frame(&mut self, index: usize, frame: usize) {
        if let Some(item) = self.items.get_mut(index) {
            item.frame = frame;
        }
    }

    /// Gives an item a role. There is one target, and its labels are what predictions are judged by.
    pub fn set_role(&mut self, index: usize, role: Role) {
        if role == Role::Target {
            if let Some(before) = self.target_index() {
                self.items[before].role = Role::Ignored;
            }
            let partner = self.items.get(index).and_then(|item| item.partner);
            if let Some(item) = partner.and_then(|partner| self.items.get_mut(partner)) {
                item.role = Role::Truth;
            }
        }
        if let Some(item) = self.items.get_mut(index) {
            (item.role, item.fix, item.why) = (role, None, None);
            if role != Role::Example {
                item.partner = None;
            }
        }
        if role != Role::Label {
            for item in &mut self.items {
                item.partner = item.partner.filter(|&partner| partner != index);
            }
        }
    }

    /// Gives an example its label file.
    pub fn set_partner(&mut self, index: usize, partner: Option<usize>) {
        if let Some(item) = partner.and_then(|partner| self.items.get_mut(partner)) {
            item.role = Role::Label;
        }
        if let Some(item) = self.items.get_mut(index) {
            (item.partner, item.fix) = (partner, None);
        }
    }

    /// Name and grid of the scan that truths and masks are for.
    pub fn target(&self) -> Option<(&str, &Grid)> {
        let own = self.target_index().and_then(|index| self.items[index].image());
        let present = || self.present_target.as_ref().map(|scan| (scan.name.as_str(), &scan.volume.grid));
        own.map(|probe| (probe.name.as_str(), &probe.grid)).or_else(present)
    }

    /// Whether an item will be loaded.
    pub fn is_loaded(&self, index: usize) -> bool {
        let fixed = |item: &Item| matches!(item.fix, Some(Fix::Resample | Fix::CopyHeader));
        match self.verdict(index).outcome {
            Outcome::Ready => self.items[index].fix != Some(Fix::LeaveOut),
            Outcome::Choose(_) => fixed(&self.items[index]),
            Outcome::Waits | Outcome::Ignored => false,
        }
    }

    fn to_load(&self) -> Yield {
        let mut sum = Yield::default();
        for index in (0..self.items.len()).filter(|&index| self.is_loaded(index)) {
            match self.items[index].role {
                Role::Target => sum.target = true,
                Role::Example => sum.pairs += 1,
                Role::Truth => sum.truth = true,
                Role::Mask => sum.masks += 1,
                Role::Label | Role::Ignored => {}
            }
        }
        sum
    }
}

impl Drop for Plan {
    /// Cancels the jobs of the plan.
    fn drop(&mut self) {
        self.listing.iter().chain(self.probing.values().map(|(_, job)| job)).for_each(Job::cancel);
    }
}

/// `folder/name`.
pub fn within_folder(path: &Path, name: &str) -> String {
    let folder = path.parent().and_then(Path::file_name);
    folder.map_or(name.to_owned(), |folder| format!("{}/{name}", folder.to_string_lossy()))
}
