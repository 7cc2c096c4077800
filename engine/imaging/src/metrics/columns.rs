//! The columns of tables of scores: the command line shows all, the window those that have a compact form.

use super::compare::LabelScore;

/// A metric in a table, a row for each label.
pub struct Column {
    /// Heading without the unit.
    pub title: &'static str,
    /// Unit; empty for a ratio from 0 to 1.
    pub unit: &'static str,
    /// Digits after the point.
    pub digits: usize,
    /// Whether a plus is shown.
    pub signed: bool,
    /// How it looks where there is place for the most important only; None where it is left out there.
    pub compact: Option<Compact>,
    /// The value; None where the metric has none.
    pub value: fn(&LabelScore) -> Option<f64>,
}

/// What differs in a narrow table.
pub struct Compact {
    /// Heading without the unit.
    pub title: &'static str,
    /// Digits after the point.
    pub digits: usize,
}

/// Every metric, in the order of its columns.
#[rustfmt::skip]
pub const COLUMNS: [Column; 6] = [
    Column { title: "Dice", unit: "", digits: 3, signed: false, compact: Compact::of("Dice", 2), value: |score| Some(score.dice) },
    Column { title: "volume", unit: "ml", digits: 3, signed: false, compact: None, value: |score| Some(score.prediction_ml) },
    // A difference of nothing is +0, not −0.
    Column { title: "difference", unit: "ml", digits: 3, signed: true, compact: Compact::of("Δ", 1), value: |score| Some(score.prediction_ml - score.truth_ml + 0.0) },
    Column { title: "HD95", unit: "mm", digits: 2, signed: false, compact: Compact::of("HD95", 1), value: |score| score.hd95_mm },
    Column { title: "ASD", unit: "mm", digits: 2, signed: false, compact: None, value: |score| score.asd_mm },
    Column { title: "surface Dice 1 mm", unit: "", digits: 3, signed: false, compact: None, value: |score| score.surface_dice_1mm },
];

impl Compact {
    const fn of(title: &'static str, digits: usize) -> Option<Self> {
        Some(Self { title, digits })
    }
}

impl Column {
    /// Title and unit.
    pub fn heading(&self) -> String {
        with_unit(self.title, self.unit)
    }

    /// The value of a label, `–` where it has none.
    pub fn text(&self, score: &LabelScore) -> String {
        self.written(score, self.digits)
    }

    /// Heading and values of a narrow table, where it has a place there.
    pub fn compact(&self) -> Option<(String, impl Fn(&LabelScore) -> String)> {
        let Compact { title, digits } = self.compact.as_ref()?;
        Some((with_unit(title, self.unit), |score: &LabelScore| self.written(score, *digits)))
    }

    fn written(&self, score: &LabelScore, digits: usize) -> String {
        match (self.value)(score) {
            None => "–".into(),
            Some(value) if self.signed => format!("{value:+.digits$}"),
            Some(value) => format!("{value:.digits$}"),
        }
    }
}

fn with_unit(title: &str, unit: &str) -> String {
    format!("{title} {unit}").trim_end().into()
}
