//! What files are for, from their names alone: which label belongs to which image, and what is the target.
//!
//! Known customs: `images/` + `labels/`, nnU-Net (`imagesTr/` + `labelsTr/`, channels `_0000`), BIDS derivatives
//! (`sub-01_T1w` + `sub-01_…_dseg`), endings (`_seg`, `_mask`, …), FreeSurfer (`T1` + `aseg` in one folder).

use crate::nifti::{is_image_name, stem};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// What a file is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The scan to segment.
    Target,
    /// An image that somebody has labelled.
    ExampleImage,
    /// Its labels.
    ExampleLabel,
    /// Labels of the target, to compare with.
    GroundTruth,
    /// Labels without an image.
    Mask,
    /// Not used.
    Ignored {
        /// Why, as a sentence.
        why: String,
    },
}

/// A file with its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The file.
    pub path: PathBuf,
    /// What it is for.
    pub role: Role,
    /// The label of an image, or the image of a label.
    pub partner: Option<PathBuf>,
}

/// Most files that a dropped folder may bring.
pub const MOST_FILES: usize = 10_000;
/// Folders deeper than this are not entered, so that links in circles end.
const DEEPEST: usize = 12;

/// Endings of label files; the same words alone name the labels of all images in their folder.
const LABEL_WORDS: [&str; 19] = [
    "segmentation",
    "groundtruth",
    "aparc+aseg",
    "dlmuse",
    "labels",
    "lesion",
    "manual",
    "truth",
    "aseg",
    "dseg",
    "label",
    "lesions",
    "mask",
    "probseg",
    "seg",
    "gt",
    "annotation",
    "labelmap",
    "masks",
];
/// Endings that say that a label is there to judge a result.
const TRUTH_WORDS: [&str; 3] = ["groundtruth", "truth", "gt"];
/// Folders of labels.
const LABEL_FOLDERS: [&str; 6] = ["labels", "labelstr", "labelsts", "masks", "segmentations", "annotations"];

/// A name taken apart.
struct Name {
    /// Whether it names labels.
    label: bool,
    /// Whether they (or the folder) say that this case is there to judge a result.
    test: bool,
    /// What is left of the name without the label word, in lower case.
    key: String,
    /// `sub-…` and `ses-…` of BIDS.
    subject: Option<(String, Option<String>)>,
    folder: PathBuf,
}

impl Name {
    fn of(path: &Path) -> Self {
        let name = stem(path).to_lowercase();
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let folder_name = folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let word =
            LABEL_WORDS.into_iter().filter(|word| ends_in_word(&name, word)).max_by_key(|word| word.len());
        let key =
            word.map_or(name.as_str(), |word| name[..name.len() - word.len()].trim_end_matches(SEPARATORS));
        let entity = |prefix: &str| name.split('_').find(|part| part.starts_with(prefix)).map(str::to_string);
        Self {
            label: word.is_some() || LABEL_FOLDERS.contains(&folder_name.as_str()),
            test: word.is_some_and(|word| TRUTH_WORDS.contains(&word))
                || ["imagests", "labelsts"].contains(&folder_name.as_str()),
            subject: entity("sub-").map(|subject| (subject, entity("ses-"))),
            key: key.to_string(),
            folder,
        }
    }

    /// The name without the channel of nnU-Net.
    fn case(&self) -> &str {
        match self.key.rsplit_once('_') {
            Some((case, channel)) if channel.len() == 4 && channel.bytes().all(|b| b.is_ascii_digit()) => {
                case
            }
            _ => &self.key,
        }
    }

    /// How surely this label belongs to `image`; 0 for not at all.
    fn belongs_to(&self, image: &Self) -> u8 {
        let same_folder = self.folder == image.folder;
        let sibling_folders = self.folder.parent() == image.folder.parent() && !same_folder;
        let near = same_folder || sibling_folders;
        let same_session = |a: &(String, Option<String>), b: &(String, Option<String>)| {
            a.0 == b.0 && (a.1 == b.1 || a.1.is_none() || b.1.is_none())
        };
        match (&self.subject, &image.subject) {
            _ if near && !self.key.is_empty() && self.key == image.key => 5,
            _ if near && !self.key.is_empty() && self.key == image.case() => 4,
            (Some(ours), Some(theirs)) => 3 * u8::from(same_session(ours, theirs)),
            _ if same_folder && self.key.is_empty() => 2,
            _ => 0,
        }
    }
}

const SEPARATORS: [char; 4] = ['_', '-', '.', ' '];

/// Whether `name` is `word` or ends in it after a separator.
fn ends_in_word(name: &str, word: &str) -> bool {
    name.strip_suffix(word).is_some_and(|start| start.is_empty() || start.ends_with(SEPARATORS))
}

/// Whether a file's name begins in one of these ways.
pub fn begins(path: &Path, beginnings: &[String]) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    beginnings.iter().any(|beginning| name.starts_with(beginning.as_str()))
}

/// The first of some beginnings in which no file's name begins.
pub fn missing<'a, 'b>(
    beginnings: &'a [String],
    files: impl Iterator<Item = &'b PathBuf> + Clone,
) -> Option<&'a String> {
    let lost = |beginning: &&String| !files.clone().any(|file| begins(file, std::slice::from_ref(beginning)));
    beginnings.iter().find(lost)
}

