//! What the engines answer without a model: the same for the same input, in English, Portuguese and Spanish.

mod copilot;
mod entities;
mod intent;
mod language;
mod lead_score;
mod replies;
mod sentiment;
mod summary;
#[cfg(test)]
mod tests;
mod text;
mod vectors;

pub use copilot::{Contact, Persona, Situation, Suggestion, Turn, copilot};
pub use entities::{Entities, extract_entities};
pub use intent::{Intent, IntentFound, intent};
pub use language::{Language, language};
pub use lead_score::{LeadFacts, LeadScore, Reason, Temperature, score_lead};
pub use replies::{Replies, Reply, smart_replies};
pub use sentiment::{Sentiment, SentimentFound, sentiment};
pub use summary::{Summary, summarize};
pub use vectors::{DIMENSIONS, vector};
