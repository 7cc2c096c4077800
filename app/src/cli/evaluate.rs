//! `exemplar evaluate`: agreement of a segmentation with a reference, label by label.

use super::EvaluateArgs;
use super::print::out;
use anyhow::Result;
use imaging::io::Scan;
use imaging::metrics::{COLUMNS, Column, compare};

/// Minimum width of a column, in characters.
const NARROWEST: usize = 5;

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
    let row = |first: &str, text: &dyn Fn(&Column) -> String| {
        let columns = COLUMNS.iter().map(|column| {
            let width = column.heading().chars().count().max(NARROWEST);
            format!("  {:>width$}", text(column))
        });
        format!("{first:>5}{}", columns.collect::<String>())
    };
    out!("{}", row("label", &Column::heading))?;
    for score in &agreements {
        out!("{}", row(&score.label.to_string(), &|column| column.text(score)))?;
    }
    Ok(())
}
