//! `exemplar info`.

use super::InfoArgs;
use super::print::{self, out};
use anyhow::Result;
use imaging::io::{Facts, Scan};

/// Runs the command.
pub fn run(args: &InfoArgs) -> Result<()> {
    let facts = Scan::open(&args.file, 0)?.facts;
    if args.json {
        out!("{}", serde_json::to_string_pretty(&facts)?)
    } else {
        print::to_stdout(format_args!("{}", text(&facts)))
    }
}

/// One line for each fact, warnings last.
fn text(facts: &Facts) -> String {
    let [x, y, z] = facts.spacing_mm;
    let shape: Vec<_> = facts.shape.iter().map(usize::to_string).collect();
    let labels = match facts.label_values.as_deref() {
        None => "none (an image, not a label map)".into(),
        Some([]) => "none above 0".into(),
        Some(values) => values.iter().map(u16::to_string).collect::<Vec<_>>().join(" "),
    };
    let lines = [
        ("format", facts.format.clone()),
        ("type", facts.datatype.clone()),
        ("shape", shape.join(" × ")),
        ("volumes", facts.frames.to_string()),
        ("spacing", format!("{x:.4} × {y:.4} × {z:.4} mm")),
        ("orientation", facts.orientation.clone()),
        ("transform", format!("{}: {}", facts.transform, facts.transform_reason)),
        ("range", format!("{} to {}", facts.range[0], facts.range[1])),
        ("labels", labels),
    ];
    let warnings = facts.warnings.iter().map(|warning| ("warning", warning.clone()));
    lines.into_iter().chain(warnings).map(|(name, value)| format!("{name:<12} {value}\n")).collect()
}
