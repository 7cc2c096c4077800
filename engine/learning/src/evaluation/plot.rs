//! A plot of each study as SVG: the metric by number of examples, one panel per condition, one line per method.

use super::condition::Condition;
use super::results::Row;
use super::study_table::{Metric, StudyTable, Summary, summary};
use super::table::title;
use std::fmt::Write;

/// Colours that are distinguishable with colour blindness (Okabe and Ito), the dark ones first.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9"];
/// Width and height of a panel in pixels.
const PANEL: [f64; 2] = [270.0, 240.0];
/// Margins of a panel in pixels: left, top, right, bottom.
const MARGINS: [f64; 4] = [62.0, 34.0, 14.0, 52.0];
/// Width of the legend in pixels.
const LEGEND: f64 = 190.0;

/// A method's results by number of examples.
type Curve = Vec<(usize, Summary)>;

/// The plot of a study as SVG text.
pub fn svg(table: &StudyTable, all: &[Row]) -> String {
    let rows = table.rows(all);
    let curve = |condition: Condition, method: &String| -> Curve {
        let figure = |&contexts: &usize| {
            let wanted = |row: &Row| {
                let trial = &row.trial;
                trial.condition == condition.name() && trial.method == *method && trial.contexts == contexts
            };
            // Infinite values, such as the PSNR of equal images, are omitted.
            let figure = summary(&rows, wanted, |row| row.value).filter(|figure| figure.mean.is_finite());
            Some((contexts, figure?))
        };
        table.contexts.iter().filter_map(figure).collect()
    };
    let panels: Vec<Vec<Curve>> = table
        .conditions
        .iter()
        .map(|&condition| table.methods.iter().map(|method| curve(condition, method)).collect())
        .collect();
    let scale = Scale::over(table, panels.iter().flatten().flatten());
    let [left, top, right, bottom] = MARGINS;
    let each = left + PANEL[0] + right;
    let (width, height) = (each * panels.len() as f64 + LEGEND, top + PANEL[1] + bottom);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (number, (curves, condition)) in panels.iter().zip(&table.conditions).enumerate() {
        let (x, head) = (each * number as f64 + left, title(*condition));
        open_group(&mut text, [x, top]);
        scale.axes(&mut text, table, head);
        for (number, curve) in curves.iter().enumerate() {
            scale.curve(&mut text, curve, number, curves.len());
        }
        text.push_str("</g>\n");
    }
    open_group(&mut text, [each * panels.len() as f64, top + 10.0]);
    for (number, method) in table.methods.iter().enumerate() {
        let y = 20.0 * number as f64;
        line(&mut text, [0.0, y], [24.0, y], COLOURS[number % COLOURS.len()], 2.0);
        mark(&mut text, [12.0, y], number);
        label(&mut text, [32.0, y + 4.0], "start", method);
    }
    text.push_str("</g>\n</svg>\n");
    text
}

/// Maps numbers of examples and values to positions in a panel.
struct Scale {
    /// Binary logarithms of the numbers of examples at both ends.
    sizes: [f64; 2],
    values: [f64; 2],
    /// Distance between grid lines of values.
    step: f64,
}

