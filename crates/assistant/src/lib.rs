//! The AI engines in their local forms, which need no model: sentiment, intent, entities, replies, summaries, scores, guidance.

pub mod engines;
