//! `exemplar evaluate`: agreement of a segmentation with the truth, label by label.

use super::EvaluateArgs;
use super::print::out;
use anyhow::Result;
use imaging::io::Scan;
use imaging::metrics::compare;

/// Runs the command.
pub fn run(args: &EvaluateArgs) -> Result<()> {
    let labels = |path| Scan::open(path, 0)?.labels();
    let agreements = compare(&labels(&args.prediction)?, &labels(&args.truth)?)?;
    if args.json {
        return out!("{}", serde_json::to_string_pretty(&agreements)?);
    }
    if agreements.is_empty() {
        return out!("Both maps are empty: no voxel of either holds a label.");
    }
    out!("label   Dice  volume ml  difference ml  HD95 mm  surface Dice 1 mm")?;
    for a in &agreements {
        let or_dash = |value: Option<f64>, digits| value.map_or("–".into(), |v| format!("{v:.digits$}"));
        out!(
            "{:>5}  {:.3}  {:>9.3}  {:>+13.3}  {:>7}  {:>17}",
            a.label,
            a.dice,
            a.prediction_ml,
            a.prediction_ml - a.truth_ml,
            or_dash(a.hd95_mm, 2),
            or_dash(a.surface_dice_1mm, 3)
        )?;
    }
    Ok(())
}
