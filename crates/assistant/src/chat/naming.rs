//! What a conversation is called and what it is about, by its first message.

use kith_kernel::text::fold;

/// Letters of a title.
const TITLE: usize = 50;

/// What a conversation may be about.
pub(crate) const TOPICS: [&str; 6] =
    ["leads", "opportunities", "accounts", "contacts", "support", "general"];

/// By which words a topic is known; the first topic that has one is taken.
const WORDS: [(&str, &[&str]); 5] = [
    (
        "leads",
        &[
            "lead",
            "leads",
            "prospect",
            "prospects",
            "mql",
            "sql",
            "source",
            "campaign",
            "list build",
            "qualification",
            "pipeline gen",
        ],
    ),
    (
        "opportunities",
        &[
            "opportunity",
            "opportunities",
            "deal",
            "deals",
            "pipeline",
            "stage",
            "close date",
            "forecast",
            "quote",
            "proposal",
        ],
    ),
    (
        "accounts",
        &[
            "account",
            "accounts",
            "company",
            "companies",
            "organization",
            "organizations",
            "client",
            "clients",
        ],
    ),
    ("contacts", &["contact", "contacts", "person", "people", "email list", "phone list"]),
    (
        "support",
        &[
            "support",
            "ticket",
            "tickets",
            "issue",
            "issues",
            "bug",
            "bugs",
            "incident",
            "incidents",
            "helpdesk",
            "escalation",
            "sla",
        ],
    ),
];

/// The message without what stands in brackets before it.
fn bare(message: &str) -> &str {
    let message = message.trim();
    match message.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) if !rest.trim().is_empty() => rest.trim(),
        _ => message,
    }
}

/// The title of a conversation that begins with a message.
pub(crate) fn title(message: &str) -> String {
    let words: Vec<&str> = bare(message).split_whitespace().collect();
    let title = words.join(" ");
    if title.chars().count() <= TITLE {
        return title;
    }
    let cut: String = title.chars().take(TITLE).collect();
    format!("{}...", cut.trim_end())
}

/// What a conversation is about that begins with a message.
pub(crate) fn topic(message: &str) -> &'static str {
    let mut spaced = String::from(" ");
    for word in fold(bare(message)).split(|letter: char| !letter.is_alphanumeric()) {
        if !word.is_empty() {
            spaced.push_str(word);
            spaced.push(' ');
        }
    }
    let has = |word: &&str| spaced.contains(&format!(" {word} "));
    let found = WORDS.iter().find(|(_, words)| words.iter().any(has));
    found.map_or("general", |(topic, _)| topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_beginning_of_the_message() {
        assert_eq!(title("  Which deals\n close  soon? "), "Which deals close soon?");
        assert_eq!(title("[Client: Acme] What do they owe?"), "What do they owe?");
        assert_eq!(title("[Acme]"), "[Acme]");
        let long = title(&"word ".repeat(20));
        assert!(long.ends_with("...") && long.chars().count() <= 53, "{long}");
    }

    #[test]
    fn the_first_topic_that_has_a_word_is_taken() {
        assert_eq!(topic("Show me the leads of this campaign and their company"), "leads");
        assert_eq!(topic("Forecast for the account Acme"), "opportunities");
        assert_eq!(topic("Which companies are new?"), "accounts");
        assert_eq!(topic("Misleading details"), "general");
        assert_eq!(topic("A BUG again"), "support");
        assert_eq!(topic("the e-mail list of people"), "contacts");
    }
}
