//! Names of label values.

use std::collections::BTreeMap;
use std::path::Path;

/// How many folders above a label file are searched for its table: subject and session folders lie between.
const FOLDERS: usize = 4;

/// Names by label value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(BTreeMap<u16, String>);

impl Names {
    /// The table `labels.tsv` beside a label file or in a folder above it; empty where there is none.
    pub fn beside(label_file: &Path) -> Self {
        let folders = label_file.ancestors().skip(1).take(FOLDERS);
        let table =
            folders.map(|folder| folder.join("labels.tsv")).find_map(|p| std::fs::read_to_string(p).ok());
        table.map(|text| Self::parse(&text)).unwrap_or_default()
    }

    /// A table with tab-separated columns, the first two of them value and name; other lines are passed over.
    pub fn parse(table: &str) -> Self {
        let row = |line: &str| {
            let mut columns = line.split('\t').map(str::trim);
            let value = columns.next()?.parse().ok()?;
            columns.next().filter(|name| !name.is_empty()).map(|name| (value, name.to_owned()))
        };
        Self(table.lines().filter_map(row).collect())
    }

    /// The name of a value, `Label 47` where none is known.
    pub fn name(&self, value: u16) -> String {
        self.known(value).map_or_else(|| format!("Label {value}"), str::to_owned)
    }

    /// The name of a value, where it has one.
    pub fn known(&self, value: u16) -> Option<&str> {
        self.0.get(&value).map(String::as_str)
    }

    /// Takes over the names of values that have none yet.
    pub fn merge(&mut self, other: Self) {
        for (value, name) in other.0 {
            self.0.entry(value).or_insert(name);
        }
    }
}

impl FromIterator<(u16, String)> for Names {
    fn from_iter<T: IntoIterator<Item = (u16, String)>>(names: T) -> Self {
        Self(names.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_above_the_file_names_its_values() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub-1")).unwrap();
        let table = "value\tname\tgroup\n47\tRight-Hippocampus\t2\n\n5\t\nx\ty\n";
        std::fs::write(folder.path().join("labels.tsv"), table).unwrap();
        let names = Names::beside(&folder.path().join("sub-1/aseg.nii.gz"));
        assert_eq!(names.name(47), "Right-Hippocampus");
        assert_eq!(names.name(5), "Label 5");
        assert_eq!(names.name(48), "Label 48");
    }
}
