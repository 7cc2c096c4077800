//! What the import plan finds in each file, in a few words.

use super::{Check, Fix, Item, Light, Outcome, Plan, Role, Verdict};
use crate::jobs::Probe;
use imaging::Grid;
use imaging::conform::agree;

const ALL_FIXES: &[Fix] = &[Fix::Resample, Fix::CopyHeader, Fix::LeaveOut];
const OTHER_SHAPE: &[Fix] = &[Fix::Resample, Fix::LeaveOut];

impl Plan {
    /// What there is to say of an item in its role.
    pub fn verdict(&self, index: usize) -> Verdict {
        let item = &self.items[index];
        let probe = match &item.check {
            Check::NotAnImage => return Verdict::new(Light::Off, "not an image", Outcome::Ignored),
            Check::Waiting => return Verdict::new(Light::Off, "looking at it…", Outcome::Waits),
            Check::Broken(sentence) => {
                return Verdict::new(Light::Problem, without_path(sentence, item), Outcome::Ignored);
            }
            Check::Image(probe) => probe,
        };
        match item.role {
            Role::Ignored => {
                let why = item.why.clone().unwrap_or_else(|| shape_of(&probe.grid));
                Verdict::new(Light::Off, why, Outcome::Ignored)
            }
            Role::Label => Verdict::new(Light::Attention, "belongs to no example yet", Outcome::Ignored),
            Role::Target => match probe.warnings.first() {
                Some(warning) => Verdict::new(Light::Attention, warning, Outcome::Ready),
                None => Verdict::new(Light::Good, shape_of(&probe.grid), Outcome::Ready),
            },
            Role::Example => self.example(item, probe),
            Role::Truth | Role::Mask => match self.target() {
                None => Verdict::new(Light::Problem, "needs a target", Outcome::Ignored),
                Some((_, grid)) => labels_on(
                    probe,
                    grid,
                    match item.role {
                        Role::Truth => "for comparison only",
                        _ => "on the target's grid",
                    },
                ),
            },
        }
    }

    fn example(&self, item: &Item, image: &Probe) -> Verdict {
        let Some(partner) = item.partner.and_then(|partner| self.items.get(partner)) else {
            return Verdict::new(Light::Problem, "has no label file", Outcome::Ignored);
        };
        match &partner.check {
            Check::Waiting => Verdict::new(Light::Off, "looking at its labels…", Outcome::Waits),
            Check::NotAnImage => Verdict::new(Light::Problem, "its label file is no image", Outcome::Ignored),
            Check::Broken(sentence) => Verdict::new(
                Light::Problem,
                format!("its labels: {}", without_path(sentence, partner)),
                Outcome::Ignored,
            ),
            Check::Image(label) => {
                let mut verdict = labels_on(label, &image.grid, "same grid");
                if let (Light::Good, Some(warning)) = (verdict.light, image.warnings.first()) {
                    (verdict.light, verdict.finding) = (Light::Attention, warning.clone());
                }
                verdict
            }
        }
    }
}

impl Verdict {
    fn new(light: Light, finding: impl Into<String>, outcome: Outcome) -> Self {
        Self { light, finding: finding.into(), outcome }
    }
}

/// Judges a label map that is to lie on `grid`; `good` says that it does.
fn labels_on(label: &Probe, grid: &Grid, good: &str) -> Verdict {
    if label.values.as_ref().is_some_and(Vec::is_empty) {
        let finding = "its values are intensities, or all of them 0, so it holds no labels";
        return Verdict::new(Light::Problem, finding, Outcome::Ignored);
    }
    match label.grid.corner_distance_voxels(grid) {
        _ if label.grid.agrees_with(grid) => match (label.warnings.first(), &label.values) {
            (Some(warning), _) => Verdict::new(Light::Attention, warning, Outcome::Ready),
            (None, Some(values)) => {
                Verdict::new(Light::Good, format!("{good} · {}", labels(values.len())), Outcome::Ready)
            }
            (None, None) => Verdict::new(Light::Good, good, Outcome::Ready),
        },
        _ if agree(grid, &label.grid) => {
            let finding = "stored in another axis order; its header turns it";
            Verdict::new(Light::Attention, finding, Outcome::Ready)
        }
        Some(voxels) => {
            let smallest = label.grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
            let finding = format!("label header {:.1} mm off", voxels * smallest);
            Verdict::new(Light::Problem, finding, Outcome::Choose(ALL_FIXES))
        }
        None => {
            let finding = format!("another shape than its image: {}", shape(label.grid.shape));
            Verdict::new(Light::Problem, finding, Outcome::Choose(OTHER_SHAPE))
        }
    }
}

fn labels(n: usize) -> String {
    if n == 1 { "1 label".into() } else { format!("{n} labels") }
}

/// The sentence without the path that it opens with: the row names the file already.
fn without_path(sentence: &str, item: &Item) -> String {
    let path = format!("{}: ", item.path.display());
    sentence.strip_prefix(&path).unwrap_or(sentence).to_owned()
}

/// `256³` or `182 × 218 × 182`.
fn shape([x, y, z]: [usize; 3]) -> String {
    if x == y && y == z { format!("{x}³") } else { format!("{x} × {y} × {z}") }
}

/// `256³ · 1.0 mm · LIA → RAS`.
pub fn shape_of(grid: &Grid) -> String {
    let [x, y, z] = grid.spacing_mm();
    let even = (x - y).abs() < 0.005 && (y - z).abs() < 0.005;
    let spacing = if even { format!("{x:.1} mm") } else { format!("{x:.2} × {y:.2} × {z:.2} mm") };
    let orientation = match grid.orientation().as_str() {
        "RAS" => "RAS".into(),
        other => format!("{other} → RAS"),
    };
    format!("{} · {spacing} · {orientation}", shape(grid.shape))
}
