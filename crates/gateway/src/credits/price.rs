//! What a call may cost at most, and what it did, in credits.

use kith_llm::{Chat, Content, Leg, Target, Usage, cost, dearest};

use crate::keys::OPERATOR;

/// Tokens of an answer where neither the request nor what is left says less.
const USUAL_ANSWER: u32 = 4_096;
/// An answer that may have fewer tokens than this is not worth asking for.
const SHORTEST_ANSWER: u32 = 64;
/// Tokens of a picture at most.
const PICTURE: usize = 2_000;
/// Tokens around each turn.
const AROUND: usize = 16;
const MICRODOLLARS_PER_CREDIT: u64 = 100;

/// What is reserved for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Most {
    pub(crate) credits: i64,
    /// How long the answer may be.
    pub(crate) max_tokens: Option<u32>,
}

/// The most that a call may cost of what is left: of an answer without a limit of its own, as much as can be paid for.
/// None where not even that can; nothing is reserved for a call by keys of the tenant's own.
///
/// # Errors
/// What the call may cost, when it is more than what is left.
pub(crate) fn most(
    targets: &[Target],
    (prompt, wanted): (u32, Option<u32>),
    left: i64,
) -> Result<Most, i64> {
    let of = |completion_tokens| {
        let usage = Usage { prompt_tokens: prompt, completion_tokens };
        let paid = targets.iter().filter(|target| target.account == OPERATOR);
        paid.map(|target| credits(target.provider, &target.model, usage)).max().unwrap_or_default()
    };
    let whole = of(wanted.unwrap_or(USUAL_ANSWER));
    if whole == 0 {
        return Ok(Most { credits: 0, max_tokens: wanted });
    }
    if whole <= left {
        return Ok(Most { credits: whole, max_tokens: Some(wanted.unwrap_or(USUAL_ANSWER)) });
    }
    if wanted.is_some() || of(SHORTEST_ANSWER) > left {
        return Err(whole);
    }
    let (mut fits, mut exceeds) = (SHORTEST_ANSWER, USUAL_ANSWER);
    while exceeds - fits > 1 {
        let middle = fits.midpoint(exceeds);
        if of(middle) <= left { fits = middle } else { exceeds = middle }
    }
    Ok(Most { credits: of(fits), max_tokens: Some(fits) })
}

/// What calls did cost.
pub(crate) fn actual(legs: &[Leg], targets: &[Target]) -> i64 {
    let is_paid = |leg: &&Leg| {
        let asked = |target: &&Target| target.provider == leg.provider && target.model == leg.model;
        targets.iter().find(asked).is_some_and(|target| target.account == OPERATOR)
    };
    let used = |leg: &&Leg| leg.usage != Usage::default();
    let paid = legs.iter().filter(is_paid).filter(used);
    paid.map(|leg| credits(leg.provider, &leg.model, leg.usage)).sum()
}

/// At least one; a model whose price is not known costs what the dearest of its provider does.
fn credits(provider: kith_llm::Provider, model: &str, usage: Usage) -> i64 {
    if provider.is_own() {
        return 0;
    }
    let known = cost(provider, model, usage).or_else(|| dearest(provider, usage));
    let microdollars = known.unwrap_or(MICRODOLLARS_PER_CREDIT);
    i64::try_from(microdollars.div_ceil(MICRODOLLARS_PER_CREDIT).max(1)).unwrap_or(i64::MAX)
}

/// Tokens that a prompt cannot exceed: no token is shorter than a byte.
pub(crate) fn longest(chat: &Chat) -> u32 {
    let of_tools: usize = chat
        .tools
        .iter()
        .map(|tool| {
            tool.parameters.to_string().len()
                + tool.name.len()
                + AROUND
                + tool.description.as_ref().map_or(0, String::len)
        })
        .sum();
    let of_messages: usize = chat
        .messages
        .iter()
        .map(|message| {
            let said = message.content.iter().map(|content| match content {
                Content::Text(text) => text.len(),
                Content::Image(_) => PICTURE,
            });
            let calls =
                message.tool_calls.iter().map(|call| call.arguments.len() + call.name.len());
            said.sum::<usize>() + calls.sum::<usize>() + AROUND
        })
        .sum();
    u32::try_from(of_tools + of_messages).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use kith_llm::Provider;

    use super::*;

    fn target(provider: Provider, model: &str, account: &str) -> Target {
        let (base_url, key) = (String::new(), None);
        Target { provider, model: model.to_owned(), base_url, key, account: account.to_owned() }
    }

    #[test]
    fn the_dearest_that_may_be_asked_is_reserved() {
        let small = target(Provider::OpenAi, "gpt-4o-mini", OPERATOR);
        let large = target(Provider::OpenAi, "gpt-4o", OPERATOR);
        let asked = (1_000, Some(1_000));
        assert_eq!(most(std::slice::from_ref(&small), asked, 1_000).unwrap().credits, 8);
        assert_eq!(most(&[small, large], asked, 1_000).unwrap().credits, 125);
    }

    #[test]
    fn own_keys_and_own_servers_cost_nothing() {
        let own = target(Provider::OpenAi, "gpt-4o", "acme");
        let server = target(Provider::Ollama, "llama2", OPERATOR);
        assert_eq!(
            most(&[own, server], (1_000, None), 0),
            Ok(Most { credits: 0, max_tokens: None })
        );
    }

    #[test]
    fn an_answer_is_as_long_as_can_be_paid_for() {
        let large = [target(Provider::OpenAi, "gpt-4o", OPERATOR)];
        let whole = most(&large, (100, None), 1_000).unwrap();
        assert_eq!(whole, Most { credits: 413, max_tokens: Some(4_096) });
        let short = most(&large, (100, None), 100).unwrap();
        assert!(short.credits <= 100 && short.max_tokens.unwrap() > 900, "{short:?}");
        assert_eq!(most(&large, (100, Some(4_096)), 100), Err(413));
        assert_eq!(most(&large, (100, None), 5), Err(413));
        let unknown = [target(Provider::OpenAi, "gpt-99", OPERATOR)];
        assert!(most(&unknown, (100, None), 100_000).unwrap().credits >= 413);
    }
}
