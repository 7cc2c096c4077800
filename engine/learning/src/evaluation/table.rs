//! The tables of `results.md`.

use super::condition::Condition;
use super::results::Row;
use super::study_table::{StudyTable, Summary, plot_file, summary};
use std::fmt::Write;

/// The tables of all studies as Markdown. Tables by structure are for `table_contexts` examples, or for the largest
/// number of a study if that is 0 or the study does not have it.
pub fn markdown(tables: &[StudyTable], all: &[Row], table_contexts: usize) -> String {
    let mut text = String::from("# Results\n");
    for table in tables {
        let rows = table.rows(all);
        let (name, metric, file) = (&table.name, table.metric.name(), plot_file(&table.name));
        say(&mut text, format_args!("\n## {name}\n"));
        let how = format!("{metric}, mean ± standard deviation over {}.", table.over);
        say(&mut text, format_args!("{how}\n\n![{metric} by number of examples]({file})"));
        for note in &table.notes {
            say(&mut text, format_args!("\n{note}"));
        }
        let largest = table.contexts.last().copied().unwrap_or(0);
        let contexts = if table.contexts.contains(&table_contexts) { table_contexts } else { largest };
        for condition in &table.conditions {
            say(&mut text, format_args!("\n### {}", title(*condition)));
            if table.structures.len() > 1 {
                by_structure(&mut text, table, &rows, *condition, contexts);
            }
            by_contexts(&mut text, table, &rows, *condition);
        }
        seconds(&mut text, table, &rows);
    }
    text
}

/// The heading of a condition.
pub fn title(condition: Condition) -> &'static str {
    match condition {
        Condition::AsIs => "images as they are",
        Condition::Inverted => "inverted contrast",
        Condition::Random => "random contrast",
        Condition::Shuffled => "labels shuffled (control)",
    }
}

fn by_structure(text: &mut String, table: &StudyTable, rows: &[&Row], condition: Condition, contexts: usize) {
    head(text, table, &format!("structure, {contexts} examples"));
    let structures = table.structures.iter().map(|name| (name.clone(), Some(name)));
    for (title, structure) in structures.chain([("**mean**".into(), None)]) {
        line(text, table, &title, |method| {
            let wanted = |row: &Row| {
                is(row, method, condition)
                    && row.trial.contexts == contexts
                    && structure.is_none_or(|name| *name == row.structure)
            };
            shown(table, summary(rows, wanted, |row| row.value))
        });
    }
}

fn by_contexts(text: &mut String, table: &StudyTable, rows: &[&Row], condition: Condition) {
    head(text, table, "examples");
    for &contexts in &table.contexts {
        line(text, table, &contexts.to_string(), |method| {
            let wanted = |row: &Row| is(row, method, condition) && row.trial.contexts == contexts;
            shown(table, summary(rows, wanted, |row| row.value))
        });
    }
}

/// Seconds are averaged over all conditions, which take the same time.
fn seconds(text: &mut String, table: &StudyTable, rows: &[&Row]) {
    say(text, format_args!("\n### seconds for a target (for each of its structures)"));
    head(text, table, "examples");
    for &contexts in &table.contexts {
        line(text, table, &contexts.to_string(), |method| {
            let wanted = |row: &Row| row.trial.method == method && row.trial.contexts == contexts;
            let text_of =
                |Summary { mean, .. }| format!("{:.3} ({mean:.3})", mean * table.structures.len() as f64);
            summary(rows, wanted, |row| row.seconds).map_or("–".into(), text_of)
        });
    }
}

fn is(row: &Row, method: &str, condition: Condition) -> bool {
    row.trial.method == method && row.trial.condition == condition.name()
}

fn shown(table: &StudyTable, summary: Option<Summary>) -> String {
    let digits = table.metric.digits();
    match summary {
        None => "–".into(),
        Some(Summary { mean, sd: None }) => format!("{mean:.digits$}"),
        Some(Summary { mean, sd: Some(sd) }) => format!("{mean:.digits$} ± {sd:.digits$}"),
    }
}

fn head(text: &mut String, table: &StudyTable, first: &str) {
    say(text, format_args!("\n| {first} | {} |", table.methods.join(" | ")));
    say(text, format_args!("| --- |{}", " --- |".repeat(table.methods.len())));
}

fn line(text: &mut String, table: &StudyTable, first: &str, cell: impl Fn(&str) -> String) {
    let cells: Vec<String> = table.methods.iter().map(|method| cell(method)).collect();
    say(text, format_args!("| {first} | {} |", cells.join(" | ")));
}

fn say(text: &mut String, line: std::fmt::Arguments) {
    writeln!(text, "{line}").expect("a text can be written to");
}
