//! How good a model is on deals that were closed later than those it learned from; pure.

use serde::{Deserialize, Serialize};

use super::model::share;

/// A model whose AUC may as well be this low tells winners from losers hardly better than a coin.
const LEAST: f64 = 0.55;
/// Standard errors on either side that hold the truth 19 times out of 20.
const SPREAD: f64 = 1.96;

/// The figures of a model on later deals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Judgement {
    /// Deals that it learned from, and later ones that it was judged on.
    pub(super) learned_from: usize,
    pub(super) judged_on: usize,
    /// How often a deal that was won got a higher probability than one that was lost.
    pub(super) auc: f64,
    /// Where that lies 19 times out of 20 (DeLong).
    pub(super) auc_low: f64,
    pub(super) auc_high: f64,
    /// The mean square of the error, and the same of who always says the share that was won before.
    pub(super) brier: f64,
    pub(super) base_brier: f64,
}

impl Judgement {
    /// Whether the model knows something: surely better than a coin, and nearer the truth than the share of all.
    pub(super) fn has_signal(&self) -> bool {
        self.auc_low > LEAST && self.brier < self.base_brier
    }
}

/// Judges probabilities by what happened.
pub(super) fn judge(learned_from: usize, base: f64, said: &[(f64, bool)]) -> Judgement {
    let (auc, error) = auc(said);
    let square = |of: &dyn Fn(f64) -> f64| {
        let sum: f64 =
            said.iter().map(|(p, won)| (of(*p) - f64::from(u8::from(*won))).powi(2)).sum();
        sum * share(1, said.len())
    };
    Judgement {
        learned_from,
        judged_on: said.len(),
        auc,
        auc_low: (auc - SPREAD * error).max(0.0),
        auc_high: (auc + SPREAD * error).min(1.0),
        brier: square(&|p| p),
        base_brier: square(&|_| base),
    }
}

/// The area under the ROC curve and its standard error by DeLong, DeLong and Clarke-Pearson (1988).
fn auc(said: &[(f64, bool)]) -> (f64, f64) {
    let sorted = |won: bool| {
        let mut some: Vec<f64> = said.iter().filter(|(_, w)| *w == won).map(|(p, _)| *p).collect();
        some.sort_by(f64::total_cmp);
        some
    };
    let (winners, losers) = (sorted(true), sorted(false));
    // The share of the others that stand below one, ties counted half.
    let below = |of: &[f64], one: f64| {
        let (less, up_to) = (of.partition_point(|p| *p < one), of.partition_point(|p| *p <= one));
        f64::midpoint(share(less, of.len()), share(up_to, of.len()))
    };
    let of_winners: Vec<f64> = winners.iter().map(|one| below(&losers, *one)).collect();
    let of_losers: Vec<f64> = losers.iter().map(|one| 1.0 - below(&winners, *one)).collect();
    let mean = |of: &[f64]| of.iter().sum::<f64>() * share(1, of.len());
    let variance = |of: &[f64]| {
        let mean = mean(of);
        let sum: f64 = of.iter().map(|one| (one - mean).powi(2)).sum();
        sum * share(1, of.len().saturating_sub(1)) * share(1, of.len())
    };
    (mean(&of_winners), (variance(&of_winners) + variance(&of_losers)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_books() {
        let said =
            [(0.9, true), (0.8, true), (0.7, false), (0.6, true), (0.4, false), (0.2, false)];
        let judged = judge(10, 0.5, &said);
        assert!((judged.auc - 8.0 / 9.0).abs() < 1e-12, "{judged:?}");
        let brier = (0.01 + 0.04 + 0.49 + 0.16 + 0.16 + 0.04) / 6.0;
        assert!((judged.brier - brier).abs() < 1e-12 && (judged.base_brier - 0.25).abs() < 1e-12);
    }

    #[test]
    fn who_always_says_the_same_has_no_signal() {
        let said: Vec<(f64, bool)> = (0..1000).map(|at| (0.5, at % 2 == 0)).collect();
        let judged = judge(10, 0.5, &said);
        assert!((judged.auc - 0.5).abs() < 1e-12 && !judged.has_signal(), "{judged:?}");
        let knows: Vec<(f64, bool)> =
            (0..1000).map(|at| (f64::from(at % 4) / 4.0, at % 4 > 1)).collect();
        assert!(judge(10, 0.5, &knows).has_signal());
    }
}
