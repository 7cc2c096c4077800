//! What tables and plots show of a study, and the figures in them.

use super::condition::Condition;
use super::results::Row;
use imaging::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// Dice coefficient.
    Dice,
    /// Peak signal-to-noise ratio in dB.
    Psnr,
}

impl Metric {
    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dice => "Dice",
            Self::Psnr => "PSNR in dB",
        }
    }

    /// A value with as many digits as it deserves.
    pub fn digits(self) -> usize {
        match self {
            Self::Dice => 3,
            Self::Psnr => 2,
        }
    }
}

/// A study as its tables have it.
#[derive(Clone, Debug)]
pub struct StudyTable {
    /// Name of the study.
    pub name: String,
    /// What is measured.
    pub metric: Metric,
    /// The first of them is the study itself.
    pub conditions: Vec<Condition>,
    /// Names of the methods.
    pub methods: Vec<String>,
    /// Numbers of examples, ascending.
    pub contexts: Vec<usize>,
    /// Draws of examples, or episodes.
    pub draws: u64,
    /// Targets of each draw.
    pub targets: usize,
    /// What figures are over, in words.
    pub over: String,
    /// Names of the structures.
    pub structures: Vec<String>,
    /// Sentences on what is left out.
    pub notes: Vec<String>,
}

/// Name of the file of a study's plot.
pub fn plot_file(study: &str) -> String {
    let name = study.chars().map(|c| if c.is_alphanumeric() { c } else { '-' });
    format!("{}.svg", name.collect::<String>().to_lowercase())
}

/// Over draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Mean of the draws' means.
    pub mean: f64,
    /// Their standard deviation; none for one draw.
    pub sd: Option<f64>,
}

impl StudyTable {
    /// Leaves out numbers of examples that there are not.
    ///
    /// # Errors
    /// [`Error::File`] where none is left.
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

    /// Results of one method with one target that there will be.
    pub fn units(&self) -> u64 {
        let each = self.conditions.len() * self.methods.len() * self.contexts.len() * self.targets;
        self.draws * each as u64
    }

    /// Rows that belong to the study as it is configured now.
    pub fn rows<'a>(&self, all: &'a [Row]) -> Vec<&'a Row> {
        let ours = |row: &&Row| {
            let unit = &row.unit;
            unit.study == self.name
                && unit.draw < self.draws
                && self.contexts.contains(&unit.contexts)
                && self.structures.contains(&row.structure)
        };
        all.iter().filter(ours).collect()
    }

    /// How good a draw was, in a sentence.
    pub fn told(&self, all: &[Row], draw: u64) -> String {
        let rows = self.rows(all);
        let most = self.contexts.last();
        let mean = |method: &String| {
            let here = |row: &Row| {
                let unit = &row.unit;
                unit.draw == draw
                    && unit.method == *method
                    && Some(&unit.contexts) == most
                    && unit.condition == self.conditions[0].name()
            };
            let digits = self.metric.digits();
            Some(format!("{method} {:.digits$}", summary(&rows, here, |row| row.value)?.mean))
        };
        let means: Vec<String> = self.methods.iter().filter_map(mean).collect();
        let (name, metric) = (&self.name, self.metric.name());
        format!("{name}, draw {} of {}: {metric} {}", draw + 1, self.draws, means.join(", "))
    }
}

/// A figure over draws of the rows that are wanted; nothing where there is none.
pub fn summary(
    rows: &[&Row],
    wanted: impl Fn(&Row) -> bool,
    figure: impl Fn(&Row) -> f64,
) -> Option<Summary> {
    let mut draws: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| wanted(row)) {
        draws.entry(row.unit.draw).or_default().push(figure(row));
    }
    let average = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let means: Vec<f64> = draws.values().map(|values| average(values)).collect();
    let mean = average(&means);
    let squares: f64 = means.iter().map(|value| (value - mean).powi(2)).sum();
    let sd = (means.len() > 1).then(|| (squares / (means.len() - 1) as f64).sqrt());
    (!means.is_empty()).then_some(Summary { mean, sd })
}
