//! Whether a text is glad or not, by a lexicon with negation, emphasis and turns.

use std::{collections::HashMap, sync::LazyLock};

use super::text::bounded;

/// How a text sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sentiment {
    /// Glad.
    Positive,
    /// Neither.
    Neutral,
    /// Not glad.
    Negative,
}

impl Sentiment {
    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Neutral => "neutral",
            Self::Negative => "negative",
        }
    }
}

/// How a text sounds, and how surely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SentimentFound {
    /// The class.
    pub sentiment: Sentiment,
    /// From -1 to 1.
    pub score: f64,
    /// From 0 to 1.
    pub confidence: f64,
}

/// From which score on a text is not neutral.
const THRESHOLD: f64 = 0.2;

/// How far a negation reaches, in words.
const REACH: usize = 3;

/// Folded words by what they weigh; a star ends the beginning of words.
const LEXICON: [(f64, &str); 6] = [
    (
        3.0,
        "excellent excelent* amazing awesome fantastic* fantastico perfect* perfeit* wonderful maravilh* maravill* outstanding love \
        loved adoro adorei adoramos amei encanta encanto encantad* incrivel increible sensacional espetacular espectacular \
        brilliant superb delighted thrilled otimo otima optim* genial estupend*",
    ),
    (
        2.0,
        "good great happy glad nice helpful thank thanks obrigad* gracias agradec* recommend recomiendo recomendo feliz felices contente content* \
        satisfied satisfeit* satisfech* bom boa bons boas bueno buena buenos buenas buen bem bien gostei gostamos gosto gusta \
        gusto pleased easy facil friendly impress* top parabens felicit* felicidades resolved resolvido resuelto rapid* fast \
        eficien* efficient reliable confiavel confiable atencios* amab* useful util appreciate best melhor mejor enjoy* works \
        funciona smooth smoothly saved salvou salvaron exactly exatamente exactamente congrat* ador*",
    ),
    (
        1.0,
        "ok fine okay interested interessad* interesad* legal welcome clear claro like liked helps ajudou ayudo gentil cool valeu \
        positive positiv* worth better melhorou mejoro",
    ),
    (
        -1.0,
        "slow lento lenta lentos demora demorou demorad* demor* tarda tardan late atras* retras* delay* confus* expensive caro cara \
        caros difficult dificil complicat* complicad* wait* esperando problem* issue error* erro erros fallo* falla* falha* bug* missing falta \
        concern* worried preocup* unclear unfortunately infelizmente lamentablemente lamento sorry stuck travad* pendente",
    ),
    (
        -2.0,
        "bad poor ruim mal malo mala mau disappoint* decepcion* desapont* frustrat* frustrad* frustrante broken quebrad* quebrou roto \
        rota estragad* annoy* angry irritad* enojad* enfadad* molest* unhappy insatisf* insatisfeit* fail* wrong errad* equivocad* cancel* \
        refund reembolso devolucion complain* reclam* queja* quejar* useless inutil rude grosseir* groser* unacceptable inaceit* inacept* \
        absurd* dano danific* damaged carisim* carissim* cansad* cansei tired twice crash* trava travando waste regret arrepend* ignored ignorad* cobrado",
    ),
    (
        -3.0,
        "terrible terrivel horrible horrivel awful worst pior peor pessimo pessima pesim* hate odeio odio detest* disgust* nojento asco scam fraud* golpe \
        estafa vergonha verguenza ridicul* nightmare pesadel* pesadill* lixo basura porcaria disaster desastr* furious furios* \
        descaso",
    ),
];

/// Words that turn what follows.
const NEGATIONS: [&str; 14] = [
    "not", "no", "never", "nao", "nunca", "jamais", "jamas", "nem", "ni", "t", "cannot", "without",
    "sem", "sin",
];

/// Words that make what follows stronger.
const EMPHASES: [&str; 17] = [
    "very",
    "really",
    "so",
    "extremely",
    "absolutely",
    "super",
    "totally",
    "muito",
    "muita",
    "muy",
    "bem",
    "demais",
    "realmente",
    "extremamente",
    "totalmente",
    "tan",
    "mucho",
];

/// After these, what follows counts more than what stood before.
const TURNS: [&str; 7] = ["but", "however", "mas", "porem", "pero", "aunque", "contudo"];

