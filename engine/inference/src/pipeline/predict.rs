//! Step 3: the probability of one structure on the target's working grid, predicted from registered examples.

use super::refine::{ContextExample, refine};
use super::run::Run;
use super::{Prepared, Registered};
use crate::preprocess::partial_volume::{PartialVolume, partial_volumes_of};
use crate::preprocess::{Reorientation, WorkingGrid, working_grid};
use imaging::{Cube, Error, Grid, LabelMap, Result, memory};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A registered example with its structures on its working grid.
pub struct Labelled {
    pub(super) registered: Registered,
    pub(super) labels: Arc<LabelMap>,
    pub(super) orientation: Reorientation,
    /// The structures that intersect the working grid, by label value.
    pub(super) structures: BTreeMap<u16, PartialVolume>,
}

impl Labelled {
    /// Resamples the structures with these `values` of an example's label map to its working grid, as partial volumes:
    /// the fraction of each working voxel that a structure fills. A structure that fills no voxel to one half keeps its
    /// strongest voxel.
    ///
    /// # Errors
    /// [`Error::Geometry`] if the map does not lie on the example's image, and [`Error::Memory`].
    pub fn new(registered: Registered, labels: Arc<LabelMap>, values: &[u16]) -> Result<Self> {
        let image = registered.example().image();
        must_lie_on(&image.name, &image.volume.grid, &labels.grid)?;
        let orientation = Reorientation::of(&labels.grid);
        let ras = orientation.labels_to_ras(&labels)?;
        let taps = registered.working_grid().taps();
        let structures = partial_volumes_of(&ras, &taps, |value| values.contains(&value))?;
        Ok(Self { registered, labels, orientation, structures })
    }

    /// The example's registration with the target.
    pub fn registered(&self) -> &Registered {
        &self.registered
    }

    /// Label values of the structures that fill no voxel of the working grid to one half.
    pub fn below_resolution(&self) -> impl Iterator<Item = u16> {
        self.structures.iter().filter(|(_, structure)| structure.below_resolution).map(|(value, _)| *value)
    }
}

/// Fails if the label of an example does not lie on its image; their axes may be stored in different orders.
pub(super) fn must_lie_on(example: &str, image: &Grid, label: &Grid) -> Result<()> {
    let ras = |grid: &Grid| Reorientation::of(grid).grid(grid);
    must_agree(example, &ras(image), &ras(label))
}

/// Fails if the label of an example does not lie on its image voxel by voxel.
pub(super) fn must_agree(example: &str, image: &Grid, label: &Grid) -> Result<()> {
    if image.agrees_with(label) {
        return Ok(());
    }
    let how = match image.corner_distance_voxels(label) {
        Some(distance) => format!("its corners are {distance:.1} voxels away"),
        None => format!("{:?} voxels instead of {:?}", label.shape, image.shape),
    };
    Err(Error::Geometry {
        problem: format!(
            "The label of example {example} does not lie on its image ({how}); resample it through the world, \
             or give it the image's header if only the header is wrong."
        ),
    })
}

/// The predicted probabilities of one structure.
#[derive(Clone, Debug)]
pub struct Probabilities {
    /// Label value of the structure.
    pub label: u16,
    /// Its probability on the target's working grid, from 0 to 1.
    pub whole: Cube,
    /// The same in a box around the structure, with the working grid of that box, if it was refined.
    pub refined: Option<(WorkingGrid, Cube)>,
    /// For each example, whether the network read it: it holds the structure inside the working grid.
    pub read: Vec<bool>,
}

/// Predicts the structure with a label value; all probabilities are zero if no example shows it.
///
/// `refined`: whether further passes refine the structure in a box around it, for weights that were trained for that
/// ([`network::ModelInfo::closer`]).
///
/// # Errors
/// The errors of the device and of the run's observer, and [`Error::Memory`].
pub fn predict(
    run: &mut Run,
    target: &Prepared,
    examples: &[&Labelled],
    label: u16,
    refined: bool,
) -> Result<Probabilities> {
    let pass = run.next_label();
    let mut context = Vec::new();
    let mut read = Vec::new();
    for example in examples {
        let with_structure = ContextExample::of(example, label)?;
        read.push(with_structure.is_some());
        context.extend(with_structure);
    }
    if context.is_empty() {
        let side = target.cube().side;
        let whole = Cube { side, voxels: memory::zeros(side.pow(3))? };
        return Ok(Probabilities { label, whole, refined: None, read });
    }
    let pairs: Vec<_> = context.iter().map(|example| (example.image, &example.mask)).collect();
    let whole = run.predict_on(target, &pairs, pass)?;
    let refined = if refined { refine(run, target, &whole, &context, pass)? } else { None };
    Ok(Probabilities { label, whole, refined, read })
}

impl<'a> ContextExample<'a> {
    /// An example that shows a structure inside the working grid; `None` if it does not hold the structure or the
    /// deformation moves it off the grid.
    fn of(example: &'a Labelled, label: u16) -> Result<Option<Self>> {
        let Some(structure) = example.structures.get(&label) else { return Ok(None) };
        let deformation = example.registered.deformation()?;
        let side = example.registered.working_grid().side;
        let mask = deformation.field.label(&working_grid::cube(side, &structure.patch)?)?;
        let is_shown = mask.voxels.iter().any(|&part| part != 0.0);
        Ok(is_shown.then_some(Self { example, label, structure, image: &deformation.image, mask }))
    }
}
