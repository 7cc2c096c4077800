//! Studies of episodes on the working grid, drawn as in training but without augmentation. Masks are scored by Dice,
//! images by PSNR.

use super::Part;
use super::condition::Condition;
use super::config::{Config, Exercise, INPUT, TaskStudy};
use super::method::{InContext, Method};
use super::results::{Log, Row, Trial};
use super::study_table::{Metric, StudyTable};
use super::subjects::must_be_found;
use crate::tasks::Kind;
use crate::training;
use crate::training::{Episode, Episodes, Holding, Stage};
use imaging::Cube;
use imaging::Result;
use imaging::io::pairing::{begins, context_dir};
use imaging::metrics::{dice, psnr};
use inference::pipeline::{DEFAULT_GRID, MOST_AT_ONCE};
use std::rc::Rc;
use std::time::Instant;

/// A study of episodes.
pub struct Episodic {
    table: StudyTable,
    /// The training configuration that episodes are drawn from.
    source: training::Config,
    /// The data, read when the first episode is needed.
    episodes: Option<Episodes>,
}

impl Episodic {
    /// Finds the files.
    ///
    /// # Errors
    /// [`imaging::Error::File`] if a target is missing or there are too few examples.
    pub fn open(config: &Config, study: &TaskStudy, methods: &[Method]) -> Result<Self> {
        // Episodes have no refinement, so entries with the same weights count once.
        let networks: Vec<&InContext> = methods.iter().filter_map(Method::network).collect();
        let same = |n: usize, earlier: usize| Rc::ptr_eq(&networks[n].model, &networks[earlier].model);
        let new = |&n: &usize| !(0..n).any(|earlier| same(n, earlier));
        let names = (0..networks.len()).filter(new).map(|n| networks[n].name.clone());
        let masks = study.kind.is_segmentation();
        let draws = study.draws.unwrap_or(config.draws);
        let mut table = StudyTable {
            name: study.name.clone(),
            metric: if masks { Metric::Dice } else { Metric::Psnr },
            conditions: study.conditions(),
            methods: (!masks).then(|| INPUT.into()).into_iter().chain(names).collect(),
            contexts: config.sizes(&study.contexts),
            draws,
            targets: 1,
            over: format!("episodes ({draws} of them)"),
            structures: vec![study.name.clone()],
            notes: Vec::new(),
        };
        if let Exercise::Task(_) = study.kind {
            let folder = config.folder.join(&study.folder);
            // In training, subjects are identified by their label maps.
            let maps: Vec<_> = context_dir(&folder)?.into_iter().map(|(_, label)| label).collect();
            must_be_found(&folder, &study.targets, maps.iter())?;
            let examples = maps.iter().filter(|map| !begins(map, &study.targets)).count();
            let own = usize::from(study.targets.is_empty());
            table.leave_out_more_than(examples.saturating_sub(own), &folder)?;
        }
        Ok(Self { table, source: source(config, study), episodes: None })
    }

    fn episode(&mut self, number: u64, side: usize) -> Result<Episode> {
        let episodes = match self.episodes.take() {
            Some(episodes) => episodes,
            None => Episodes::open(&self.source)?.pure(),
        };
        let most = self.table.contexts.last().copied().unwrap_or(1);
        let stage = Stage { steps: 1, sides: vec![side], contexts: [most, most], augment: 0.0, boxes: None };
        self.episodes.insert(episodes).validation(number, &stage)
    }

    fn row(&self, draw: u64, condition: Condition, (method, contexts): (&str, usize)) -> Row {
        let trial = Trial {
            study: self.table.name.clone(),
            condition: condition.name().into(),
            method: method.into(),
            contexts,
            draw,
            target: String::new(),
        };
        Row { trial, structure: self.table.name.clone(), value: 0.0, seconds: 0.0 }
    }

    fn value(&self, output: &Cube, truth: &Cube) -> f64 {
        match self.table.metric {
            Metric::Dice => {
                let pairs = output.voxels.iter().zip(&truth.voxels);
                dice(pairs.map(|(&ours, &theirs)| (ours > 0.5, theirs > 0.5)))
            }
            Metric::Psnr => {
                let output: Vec<f32> = output.voxels.iter().map(|value| value.clamp(0.0, 1.0)).collect();
                psnr(&output, &truth.voxels)
            }
        }
    }

