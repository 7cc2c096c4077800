//! Segmentation of scans by the whole pipeline, measured by Dice on the targets' own grids.

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
    sheet: StudyTable,
    seed: u64,
    groups: Vec<Vec<usize>>,
    targets: Vec<Files>,
    /// Of whom examples are drawn.
    pool: Vec<Files>,
    /// The targets, read when the first of them is needed.
    people: Option<Vec<LabelledScan>>,
}

/// What one method has to do with one number of examples: the numbers of these targets.
struct Job<'a> {
    method: &'a Method,
    contexts: usize,
    targets: Vec<usize>,
}

impl Scans {
    /// Finds the files.
    ///
    /// # Errors
    /// [`Error::File`] where a target is not there or there are too few examples.
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
        // Results go by the names of targets.
        let names: BTreeSet<String> = targets.iter().map(|(image, _)| stem(image)).collect();
        if names.len() < targets.len() {
            let problem = "several targets have one name; rename them, or choose one by a longer beginning.";
            return Err(Error::File { path: folder, problem: problem.into() });
        }
        let draws = study.draws.unwrap_or(config.draws);
        let mut sheet = StudyTable {
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
        sheet.leave_out_more_than(pool.len(), &folder)?;
        let groups = groups(&study.structures);
        Ok(Self { study: study.clone(), sheet, seed: config.seed, groups, targets, pool, people: None })
    }

    fn unit(&self, draw: u64, condition: Condition, job: (&Method, usize), target: usize) -> Trial {
        Trial {
            study: self.sheet.name.clone(),
            condition: condition.name().into(),
            method: job.0.name().into(),
            contexts: job.1,
            draw,
            target: stem(&self.targets[target].0),
        }
    }

    /// What is not in the log.
    fn jobs<'a>(&self, draw: u64, condition: Condition, methods: &'a [Method], log: &Log) -> Vec<Job<'a>> {
        let structures = || self.sheet.structures.iter().map(String::as_str);
        let mut jobs = Vec::new();
        for &contexts in &self.sheet.contexts {
            for method in methods.iter().filter(|method| self.study.has(method.name())) {
                let new = |&target: &usize| {
                    !log.has(&self.unit(draw, condition, (method, contexts), target), structures())
                };
                let targets: Vec<usize> = (0..self.targets.len()).filter(new).collect();
                if !targets.is_empty() {
                    jobs.push(Job { method, contexts, targets });
                }
            }
        }
        jobs
    }

    /// Measures a target: one row for each structure.
    fn rows(&self, unit: &Trial, target: &LabelledScan, segmenters: &[Segmenter]) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for ((group, truth), segment) in self.groups.iter().zip(&target.labels).zip(segmenters) {
            let started = Instant::now();
            let mask = segment(&target.image)?;
            let seconds = started.elapsed().as_secs_f64() / group.len() as f64;
            for (label, &structure) in (1..).zip(group) {
                let pairs = mask.voxels.iter().zip(&truth.voxels);
                let value = dice(pairs.map(|(&ours, &theirs)| (ours == label, theirs == label)));
                let structure = self.sheet.structures[structure].clone();
                rows.push(Row { unit: unit.clone(), structure, value, seconds });
            }
        }
        Ok(rows)
    }
}

impl Part for Scans {
    fn sheet(&self) -> &StudyTable {
        &self.sheet
    }

    fn run(&mut self, draw: u64, methods: &[Method], log: &mut Log) -> Result<()> {
        let rng = &mut generator(self.seed, draw);
        // The whole order is drawn whatever the sizes are, so that sizes may be added later.
        let order = sample(&(0..self.pool.len()).collect::<Vec<_>>(), self.pool.len(), rng);
        let random = Curve::draw(rng);
        let most = self.sheet.contexts.last().copied().unwrap_or(0);
        let structures = &self.study.structures;
        let mut examples = None;
        for condition in self.sheet.conditions.clone() {
            let jobs = self.jobs(draw, condition, methods, log);
            let left: usize = jobs.iter().map(|job| job.targets.len()).sum();
            log.passed(
                (self.targets.len() * self.sheet.contexts.len() * self.sheet.methods.len() - left) as u64,
            )?;
            if jobs.is_empty() {
                continue;
            }
            if self.people.is_none() {
                let files: Vec<_> = self.targets.iter().collect();
                self.people = Some(LabelledScan::open_all(&files, structures, &self.groups)?);
            }
            if examples.is_none() {
                // One more than are shown, since each may get the labels of the next.
                let files: Vec<_> = order.iter().take(most + 1).map(|&n| &self.pool[n]).collect();
                examples = Some(LabelledScan::open_all(&files, structures, &self.groups)?);
            }
            let curve = condition.curve(&random);
            let examples = shown(examples.as_deref().unwrap_or(&[]), most, condition, curve.as_ref())?;
            let of_group = |group: usize| examples.iter().map(|person| person.example(group)).collect();
            let examples: Vec<Vec<Example<LabelMap>>> = (0..self.groups.len()).map(of_group).collect();
            let targets = self.people.iter().flatten().map(|person| person.through(curve.as_ref()));
            let targets: Vec<LabelledScan> = targets.collect::<Result<_>>()?;
            for Job { method, contexts, targets: numbers } in jobs {
                let segmenters = examples.iter().map(|examples| method.fit(&examples[..contexts]));
                let segmenters: Vec<Segmenter> = segmenters.collect::<Result<_>>()?;
                for number in numbers {
                    let unit = self.unit(draw, condition, (method, contexts), number);
                    log.add(self.rows(&unit, &targets[number], &segmenters)?)?;
                }
            }
        }
        Ok(())
    }
}
