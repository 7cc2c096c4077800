//! Episodes: a target and its examples, drawn as one task, on working grids that vary as much as those of clinical
//! scans.

use super::config::{Config, Holding, Network, Stage};
use super::data::{LabelledScan, Pool};
use super::loss::Loss;
use crate::augment::{Augmentation, Material, Plan};
use crate::synthesis::{Shapes, Synthesis};
use crate::tasks::{Goal, Kind, Pair, Structures, Subject, Task, Tasks};
use imaging::Result;
use imaging::random::{
    Generator, around_zero, bernoulli, generator, index, one_of, sample, weighted, within,
};
use inference::preprocess::displacement_field::DisplacementField;
use inference::preprocess::partial_volume::partial_volumes;
use inference::preprocess::working_grid::{LEAST_BOX_MM, WorkingGrid};
use rand::{Rng, RngExt};
use rayon::prelude::*;

/// The data of one training step.
pub struct Episode {
    /// The image to predict for, and the true output.
    pub target: Pair,
    /// The context examples; empty for a U-Net.
    pub examples: Vec<Pair>,
    /// The loss of the prediction.
    pub loss: Loss,
}

/// Draws episodes from the sources of a configuration.
pub struct Episodes {
    seed: u64,
    network: Network,
    pools: Vec<Pool>,
    tasks: Tasks,
    augmentation: Augmentation,
    synthesis: Synthesis,
    shapes: Shapes,
}

/// The working grids of an episode: around the body, around all structures, or around those of the task.
struct View {
    around: Around,
    /// Ratio of the grid's side to the box's longest side.
    scale: f64,
    /// Shift of the target, and common shift of all examples, as parts of the side.
    shift: [[f64; 3]; 2],
    /// Largest individual shift (part of the side) and change of scale (logarithm) of each image.
    own: [f64; 2],
}

#[derive(Clone, Copy, PartialEq)]
enum Around {
    Body,
    Everything,
    Task,
}

impl Episodes {
    /// Reads the data.
    ///
    /// # Errors
    /// Those of the files, and [`imaging::Error::File`] for a folder with too few scans.
    pub fn open(config: &Config) -> Result<Self> {
        let pools = config.data.iter().map(|source| Pool::open(config, source)).collect::<Result<_>>()?;
        Ok(Self::of(config, pools))
    }

    /// Draws from pools in memory.
    pub fn of(config: &Config, pools: Vec<Pool>) -> Self {
        let augmentation = Augmentation::preset(config.preset);
        let augmentation = match config.network {
            Network::InContext => augmentation,
            Network::UNet => augmentation.of_one_task(),
        };
        let tasks = Tasks { weights: config.tasks.clone(), ..Tasks::preset(config.preset) };
        Self {
            seed: config.seed,
            network: config.network,
            pools,
            tasks,
            augmentation,
            synthesis: Synthesis::default(),
            shapes: Shapes::default(),
        }
    }

    /// Disables all corruptions of the input other than the task's own.
    pub fn pure(mut self) -> Self {
        let extra = &mut self.tasks.extra;
        for probability in
            [&mut extra.bias_field, &mut extra.noise, &mut extra.low_resolution, &mut extra.holes]
        {
            *probability = 0.0;
        }
        self
    }

    /// Training episode `number`, a function of `number` and the seed alone.
    pub fn training(&self, number: u64, stage: &Stage) -> Result<Episode> {
        self.draw(&mut generator(self.seed, number), stage, false)
    }

    /// Validation episode `number`; its target is one of the configured validation files, if there are any.
    pub fn validation(&self, number: u64, stage: &Stage) -> Result<Episode> {
        self.draw(&mut generator(self.seed, u64::MAX - number), stage, true)
    }

