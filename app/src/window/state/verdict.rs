//! What the import plan finds in each file, in a few words.

use super::plan::{Check, Fix, Item, Light, Outcome, Plan, Role, Verdict};
use exemplar_engine::Grid;
use exemplar_engine::agreement::agree;
use exemplar_engine::nifti::Scan;

const ALL_FIXES: &[Fix] = &[Fix::Resample, Fix::CopyHeader, Fix::LeaveOut];
const OTHER_SHAPE: &[Fix] = &[Fix::Resample, Fix::LeaveOut];

impl Plan {
    /// What there is to say of an item in its role.
    pub fn verdict(&self, index: usize) -> Verdict {
        let item = &self.items[index];
        let scan = match &item.check {
            Check::NotAnImage => return Verdict::new(Light::Off, "not a NIfTI image", Outcome::Ignored),
            Check::Waiting => return Verdict::new(Light::Off, "opening…", Outcome::Waits),
            Check::Broken(sentence) => {
                return Verdict::new(Light::Problem, without_path(sentence, item), Outcome::Ignored);
            }
            Check::Image(scan) => scan,
        };
        match item.role {
            Role::Ignored => {
                let why = item.why.clone().unwrap_or_else(|| shape_of(scan));
                Verdict::new(Light::Off, why, Outcome::Ignored)
            }
            Role::Label => Verdict::new(Light::Attention, "belongs to no example yet", Outcome::Ignored),
            Role::Target => match scan.facts.warnings.first() {
                Some(warning) => Verdict::new(Light::Attention, warning, Outcome::Ready),
                None => Verdict::new(Light::Good, shape_of(scan), Outcome::Ready),
            },
            Role::Example => self.example(item, scan),
            Role::Truth | Role::Mask => match self.target() {
                None => Verdict::new(Light::Problem, "needs a target", Outcome::Ignored),
                Some(target) => labels_on(scan, &target.volume.grid, |n| match item.role {
                    Role::Truth => "for comparison only".into(),
                    _ => format!("on the target's grid · {}", labels(n)),
                }),
            },
        }
    }

    fn example(&self, item: &Item, image: &Scan) -> Verdict {
        let Some(partner) = item.partner.and_then(|partner| self.items.get(partner)) else {
            return Verdict::new(Light::Problem, "has no label file", Outcome::Ignored);
        };
        match &partner.check {
            Check::Waiting => Verdict::new(Light::Off, "opening its labels…", Outcome::Waits),
            Check::NotAnImage => Verdict::new(Light::Problem, "its label file is no image", Outcome::Ignored),
            Check::Broken(sentence) => {
                Verdict::new(Light::Problem, without_path(sentence, partner), Outcome::Ignored)
            }
            Check::Image(label) => {
                let mut verdict =
                    labels_on(label, &image.volume.grid, |n| format!("same grid · {}", labels(n)));
                let odd = image.facts.warnings.first().or(label.facts.warnings.first());
                if let (Light::Good, Some(warning)) = (verdict.light, odd) {
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

/// Judges a label map that is to lie on `grid`.
fn labels_on(label: &Scan, grid: &Grid, good: impl Fn(usize) -> String) -> Verdict {
    let Some(values) = &label.facts.label_values else {
        return Verdict::new(Light::Problem, "its values are intensities, not labels", Outcome::Ignored);
    };
    if values.is_empty() {
        return Verdict::new(Light::Problem, "holds no label above 0", Outcome::Ignored);
    }
    match label.volume.grid.corner_distance_voxels(grid) {
        _ if label.volume.grid.agrees_with(grid) => {
            Verdict::new(Light::Good, good(values.len()), Outcome::Ready)
        }
        _ if agree(grid, &label.volume.grid) => {
            let finding = "stored in another axis order; its header turns it";
            Verdict::new(Light::Attention, finding, Outcome::Ready)
        }
        Some(voxels) => {
            let smallest = label.volume.grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
            let finding = format!("label header {:.1} mm off", voxels * smallest);
            Verdict::new(Light::Problem, finding, Outcome::Choose(ALL_FIXES))
        }
        None => {
            let finding = format!("another shape than its image: {}", shape(label.volume.grid.shape));
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
pub fn shape_of(scan: &Scan) -> String {
    let grid = &scan.volume.grid;
    let [x, y, z] = grid.spacing_mm();
    let even = (x - y).abs() < 0.005 && (y - z).abs() < 0.005;
    let spacing = if even { format!("{x:.1} mm") } else { format!("{x:.2} × {y:.2} × {z:.2} mm") };
    let orientation = match grid.orientation().as_str() {
        "RAS" => "RAS".into(),
        other => format!("{other} → RAS"),
    };
    format!("{} · {spacing} · {orientation}", shape(grid.shape))
}
