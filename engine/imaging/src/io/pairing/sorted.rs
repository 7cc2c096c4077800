//! Files sorted into pairs, and what keeps others from being paired.

use super::name::{Fit, Folders, Key, Name};
use super::role::{Planned, Role};
use crate::io::readers::is_image;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Guesses what each file is for, from names (and the first bytes of files whose names say nothing); the order of the
/// answer is that of `paths`.
pub fn guess_roles(paths: &[PathBuf]) -> Vec<Planned> {
    Sorted::of(paths).plan(paths)
}

/// Files with their partners.
pub struct Sorted {
    pub names: Vec<Name>,
    pub is_image: Vec<bool>,
    /// The label of an image, or the image of a label.
    pub partner: Vec<Option<usize>>,
    /// Why a file that could have a partner has none.
    pub why: Vec<Option<String>>,
    /// Files whose partner names do not decide, each with the reason.
    pub undecided: Vec<(usize, String)>,
    /// Cases that have a pair.
    paired: HashSet<(Key, Option<String>)>,
}

impl Sorted {
    pub fn of(paths: &[PathBuf]) -> Self {
        let folders = Folders::of(paths);
        let mut sorted = Self {
            names: paths.iter().map(|path| Name::of(path, &folders)).collect(),
            is_image: paths.iter().map(|path| is_image(path)).collect(),
            partner: vec![None; paths.len()],
            why: vec![None; paths.len()],
            undecided: Vec::new(),
            paired: HashSet::new(),
        };
        sorted.take_channels();
        let claims = sorted.claims(paths);
        sorted.settle(claims, paths);
        let paired = (0..paths.len()).filter(|&i| sorted.partner[i].is_some() && !sorted.names[i].label);
        sorted.paired = paired.map(|i| sorted.names[i].case()).collect();
        sorted
    }

    fn indices(&self, label: bool) -> impl Iterator<Item = usize> {
        (0..self.names.len()).filter(move |&i| self.is_image[i] && self.names[i].label == label)
    }

    /// Four digits at the end of an image's name are a channel where its case has channel 0 and no label is named for
    /// any single one of the row.
    fn take_channels(&mut self) {
        let labelled: HashSet<Key> = self.indices(true).map(|i| self.names[i].key()).collect();
        let mut rows: HashMap<Key, Vec<(u16, usize)>> = HashMap::new();
        for i in self.indices(false) {
            if let Some((channel, case)) = self.names[i].possible_channel() {
                rows.entry(case).or_default().push((channel, i));
            }
        }
        for row in rows.into_values() {
            let first = row.iter().any(|(channel, _)| *channel == 0);
            if first && !row.iter().any(|(_, i)| labelled.contains(&self.names[*i].key())) {
                row.into_iter().for_each(|(_, i)| self.names[i].take_channel());
            }
        }
    }

    /// The labels that fit each image, each label with the one image that it fits best.
    fn claims(&mut self, paths: &[PathBuf]) -> HashMap<usize, Vec<(usize, Fit)>> {
        // Under each key all images, and those of each session once more: a label that names a session fits no other, and
        // of a subject with many sessions not every image needs to be compared with every label.
        let mut images: HashMap<(Key, Option<String>), Vec<usize>> = HashMap::new();
        for i in self.indices(false) {
            let (key, session) = self.names[i].case();
            if session.is_some() {
                images.entry((key.clone(), session)).or_default().push(i);
            }
            images.entry((key, None)).or_default().push(i);
        }
        let mut claims: HashMap<usize, Vec<(usize, Fit)>> = HashMap::new();
        let labels: Vec<usize> = self.indices(true).collect();
        for label in labels {
            let (_, session) = self.names[label].case();
            let fits = |key| {
                let of_key = images.get(&(key, session.clone())).into_iter().flatten();
                let fits = of_key.filter_map(|&i| Some((self.names[label].fit(&self.names[i])?, i)));
                Some(fits.collect::<Vec<_>>()).filter(|fits| !fits.is_empty())
            };
            let Some(fits) = self.names[label].keys().into_iter().find_map(fits) else { continue };
            let rank = |fit: &Fit| fit.between_images();
            let Some((best, _)) = fits.iter().max_by_key(|(fit, _)| rank(fit)) else { continue };
            let tied = fits.iter().filter(|(fit, _)| rank(fit) == rank(best));
            let first = tied.clone().min_by_key(|(_, i)| (self.names[*i].preference(), &paths[*i]));
            let Some(&(fit, first)) = first else { continue };
            let tied = tied.map(|(_, i)| *i);
            if tied.clone().all(|i| self.names[i].same_scan(&self.names[first])) {
                claims.entry(first).or_default().push((label, fit));
            } else {
                let why = format!("{} fits several images: {}", name(&paths[label]), list(tied, paths));
                self.leave_undecided(label, why);
            }
        }
        claims
    }

