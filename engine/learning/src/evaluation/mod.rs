//! Studies: the accuracy of methods on a data set by number of examples, over random draws of them, beside baselines
//! and controls, in tables and plots as in papers.
//!
//! A study is a function of its configuration. Each result is appended to `results.csv` immediately, and an interrupted
//! study continues after the rows that it finds.

mod condition;
mod config;
mod episodes;
mod label_propagation;
mod method;
mod plot;
mod provenance;
mod results;
mod scans;
mod study_table;
mod subjects;
mod table;
mod task_unet;

pub use condition::Condition;
pub use config::{Baseline, Config, DEFAULTS, Exercise, ModelEntry, ScanStudy, Shapes, Structure, TaskStudy};
pub use label_propagation::{Placed, floor, nearest};
pub use results::Observer;

use episodes::Episodic;
use imaging::io::replace::replace_file;
use imaging::{Error, Result};
use method::{Method, methods};
use network::Device;
use results::Log;
use scans::Scans;
use std::path::{Path, PathBuf};
use study_table::{StudyTable, plot_file};

/// A progress report of a study.
#[derive(Clone, Debug)]
pub enum Progress {
    /// The number of results changed.
    Step {
        /// Results so far.
        done: u64,
        /// Results in total.
        total: u64,
    },
    /// A message for the user.
    Said(String),
}

/// One study of a configuration.
trait Part {
    /// The description of its tables and plots.
    fn table(&self) -> &StudyTable;

    /// Computes the results of a draw that the log lacks.
    fn run(&mut self, draw: u64, methods: &[Method], log: &mut Log) -> Result<()>;
}

/// Checked studies, ready to run.
pub struct Study {
    folder: PathBuf,
    methods: Vec<Method>,
    parts: Vec<Box<dyn Part>>,
    table_contexts: usize,
}

impl Study {
    /// Checks that all files exist, and that `folder` is new or holds results of the same studies.
    ///
    /// # Errors
    /// Those of the files and of the weights, and [`Error::File`] for a folder of scans that lacks a target or has too
    /// few examples, and for a folder with results of other studies.
    pub fn open(config: &Config, folder: &Path, device: &Device) -> Result<Self> {
        let methods = methods(config, device)?;
        let mut parts: Vec<Box<dyn Part>> = Vec::new();
        for study in &config.scans {
            parts.push(Box::new(Scans::open(config, study, &methods)?));
        }
        for study in &config.tasks {
            parts.push(Box::new(Episodic::open(config, study, &methods)?));
        }
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.into(), source })?;
        provenance::settle(folder, config, &methods)?;
        Ok(Self { folder: folder.into(), methods, parts, table_contexts: config.table_contexts })
    }

    /// Computes the missing results; writes tables and plots after each draw.
    ///
    /// # Errors
    /// Those of the files, the network and the observer.
    pub fn run(self, observer: &mut Observer) -> Result<()> {
        let Self { folder, methods, parts, table_contexts } = self;
        let tables: Vec<StudyTable> = parts.iter().map(|part| part.table().clone()).collect();
        let total = tables.iter().map(StudyTable::trials).sum();
        let log = &mut Log::open(&folder.join("results.csv"), total, observer)?;
        tables.iter().flat_map(|table| &table.notes).try_for_each(|note| log.say(note.clone()))?;
        let write = |log: &Log| {
            let text = table::markdown(&tables, log.rows(), table_contexts);
            replace_file(&folder.join("results.md"), |out| write!(out, "{text}"))?;
            tables.iter().try_for_each(|table| {
                let plot = plot::svg(table, log.rows());
                replace_file(&folder.join(plot_file(&table.name)), |out| write!(out, "{plot}"))
            })
        };
        // One after the other, so that only one of them holds scans.
        for (mut part, table) in parts.into_iter().zip(&tables) {
            for draw in 0..table.draws {
                let before = log.rows().len();
                part.run(draw, &methods, log)?;
                if log.rows().len() > before {
                    write(log)?;
                    log.say(table.describe_draw(log.rows(), draw))?;
                }
            }
        }
        write(log)
    }
}
