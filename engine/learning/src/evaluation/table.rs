//! `results.md`: the tables of a paper.

use super::condition::Condition;
use super::results::Row;
use super::study_table::{StudyTable, Summary, plot_file, summary};
use std::fmt::Write;

/// All studies. Structures are told apart at `table_contexts` examples, at the most of each study for 0 or where it has no
/// such size.
pub fn markdown(sheets: &[StudyTable], all: &[Row], table_contexts: usize) -> String {
    let mut text = String::from("# Results\n");
    for sheet in sheets {
        let rows = sheet.rows(all);
        let (name, metric, file) = (&sheet.name, sheet.metric.name(), plot_file(&sheet.name));
        say(&mut text, format_args!("\n## {name}\n"));
        let how = format!("{metric}, mean ± standard deviation over {}.", sheet.over);
        say(&mut text, format_args!("{how}\n\n![{metric} by number of examples]({file})"));
        for note in &sheet.notes {
            say(&mut text, format_args!("\n{note}"));
        }
        let largest = sheet.contexts.last().copied().unwrap_or(0);
        let contexts = if sheet.contexts.contains(&table_contexts) { table_contexts } else { largest };
        for condition in &sheet.conditions {
            say(&mut text, format_args!("\n### {}", title(*condition)));
            if sheet.structures.len() > 1 {
                by_structure(&mut text, sheet, &rows, *condition, contexts);
            }
            by_contexts(&mut text, sheet, &rows, *condition);
        }
        seconds(&mut text, sheet, &rows);
    }
    text
}

/// What a condition is, for a heading.
pub fn title(condition: Condition) -> &'static str {
    match condition {
        Condition::AsIs => "images as they are",
        Condition::Inverted => "inverted contrast",
        Condition::Random => "random contrast",
        Condition::Shuffled => "labels shuffled (control)",
    }
}

fn by_structure(text: &mut String, sheet: &StudyTable, rows: &[&Row], condition: Condition, contexts: usize) {
    head(text, sheet, &format!("structure, {contexts} examples"));
    let structures = sheet.structures.iter().map(|name| (name.clone(), Some(name)));
    for (title, structure) in structures.chain([("**mean**".into(), None)]) {
        line(text, sheet, &title, |method| {
            let wanted = |row: &Row| {
                is(row, method, condition)
                    && row.unit.contexts == contexts
                    && structure.is_none_or(|name| *name == row.structure)
            };
            shown(sheet, summary(rows, wanted, |row| row.value))
        });
    }
}

fn by_contexts(text: &mut String, sheet: &StudyTable, rows: &[&Row], condition: Condition) {
    head(text, sheet, "examples");
    for &contexts in &sheet.contexts {
        line(text, sheet, &contexts.to_string(), |method| {
            let wanted = |row: &Row| is(row, method, condition) && row.unit.contexts == contexts;
            shown(sheet, summary(rows, wanted, |row| row.value))
        });
    }
}

/// Over all conditions, which take the same time.
fn seconds(text: &mut String, sheet: &StudyTable, rows: &[&Row]) {
    say(text, format_args!("\n### seconds for a target (for each of its structures)"));
    head(text, sheet, "examples");
    for &contexts in &sheet.contexts {
        line(text, sheet, &contexts.to_string(), |method| {
            let wanted = |row: &Row| row.unit.method == method && row.unit.contexts == contexts;
            let told =
                |Summary { mean, .. }| format!("{:.3} ({mean:.3})", mean * sheet.structures.len() as f64);
            summary(rows, wanted, |row| row.seconds).map_or("–".into(), told)
        });
    }
}

fn is(row: &Row, method: &str, condition: Condition) -> bool {
    row.unit.method == method && row.unit.condition == condition.name()
}

fn shown(sheet: &StudyTable, summary: Option<Summary>) -> String {
    let digits = sheet.metric.digits();
    match summary {
        None => "–".into(),
        Some(Summary { mean, sd: None }) => format!("{mean:.digits$}"),
        Some(Summary { mean, sd: Some(sd) }) => format!("{mean:.digits$} ± {sd:.digits$}"),
    }
}

fn head(text: &mut String, sheet: &StudyTable, first: &str) {
    say(text, format_args!("\n| {first} | {} |", sheet.methods.join(" | ")));
    say(text, format_args!("| --- |{}", " --- |".repeat(sheet.methods.len())));
}

fn line(text: &mut String, sheet: &StudyTable, first: &str, cell: impl Fn(&str) -> String) {
    let cells: Vec<String> = sheet.methods.iter().map(|method| cell(method)).collect();
    say(text, format_args!("| {first} | {} |", cells.join(" | ")));
}

fn say(text: &mut String, line: std::fmt::Arguments) {
    writeln!(text, "{line}").expect("a text can be written to");
}