    /// Gives each image the label that fits it best, if there is a best one.
    fn settle(&mut self, claims: HashMap<usize, Vec<(usize, Fit)>>, paths: &[PathBuf]) {
        let mut claims: Vec<_> = claims.into_iter().collect();
        claims.sort_by_key(|(image, _)| *image);
        for (image, labels) in claims {
            // Anything but a label map of structures is taken only where there is nothing else.
            let rank = |(label, fit): &(usize, Fit)| {
                (std::cmp::Reverse(self.names[*label].auxiliary), fit.between_labels())
            };
            let Some(best) = labels.iter().map(rank).max() else { continue };
            let tied = labels.iter().filter(|claim| rank(claim) == best).map(|(label, _)| *label);
            let tied: Vec<usize> = tied.collect();
            if let [label] = tied[..] {
                (self.partner[image], self.partner[label]) = (Some(label), Some(image));
                for (other, _) in labels.iter().filter(|(other, _)| *other != label) {
                    let why =
                        format!("{} is taken as the labels of {}.", name(&paths[label]), name(&paths[image]));
                    self.why[*other] = Some(why);
                }
            } else {
                let rivals = list(tied.iter().copied(), paths);
                let why = format!("several label files fit {}: {rivals}", name(&paths[image]));
                tied.into_iter().for_each(|label| self.why[label] = Some(capitalised(&why)));
                self.leave_undecided(image, why);
            }
        }
    }

    fn leave_undecided(&mut self, index: usize, why: String) {
        self.why[index] = Some(capitalised(&why));
        self.undecided.push((index, why));
    }

    /// Whether another image of this one's case has labels.
    pub fn case_is_paired(&self, image: usize) -> bool {
        self.paired.contains(&self.names[image].case())
    }

    pub fn plan(&self, paths: &[PathBuf]) -> Vec<Planned> {
        let mut target_found = false;
        let mut role_of = |i: usize| -> Role {
            let Name { label, test, .. } = self.names[i];
            let test = test || self.partner[i].is_some_and(|other| self.names[other].test);
            match (label, self.partner[i], &self.why[i]) {
                _ if !self.is_image[i] => {
                    Role::Ignored { why: "This is not an image that can be read.".into() }
                }
                (_, None, Some(why)) => Role::Ignored { why: why.clone() },
                (true, None, None) if test => Role::GroundTruth,
                (true, None, None) => Role::Mask,
                (true, Some(_), _) if test => Role::GroundTruth,
                (true, Some(_), _) => Role::ExampleLabel,
                (false, Some(_), _) if !test => Role::ExampleImage,
                (false, None, _) if self.case_is_paired(i) => {
                    Role::Ignored { why: "Another image of this subject has the labels.".into() }
                }
                (false, ..) if target_found => {
                    Role::Ignored { why: "There is one target already; run again for this one.".into() }
                }
                (false, ..) => {
                    target_found = true;
                    Role::Target
                }
            }
        };
        let roles: Vec<_> = (0..paths.len()).map(&mut role_of).collect();
        let is_used = |i: usize| self.partner[i].is_none_or(|image| roles[image] == Role::Target);
        let plan = paths.iter().enumerate().map(|(i, path)| {
            let role = match &roles[i] {
                Role::GroundTruth if !is_used(i) => {
                    Role::Ignored { why: "Its image is not the target.".into() }
                }
                role => role.clone(),
            };
            Planned { path: path.clone(), role, partner: self.partner[i].map(|other| paths[other].clone()) }
        });
        plan.collect()
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn list(files: impl Iterator<Item = usize>, paths: &[PathBuf]) -> String {
    files.map(|i| name(&paths[i])).collect::<Vec<_>>().join(", ")
}

/// With a capital and a full stop.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}