    fn draw(&self, rng: &mut Generator, stage: &Stage, validation: bool) -> Result<Episode> {
        let side = one_of(&stage.sides, rng);
        let [fewest, most] = stage.contexts;
        let contexts = match self.network {
            Network::InContext => fewest + index(most - fewest + 1, rng),
            Network::UNet => 0,
        };
        // Validation images are not augmented.
        let augment = if validation { 0.0 } else { stage.augment };
        let pool = self.pool(rng);
        if pool.source.holds == Holding::Shapes {
            return self.shapes(side, contexts, augment, rng);
        }
        let unseen = |wanted: bool| -> Vec<usize> {
            (0..pool.people.len()).filter(|&n| pool.people[n].unseen == wanted).collect()
        };
        let mut targets = unseen(validation);
        if targets.is_empty() {
            targets = unseen(false);
        }
        let target = one_of(&targets, rng);
        let labels: Vec<u16> = pool.people[target].extents.keys().copied().collect();
        let task = self.task(pool, &labels, rng)?;
        let wanted = wanted(&task, &labels);
        let holds = |n: &usize| wanted.iter().any(|label| pool.people[*n].extents.contains_key(label));
        let mut others = unseen(false);
        others.retain(|&n| n != target);
        let mut with_structure = others.clone();
        with_structure.retain(holds);
        let candidates = if with_structure.is_empty() { &others } else { &with_structure };
        let examples = sample(candidates, contexts, rng);
        let scans: Vec<&LabelledScan> =
            [target].into_iter().chain(examples).map(|n| &pool.people[n]).collect();
        let material = match task.kind() {
            Kind::Segmentation => Material::Segmentation,
            _ => Material::Generation,
        };
        let plan = self.augmentation.draw(material, augment, rng);
        let boxes = match material {
            Material::Segmentation => stage.boxes.unwrap_or(pool.source.boxes),
            _ => 0.0,
        };
        let view = View::draw(boxes, pool.source.holds, rng);
        let contrasts = [self.synthesis.contrast(&pool.classes, rng)];
        let subject = |n: usize, scan: &&LabelledScan, rng: &mut dyn Rng| {
            let grid = view.grid(scan, &wanted, (side, n == 0), rng);
            let Some((image, range)) = &scan.image else {
                let labels = grid.nearest(&scan.labels);
                return Ok(self.synthesis.subject(&labels, &contrasts, &pool.brain(), rng));
            };
            let parts = partial_volumes(&scan.only(&wanted), &grid.taps())?;
            let images = vec![grid.image(image, *range)?];
            Ok(Subject { images, structures: Structures::soft(side, &parts) })
        };
        let deformed = material == Material::Segmentation && bernoulli(pool.source.bent, rng);
        pairs(rng.random(), &scans, (&task, &plan, deformed), subject)
    }

    /// Draws a source with a probability proportional to its share.
    fn pool(&self, rng: &mut dyn Rng) -> &Pool {
        let shares = self.pools.iter().map(|pool| (pool, pool.source.share));
        weighted(shares, rng).expect("a configuration has data")
    }

    /// Draws a task for subjects with these labels.
    fn task(&self, pool: &Pool, labels: &[u16], rng: &mut dyn Rng) -> Result<Task> {
        let mut task = self.tasks.draw(1, labels, rng)?;
        if let Goal::Segment { labels: merged, .. } = &mut task.goal
            && bernoulli(pool.source.grouped, rng)
        {
            // A U-Net must also be trained on subjects without its structure.
            let possible = |group: &&Vec<u16>| {
                self.network == Network::UNet
                    || group.is_empty()
                    || group.iter().any(|label| labels.contains(label))
            };
            let groups: Vec<&Vec<u16>> = pool.source.groups.iter().filter(possible).collect();
            if !groups.is_empty() {
                let group = one_of(&groups, rng);
                *merged = if group.is_empty() { labels.to_vec() } else { group.clone() };
            }
        }
        Ok(task)
    }

    fn shapes(&self, side: usize, contexts: usize, augment: f32, rng: &mut Generator) -> Result<Episode> {
        let template = self.shapes.draw(side, rng);
        let labels = Structures::whole(&template).labels();
        let classes = labels.iter().map(|&label| (label, label)).collect();
        let contrasts = [self.synthesis.contrast(&classes, rng)];
        let segmentation = Tasks { weights: [(Kind::Segmentation, 1.0)].into(), ..self.tasks.clone() };
        let task = segmentation.draw(1, &labels, rng)?;
        let plan = self.augmentation.draw(Material::Shapes, augment, rng);
        let subject = |_: usize, (): &(), rng: &mut dyn Rng| {
            Ok(self.synthesis.subject(&template, &contrasts, &[], rng))
        };
        pairs(rng.random(), &vec![(); contexts + 1], (&task, &plan, false), subject)
    }
}

