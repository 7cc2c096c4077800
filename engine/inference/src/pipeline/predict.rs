//! Step 3: the probability of one structure on the target's working grid, predicted from registered examples.

use super::Prepared;
use super::labelled::Labelled;
use super::refine::{ContextExample, refine};
use super::run::Run;
use crate::preprocess::{WorkingGrid, working_grid};
use imaging::{Cube, Result, memory};

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
/// The errors of the device and of the run's observer, and [`imaging::Error::Memory`].
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
