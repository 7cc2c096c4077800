//! A file's name taken apart: what its case is called, and the words in which the files of a case differ.
//!
//! A name is a row of words. Words that say what a file is for (labels, a modality, a step of processing) are set
//! aside; what is left is the identity of the case. Names of BIDS (`sub-01_run-2_T1w`) have their entities besides.

use super::words::{
    LABELS, LABELS_AT_THE_END, PROBABILITIES, SPLITS, TRUTHS, entities_and_words, is_image_word, is_in,
    marks, modality_of, split,
};
use crate::io::readers::stem;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Entities without which a file lies in its own space and resolution.
const EXACT: [&str; 3] = ["space", "res", "den"];
/// Entities that describe labels and say nothing of the image that they are for.
const DESCRIPTIVE: [&str; 5] = ["desc", "label", "seg", "atlas", "hemi"];

/// What the files of one case share; only they can be partners.
pub type Key = (PathBuf, Vec<String>);

/// A name taken apart.
pub struct Name {
    /// Whether it names labels.
    pub label: bool,
    /// Whether it (or the folder) says that this case is there to evaluate a result.
    pub test: bool,
    /// How far it is from a label map of structures: 1 for a mask of the brain, 2 for probabilities.
    pub auxiliary: u8,
    /// Folder without the part of it that holds images or labels alone; empty for BIDS, where the subject decides.
    place: PathBuf,
    /// The identity: what is left of the name.
    words: Vec<String>,
    /// How many of the words come before the one that names labels.
    before: usize,
    /// Entities of BIDS.
    entities: BTreeMap<String, String>,
    modalities: BTreeSet<String>,
    /// Other words of images.
    extras: BTreeSet<String>,
    /// Channel of nnU-Net, once [`Name::take_channel`] has found that the last word is one.
    pub channel: Option<u16>,
    folder: PathBuf,
}

/// How well a label fits an image; the largest is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fit {
    /// Whether the whole name agrees, or only what stands before the word for labels (the rest names a rater, say).
    whole: bool,
    /// Entities of the image that the label does not have, negative.
    entities: isize,
    same_description: bool,
    /// Folders that both paths have in common.
    near: usize,
    /// Words of images that only one of them has, negative.
    words: isize,
    /// Modalities among these.
    modalities: isize,
}

impl Fit {
    /// What decides between images: a modality counts as much as any other word.
    pub fn between_images(self) -> Self {
        Self { modalities: 0, ..self }
    }

    /// What decides between labels: of the words, modalities alone.
    pub fn between_labels(self) -> Self {
        Self { words: 0, ..self }
    }
}

/// What a folder holds, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holds {
    Images,
    Labels,
}

impl Holds {
    fn other(self) -> Self {
        match self {
            Self::Images => Self::Labels,
            Self::Labels => Self::Images,
        }
    }
}

/// A folder that is named for its role, such as `imagesTr`: what it holds, and of which part of the data.
pub fn role_of_folder(folder: &Path) -> Option<(Holds, Option<String>)> {
    let words = split(&folder.file_name()?.to_string_lossy());
    let part = words.iter().find(|word| is_in(SPLITS, word)).cloned();
    let is_label = |word: &String| is_in(LABELS, word) || is_in(LABELS_AT_THE_END, word);
    let known = |word: &String| is_label(word) || is_image_word(word) || is_in(SPLITS, word);
    let roles = words.iter().filter(|word| !is_in(SPLITS, word)).count();
    let holds = if words.iter().any(is_label) { Holds::Labels } else { Holds::Images };
    (roles > 0 && words.iter().all(known)).then_some((holds, part))
}

/// Folders that separate images from labels.
pub struct Folders {
    /// Those that hold one of the two and stand beside one that holds the other.
    halves: HashMap<PathBuf, Holds>,
    /// Those that are named for labels, with no file in them that is named so itself.
    of_labels: HashSet<PathBuf>,
}