/// The labels that a task needs of subjects with `labels`.
fn wanted(task: &Task, labels: &[u16]) -> Vec<u16> {
    match &task.goal {
        Goal::Segment { labels, .. } => labels.clone(),
        Goal::StripSkull { brain, .. } if !brain.is_empty() => brain.clone(),
        Goal::StripSkull { .. } => labels.to_vec(),
        Goal::Restore { .. } | Goal::Transform { .. } => Vec::new(),
    }
}

/// Draws an episode's pairs; the first source gives the target. Each pair has a generator of its own, so that threads
/// can share the work. Deforms the examples onto the target if `deformed`.
fn pairs<S: Sync>(
    seed: u64,
    sources: &[S],
    (task, plan, deformed): (&Task, &Plan, bool),
    subject: impl Fn(usize, &S, &mut dyn Rng) -> Result<Subject> + Sync,
) -> Result<Episode> {
    let pair = |(n, source): (usize, &S)| {
        let rng = &mut generator(seed, n as u64);
        let mut pair = task.pair(&subject(n, source, rng)?, rng);
        plan.apply(&mut pair, rng);
        Ok(pair)
    };
    let mut examples: Vec<Pair> = sources.par_iter().enumerate().map(pair).collect::<Result<_>>()?;
    let target = examples.remove(0);
    if deformed {
        examples.par_iter_mut().try_for_each(|pair| -> Result<()> {
            let field = DisplacementField::onto(&target.input, &pair.input)?;
            *pair = Pair { input: field.image(&pair.input)?, output: field.label(&pair.output)? };
            Ok(())
        })?;
    }
    let loss = if task.kind() == Kind::Segmentation { Loss::Segmentation } else { Loss::Generation };
    Ok(Episode { target, examples, loss })
}

impl View {
    fn draw(boxes: f32, holds: Holding, rng: &mut dyn Rng) -> Self {
        let uniform = |range: [f64; 2], rng: &mut dyn Rng| {
            range[0] + (range[1] - range[0]) * f64::from(within([0.0, 1.0], rng))
        };
        let around = match holds {
            _ if bernoulli(boxes, rng) => Around::Task,
            Holding::Scans if bernoulli(0.5, rng) => Around::Body,
            _ => Around::Everything,
        };
        let (scale, own) = match around {
            Around::Body => (uniform([0.95, 1.15], rng), [0.03, 0.08]),
            Around::Everything => (uniform([1.05, 1.7], rng), [0.03, 0.08]),
            Around::Task => (uniform([1.3, 2.4], rng), [0.05, 0.12]),
        };
        // Bodies shift as far as they stay inside the grid; structures by twice the difference between aligned
        // subjects.
        let margin = ((1.0 - 1.0 / scale) / 2.0).max(0.02);
        let limit = if around == Around::Task { 0.6 * margin } else { margin };
        let [target, examples] = [(); 2].map(|()| [(); 3].map(|()| limit * f64::from(around_zero(1.0, rng))));
        // The examples share the target's shift, or have their structures at the centre.
        let examples = match around {
            Around::Task if bernoulli(0.5, rng) => [0.0; 3],
            Around::Task => target,
            _ if bernoulli(0.8, rng) => target,
            _ => examples,
        };
        Self { around, scale, shift: [target, examples], own }
    }

    fn grid(
        &self,
        scan: &LabelledScan,
        wanted: &[u16],
        (side, target): (usize, bool),
        rng: &mut dyn Rng,
    ) -> WorkingGrid {
        let (within, least) = match self.around {
            Around::Body => (scan.body.clone(), 0.0),
            Around::Everything => (scan.around(&scan.extents.keys().copied().collect::<Vec<_>>()), 0.0),
            Around::Task => (scan.around(wanted), LEAST_BOX_MM),
        };
        let grid = WorkingGrid::around(&scan.labels.grid, within, side);
        let side_mm = grid.voxel_mm[0] * side as f64;
        let mut own = |limit: f64| limit * f64::from(around_zero(1.0, rng));
        let scale = (self.scale * own(self.own[1]).exp()).max(least / side_mm);
        let shift = self.shift[usize::from(!target)].map(|shift| (shift + own(self.own[0])) * scale);
        grid.moved(shift, [scale; 3])
    }
}
