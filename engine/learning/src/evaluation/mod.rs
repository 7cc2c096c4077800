//! Studies: how good a method is on a data set, by number of examples, over random draws of them, beside baselines and
//! controls; as the tables of papers have it.
//!
//! A study is a function of its configuration. Each result is in `results.csv` as soon as it is there, and a study that
//! was ended goes on after the rows that it finds.

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

/// What a study tells while it runs.
#[derive(Clone, Debug)]
pub enum Progress {
    /// It has done so much.
    Step {
        /// Results that are there.
        done: u64,
        /// Results that there will be.
        total: u64,
    },
    /// A sentence.
    Said(String),
}

/// One study of a configuration.
trait Part {
    /// What tables show of it.
    fn sheet(&self) -> &StudyTable;

    /// Measures what the log does not have of a draw.
    fn run(&mut self, draw: u64, methods: &[Method], log: &mut Log) -> Result<()>;
}

/// Studies that are ready to run.
pub struct Study {
    folder: PathBuf,
    methods: Vec<Method>,
    parts: Vec<Box<dyn Part>>,
    table_contexts: usize,
}

impl Study {
    /// Refinement whether everything is there, and whether `folder` is new or holds the beginning of these studies.
    ///
    /// # Errors
    /// Those of the files and of the weights, and [`Error::File`] for a folder of scans that lacks a target or has too few
    /// examples, and for a folder of results with other studies in it.
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

    /// Measures what is not measured yet; writes tables and plots after each draw.
    ///
    /// # Errors
    /// What files, network and observer return.
    pub fn run(self, observer: &mut Observer) -> Result<()> {
        let Self { folder, methods, parts, table_contexts } = self;
        let sheets: Vec<StudyTable> = parts.iter().map(|part| part.sheet().clone()).collect();
        let total = sheets.iter().map(StudyTable::units).sum();
        let log = &mut Log::open(&folder.join("results.csv"), total, observer)?;
        sheets.iter().flat_map(|sheet| &sheet.notes).try_for_each(|note| log.say(note.clone()))?;
        let write = |log: &Log| {
            let text = table::markdown(&sheets, log.rows(), table_contexts);
            replace_file(&folder.join("results.md"), |out| write!(out, "{text}"))?;
            sheets.iter().try_for_each(|sheet| {
                let plot = plot::svg(sheet, log.rows());
                replace_file(&folder.join(plot_file(&sheet.name)), |out| write!(out, "{plot}"))
            })
        };
        // One after the other, so that only one of them holds scans.
        for (mut part, sheet) in parts.into_iter().zip(&sheets) {
            for draw in 0..sheet.draws {
                let before = log.rows().len();
                part.run(draw, &methods, log)?;
                if log.rows().len() > before {
                    write(log)?;
                    log.say(sheet.told(log.rows(), draw))?;
                }
            }
        }
        write(log)
    }
}
