//! What a member may say next, by the last turns, the stage of the deal and who it is with.

use super::{Intent, Language, Sentiment, intent, language, sentiment, smart_replies};

/// How an answer sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persona {
    /// To the point.
    #[default]
    Professional,
    /// Warm.
    Friendly,
    /// With distance.
    Formal,
    /// As among friends.
    Casual,
}

impl Persona {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Professional, Self::Friendly, Self::Formal, Self::Casual];

    /// Its name in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Professional => "professional",
            Self::Friendly => "friendly",
            Self::Formal => "formal",
            Self::Casual => "casual",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|persona| persona.name() == name)
    }
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Whether the customer says it.
    pub from_customer: bool,
    /// What is said.
    pub text: String,
}

/// With whom a member speaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// Their name.
    pub name: Option<String>,
    /// Where they work.
    pub company: Option<String>,
}

/// What a suggestion follows from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Situation {
    /// What it is about.
    pub context: String,
    /// Oldest first; the last ones count.
    pub history: Vec<Turn>,
    /// The name of the deal's stage, in any of the three languages.
    pub deal_stage: Option<String>,
    /// How the suggestion is to sound.
    pub persona: Persona,
    /// With whom.
    pub contact: Contact,
}

/// What a member may say, and what to watch.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// A text that may be sent.
    pub suggestion: String,
    /// What to do at this stage, for the member alone.
    pub guidance: Option<&'static str>,
    /// What the customer is taken to want.
    pub intent: Intent,
    /// How the customer sounds.
    pub sentiment: Sentiment,
    /// From 0 to 1.
    pub confidence: f64,
}

/// How many of the last turns are read.
const TURNS: usize = 6;

/// What a member may say next.
pub fn copilot(situation: &Situation) -> Suggestion {
    let last = &situation.history[situation.history.len().saturating_sub(TURNS)..];
    let asked = last.iter().rev().find(|turn| turn.from_customer).map(|turn| turn.text.as_str());
    let message = asked.unwrap_or(&situation.context);
    let all: String = last
        .iter()
        .flat_map(|turn| [turn.text.as_str(), "\n"])
        .chain([situation.context.as_str()])
        .collect();
    let language = language(&all);
    let found = intent(message);
    let replies = smart_replies(message, 1, situation.persona);
    let body = replies.replies.into_iter().next().map(|reply| reply.text).unwrap_or_default();
    let stage = situation.deal_stage.as_deref().and_then(stage);
    let step = stage.map(|stage| next_step(stage, language));
    let name = situation.contact.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let first = name.and_then(|name| name.split_whitespace().next());
    let suggestion =
        [first.map(|name| format!("{name}: ")), Some(body), step.map(|step| format!(" {step}"))];
    // Each thing that is known makes it a little surer; without a question it is a guess.
    let known = [asked.is_some(), stage.is_some(), name.is_some(), last.len() > 2];
    let bonus: f64 = known.into_iter().map(|known| if known { 0.1 } else { 0.0 }).sum();
    let confidence = ((found.confidence * 0.5 + bonus) * 100.0).round() / 100.0;
    Suggestion {
        suggestion: suggestion.into_iter().flatten().collect(),
        guidance: stage.map(guidance),
        intent: found.intent,
        sentiment: sentiment(message).sentiment,
        confidence: confidence.clamp(0.1, 0.95),
    }
}

#[derive(Clone, Copy)]
enum Stage {
    First,
    Qualified,
    Proposed,
    Negotiating,
    Won,
    Lost,
}

fn stage(name: &str) -> Option<Stage> {
    const NAMES: [(Stage, &[&str]); 6] = [
        (Stage::Won, &["won", "ganh*", "ganad*", "closed won"]),
        (Stage::Lost, &["lost", "perdid*"]),
        (
            Stage::Negotiating,
            &["negotiat*", "negoc*", "closing", "fechamento", "cierre", "contract", "contrato"],
        ),
        (Stage::Proposed, &["propos*", "propuesta", "quote", "orcamento", "presupuesto"]),
        (
            Stage::Qualified,
            &[
                "qualif*",
                "calific*",
                "cualific*",
                "discovery",
                "demo",
                "demonstracao",
                "demostracion",
            ],
        ),
        (Stage::First, &["prospect*", "new", "novo", "nuevo", "lead", "contact*", "contato"]),
    ];
    let spaced = super::text::spaced(name);
    NAMES
        .iter()
        .find(|(_, names)| names.iter().any(|name| super::text::has(&spaced, name)))
        .map(|(stage, _)| *stage)
}

/// What the suggestion ends with at a stage.
const fn next_step(stage: Stage, language: Language) -> &'static str {
    match (language, stage) {
        (Language::English, Stage::First) => "May I ask what you want to achieve?",
        (Language::English, Stage::Qualified) => "Who else decides with you, and by when?",
        (Language::English, Stage::Proposed) => "Shall we go through the proposal together?",
        (Language::English, Stage::Negotiating) => "What is still open before you can sign?",
        (Language::English, Stage::Won) => "I will arrange the start with you.",
        (Language::English, Stage::Lost) => "May I ask again in a few months?",
        (Language::Portuguese, Stage::First) => "Posso perguntar o que você quer alcançar?",
        (Language::Portuguese, Stage::Qualified) => "Quem mais decide com você, e até quando?",
        (Language::Portuguese, Stage::Proposed) => "Vamos ver a proposta juntos?",
        (Language::Portuguese, Stage::Negotiating) => "O que falta para assinar?",
        (Language::Portuguese, Stage::Won) => "Vou combinar o início com você.",
        (Language::Portuguese, Stage::Lost) => "Posso voltar a perguntar em alguns meses?",
        (Language::Spanish, Stage::First) => "¿Puedo preguntar qué quiere lograr?",
        (Language::Spanish, Stage::Qualified) => "¿Quién más decide con usted, y para cuándo?",
        (Language::Spanish, Stage::Proposed) => "¿Vemos la propuesta juntos?",
        (Language::Spanish, Stage::Negotiating) => "¿Qué falta para firmar?",
        (Language::Spanish, Stage::Won) => "Coordino el inicio con usted.",
        (Language::Spanish, Stage::Lost) => "¿Puedo volver a preguntar en unos meses?",
    }
}

const fn guidance(stage: Stage) -> &'static str {
    match stage {
        Stage::First => "Find out what they need before you show anything.",
        Stage::Qualified => "Learn the budget, the day and who decides.",
        Stage::Proposed => {
            "Tie the proposal to what they said they need, and agree on a next meeting."
        }
        Stage::Negotiating => {
            "Name what is open, give nothing without getting something, set a day."
        }
        Stage::Won => "Say thank you, arrange the start, ask for others who may need it.",
        Stage::Lost => "Ask for the reason and leave the door open.",
    }
}