impl Folders {
    pub fn of(files: &[PathBuf]) -> Self {
        let all: HashSet<&Path> = files.iter().flat_map(|file| file.ancestors().skip(1)).collect();
        let roles: Vec<(&Path, Holds)> =
            all.into_iter().filter_map(|folder| Some((folder, role_of_folder(folder)?.0))).collect();
        let places: HashSet<(Option<&Path>, Holds)> =
            roles.iter().map(|(folder, holds)| (folder.parent(), *holds)).collect();
        let is_half = |(folder, holds): &&(&Path, Holds)| places.contains(&(folder.parent(), holds.other()));
        let mixed: HashSet<_> =
            files.iter().filter(|file| is_named_label(file)).filter_map(|file| file.parent()).collect();
        let of_labels =
            roles.iter().filter(|(folder, holds)| *holds == Holds::Labels && !mixed.contains(folder));
        Self {
            halves: roles
                .iter()
                .filter(is_half)
                .map(|(folder, holds)| (folder.to_path_buf(), *holds))
                .collect(),
            of_labels: of_labels.map(|(folder, _)| folder.to_path_buf()).collect(),
        }
    }

    /// Whether a file in `folder` holds labels for that reason.
    fn hold_labels(&self, folder: &Path) -> bool {
        let half = folder.ancestors().find_map(|ancestor| self.halves.get(ancestor));
        self.of_labels.contains(folder) || half == Some(&Holds::Labels)
    }

    /// A folder without the part of its path that separates images from labels; the part of the data stays.
    fn place(&self, folder: &Path) -> PathBuf {
        let ancestors: Vec<&Path> =
            folder.ancestors().filter(|folder| folder.file_name().is_some()).collect();
        let root = ancestors.last().and_then(|first| first.parent()).unwrap_or(Path::new(""));
        let mut place = root.to_path_buf();
        for ancestor in ancestors.into_iter().rev() {
            let own = ancestor == folder && self.of_labels.contains(folder);
            match role_of_folder(ancestor).filter(|_| own || self.halves.contains_key(ancestor)) {
                Some((_, part)) => place.extend(part),
                None => place.extend(ancestor.file_name()),
            }
        }
        place
    }
}

/// Whether a name says by itself that the file holds labels.
fn is_named_label(path: &Path) -> bool {
    let (entities, words) = entities_and_words(&stem(path));
    marks(&words).contains(&true) || names_labels(&entities)
}

fn names_labels(entities: &BTreeMap<String, String>) -> bool {
    ["label", "seg"].iter().any(|key| entities.contains_key(*key))
}

impl Name {
    /// Takes a name apart; `folders` are those that separate images from labels.
    pub fn of(path: &Path, folders: &Folders) -> Self {
        let name = stem(path);
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let own = role_of_folder(&folder);
        let in_label_folder = folders.hold_labels(&folder);
        let (entities, words) = entities_and_words(&name);

        let marks = marks(&words);
        let named = marks.contains(&true) || names_labels(&entities);
        let has = |list: &str| words.iter().zip(&marks).any(|(word, mark)| *mark && is_in(list, word));
        let of_brain =
            words.iter().any(|word| word == "brain") || entities.get("desc").is_some_and(|d| d == "brain");
        let auxiliary = match () {
            () if has(PROBABILITIES) => 2,
            () if has("brainmask") || has("mask") && of_brain => 1,
            () => 0,
        };
        let first_mark = marks.iter().position(|mark| *mark).unwrap_or(words.len());
        let is_identity = |i: usize| !marks[i] && !is_image_word(&words[i]);
        let mut modalities: BTreeSet<String> = BTreeSet::new();
        let mut extras: BTreeSet<String> = BTreeSet::new();
        let folder_words =
            own.iter().flat_map(|_| split(&folder.file_name().unwrap_or_default().to_string_lossy()));
        let named_words = words.iter().zip(&marks).filter(|(_, mark)| !**mark).map(|(word, _)| word.clone());
        for word in named_words.chain(folder_words).filter(|word| is_image_word(word)) {
            match modality_of(&word) {
                Some(modality) => modalities.insert(modality.into()),
                None => extras.insert(word),
            };
        }
        let part = own.as_ref().and_then(|(_, part)| part.clone());
        Self {
            label: named || in_label_folder,
            test: has(TRUTHS) || part.is_some_and(|part| ["ts", "test", "testing"].contains(&part.as_str())),
            auxiliary,
            place: if entities.is_empty() { folders.place(&folder) } else { PathBuf::new() },
            before: (0..first_mark).filter(|&i| is_identity(i)).count(),
            words: (0..words.len()).filter(|&i| is_identity(i)).map(|i| words[i].clone()).collect(),
            entities,
            modalities,
            extras,
            channel: None,
            folder,
        }
    }

