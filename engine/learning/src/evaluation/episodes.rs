//! Episodes on the working grid, as training draws them but without augmentation: masks measured by Dice, images by PSNR.

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
    sheet: StudyTable,
    /// What episodes are drawn from.
    source: training::Config,
    /// Read when the first episode is needed.
    episodes: Option<Episodes>,
}

impl Episodic {
    /// Finds the files.
    ///
    /// # Errors
    /// [`imaging::Error`] where a target is not there or there are too few examples.
    pub fn open(config: &Config, study: &TaskStudy, methods: &[Method]) -> Result<Self> {
        // There is but one look at a working grid, so weights count once.
        let networks: Vec<&InContext> = methods.iter().filter_map(Method::network).collect();
        let same = |n: usize, earlier: usize| Rc::ptr_eq(&networks[n].model, &networks[earlier].model);
        let new = |&n: &usize| !(0..n).any(|earlier| same(n, earlier));
        let names = (0..networks.len()).filter(new).map(|n| networks[n].name.clone());
        let masks = study.kind.is_segmentation();
        let draws = study.draws.unwrap_or(config.draws);
        let mut sheet = StudyTable {
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
            // Training knows people by their label maps.
            let maps: Vec<_> = context_dir(&folder)?.into_iter().map(|(_, label)| label).collect();
            must_be_found(&folder, &study.targets, maps.iter())?;
            let examples = maps.iter().filter(|map| !begins(map, &study.targets)).count();
            let own = usize::from(study.targets.is_empty());
            sheet.leave_out_more_than(examples.saturating_sub(own), &folder)?;
        }
        Ok(Self { sheet, source: source(config, study), episodes: None })
    }

    fn episode(&mut self, number: u64, side: usize) -> Result<Episode> {
        let episodes = match self.episodes.take() {
            Some(episodes) => episodes,
            None => Episodes::open(&self.source)?.pure(),
        };
        let most = self.sheet.contexts.last().copied().unwrap_or(1);
        let stage = Stage { steps: 1, sides: vec![side], contexts: [most, most], augment: 0.0, boxes: None };
        self.episodes.insert(episodes).validation(number, &stage)
    }

    fn row(&self, draw: u64, condition: Condition, (method, contexts): (&str, usize)) -> Row {
        let unit = Trial {
            study: self.sheet.name.clone(),
            condition: condition.name().into(),
            method: method.into(),
            contexts,
            draw,
            target: String::new(),
        };
        Row { unit, structure: self.sheet.name.clone(), value: 0.0, seconds: 0.0 }
    }

    fn value(&self, output: &Cube, truth: &Cube) -> f64 {
        match self.sheet.metric {
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

    /// Lets a network answer an episode, or nobody: then the input is the answer.
    fn answer(
        &mut self,
        draw: u64,
        answers: Vec<Row>,
        network: Option<&InContext>,
        log: &mut Log,
    ) -> Result<()> {
        let side = network.map_or(DEFAULT_GRID, |network| network.model.info.grid.unwrap_or(DEFAULT_GRID));
        let Episode { target, examples, .. } = self.episode(draw, side)?;
        // As a control, outputs that have nothing to do with the target's: those of an episode that is not shown.
        let shuffled = Condition::Shuffled.name();
        let others = match answers.iter().any(|row| row.unit.condition == shuffled) {
            true => self.episode(draw + ELSEWHERE, side)?.examples,
            false => Vec::new(),
        };
        let Some(InContext { model, .. }) = network else {
            let value = self.value(&target.input, &target.output);
            return answers.into_iter().try_for_each(|row| log.add([Row { value, ..row }]));
        };
        let started = Instant::now();
        let encoded = model.encode(&target.input, &mut || Ok(()))?;
        let encoding = started.elapsed().as_secs_f64();
        for row in answers {
            let contexts = row.unit.contexts;
            let outputs = if row.unit.condition == shuffled { &others } else { &examples };
            let pairs = examples.iter().zip(outputs).take(contexts);
            let pairs: Vec<_> = pairs.map(|(example, other)| (&example.input, &other.output)).collect();
            // Not everybody has the structures that some tasks ask for.
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
    fn sheet(&self) -> &StudyTable {
        &self.sheet
    }

    fn run(&mut self, draw: u64, methods: &[Method], log: &mut Log) -> Result<()> {
        for name in self.sheet.methods.clone() {
            let network = methods.iter().filter_map(Method::network).find(|network| network.name == name);
            let all = self.sheet.conditions.iter().flat_map(|&condition| {
                let sizes = self.sheet.contexts.iter();
                sizes.map(move |&contexts| (condition, contexts))
            });
            let rows = all.map(|(condition, contexts)| self.row(draw, condition, (&name, contexts)));
            let all = rows.collect::<Vec<_>>();
            let count = all.len();
            let new = |row: &Row| !log.has(&row.unit, [row.structure.as_str()]);
            let answers: Vec<Row> = all.into_iter().filter(new).collect();
            log.passed((count - answers.len()) as u64)?;
            if !answers.is_empty() {
                self.answer(draw, answers, network, log)?;
            }
        }
        Ok(())
    }
}

/// Episodes from this number on are never shown as such.
const ELSEWHERE: u64 = 1 << 32;

/// What training would draw such episodes from.
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
