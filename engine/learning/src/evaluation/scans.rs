//! Studies of the segmentation of scans by the whole pipeline, scored by Dice on the targets' own grids.

use super::Part;
use super::condition::{Condition, Curve};
use super::config::{Config, ScanStudy};
use super::method::{Method, Segmenter};
use super::results::{Log, Row, Trial};
use super::study_table::{Metric, StudyTable};
use super::subjects::{Files, LabelledScan, groups, must_be_found, shown};
use imaging::io::pairing::{begins, context_dir};
use imaging::io::stem;
use imaging::metrics::dice;
use imaging::random::{generator, sample};
use imaging::{Error, LabelMap, Result};
use inference::pipeline::Example;
use std::collections::BTreeSet;
use std::time::Instant;

/// A study of scans.
pub struct Scans {
    study: ScanStudy,
    table: StudyTable,
    seed: u64,
    groups: Vec<Vec<usize>>,
    targets: Vec<Files>,
    /// Files that examples are drawn from.
    pool: Vec<Files>,
    /// The targets, read when the first of them is needed.
    subjects: Option<Vec<LabelledScan>>,
}

/// The missing trials of one method with one number of examples; `targets` are indices.
struct Job<'a> {
    method: &'a Method,
    contexts: usize,
    targets: Vec<usize>,
}

impl Scans {
    /// Finds the files.
    ///
    /// # Errors
    /// [`Error::File`] if a target is missing or there are too few examples.
    pub fn open(config: &Config, study: &ScanStudy, methods: &[Method]) -> Result<Self> {
        let folder = config.folder.join(&study.folder);
        let files = context_dir(&folder)?;
        must_be_found(&folder, &study.targets, files.iter().map(|(image, _)| image))?;
        let others = study.example_folder.as_ref().map(|folder| config.folder.join(folder));
        let mut pool = match &others {
            Some(folder) => context_dir(folder)?,
            None => files.clone(),
        };
        let examples = &study.examples;
        must_be_found(others.as_ref().unwrap_or(&folder), examples, pool.iter().map(|(image, _)| image))?;
        pool.retain(|(image, _)| {
            !begins(image, &study.targets) && (examples.is_empty() || begins(image, examples))
        });
        if study.shuffle && pool.len() < 2 {
            let problem = "there are no two examples that could exchange their labels; leave out shuffle.";
            return Err(Error::File { path: folder, problem: problem.into() });
        }
        let mut targets = files.clone();
        targets.retain(|(image, _)| begins(image, &study.targets));
        // Rows identify targets by name.
        let names: BTreeSet<String> = targets.iter().map(|(image, _)| stem(image)).collect();
        if names.len() < targets.len() {
            let problem = "several targets have one name; rename them, or choose one by a longer beginning.";
            return Err(Error::File { path: folder, problem: problem.into() });
        }
        let draws = study.draws.unwrap_or(config.draws);
        let mut table = StudyTable {
            name: study.name.clone(),
            metric: Metric::Dice,
            conditions: study.conditions(),
            methods: methods
                .iter()
                .map(Method::name)
                .filter(|name| study.has(name))
                .map(str::to_owned)
                .collect(),
            contexts: config.sizes(&study.contexts),
            draws,
            targets: targets.len(),
            over: format!("draws of examples (draws: {draws}, targets: {})", targets.len()),
            structures: study.structures.iter().map(|structure| structure.name.clone()).collect(),
            notes: Vec::new(),
        };
        table.leave_out_more_than(pool.len(), &folder)?;
        let groups = groups(&study.structures);
        Ok(Self { study: study.clone(), table, seed: config.seed, groups, targets, pool, subjects: None })
    }

    fn trial(&self, draw: u64, condition: Condition, job: (&Method, usize), target: usize) -> Trial {
        Trial {
            study: self.table.name.clone(),
            condition: condition.name().into(),
            method: job.0.name().into(),
            contexts: job.1,
            draw,
            target: stem(&self.targets[target].0),
        }
    }

