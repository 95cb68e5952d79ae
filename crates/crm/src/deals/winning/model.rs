//! A logistic regression over yes-or-no features, fitted by Newton's method with a ridge; pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::judge::Judgement;

/// A value of a feature that fewer deals have tells nothing by itself.
const RARE: usize = 10;
/// Values of one feature that count at most, the most frequent first.
const MOST_VALUES: usize = 50;
/// How strongly weights are pulled towards nothing: as if each value had been met this often without an effect.
const RIDGE: f64 = 3.0;
const MOST_STEPS: usize = 30;
const SMALL_STEP: f64 = 1e-7;

/// A feature of a deal: which, and its value.
pub(super) type Feature = (&'static str, String);

/// A closed deal to learn from.
#[derive(Debug, Clone)]
pub(super) struct Example {
    pub(super) features: Vec<Feature>,
    pub(super) won: bool,
}

/// What a value of a feature tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Weight {
    pub(super) field: String,
    pub(super) value: String,
    /// In log odds, against the average of the field.
    pub(super) odds: f64,
    /// Closed deals that have it, and how many of them were won.
    pub(super) deals: usize,
    pub(super) won: usize,
}

/// What was learned.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Model {
    /// Closed deals that it knows, and how many of them were won.
    pub(super) deals: usize,
    pub(super) won: usize,
    pub(super) with_age: bool,
    pub(super) intercept: f64,
    pub(super) weights: Vec<Weight>,
    pub(super) judgement: Option<Judgement>,
}

#[expect(clippy::cast_precision_loss, reason = "deals are counted in thousands")]
pub(super) fn share(part: usize, of: usize) -> f64 {
    part as f64 / of.max(1) as f64
}

impl Model {
    /// Learns from examples.
    pub(super) fn learn(examples: &[Example]) -> Self {
        let won = examples.iter().filter(|one| one.won).count();
        let mut weights = frequent(examples);
        let columns: HashMap<(&str, &str), usize> = weights
            .iter()
            .enumerate()
            .map(|(at, one)| ((one.field.as_str(), one.value.as_str()), at + 1))
            .collect();
        let rows: Vec<(Vec<usize>, bool)> = examples
            .iter()
            .map(|one| {
                let known = one
                    .features
                    .iter()
                    .filter_map(|(field, value)| columns.get(&(*field, value.as_str())).copied());
                // The first column is what all deals share.
                ([0].into_iter().chain(known).collect(), one.won)
            })
            .collect();
        let fitted = fit(&rows, columns.len() + 1);
        drop(columns);
        for (one, weight) in weights.iter_mut().zip(&fitted[1..]) {
            one.odds = *weight;
        }
        let intercept = centre(&mut weights, fitted[0], examples.len());
        Self { deals: examples.len(), won, intercept, weights, ..Self::default() }
    }

    /// How probable it is that a deal of these features is won.
    pub(super) fn probability(&self, features: &[Feature]) -> f64 {
        let known = self.reasons(features);
        logistic(self.intercept + known.iter().map(|one| one.odds).sum::<f64>())
    }

    /// What counts for a deal of these features, the strongest first.
    pub(super) fn reasons(&self, features: &[Feature]) -> Vec<&Weight> {
        let has = |one: &&Weight| {
            features.iter().any(|(field, value)| *field == one.field && *value == one.value)
        };
        let mut reasons: Vec<&Weight> = self.weights.iter().filter(has).collect();
        reasons.sort_by(|one, other| other.odds.abs().total_cmp(&one.odds.abs()));
        reasons
    }
}