/// Phrases whose words say something else one by one; they are taken out first.
const PHRASES: [(f64, &str); 38] = [
    (0.0, " bom dia "),
    (0.0, " boa tarde "),
    (0.0, " boa noite "),
    (0.0, " buenos dias "),
    (0.0, " buenas tardes "),
    (0.0, " buenas noches "),
    (0.0, " good morning "),
    (0.0, " good afternoon "),
    (0.0, " good evening "),
    (0.0, " thanks in advance "),
    (0.0, " would like "),
    (0.0, " gracias de antemano "),
    (0.0, " tudo bem "),
    (2.0, " no problem "),
    (2.0, " sem problemas "),
    (2.0, " sin problemas "),
    (2.0, " without any problem "),
    (-2.0, " fed up "),
    (-2.0, " nao funciona "),
    (-2.0, " no funciona "),
    (3.0, " not be happier "),
    (2.0, " nothing was missing "),
    (2.0, " nao faltou nada "),
    (2.0, " a comprar sin duda "),
    (2.0, " buy again "),
    (2.0, " comprar novamente "),
    (2.0, " justo lo que "),
    (-2.5, " no sirve "),
    (-2.5, " nao serve "),
    (-2.0, " nobody answers "),
    (-2.0, " nadie responde "),
    (-2.0, " ninguem responde "),
    (-2.0, " expected more "),
    (-2.0, " expected far more "),
    (-2.0, " esperava mais "),
    (-2.0, " esperaba mas "),
    (-2.0, " hung up "),
    (-2.0, " money back "),
];

/// How `text` sounds.
pub fn sentiment(text: &str) -> SentimentFound {
    let mut spaced = super::text::spaced(text);
    let mut sum = 0.0;
    for (weight, phrase) in PHRASES {
        while let Some(at) = spaced.find(phrase) {
            spaced.replace_range(at + 1..at + phrase.len() - 1, "-");
            sum += weight;
        }
    }
    sum += sum_of_words(&spaced) + faces(bounded(text));
    let loud = if text.contains('!') && sum != 0.0 { 0.5_f64.copysign(sum) } else { 0.0 };
    found(sum + loud)
}

fn found(sum: f64) -> SentimentFound {
    let score = sum / (sum * sum + 12.0).sqrt();
    let (sentiment, confidence) = if score >= THRESHOLD {
        (Sentiment::Positive, 0.5 + score / 2.0)
    } else if score <= -THRESHOLD {
        (Sentiment::Negative, 0.5 - score / 2.0)
    } else {
        (Sentiment::Neutral, 0.8 - score.abs())
    };
    SentimentFound { sentiment, score: round(score), confidence: round(confidence) }
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn sum_of_words(spaced: &str) -> f64 {
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (mut before, mut sum) = (0.0, 0.0);
    for (at, word) in words.iter().enumerate() {
        if TURNS.contains(word) {
            before += sum * 0.5;
            sum = 0.0;
            continue;
        }
        let Some(weight) = weight(word) else { continue };
        let near = &words[at.saturating_sub(REACH)..at];
        let negated = near.iter().any(|word| NEGATIONS.contains(word));
        let stronger = near.last().is_some_and(|word| EMPHASES.contains(word));
        sum += weight * if negated { -0.75 } else { 1.0 } * if stronger { 1.4 } else { 1.0 };
    }
    before + sum
}

/// The lexicon by its words and by its beginnings of words; of two weights the first counts.
struct Known {
    words: HashMap<&'static str, f64>,
    beginnings: HashMap<&'static str, f64>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut known = Known { words: HashMap::new(), beginnings: HashMap::new() };
    for (weight, words) in LEXICON {
        for word in words.split_whitespace() {
            match word.strip_suffix('*') {
                Some(beginning) => known.beginnings.entry(beginning).or_insert(weight),
                None => known.words.entry(word).or_insert(weight),
            };
        }
    }
    known
});

/// What a word weighs: itself, or else the longest known beginning of it.
fn weight(word: &str) -> Option<f64> {
    let beginning = || {
        let ends = word.char_indices().map(|(at, _)| at).skip(2).chain([word.len()]);
        ends.filter_map(|end| KNOWN.beginnings.get(&word[..end])).last().copied()
    };
    KNOWN.words.get(word).copied().or_else(beginning)
}

fn faces(text: &str) -> f64 {
    let glad = ["😀", "😊", "😍", "👍", "❤", "🎉", ":)", ":-)", "🙏", "🥰"];
    let sad = ["😡", "😠", "😞", "👎", "😢", ":(", ":-(", "🤬", "💔"];
    let count = |faces: &[&str]| {
        faces.iter().filter(|face| text.contains(**face)).map(|_| 2.0).sum::<f64>()
    };
    count(&glad) - count(&sad)
}
