//! First guesses of roles: from names, and from content once a file is open.

use super::plan::{Check, Plan, Role};
use std::path::Path;

/// Words that mark labels in a file name.
const LABEL_WORDS: [&str; 11] =
    ["seg", "mask", "label", "labels", "aseg", "dseg", "aparc", "lesion", "roi", "consensus", "dlmuse"];
/// Words that mark labels which predictions are judged by.
const TRUTH_WORDS: [&str; 4] = ["gt", "truth", "manual", "reference"];
/// Words that say how an image was made, not whom it shows.
const MODALITY_WORDS: [&str; 10] =
    ["t1", "t1w", "t2", "t2w", "flair", "pd", "brain", "0000", "gt", "preproc"];
/// A file with at most this many whole values above 0 is taken for labels when its name says nothing.
const FEW_VALUES: usize = 64;

/// Whether a file name is one of a NIfTI image; the `.img` half of a pair is opened through its `.hdr`.
pub fn is_nifti(name: &str) -> bool {
    let name = name.to_lowercase();
    [".nii", ".nii.gz", ".hdr"].iter().any(|ending| name.ends_with(ending))
}

/// What a name says.
struct Hint {
    /// The subject: what an image and its labels have in common.
    subject: String,
    labels: bool,
    truth: bool,
}

fn hint(path: &Path) -> Hint {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let stem = [".gz", ".nii", ".hdr"]
        .iter()
        .fold(name.as_str(), |stem, end| stem.strip_suffix(end).unwrap_or(stem));
    let words: Vec<&str> = stem.split(['_', '.', ' ']).filter(|word| !word.is_empty()).collect();
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().to_lowercase();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let truth = has(&TRUTH_WORDS);
    let labels = truth || has(&LABEL_WORDS) || folder.starts_with("label");
    let says_whom = |word: &&&str| {
        ![&LABEL_WORDS[..], &TRUTH_WORDS, &MODALITY_WORDS].iter().any(|list| list.contains(*word))
    };
    let whom: Vec<&str> = words.iter().filter(says_whom).copied().collect();
    // Files named by their kind only, such as `T1.nii.gz`, stand in a folder named after the subject.
    let subject = if whom.is_empty() { folder } else { whom.join("_") };
    Hint { subject, labels, truth }
}

/// Roles and pairs of the items from `first` on, by their names.
pub fn by_name(plan: &mut Plan, first: usize) {
    let hints: Vec<Hint> = plan.items.iter().map(|item| hint(&item.path)).collect();
    let usable: Vec<usize> =
        (first..plan.items.len()).filter(|&i| !matches!(plan.items[i].check, Check::NotAnImage)).collect();
    for &index in &usable {
        plan.items[index].role = if hints[index].labels { Role::Label } else { Role::Example };
    }
    for label in usable.into_iter().filter(|&i| hints[i].labels) {
        let fits = |i: &usize| {
            let item = &plan.items[*i];
            item.role == Role::Example && item.partner.is_none() && hints[*i].subject == hints[label].subject
        };
        if let Some(image) = (0..plan.items.len()).find(fits) {
            plan.set_partner(image, Some(label));
        }
    }
    // Of several images of one subject one is enough; the others would be examples without labels.
    let spare = |plan: &Plan, i: usize| {
        let same = |k: usize| k != i && hints[k].subject == hints[i].subject;
        let better =
            |k: usize| plan.items[k].role == Role::Example && (plan.items[k].partner.is_some() || k < i);
        (0..plan.items.len()).any(|k| same(k) && better(k))
    };
    for index in first..plan.items.len() {
        let item = &plan.items[index];
        if item.role == Role::Example && item.partner.is_none() && spare(plan, index) {
            plan.items[index].role = Role::Ignored;
        }
    }
    choose_target(plan, |i| hints[i].truth);
}

/// The target is the first image without labels, or the one whose labels are called the truth.
fn choose_target(plan: &mut Plan, is_truth: impl Fn(usize) -> bool) {
    if plan.target_index().is_some() || plan.case_target.is_some() {
        return;
    }
    let examples = || (0..plan.items.len()).filter(|&i| plan.items[i].role == Role::Example);
    let judged = examples().find(|&i| plan.items[i].partner.is_some_and(&is_truth));
    let bare = examples().find(|&i| plan.items[i].partner.is_none());
    if let Some(index) = judged.or(bare) {
        plan.set_role(index, Role::Target);
    }
}

/// An image of few whole values without a role of its own is a label map; it goes to the image that it lies on.
pub fn by_content(plan: &mut Plan, path: &Path) {
    let Some(index) = plan.items.iter().position(|item| item.path == path) else { return };
    let item = &plan.items[index];
    let Some(scan) = item.scan().cloned() else { return };
    let few = scan.facts.label_values.as_ref().is_some_and(|values| (1..=FEW_VALUES).contains(&values.len()));
    if !few || item.role != Role::Example || item.partner.is_some() {
        return;
    }
    plan.set_role(index, Role::Label);
    let fits = |i: &usize| {
        let other = &plan.items[*i];
        let bare = other.role == Role::Example && other.partner.is_none();
        bare && other.scan().is_some_and(|image| image.volume.grid.agrees_with(&scan.volume.grid))
    };
    if let Some(image) = (0..plan.items.len()).find(fits) {
        plan.set_partner(image, Some(index));
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Item, Phase};
    use super::*;

    fn plan(paths: &[&str]) -> Plan {
        let mut plan = Plan::new(None);
        plan.items.extend(paths.iter().map(|path| Item::new(path.into(), is_nifti(path))));
        plan.collecting = false;
        by_name(&mut plan, 0);
        plan
    }

    fn roles(plan: &Plan) -> Vec<(Role, Option<usize>)> {
        plan.items.iter().map(|item| (item.role, item.partner)).collect()
    }

    #[test]
    fn pairs_by_suffix_with_target_and_truth() {
        let plan = plan(&[
            "a/sub-1_T1.nii.gz",
            "a/sub-1_manual.nii.gz",
            "a/sub-2_T1.nii",
            "a/sub-2_aseg.nii.gz",
            "n.docx",
        ]);
        let expected = [
            (Role::Target, None),
            (Role::Truth, None),
            (Role::Example, Some(3)),
            (Role::Label, None),
            (Role::Ignored, None),
        ];
        assert_eq!(roles(&plan), expected);
        assert_eq!(plan.phase(), Phase::Checking);
    }

    #[test]
    fn pairs_by_folder_names() {
        let plan = plan(&["images/h_001.nii.gz", "images/h_002.nii.gz", "labels/h_001.nii.gz", "new.nii.gz"]);
        let expected =
            [(Role::Example, Some(2)), (Role::Target, None), (Role::Label, None), (Role::Example, None)];
        assert_eq!(roles(&plan), expected);
    }

    #[test]
    fn pairs_by_subject_folder() {
        let plan = plan(&["s1/T1.nii.gz", "s1/aseg.nii.gz", "s1/brain.nii.gz", "s2/T1.nii.gz"]);
        let expected =
            [(Role::Example, Some(1)), (Role::Label, None), (Role::Ignored, None), (Role::Target, None)];
        assert_eq!(roles(&plan), expected);
    }
}
