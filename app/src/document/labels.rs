//! The label table: what the values of all masks and examples mean.
//!
//! A colour belongs to its entry and changes with that entry alone. An entry that brings no colour gets the first one
//! of the fixed sequence that no entry has, whatever its value: the order in which labels came decides, and neither
//! switching labels or examples off nor adding others moves a colour. Every value of a loaded mask or example has an
//! entry, since loading adds those that are missing. A file names an entry that has no name yet; it never renames or
//! recolours another.

use super::colours::{Colour, sequence};
use super::ids::Revision;
use imaging::labels::Names;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What a label value means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Such as `Left-Hippocampus`.
    pub name: String,
    /// Its colour in every pane and list.
    pub colour: Colour,
    /// Whether no tool may give it voxels or take any from it.
    pub locked: bool,
    /// Whether the next run leaves it out.
    pub excluded: bool,
}

/// A label value that a file or a prediction holds, and what its own table says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLabel {
    /// The value, above 0.
    pub value: u16,
    /// Its name there.
    pub name: Option<String>,
    /// Its colour there.
    pub colour: Option<Colour>,
}

impl FoundLabel {
    /// Values with the names that a table has for them.
    pub fn named(values: impl IntoIterator<Item = u16>, names: &Names) -> Vec<Self> {
        let name = |value| names.known(value).map(str::to_owned);
        values.into_iter().map(|value| Self { value, name: name(value), colour: None }).collect()
    }
}

/// An entry that comes, goes or changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelChange {
    /// The value.
    pub value: u16,
    /// The entry before.
    pub from: Option<Label>,
    /// The entry after.
    pub to: Option<Label>,
}

/// Entries by value, 1 to 65535.
#[derive(Clone, Debug)]
pub struct LabelTable {
    entries: BTreeMap<u16, Label>,
    /// What is shown is a matter of viewing: it takes no step of undo and no revision.
    hidden: BTreeSet<u16>,
    pub(super) revision: Revision,
}

impl LabelTable {
    pub(super) fn new(revision: Revision) -> Self {
        Self { entries: BTreeMap::new(), hidden: BTreeSet::new(), revision }
    }

    /// Names the entries as they are.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// All entries, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &Label)> {
        self.entries.iter().map(|(&value, label)| (value, label))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry of a value.
    pub fn get(&self, value: u16) -> Option<&Label> {
        self.entries.get(&value)
    }

    /// Whether the next run leaves a value out.
    pub fn is_excluded(&self, value: u16) -> bool {
        self.get(value).is_some_and(|label| label.excluded)
    }

    /// The names that files or the user gave; `Label 47` is none.
    pub fn names(&self) -> Names {
        let given = self.iter().filter(|(value, label)| label.name != default_name(*value));
        given.map(|(value, label)| (value, label.name.clone())).collect()
    }

    /// The name of a value, `Label 47` where it has no entry.
    pub fn name(&self, value: u16) -> String {
        self.get(value).map_or_else(|| default_name(value), |label| label.name.clone())
    }

    /// Whether a value is locked.
    pub fn is_locked(&self, value: u16) -> bool {
        self.get(value).is_some_and(|label| label.locked)
    }

    /// The colours of all entries.
    pub fn colours(&self) -> impl Iterator<Item = (u16, Colour)> {
        self.iter().map(|(value, label)| (value, label.colour))
    }

    /// Whether a value is shown.
    pub fn is_visible(&self, value: u16) -> bool {
        !self.hidden.contains(&value)
    }

    /// Entries whose name holds every word of `text`, in upper or lower case, or whose value begins with it.
    pub fn search<'a>(&'a self, text: &str) -> impl Iterator<Item = (u16, &'a Label)> + use<'a> {
        let text = text.to_lowercase();
        self.iter().filter(move |(value, label)| {
            let name = label.name.to_lowercase();
            let mut words = text.split_whitespace();
            words.all(|word| name.contains(word)) || value.to_string().starts_with(text.trim())
        })
    }

    /// The lowest value without an entry.
    pub fn free_value(&self) -> Option<u16> {
        (1..=u16::MAX).find(|value| !self.entries.contains_key(value))
    }

    /// Found labels that the table calls by another name, which it keeps: values and both names, theirs first.
    pub fn conflicts<'a>(&'a self, found: &'a [FoundLabel]) -> impl Iterator<Item = (u16, &'a str, &'a str)> {
        found.iter().filter_map(|FoundLabel { value, name, .. }| {
            let (theirs, ours) = (name.as_deref()?, self.get(*value)?.name.as_str());
            (theirs != ours && ours != default_name(*value)).then_some((*value, theirs, ours))
        })
    }

    /// What has to change so that every found label has an entry, and a name where one is found and none was given yet.
    pub fn missing(&self, found: &[FoundLabel]) -> Vec<LabelChange> {
        let brought = found.iter().filter_map(|label| label.colour);
        let taken: HashSet<Colour> = self.entries.values().map(|label| label.colour).chain(brought).collect();
        let mut colours = sequence().filter(|colour| !taken.contains(colour));
        let mut new = BTreeMap::new();
        for FoundLabel { value, name, colour } in found {
            if *value == 0 || new.contains_key(value) {
                continue;
            }
            if let Some(known) = self.get(*value) {
                if let Some(name) = name.as_ref().filter(|_| known.name == default_name(*value)) {
                    new.insert(*value, Label { name: name.clone(), ..known.clone() });
                }
                continue;
            }
            let colour = colour.or_else(|| colours.next());
            let label = Label {
                name: name.clone().unwrap_or_else(|| default_name(*value)),
                colour: colour.expect("the sequence holds more colours than there are label values"),
                locked: false,
                excluded: false,
            };
            new.insert(*value, label);
        }
        let change = |(value, label)| LabelChange { value, from: self.get(value).cloned(), to: Some(label) };
        new.into_iter().map(change).collect()
    }

    pub(super) fn show_all(&mut self) {
        self.hidden.clear();
    }

    pub(super) fn show(&mut self, value: u16, visible: bool) {
        if visible {
            self.hidden.remove(&value);
        } else {
            self.hidden.insert(value);
        }
    }

    /// Puts entries in place; nothing is done, and false returned, where one of them is not what the change starts from.
    pub(super) fn put<'a>(
        &mut self,
        changes: impl Iterator<Item = (u16, &'a Option<Label>, &'a Option<Label>)> + Clone,
    ) -> bool {
        if !changes.clone().all(|(value, from, _)| value != 0 && self.get(value) == from.as_ref()) {
            return false;
        }
        for (value, _, to) in changes {
            match to {
                Some(label) => self.entries.insert(value, label.clone()),
                None => self.entries.remove(&value),
            };
        }
        true
    }
}

fn default_name(value: u16) -> String {
    format!("Label {value}")
}
