//! Results: rows of `results.csv`, appended one by one and read again when a study continues.

use super::Progress;
use imaging::io::replace::replace_file;
use imaging::{Error, Result};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// First line of the file.
const HEADER: &str = "study,condition,method,contexts,draw,target,structure,value,seconds";

/// One method applied to one target.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Trial {
    /// Name of the study.
    pub study: String,
    /// See [`super::Condition::name`].
    pub condition: String,
    /// Name of the method.
    pub method: String,
    /// Number of examples.
    pub contexts: usize,
    /// Number of the draw, from 0.
    pub draw: u64,
    /// Name of the image; empty for episodes.
    pub target: String,
}

/// The result for one structure of a trial: a row of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The trial that it belongs to.
    pub trial: Trial,
    /// Name of the structure or of the task.
    pub structure: String,
    /// The value of the study's metric.
    pub value: f64,
    /// Seconds of the trial divided by its number of structures.
    pub seconds: f64,
}

impl Row {
    fn line(&self) -> String {
        let Trial { study, condition, method, contexts, draw, target } = &self.trial;
        let [study, method, target, structure] = [study, method, target, &self.structure].map(|t| quoted(t));
        let (value, seconds) = (self.value, self.seconds);
        format!(
            "{study},{condition},{method},{contexts},{draw},{target},{structure},{value:.6},{seconds:.4}\n"
        )
    }

    /// `None` for an invalid row, such as one that an interruption truncated.
    fn parse(fields: Vec<String>) -> Option<Self> {
        let [study, condition, method, contexts, draw, target, structure, value, seconds] =
            fields.try_into().ok()?;
        let (contexts, draw) = (contexts.parse().ok()?, draw.parse().ok()?);
        let trial = Trial { study, condition, method, contexts, draw, target };
        Some(Self { trial, structure, value: value.parse().ok()?, seconds: seconds.parse().ok()? })
    }
}

/// A field of a line, in quotes where it needs them (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

/// The fields of each record of a text; line breaks within quotes do not end a record.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut fields, mut field, mut quotes) = (Vec::new(), Vec::new(), String::new(), false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quotes && rest.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quotes = !quotes,
            ',' | '\n' if !quotes => {
                fields.push(std::mem::take(&mut field));
                if c == '\n' {
                    records.push(std::mem::take(&mut fields));
                }
            }
            c => field.push(c),
        }
    }
    records
}

/// Receives progress; an error stops the study.
pub type Observer<'a> = dyn FnMut(Progress) -> Result<()> + 'a;

/// The rows of a study and its progress.
pub struct Log<'a, 'o> {
    path: PathBuf,
    file: File,
    rows: Vec<Row>,
    present: HashSet<(Trial, String)>,
    done: u64,
    total: u64,
    observer: &'a mut Observer<'o>,
}

impl<'a, 'o> Log<'a, 'o> {
    /// Opens or creates a file; truncated rows are dropped. `total` is the planned number of trials.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(path: &Path, total: u64, observer: &'a mut Observer<'o>) -> Result<Self> {
        let io = |source| Error::Io { path: path.into(), source };
        let text = if path.exists() { std::fs::read_to_string(path).map_err(io)? } else { String::new() };
        let rows: Vec<Row> = records(&text).into_iter().filter_map(Row::parse).collect();
        replace_file(path, |out| {
            writeln!(out, "{HEADER}")?;
            rows.iter().try_for_each(|row| write!(out, "{}", row.line()))
        })?;
        let file = OpenOptions::new().append(true).open(path).map_err(io)?;
        let present = rows.iter().map(|row| (row.trial.clone(), row.structure.clone())).collect();
        Ok(Self { path: path.into(), file, rows, present, done: 0, total, observer })
    }

    /// All rows, including those of earlier runs.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether a trial has a row for each of these structures.
    pub fn has<'s>(&self, trial: &Trial, structures: impl IntoIterator<Item = &'s str>) -> bool {
        let mut structures = structures.into_iter();
        structures.all(|structure| self.present.contains(&(trial.clone(), structure.into())))
    }

    /// Counts trials as done: those that are in the file already, and those that are impossible.
    ///
    /// # Errors
    /// The observer's.
    pub fn passed(&mut self, trials: u64) -> Result<()> {
        self.done += trials;
        (self.observer)(Progress::Step { done: self.done, total: self.total })
    }

    /// Appends the rows of a finished trial. They are in the file when this returns.
    ///
    /// # Errors
    /// [`Error::Io`] and the observer's.
    pub fn add(&mut self, rows: impl IntoIterator<Item = Row>) -> Result<()> {
        let new = |row: &Row| self.present.insert((row.trial.clone(), row.structure.clone()));
        let rows: Vec<Row> = rows.into_iter().filter(new).collect();
        let lines: String = rows.iter().map(Row::line).collect();
        let io = |source| Error::Io { path: self.path.clone(), source };
        self.file.write_all(lines.as_bytes()).map_err(io)?;
        self.rows.extend(rows);
        self.passed(1)
    }

    /// Reports a message to the user.
    ///
    /// # Errors
    /// The observer's.
    pub fn say(&mut self, message: String) -> Result<()> {
        (self.observer)(Progress::Said(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(draw: u64, structure: &str) -> Row {
        let trial = Trial {
            study: "heads, 2 mm".into(),
            condition: "as-is".into(),
            method: "the \"best\"".into(),
            contexts: 4,
            draw,
            target: "IXI605".into(),
        };
        Row { trial, structure: structure.into(), value: 0.5, seconds: 0.25 }
    }

    #[test]
    fn rows_are_read_again_and_a_truncated_one_is_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        let ignore = &mut |_: Progress| Ok(());
        let rows = [row(0, "a, b"), row(0, "two\n\"lines\""), row(1, "a, b")];
        Log::open(&path, 2, ignore).unwrap().add(rows.clone()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        // The truncated seconds are still a valid number.
        std::fs::write(&path, text.trim_end_matches(['0', '\n'])).unwrap();
        let mut log = Log::open(&path, 2, ignore).unwrap();
        assert_eq!(log.rows(), &rows[..2]);
        assert!(log.has(&rows[0].trial, ["a, b", "two\n\"lines\""]) && !log.has(&rows[2].trial, ["a, b"]));
        log.add(rows.clone()).unwrap();
        drop(log);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "and no row is written twice");
    }
}