/// Guesses what each file is for. Reads nothing; the order of the answer is that of `paths`.
pub fn guess_roles(paths: &[PathBuf]) -> Vec<Planned> {
    let names: Vec<_> = paths.iter().map(|path| Name::of(path)).collect();
    let images: Vec<_> = (0..paths.len()).filter(|&i| !names[i].label && is_image_name(&paths[i])).collect();
    let mut partner: Vec<Option<usize>> = vec![None; paths.len()];
    for label in (0..paths.len()).filter(|&i| names[i].label && is_image_name(&paths[i])) {
        let free = images.iter().copied().filter(|&image| partner[image].is_none());
        // Among equals T1 comes first (a folder of FreeSurfer has several images), then the order of names.
        let rank = |image: &usize| {
            let t1 = names[*image].key.split(SEPARATORS).any(|part| part.starts_with("t1"));
            (names[label].belongs_to(&names[*image]), t1, std::cmp::Reverse(&paths[*image]))
        };
        if let Some(image) = free.filter(|image| rank(image).0 > 0).max_by_key(|image| rank(image)) {
            (partner[image], partner[label]) = (Some(label), Some(image));
        }
    }
    let mut target_found = false;
    let mut role_of = |i: usize| -> Role {
        let name = &names[i];
        let test = name.test || partner[i].is_some_and(|other| names[other].test);
        match (name.label, partner[i]) {
            _ if !is_image_name(&paths[i]) => Role::Ignored { why: "This is not a NIfTI image.".into() },
            (true, None) if test => Role::GroundTruth,
            (true, None) => Role::Mask,
            (true, Some(_)) if test => Role::GroundTruth,
            (true, Some(_)) => Role::ExampleLabel,
            (false, Some(_)) if !test => Role::ExampleImage,
            (false, None) if images.iter().any(|&j| partner[j].is_some() && same_case(name, &names[j])) => {
                Role::Ignored { why: "Another image of this subject has the labels.".into() }
            }
            (false, _) if target_found => {
                Role::Ignored { why: "There is one target already; run again for this one.".into() }
            }
            (false, _) => {
                target_found = true;
                Role::Target
            }
        }
    };
    let roles: Vec<_> = (0..paths.len()).map(&mut role_of).collect();
    let judged = |i: usize| partner[i].is_none_or(|image| roles[image] == Role::Target);
    let plan = paths.iter().enumerate().map(|(i, path)| {
        let role = match &roles[i] {
            Role::GroundTruth if !judged(i) => Role::Ignored { why: "Its image is not the target.".into() },
            role => role.clone(),
        };
        Planned { path: path.clone(), role, partner: partner[i].map(|other| paths[other].clone()) }
    });
    plan.collect()
}

/// Whether two images show one subject: same folder of FreeSurfer, same case of nnU-Net, same BIDS subject.
fn same_case(a: &Name, b: &Name) -> bool {
    let channels = a.folder == b.folder && a.case() == b.case();
    let freesurfer = a.folder == b.folder
        && [a, b]
            .iter()
            .all(|name| ["t1", "brain", "orig", "norm", "nu", "t2", "flair"].contains(&name.key.as_str()));
    let bids = a.subject.is_some() && a.subject == b.subject;
    channels || freesurfer || bids
}

/// Image files in `paths`, folders expanded, in order of names; of a pair `.hdr`/`.img` the header.
///
/// # Errors
/// A folder that cannot be read, or more than [`MOST_FILES`] images.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        collect(path, 0, &mut found)?;
    }
    let headers: Vec<_> =
        found.iter().filter(|path| half(path, ".hdr")).map(|path| path.with_file_name(stem(path))).collect();
    found.retain(|path| !half(path, ".img") || !headers.contains(&path.with_file_name(stem(path))));
    Ok(found)
}

fn half(path: &Path, extension: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.strip_suffix(".gz").unwrap_or(&name).ends_with(extension)
}

fn collect(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        found.push(path.into());
    } else if depth < DEEPEST {
        let io = |source| Error::Io { path: path.into(), source };
        let mut inside: Vec<_> = path.read_dir().map_err(io)?.flatten().map(|entry| entry.path()).collect();
        inside.retain(|inner| !inner.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
        inside.retain(|inner| inner.is_dir() || is_image_name(inner));
        inside.sort();
        for inner in inside {
            collect(&inner, depth + 1, found)?;
        }
    }
    if found.len() > MOST_FILES {
        let problem = format!("there are more than {MOST_FILES} images here; choose a smaller folder.");
        return Err(Error::File { path: path.into(), problem });
    }
    Ok(())
}

/// Pairs of image and label in a folder: `images/` + `labels/`, `imagesTr/` + `labelsTr/`, or any other custom
/// of this module in the folder itself.
///
/// # Errors
/// A sentence that names the first image without a label, or says that there is none at all.
pub fn context_dir(dir: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let halves =
        [["images", "labels"], ["imagesTr", "labelsTr"]].map(|names| names.map(|name| dir.join(name)));
    let folders = halves.into_iter().find(|pair| pair.iter().all(|folder| folder.is_dir()));
    let files = expand(&folders.map_or_else(|| vec![dir.to_path_buf()], Vec::from))?;
    let plan = guess_roles(&files);
    let refuse = |problem| Err(Error::File { path: dir.into(), problem });
    if let Some(file) = plan.iter().find(|file| file.role == Role::Target && file.partner.is_none()) {
        let name = stem(&file.path);
        return refuse(format!(
            "the image {name} has no label beside it; add one or move the image elsewhere."
        ));
    }
    let images = files.iter().zip(&plan).filter(|(file, _)| !Name::of(file).label);
    let pairs: Vec<_> =
        images.filter_map(|(image, planned)| Some((image.clone(), planned.partner.clone()?))).collect();
    if pairs.is_empty() {
        return refuse(
            "no image with a label was found; expected are images/ and labels/, imagesTr/ and labelsTr/, or names \
             such as case.nii.gz and case_seg.nii.gz."
                .into(),
        );
    }
    Ok(pairs)
}