fn logistic(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

/// The values that are worth a weight.
fn frequent(examples: &[Example]) -> Vec<Weight> {
    let mut counts: HashMap<(&str, &str), (usize, usize)> = HashMap::new();
    for one in examples {
        for (field, value) in &one.features {
            let count = counts.entry((field, value)).or_default();
            count.0 += 1;
            count.1 += usize::from(one.won);
        }
    }
    let mut all: Vec<_> = counts.into_iter().filter(|(_, (deals, _))| *deals >= RARE).collect();
    all.sort_by(|(one, (few, _)), (other, (many, _))| {
        (one.0, many, one.1).cmp(&(other.0, few, other.1))
    });
    let mut weights: Vec<Weight> = Vec::new();
    let mut of_field = 0;
    for ((field, value), (deals, won)) in all {
        of_field =
            if weights.last().is_some_and(|last| last.field == field) { of_field + 1 } else { 0 };
        if of_field < MOST_VALUES {
            let (field, value) = (field.to_owned(), value.to_owned());
            weights.push(Weight { field, value, odds: 0.0, deals, won });
        }
    }
    weights
}

/// Makes each field's weights average to nothing over the deals, so that a weight says what is peculiar to its value,
/// and a value that is not known counts as the average; gives back what all deals share.
fn centre(weights: &mut [Weight], intercept: f64, deals: usize) -> f64 {
    let mut means: HashMap<String, f64> = HashMap::new();
    for one in weights.iter() {
        *means.entry(one.field.clone()).or_default() += one.odds * share(one.deals, deals);
    }
    for one in weights.iter_mut() {
        one.odds -= means.get(&one.field).copied().unwrap_or_default();
    }
    intercept + means.values().sum::<f64>()
}

/// Newton's method on the penalised likelihood; the first column is free of the penalty.
fn fit(rows: &[(Vec<usize>, bool)], width: usize) -> Vec<f64> {
    let mut weights = vec![0.0; width];
    for _ in 0..MOST_STEPS {
        let mut gradient = vec![0.0; width];
        let mut curvature = vec![0.0; width * width];
        for (columns, won) in rows {
            let p = logistic(columns.iter().map(|at| weights[*at]).sum());
            let (rest, spread) = (f64::from(u8::from(*won)) - p, (p * (1.0 - p)).max(1e-9));
            for at in columns {
                gradient[*at] += rest;
                for other in columns {
                    curvature[*at * width + *other] += spread;
                }
            }
        }
        for at in 0..width {
            let ridge = if at == 0 { 1e-6 } else { RIDGE };
            gradient[at] -= ridge * weights[at];
            curvature[at * width + at] += ridge;
        }
        let step = solved(curvature, gradient, width);
        weights.iter_mut().zip(&step).for_each(|(weight, step)| *weight += step);
        if step.iter().all(|step| step.abs() < SMALL_STEP) {
            break;
        }
    }
    weights
}

/// Solves a symmetric, positive definite system by Cholesky's decomposition.
fn solved(mut matrix: Vec<f64>, mut right: Vec<f64>, width: usize) -> Vec<f64> {
    for row in 0..width {
        for column in 0..=row {
            let known: f64 =
                (0..column).map(|at| matrix[row * width + at] * matrix[column * width + at]).sum();
            let rest = matrix[row * width + column] - known;
            matrix[row * width + column] = if row == column {
                rest.max(1e-12).sqrt()
            } else {
                rest / matrix[column * width + column]
            };
        }
    }
    for row in 0..width {
        let known: f64 = (0..row).map(|at| matrix[row * width + at] * right[at]).sum();
        right[row] = (right[row] - known) / matrix[row * width + row];
    }
    for row in (0..width).rev() {
        let known: f64 = (row + 1..width).map(|at| matrix[at * width + row] * right[at]).sum();
        right[row] = (right[row] - known) / matrix[row * width + row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deals of ana are won in three of four cases, bruno's in one of four.
    fn examples() -> Vec<Example> {
        (0..800)
            .map(|at| {
                let ana = at % 2 == 0;
                let won = (at / 2 % 4 == 0) != ana;
                let owner = if ana { "ana" } else { "bruno" };
                let day = format!("{}", at % 7);
                Example { features: vec![("owner", owner.to_owned()), ("weekday", day)], won }
            })
            .collect()
    }

    #[test]
    fn a_planted_signal_is_found() {
        let model = Model::learn(&examples());
        let of = |owner: &str| model.probability(&[("owner", owner.to_owned())]);
        assert!((0.70..0.80).contains(&of("ana")), "{}", of("ana"));
        assert!((0.20..0.30).contains(&of("bruno")), "{}", of("bruno"));
        assert!((0.45..0.55).contains(&of("somebody")), "{}", of("somebody"));
        let reasons = model.reasons(&[("weekday", "3".to_owned()), ("owner", "ana".to_owned())]);
        assert_eq!((reasons[0].field.as_str(), reasons[0].deals), ("owner", 400));
    }

    #[test]
    fn equations_are_solved() {
        let solution = solved(vec![4.0, 2.0, 2.0, 3.0], vec![10.0, 9.0], 2);
        assert!((solution[0] - 1.5).abs() < 1e-12 && (solution[1] - 2.0).abs() < 1e-12);
    }
}