    /// What partners share: the whole name, or the words `before` the one for labels.
    fn key_of(&self, words: &[String]) -> Key {
        match self.entities.get("sub") {
            Some(subject) => (PathBuf::new(), vec![subject.clone()]),
            None => (self.place.clone(), words.to_vec()),
        }
    }

    pub fn key(&self) -> Key {
        self.key_of(&self.words)
    }

    /// Keys under which the image of a label may be found, the surest first.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys = vec![self.key()];
        if (1..self.words.len()).contains(&self.before) {
            keys.push(self.key_of(&self.words[..self.before]));
        }
        keys.dedup();
        keys
    }

    /// The case: files of one key and one session.
    pub fn case(&self) -> (Key, Option<String>) {
        (self.key(), self.entities.get("ses").cloned())
    }

    /// The last word, if it can be a channel of nnU-Net, with the key of its case.
    pub fn possible_channel(&self) -> Option<(u16, Key)> {
        let (last, case) = self.words.split_last()?;
        let four_digits = last.len() == 4 && last.bytes().all(|byte| byte.is_ascii_digit());
        (four_digits && self.entities.is_empty()).then(|| Some((last.parse().ok()?, self.key_of(case))))?
    }

    /// Takes the last word for a channel instead of a part of the identity.
    pub fn take_channel(&mut self) {
        if let Some((channel, _)) = self.possible_channel() {
            self.channel = Some(channel);
            self.words.pop();
        }
    }

    /// How well this label fits `image`, which has one of its keys; nothing where it belongs to another.
    pub fn fit(&self, image: &Self) -> Option<Fit> {
        let whole = self.words == image.words;
        if !whole && self.words[..self.before] != image.words[..] {
            return None;
        }
        let value = |of: &Self, key: &str| of.entities.get(key).cloned();
        let exact = EXACT.iter().all(|key| value(self, key) == value(image, key));
        let decides = |key: &&String| !DESCRIPTIVE.contains(&key.as_str());
        let ours = self.entities.keys().filter(decides);
        if !exact || !ours.clone().all(|key| value(self, key) == value(image, key)) {
            return None;
        }
        if !self.modalities.is_subset(&image.modalities) {
            return None;
        }
        let theirs = image.entities.keys().filter(decides).count();
        let common =
            self.folder.components().zip(image.folder.components()).take_while(|(a, b)| a == b).count();
        let modalities = self.modalities.len() as isize - image.modalities.len() as isize;
        let others = self.extras.symmetric_difference(&image.extras).count() as isize;
        Some(Fit {
            whole,
            entities: ours.count() as isize - theirs as isize,
            same_description: value(self, "desc").is_some_and(|desc| Some(desc) == value(image, "desc")),
            near: common,
            words: modalities - others,
            modalities,
        })
    }

    /// Whether two images that fit a label alike are one scan in another modality, channel or state of processing, not
    /// another run.
    pub fn same_scan(&self, other: &Self) -> bool {
        let decisive = |name: &Self| {
            let mut entities = name.entities.clone();
            entities.retain(|key, _| !DESCRIPTIVE.contains(&key.as_str()));
            entities
        };
        self.words == other.words && self.place == other.place && decisive(self) == decisive(other)
    }

    /// Which of some images of one scan is taken: T1 first, then the first channel.
    pub fn preference(&self) -> (bool, Option<u16>) {
        (!self.modalities.contains("t1"), self.channel)
    }
}