    /// Evaluates a network on an episode and logs the rows; without a network, the input is the output.
    fn evaluate(
        &mut self,
        draw: u64,
        missing: Vec<Row>,
        network: Option<&InContext>,
        log: &mut Log,
    ) -> Result<()> {
        let side = network.map_or(DEFAULT_GRID, |network| network.model.info.grid.unwrap_or(DEFAULT_GRID));
        let Episode { target, examples, .. } = self.episode(draw, side)?;
        // For the control, outputs unrelated to the target's: those of another episode that is never evaluated.
        let shuffled = Condition::Shuffled.name();
        let others = match missing.iter().any(|row| row.trial.condition == shuffled) {
            true => self.episode(draw + CONTROLS, side)?.examples,
            false => Vec::new(),
        };
        let Some(InContext { model, .. }) = network else {
            let value = self.value(&target.input, &target.output);
            return missing.into_iter().try_for_each(|row| log.add([Row { value, ..row }]));
        };
        let started = Instant::now();
        let encoded = model.encode(&target.input, &mut || Ok(()))?;
        let encoding = started.elapsed().as_secs_f64();
        for row in missing {
            let contexts = row.trial.contexts;
            let outputs = if row.trial.condition == shuffled { &others } else { &examples };
            let pairs = examples.iter().zip(outputs).take(contexts);
            let pairs: Vec<_> = pairs.map(|(example, other)| (&example.input, &other.output)).collect();
            // Some subjects lack the structures of a task, so that there are too few examples.
            if pairs.len() < contexts {
                log.passed(1)?;
                continue;
            }
            let started = Instant::now();
            let at_once = model.useful_mini_context(contexts.min(MOST_AT_ONCE));
            let output = model.predict(&encoded, &pairs, at_once, &mut |_| Ok(()))?;
            let seconds = encoding + started.elapsed().as_secs_f64();
            log.add([Row { value: self.value(&output, &target.output), seconds, ..row }])?;
        }
        Ok(())
    }
}

impl Part for Episodic {
    fn table(&self) -> &StudyTable {
        &self.table
    }

    fn run(&mut self, draw: u64, methods: &[Method], log: &mut Log) -> Result<()> {
        for name in self.table.methods.clone() {
            let network = methods.iter().filter_map(Method::network).find(|network| network.name == name);
            let all = self.table.conditions.iter().flat_map(|&condition| {
                let sizes = self.table.contexts.iter();
                sizes.map(move |&contexts| (condition, contexts))
            });
            let rows = all.map(|(condition, contexts)| self.row(draw, condition, (&name, contexts)));
            let all = rows.collect::<Vec<_>>();
            let count = all.len();
            let new = |row: &Row| !log.has(&row.trial, [row.structure.as_str()]);
            let missing: Vec<Row> = all.into_iter().filter(new).collect();
            log.passed((count - missing.len()) as u64)?;
            if !missing.is_empty() {
                self.evaluate(draw, missing, network, log)?;
            }
        }
        Ok(())
    }
}

/// Offset of the episodes that serve for controls only and are never evaluated themselves.
const CONTROLS: u64 = 1 << 32;

/// The training configuration that draws such episodes.
fn source(config: &Config, study: &TaskStudy) -> training::Config {
    let training = training::Config::parse("[[data]]").expect("the defaults with a source are well-formed");
    let mut source = training.data[0].clone();
    let kind = match study.kind {
        Exercise::Shapes(_) => {
            source.holds = Holding::Shapes;
            Kind::Segmentation
        }
        Exercise::Task(kind) => kind,
    };
    source.folder = study.folder.clone();
    source.validate = study.targets.clone();
    source.ignore = study.ignore.clone();
    training::Config {
        seed: config.seed,
        tasks: [(kind, 1.0)].into(),
        data: vec![source],
        folder: config.folder.clone(),
        ..training
    }
}
