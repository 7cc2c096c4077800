//! The words of file names: what names are split into, and which of the words say what a file is for.

use std::collections::BTreeMap;

/// Words of label files, wherever they stand in a name.
pub const LABELS: &str = "annotation aparc aseg brainmask dlmuse dseg groundtruth label labelmap mask parcellation prob \
    probability probabilities probseg roi seg segmentation wmparc contour delineation";
/// Words that studies are named after as well: they mean labels at the end of a name, before another such word, or at
/// the start of a name without modality.
pub const LABELS_AT_THE_END: &str = "gt lesion manual truth tumor";
/// Words that say that labels are there to evaluate a result.
pub const TRUTHS: &str = "groundtruth truth gt";
/// Words of probability maps, which no label map is.
pub const PROBABILITIES: &str = "prob probability probabilities probseg";
/// Modalities. A label that names one belongs to images of it alone.
const MODALITIES: &str = "adc bold ct dwi flair mp2rage mprage pd pet swi t1 t1c t1ce t1gd t1n t2 t2f t2star";
/// Other words of images: what the file is, and steps of processing.
const IMAGES: &str = "ana anat bet brain defaced head image img mr mri n4 norm nu orig preproc raw reg registered scan \
    skullstripped ss strip stripped vol volume";
/// Parts of a data set, in names of folders.
pub const SPLITS: &str = "tr train training ts test testing val validation";

/// Values of the entity `space` that mean the image's own.
const OWN_SPACE: &str = "orig t1w individual scanner native";

const SEPARATORS: [char; 5] = ['_', '-', '.', ' ', '+'];

/// Entities of a BIDS name (`key-value`, whole numbers without leading zeros) and the words of the rest.
pub fn entities_and_words(name: &str) -> (BTreeMap<String, String>, Vec<String>) {
    let entity = |part: &str| {
        let (key, value) = part.split_once('-')?;
        let named =
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphabetic()) && !value.is_empty();
        let value = value.to_lowercase();
        let number = value.parse().map(|number: u64| number.to_string());
        let value = if key.eq_ignore_ascii_case("sub") { value } else { number.unwrap_or(value) };
        named.then(|| (key.to_lowercase(), value))
    };
    let bids = name.split('_').any(|part| part.to_lowercase().starts_with("sub-"));
    let mut entities = BTreeMap::new();
    let mut words = Vec::new();
    for part in name.split('_') {
        match entity(part).filter(|_| bids) {
            Some((key, value)) if key == "space" && is_in(OWN_SPACE, &value) => {}
            Some((key, value)) => drop(entities.insert(key, value)),
            None => words.extend(split(part)),
        }
    }
    (entities, words)
}

/// Words in lower case: parted by separators, where a capital follows (`imagesTr`), and between a word that is known
/// and its number (`img001`).
pub fn split(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in text.split(SEPARATORS).filter(|part| !part.is_empty()) {
        let mut word = String::new();
        for letter in part.chars() {
            if letter.is_uppercase() && word.chars().last().is_some_and(char::is_lowercase) {
                words.push(std::mem::take(&mut word).to_lowercase());
            }
            word.push(letter);
        }
        let word = word.to_lowercase();
        let letters = word.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
        let (start, number) = word.split_at(letters);
        if !number.is_empty() && (is_in(LABELS, start) || is_in(IMAGES, start)) && !is_image_word(&word) {
            words.extend([start.into(), number.into()]);
        } else {
            words.push(word);
        }
    }
    words
}

/// Which words name labels.
pub fn marks(words: &[String]) -> Vec<bool> {
    let modality = words.iter().any(|word| modality_of(word).is_some());
    let mut marks: Vec<bool> = words.iter().map(|word| is_in(LABELS, word)).collect();
    let alone = !marks.contains(&true);
    for i in (0..words.len()).rev().filter(|&i| is_in(LABELS_AT_THE_END, &words[i])) {
        let at_the_end = marks.get(i + 1).copied().unwrap_or(true);
        marks[i] = at_the_end || i == 0 && alone && !modality;
    }
    marks
}

/// Whether a word, or its singular, is in a list.
pub fn is_in(list: &str, word: &str) -> bool {
    let singular = word.strip_suffix('s');
    list.split_whitespace().any(|known| known == word || Some(known) == singular)
}

/// `t1` for `t1w`: BIDS marks the weighting.
fn modality(word: &str) -> &str {
    word.strip_suffix('w').filter(|bare| ["t1", "t2", "pd"].contains(bare)).unwrap_or(word)
}

/// The modality that a word names; `t1n` (BraTS) is a plain T1.
pub fn modality_of(word: &str) -> Option<&str> {
    let bare = modality(word);
    is_in(MODALITIES, bare).then_some(match bare {
        "t1n" | "mprage" => "t1",
        "t2f" => "flair",
        other => other,
    })
}

pub fn is_image_word(word: &str) -> bool {
    modality_of(word).is_some() || is_in(IMAGES, word)
}
