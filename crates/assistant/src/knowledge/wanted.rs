//! What a search may say, and what it gives back.

use kith_kernel::{Id, Result, invalid};

/// How chunks are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// By meaning and by words.
    #[default]
    Hybrid,
    /// By meaning alone.
    Semantic,
    /// By words alone.
    Keyword,
}

/// How much meaning and words count; together they are one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Of meaning.
    pub semantic: f32,
    /// Of words.
    pub keyword: f32,
}

impl Mode {
    /// All there are, by their names.
    pub const NAMES: [&'static str; 3] = ["hybrid", "semantic", "keyword"];

    /// The mode of a name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "hybrid" => Some(Self::Hybrid),
            "semantic" => Some(Self::Semantic),
            "keyword" => Some(Self::Keyword),
            _ => None,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::Semantic => "semantic",
            Self::Keyword => "keyword",
        }
    }

    /// How much meaning and words count in it.
    pub const fn weights(self) -> Weights {
        match self {
            Self::Hybrid => Weights { semantic: 0.7, keyword: 0.3 },
            Self::Semantic => Weights { semantic: 1.0, keyword: 0.0 },
            Self::Keyword => Weights { semantic: 0.0, keyword: 1.0 },
        }
    }
}

impl Weights {
    /// Of a hybrid search, as somebody gave them.
    ///
    /// # Errors
    /// `Invalid` where they are no shares of one.
    pub fn new(semantic: f32, keyword: f32) -> Result<Self> {
        let is_share = |number: f32| (0.0..=1.0).contains(&number);
        if !is_share(semantic) || !is_share(keyword) || (semantic + keyword - 1.0).abs() > 0.001 {
            return Err(invalid(
                "weights",
                "semantic and keyword are from 0 to 1 and make 1 together",
            ));
        }
        Ok(Self { semantic, keyword })
    }
}

/// What is looked for, and where.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// In these documents alone.
    pub documents: Option<Vec<Id>>,
    /// In documents of these types alone; none: of all.
    pub kinds: Vec<String>,
    /// So many passages at most; 0: five.
    pub limit: usize,
    /// How.
    pub mode: Mode,
    /// How much meaning and words count, where it is not as usual.
    pub weights: Option<Weights>,
    /// With at least this score.
    pub at_least: Option<f32>,
    /// Whether what is likelier to answer goes first: PDFs, beginnings, what is new.
    pub rerank: bool,
}

/// Part of a document that fits a question.
#[derive(Debug, Clone)]
pub struct Passage {
    /// The document.
    pub document: Id,
    /// What it is called.
    pub title: String,
    /// The chunk.
    pub chunk: Id,
    /// Which one of its document, counted from 0.
    pub position: i64,
    /// The page that it begins on.
    pub page: Option<i64>,
    /// The headings that it stands under.
    pub heading: String,
    /// What it says.
    pub text: String,
    /// How well it fits, from 0 to 1.
    pub score: f32,
    /// How near its meaning is, from 0 to 1.
    pub semantic: f32,
    /// How well its words fit, from 0 to 1.
    pub keyword: f32,
    /// Whether it really answers, from 0 to 1: below [`super::ENOUGH`] nobody should lean on it.
    pub evidence: f32,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The best first.
    pub passages: Vec<Passage>,
    /// How it was looked for in the end.
    pub mode: Mode,
    /// Why that is not how it should have been.
    pub fallback: Option<String>,
    /// Whose vectors searches go by; none before the first document.
    pub model: Option<String>,
}
