//! How warm a lead is, from 0 to 100, with the reasons.

use super::Sentiment;

/// What is known of a lead.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LeadFacts {
    /// How the last messages sound.
    pub sentiment: Option<Sentiment>,
    /// Where they work.
    pub company: Option<String>,
    /// As what.
    pub position: Option<String>,
    /// Messages, visits and calls.
    pub engagement: u32,
    /// Seconds until they answer, on average.
    pub average_response: Option<f64>,
    /// What a model says, which counts for one half.
    pub model_score: Option<f64>,
}

/// How warm a lead is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temperature {
    /// 80 and more.
    Hot,
    /// 60 and more.
    Warm,
    /// 40 and more.
    Cold,
    /// Less.
    Low,
}

impl Temperature {
    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Warm => "warm",
            Self::Cold => "cold",
            Self::Low => "low",
        }
    }
}

/// What moved a score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// A stable name.
    pub name: &'static str,
    /// By how much.
    pub points: i32,
}

/// A score with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadScore {
    /// From 0 to 100.
    pub score: u8,
    /// The class of the score.
    pub temperature: Temperature,
    /// What moved it; the base is one of them.
    pub reasons: Vec<Reason>,
}

const SENIOR: [&str; 26] = [
    "ceo",
    "cto",
    "cfo",
    "coo",
    "cmo",
    "cio",
    "vp",
    "chief",
    "president*",
    "director*",
    "diretor*",
    "head",
    "founder*",
    "fundador*",
    "owner*",
    "socio*",
    "socia*",
    "partner*",
    "manager*",
    "gerente*",
    "dono",
    "dona",
    "dueno",
    "duena",
    "vice*",
    "jefe",
];

/// The score of a lead: 50, and what speaks for it.
pub fn score_lead(facts: &LeadFacts) -> LeadScore {
    let mut reasons = vec![Reason { name: "base", points: 50 }];
    let mut add = |counts: bool, name, points| {
        if counts {
            reasons.push(Reason { name, points });
        }
    };
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    let senior = facts.position.as_deref().map(super::text::spaced);
    let senior =
        senior.is_some_and(|position| SENIOR.iter().any(|word| super::text::has(&position, word)));
    add(facts.sentiment == Some(Sentiment::Positive), "positive_sentiment", 15);
    add(given(&facts.company), "company", 10);
    add(senior, "senior_position", 15);
    add(facts.engagement > 5, "engagement", 10);
    let fast = facts.average_response.is_some_and(|seconds| (0.0..3600.0).contains(&seconds));
    add(fast, "fast_responses", 10);
    let sum: i32 = reasons.iter().map(|reason| reason.points).sum();
    let own = sum.min(100);
    if own < sum {
        reasons.push(Reason { name: "limit", points: own - sum });
    }
    let score = facts.model_score.filter(|score| score.is_finite()).map_or(own, |model| {
        // Both are between 0 and 100, so that the mean is a whole number of points.
        let mean = f64::midpoint(f64::from(own), model.clamp(0.0, 100.0)).round();
        let mean = (0..=100).find(|points| f64::from(*points) >= mean).unwrap_or(100);
        reasons.push(Reason { name: "model", points: mean - own });
        mean
    });
    let temperature = match score {
        80.. => Temperature::Hot,
        60.. => Temperature::Warm,
        40.. => Temperature::Cold,
        _ => Temperature::Low,
    };
    LeadScore { score: u8::try_from(score).unwrap_or(100), temperature, reasons }
}