    /// The trials of a draw and condition that the log lacks.
    fn jobs<'a>(&self, draw: u64, condition: Condition, methods: &'a [Method], log: &Log) -> Vec<Job<'a>> {
        let structures = || self.table.structures.iter().map(String::as_str);
        let mut jobs = Vec::new();
        for &contexts in &self.table.contexts {
            for method in methods.iter().filter(|method| self.study.has(method.name())) {
                let new = |&target: &usize| {
                    !log.has(&self.trial(draw, condition, (method, contexts), target), structures())
                };
                let targets: Vec<usize> = (0..self.targets.len()).filter(new).collect();
                if !targets.is_empty() {
                    jobs.push(Job { method, contexts, targets });
                }
            }
        }
        jobs
    }

    /// Segments and scores a target: one row for each structure.
    fn rows(&self, trial: &Trial, target: &LabelledScan, segmenters: &[Segmenter]) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for ((group, truth), segment) in self.groups.iter().zip(&target.labels).zip(segmenters) {
            let started = Instant::now();
            let mask = segment(&target.image)?;
            let seconds = started.elapsed().as_secs_f64() / group.len() as f64;
            for (label, &structure) in (1..).zip(group) {
                let pairs = mask.voxels.iter().zip(&truth.voxels);
                let value = dice(pairs.map(|(&ours, &theirs)| (ours == label, theirs == label)));
                let structure = self.table.structures[structure].clone();
                rows.push(Row { trial: trial.clone(), structure, value, seconds });
            }
        }
        Ok(rows)
    }
}

impl Part for Scans {
    fn table(&self) -> &StudyTable {
        &self.table
    }

    fn run(&mut self, draw: u64, methods: &[Method], log: &mut Log) -> Result<()> {
        let rng = &mut generator(self.seed, draw);
        // A permutation of the whole pool is drawn, so that numbers of examples can be added later.
        let order = sample(&(0..self.pool.len()).collect::<Vec<_>>(), self.pool.len(), rng);
        let random = Curve::draw(rng);
        let most = self.table.contexts.last().copied().unwrap_or(0);
        let structures = &self.study.structures;
        let mut examples = None;
        for condition in self.table.conditions.clone() {
            let jobs = self.jobs(draw, condition, methods, log);
            let left: usize = jobs.iter().map(|job| job.targets.len()).sum();
            log.passed(
                (self.targets.len() * self.table.contexts.len() * self.table.methods.len() - left) as u64,
            )?;
            if jobs.is_empty() {
                continue;
            }
            if self.subjects.is_none() {
                let files: Vec<_> = self.targets.iter().collect();
                self.subjects = Some(LabelledScan::open_all(&files, structures, &self.groups)?);
            }
            if examples.is_none() {
                // One more than needed, since shuffling gives each example the labels of the next.
                let files: Vec<_> = order.iter().take(most + 1).map(|&n| &self.pool[n]).collect();
                examples = Some(LabelledScan::open_all(&files, structures, &self.groups)?);
            }
            let curve = condition.curve(&random);
            let examples = shown(examples.as_deref().unwrap_or(&[]), most, condition, curve.as_ref())?;
            let of_group = |group: usize| examples.iter().map(|subject| subject.example(group)).collect();
            let examples: Vec<Vec<Example<LabelMap>>> = (0..self.groups.len()).map(of_group).collect();
            let targets = self.subjects.iter().flatten().map(|subject| subject.through(curve.as_ref()));
            let targets: Vec<LabelledScan> = targets.collect::<Result<_>>()?;
            for Job { method, contexts, targets: numbers } in jobs {
                let segmenters = examples.iter().map(|examples| method.fit(&examples[..contexts]));
                let segmenters: Vec<Segmenter> = segmenters.collect::<Result<_>>()?;
                for number in numbers {
                    let trial = self.trial(draw, condition, (method, contexts), number);
                    log.add(self.rows(&trial, &targets[number], &segmenters)?)?;
                }
            }
        }
        Ok(())
    }
}
