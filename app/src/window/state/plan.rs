//! The import plan: what dropped files are taken for, what is wrong with them, and what will happen.
//!
//! Collecting (folders are searched) → Checking (headers are read) → Ready. Nothing reaches the case before the user
//! continues, and no voxels are held until then. Roles are guessed from names; where names say nothing, from content.

use crate::jobs::Probe;
use imaging::Grid;
use imaging::io::{Scan, is_image_name};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a file is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The scan to segment.
    Target,
    /// An image that somebody has labelled.
    Example,
    /// The labels of an example; shown beside its image.
    Label,
    /// What predictions for the target are judged by.
    Truth,
    /// A mask of the target to look at and export.
    Mask,
    /// Not used.
    Ignored,
}

impl Role {
    /// All roles in the order of the menu.
    pub const ALL: [Self; 6] =
        [Self::Target, Self::Example, Self::Label, Self::Truth, Self::Mask, Self::Ignored];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Target => "Target",
            Self::Example => "Example",
            Self::Label => "Example label",
            Self::Truth => "Ground truth",
            Self::Mask => "Mask",
            Self::Ignored => "—",
        }
    }
}

/// What to do with labels that do not lie on their image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Trust both headers.
    Resample,
    /// Trust the voxel order.
    CopyHeader,
    /// Do without the file.
    LeaveOut,
}

impl Fix {
    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Resample => "Resample",
            Self::CopyHeader => "Copy image header",
            Self::LeaveOut => "Leave out",
        }
    }
}

/// What is known of a file.
pub enum Check {
    /// The worker has not looked at it yet.
    Waiting,
    /// Can be opened.
    Image(Box<Probe>),
    /// Cannot be used; the sentence says why.
    Broken(String),
    /// By its name no image.
    NotAnImage,
}

/// A file of the plan.
pub struct Item {
    /// The file.
    pub path: PathBuf,
    /// File name.
    pub name: String,
    /// What it is taken for.
    pub role: Role,
    /// For an example: its label file's place in the plan.
    pub partner: Option<usize>,
    /// What is known of it.
    pub check: Check,
    /// What the user chose where something does not fit.
    pub fix: Option<Fix>,
    /// Which volume of a series is taken, from 0.
    pub frame: usize,
    /// Why it was left out by the guess.
    pub why: Option<String>,
    /// Whether the user had a say in its role or partner, which no later guess changes.
    pub chosen: bool,
}

impl Item {
    /// A file that nothing is known of but its name.
    pub fn new(path: PathBuf) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let check = if is_image_name(&path) { Check::Waiting } else { Check::NotAnImage };
        let role = Role::Ignored;
        Self { path, name, role, partner: None, check, fix: None, frame: 0, why: None, chosen: false }
    }

    /// What is known of an image.
    pub fn image(&self) -> Option<&Probe> {
        match &self.check {
            Check::Image(probe) => Some(probe),
            _ => None,
        }
    }
}

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
    /// Whether folders are still being searched.
    pub collecting: bool,
    /// The files.
    pub items: Vec<Item>,
    /// The case's target, which truths and masks are for when the plan brings none.
    pub case_target: Option<Arc<Scan>>,
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
    /// A plan for files whose folders are being searched.
    pub fn new(case_target: Option<Arc<Scan>>) -> Self {
        Self { collecting: true, items: Vec::new(), case_target, overview: None }
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        if self.collecting {
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
        let case = || self.case_target.as_ref().map(|scan| (scan.name.as_str(), &scan.volume.grid));
        own.map(|probe| (probe.name.as_str(), &probe.grid)).or_else(case)
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

/// `folder/name`.
pub fn within_folder(path: &Path, name: &str) -> String {
    let folder = path.parent().and_then(Path::file_name);
    folder.map_or(name.to_owned(), |folder| format!("{}/{name}", folder.to_string_lossy()))
}
