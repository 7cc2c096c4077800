//! The layout of a study's tables and plots, and the statistics in them.

use super::condition::Condition;
use super::results::Row;
use imaging::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// The metric of a study.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// Dice coefficient.
    Dice,
    /// Peak signal-to-noise ratio in dB.
    Psnr,
}

impl Metric {
    /// Name in tables and plots.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dice => "Dice",
            Self::Psnr => "PSNR in dB",
        }
    }

    /// Number of decimals in tables.
    pub fn digits(self) -> usize {
        match self {
            Self::Dice => 3,
            Self::Psnr => 2,
        }
    }
}

/// The layout of a study's tables.
#[derive(Clone, Debug)]
pub struct StudyTable {
    /// Name of the study.
    pub name: String,
    /// The metric of its values.
    pub metric: Metric,
    /// Conditions; the first one is the main one.
    pub conditions: Vec<Condition>,
    /// Names of the methods.
    pub methods: Vec<String>,
    /// Numbers of examples, ascending.
    pub contexts: Vec<usize>,
    /// Draws of examples, or episodes.
    pub draws: u64,
    /// Number of targets in each draw.
    pub targets: usize,
    /// What means and deviations are computed over, in words.
    pub over: String,
    /// Names of the structures.
    pub structures: Vec<String>,
    /// Notes on omitted results.
    pub notes: Vec<String>,
}

/// Name of the file of a study's plot.
pub fn plot_file(study: &str) -> String {
    let name = study.chars().map(|c| if c.is_alphanumeric() { c } else { '-' });
    format!("{}.svg", name.collect::<String>().to_lowercase())
}

/// Mean and standard deviation over draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Mean of the draws' means.
    pub mean: f64,
    /// Sample standard deviation of the draws' means; `None` for a single draw.
    pub sd: Option<f64>,
}

impl StudyTable {
    /// Omits numbers of examples above `available`.
    ///
    /// # Errors
    /// [`Error::File`] if none is left.
    pub fn leave_out_more_than(&mut self, available: usize, folder: &Path) -> Result<()> {
        let list = |sizes: &[usize]| sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let (kept, more): (Vec<_>, Vec<_>) = self.contexts.iter().partition(|size| **size <= available);
        let name = &self.name;
        if kept.is_empty() {
            let problem = format!(
                "{available} examples are left here besides the targets, and {name} asks for {}.",
                list(&more)
            );
            return Err(Error::File { path: folder.into(), problem });
        }
        if !more.is_empty() {
            let sizes = list(&more);
            let note =
                format!("{name}: there are {available} examples, so results with {sizes} are left out.");
            self.notes.push(note);
        }
        self.contexts = kept;
        Ok(())
    }

    /// Number of trials of the study.
    pub fn trials(&self) -> u64 {
        let each = self.conditions.len() * self.methods.len() * self.contexts.len() * self.targets;
        self.draws * each as u64
    }

    /// The rows that belong to the study in its current configuration.
    pub fn rows<'a>(&self, all: &'a [Row]) -> Vec<&'a Row> {
        let ours = |row: &&Row| {
            let trial = &row.trial;
            trial.study == self.name
                && trial.draw < self.draws
                && self.contexts.contains(&trial.contexts)
                && self.structures.contains(&row.structure)
        };
        all.iter().filter(ours).collect()
    }

    /// A message with the mean of each method in a draw, at the largest number of examples in the main condition.
    pub fn describe_draw(&self, all: &[Row], draw: u64) -> String {
        let rows = self.rows(all);
        let most = self.contexts.last();
        let mean = |method: &String| {
            let here = |row: &Row| {
                let trial = &row.trial;
                trial.draw == draw
                    && trial.method == *method
                    && Some(&trial.contexts) == most
                    && trial.condition == self.conditions[0].name()
            };
            let digits = self.metric.digits();
            Some(format!("{method} {:.digits$}", summary(&rows, here, |row| row.value)?.mean))
        };
        let means: Vec<String> = self.methods.iter().filter_map(mean).collect();
        let (name, metric) = (&self.name, self.metric.name());
        format!("{name}, draw {} of {}: {metric} {}", draw + 1, self.draws, means.join(", "))
    }
}

/// Summarises a `figure` of the `wanted` rows over draws; `None` if there is no such row.
pub fn summary(
    rows: &[&Row],
    wanted: impl Fn(&Row) -> bool,
    figure: impl Fn(&Row) -> f64,
) -> Option<Summary> {
    let mut draws: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| wanted(row)) {
        draws.entry(row.trial.draw).or_default().push(figure(row));
    }
    let average = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let means: Vec<f64> = draws.values().map(|values| average(values)).collect();
    let mean = average(&means);
    let squares: f64 = means.iter().map(|value| (value - mean).powi(2)).sum();
    let sd = (means.len() > 1).then(|| (squares / (means.len() - 1) as f64).sqrt());
    (!means.is_empty()).then_some(Summary { mean, sd })
}
