//! Answers that may be sent to a message as they are, by what its writer wants.

use super::{Intent, Language, Persona, Sentiment, intent, language, sentiment};

/// An answer that may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its words.
    pub text: String,
    /// How it sounds.
    pub tone: Persona,
}

/// Answers, the fittest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Replies {
    /// As many as were asked for.
    pub replies: Vec<Reply>,
    /// What the writer is taken to want.
    pub intent: Intent,
    /// How surely, from 0 to 1.
    pub confidence: f64,
}

/// The most answers that are given.
const MOST: usize = 5;

/// `count` answers (1 to 5) to a message, in its language.
pub fn smart_replies(message: &str, count: usize, tone: Persona) -> Replies {
    let found = intent(message);
    let language = language(message);
    let sad = sentiment(message).sentiment == Sentiment::Negative;
    let sorry = if sad { sorry(language) } else { "" };
    let bodies = bodies(language, found.intent).iter().chain(general(language));
    let replies = bodies
        .take(count.clamp(1, MOST))
        .map(|body| Reply {
            text: [opening(language, tone), sorry, body, closing(language, tone)].concat(),
            tone,
        })
        .collect();
    Replies { replies, intent: found.intent, confidence: found.confidence }
}

const fn opening(language: Language, tone: Persona) -> &'static str {
    match (language, tone) {
        (Language::English, Persona::Professional) => "Hello, ",
        (Language::English, Persona::Friendly) => "Hi there! ",
        (Language::English, Persona::Formal) => "Dear customer, ",
        (Language::English, Persona::Casual) => "Hey! ",
        (Language::Portuguese, Persona::Professional) => "Olá, ",
        (Language::Portuguese, Persona::Friendly) => "Oi, tudo bem? ",
        (Language::Portuguese, Persona::Formal) => "Prezado cliente, ",
        (Language::Portuguese, Persona::Casual) => "Oi! ",
        (Language::Spanish, Persona::Professional) => "Hola, ",
        (Language::Spanish, Persona::Friendly) => "¡Hola! ",
        (Language::Spanish, Persona::Formal) => "Estimado cliente, ",
        (Language::Spanish, Persona::Casual) => "¡Hey! ",
    }
}

const fn closing(language: Language, tone: Persona) -> &'static str {
    match (language, tone) {
        (_, Persona::Professional) => "",
        (_, Persona::Friendly) => " 😊",
        (Language::English, Persona::Formal) => " Kind regards.",
        (Language::Portuguese, Persona::Formal) => " Atenciosamente.",
        (Language::Spanish, Persona::Formal) => " Atentamente.",
        (_, Persona::Casual) => " 👍",
    }
}

const fn sorry(language: Language) -> &'static str {
    match language {
        Language::English => "I am sorry about this. ",
        Language::Portuguese => "sinto muito por isso. ",
        Language::Spanish => "lamento lo ocurrido. ",
    }
}

const fn general(language: Language) -> &'static [&'static str] {
    match language {
        Language::English => &[
            "thank you for your message. I will come back to you today.",
            "could you tell me a little more, so that I can help you better?",
            "would a short call suit you? Tell me a time.",
        ],
        Language::Portuguese => &[
            "obrigado pela mensagem. Retorno ainda hoje.",
            "pode me contar um pouco mais, para eu ajudar melhor?",
            "podemos falar por telefone? Diga um horário.",
        ],
        Language::Spanish => &[
            "gracias por su mensaje. Le respondo hoy mismo.",
            "¿puede contarme un poco más, para ayudarle mejor?",
            "¿le viene bien una llamada corta? Dígame una hora.",
        ],
    }
}

/// Two answers for each wish.
const fn bodies(language: Language, intent: Intent) -> &'static [&'static str] {
    match language {
        Language::English => english(intent),
        Language::Portuguese => portuguese(intent),
        Language::Spanish => spanish(intent),
    }
}

const fn english(intent: Intent) -> &'static [&'static str] {
    match intent {
        Intent::ProductInquiry => &[
            "I am glad to tell you more about it. What would you use it for?",
            "would you like a demo this week?",
        ],
        Intent::Pricing => &[
            "I will send you our prices. For how many people is it?",
            "it depends on your plan; may I prepare an offer for you?",
        ],
        Intent::Support => &[
            "I will look into it. Could you send me a screenshot, or the exact message?",
            "since when does this happen, and for whom?",
        ],
        Intent::Complaint => &[
            "this should not have happened. I am looking into it now and will tell you what I find.",
            "could you tell me your order or ticket number, so that I can put it right?",
        ],
        Intent::Purchase => &[
            "I am happy to hear that. I will send you the next steps.",
            "shall I prepare the contract? I need the name and address for it.",
        ],
        Intent::Information => &[
            "I will find that out for you and come back shortly.",
            "which place or service is it about?",
        ],
        Intent::Greeting => {
            &["how can I help you?", "good to hear from you. What can I do for you?"]
        }
        Intent::Other => {
            &["understood. I will take a look at it.", "thank you for letting me know."]
        }
    }
}

const fn portuguese(intent: Intent) -> &'static [&'static str] {
    match intent {
        Intent::ProductInquiry => &[
            "será um prazer contar mais. Para que você usaria?",
            "quer ver uma demonstração esta semana?",
        ],
        Intent::Pricing => &[
            "vou enviar nossos preços. Para quantas pessoas seria?",
            "depende do plano; posso preparar uma proposta?",
        ],
        Intent::Support => &[
            "vou verificar. Pode enviar uma imagem da tela ou a mensagem exata?",
            "desde quando isso acontece, e com quem?",
        ],
        Intent::Complaint => &[
            "isso não deveria ter acontecido. Já estou verificando e aviso o que encontrar.",
            "pode me passar o número do pedido ou do chamado, para eu resolver?",
        ],
        Intent::Purchase => &[
            "que bom! Vou enviar os próximos passos.",
            "posso preparar o contrato? Preciso do nome e do endereço.",
        ],
        Intent::Information => &["vou verificar e já retorno.", "é sobre qual unidade ou serviço?"],
        Intent::Greeting => {
            &["como posso ajudar?", "que bom falar com você. O que posso fazer por você?"]
        }
        Intent::Other => &["entendido. Vou dar uma olhada.", "obrigado por avisar."],
    }
}

const fn spanish(intent: Intent) -> &'static [&'static str] {
    match intent {
        Intent::ProductInquiry => &[
            "con gusto le cuento más. ¿Para qué lo usaría?",
            "¿quiere ver una demostración esta semana?",
        ],
        Intent::Pricing => &[
            "le envío nuestros precios. ¿Para cuántas personas sería?",
            "depende del plan; ¿le preparo una propuesta?",
        ],
        Intent::Support => &[
            "lo reviso. ¿Puede enviarme una captura o el mensaje exacto?",
            "¿desde cuándo ocurre, y a quién?",
        ],
        Intent::Complaint => &[
            "esto no debería haber pasado. Lo estoy revisando y le digo qué encuentro.",
            "¿me da el número de pedido o de caso, para resolverlo?",
        ],
        Intent::Purchase => &[
            "¡qué bien! Le envío los próximos pasos.",
            "¿preparo el contrato? Necesito el nombre y la dirección.",
        ],
        Intent::Information => {
            &["lo averiguo y le respondo enseguida.", "¿de qué sede o servicio se trata?"]
        }
        Intent::Greeting => {
            &["¿en qué puedo ayudarle?", "me alegra saludarle. ¿Qué puedo hacer por usted?"]
        }
        Intent::Other => &["entendido. Lo miro.", "gracias por avisar."],
    }
}