impl Scale {
    fn over<'a>(table: &StudyTable, curves: impl Iterator<Item = &'a (usize, Summary)>) -> Self {
        let mut ends = [f64::INFINITY, f64::NEG_INFINITY];
        for (_, Summary { mean, sd }) in curves {
            let sd = sd.filter(|sd| sd.is_finite()).unwrap_or(0.0);
            ends = [ends[0].min(mean - sd), ends[1].max(mean + sd)];
        }
        if table.metric == Metric::Dice || ends[0] > ends[1] {
            ends = [0.0, 1.0];
        }
        let raw = ((ends[1] - ends[0]) / 5.0).max(1e-3);
        let power = 10.0_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| *step >= raw * 0.999);
        let step = step.unwrap_or(10.0 * power);
        let values = [(ends[0] / step).floor() * step, (ends[1] / step - 1e-9).ceil() * step];
        let size = |contexts: Option<&usize>| (*contexts.unwrap_or(&1) as f64).log2();
        let sizes = [size(table.contexts.first()) - 0.3, size(table.contexts.last()) + 0.3];
        Self { sizes, values, step }
    }

    fn x(&self, contexts: usize) -> f64 {
        ((contexts as f64).log2() - self.sizes[0]) / (self.sizes[1] - self.sizes[0]) * PANEL[0]
    }

    fn y(&self, value: f64) -> f64 {
        (1.0 - (value - self.values[0]) / (self.values[1] - self.values[0])) * PANEL[1]
    }

    fn axes(&self, text: &mut String, table: &StudyTable, head: &str) {
        let [width, height] = PANEL;
        let digits = usize::from(self.step < 1.0) * (-self.step.log10().floor()).max(0.0) as usize;
        let marks = ((self.values[1] - self.values[0]) / self.step).round() as usize;
        for value in (0..=marks).map(|mark| self.values[0] + mark as f64 * self.step) {
            let y = self.y(value);
            line(text, [0.0, y], [width, y], "#dddddd", 1.0);
            label(text, [-8.0, y + 4.0], "end", &format!("{value:.digits$}"));
        }
        line(text, [0.0, 0.0], [0.0, height], "#000000", 1.0);
        line(text, [0.0, height], [width, height], "#000000", 1.0);
        for &contexts in &table.contexts {
            let x = self.x(contexts);
            line(text, [x, height], [x, height + 5.0], "#000000", 1.0);
            label(text, [x, height + 20.0], "middle", &contexts.to_string());
        }
        label(text, [width / 2.0, height + 42.0], "middle", "examples");
        label(text, [width / 2.0, -14.0], "middle", &format!("{}: {head}", table.name));
        let (x, y, metric) = (-44.0, height / 2.0, table.metric.name());
        put(text, format_args!("<g transform=\"translate({x} {y}) rotate(-90)\">"));
        label(text, [0.0, 0.0], "middle", metric);
        text.push_str("</g>\n");
    }

    /// Draws the curve of method `number` of `count`, shifted slightly so that error bars do not overlap.
    fn curve(&self, text: &mut String, curve: &Curve, number: usize, count: usize) {
        let aside = 4.0 * (number as f64 - (count as f64 - 1.0) / 2.0);
        let colour = COLOURS[number % COLOURS.len()];
        let places: Vec<[f64; 2]> =
            curve.iter().map(|(size, figure)| [self.x(*size) + aside, self.y(figure.mean)]).collect();
        for pair in places.windows(2) {
            line(text, pair[0], pair[1], colour, 2.0);
        }
        for (&[x, y], (_, figure)) in places.iter().zip(curve) {
            if let Some(sd) = figure.sd.filter(|sd| sd.is_finite()) {
                let ends = [figure.mean - sd, figure.mean + sd].map(|value| self.y(value));
                line(text, [x, ends[0]], [x, ends[1]], colour, 1.0);
                ends.iter().for_each(|&y| line(text, [x - 3.0, y], [x + 3.0, y], colour, 1.0));
            }
            mark(text, [x, y], number);
        }
    }
}

/// Draws a marker, so that methods differ by more than their colour.
fn mark(text: &mut String, [x, y]: [f64; 2], number: usize) {
    let colour = COLOURS[number % COLOURS.len()];
    let corners: &[[f64; 2]] = match number % 4 {
        0 => {
            put(text, format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>"));
            return;
        }
        1 => &[[-3.5, -3.5], [3.5, -3.5], [3.5, 3.5], [-3.5, 3.5]],
        2 => &[[0.0, -4.5], [4.5, 3.5], [-4.5, 3.5]],
        _ => &[[0.0, -5.0], [5.0, 0.0], [0.0, 5.0], [-5.0, 0.0]],
    };
    let points: Vec<String> =
        corners.iter().map(|corner| format!("{:.1},{:.1}", x + corner[0], y + corner[1])).collect();
    put(text, format_args!("<polygon points=\"{}\" fill=\"{colour}\"/>", points.join(" ")));
}

fn line(text: &mut String, from: [f64; 2], to: [f64; 2], colour: &str, width: f64) {
    let ([x1, y1], [x2, y2]) = (from, to);
    put(
        text,
        format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
        ),
    );
}

fn label(text: &mut String, [x, y]: [f64; 2], anchor: &str, what: &str) {
    let what = what.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    put(text, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{what}</text>"));
}

fn open_group(text: &mut String, [x, y]: [f64; 2]) {
    put(text, format_args!("<g transform=\"translate({x:.1} {y:.1})\">"));
}

fn put(text: &mut String, line: std::fmt::Arguments) {
    writeln!(text, "{line}").expect("a text can be written to");
}
