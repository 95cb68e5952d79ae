//! What the tests of the walls leave out, and why.

/// Operations that these tests do not send as they are, and why.
pub(super) const EXCEPTIONS: [(&str, &str); 13] = [
    ("POST /v1/messages", "it takes a provider of models; `messages` tries who may"),
    ("POST /api/ai/chat", "it takes a provider of models; `assistant` tries who may"),
    (
        "POST /api/ai/conversations/{id}/actions/{actionId}",
        "it takes what a model proposed; `assistant` tries who may",
    ),
    ("GET /api/ai/conversations/{id}/stream", "it does not end; `assistant` tries who may"),
    ("POST /api/ai/translate", "it takes a provider of models; `engines` tries it"),
    (
        "POST /api/ai/score-lead",
        "it takes the scopes of what it scores, too; `engines` tries who may",
    ),
    ("POST /v1/chat/completions", "it takes a provider of models; `models` tries who may"),
    ("POST /v1/embeddings", "it takes a provider of models; `models` tries who may"),
    ("POST /api/database/import", "it takes a bundle, from whoever runs the installation"),
    ("POST /api/auth/logout", "it takes nothing and ends the sender's own session"),
    ("POST /api/auth/totp/confirm", "it takes a code of the sender's own app"),
    ("POST /api/auth/totp/recovery-codes", "it takes a code of the sender's own app"),
    ("POST /api/auth/totp/disable", "it takes a code of the sender's own app"),
];

/// Operations whose answers hold nothing that a tenant could have written, and why.
pub(super) const WORDLESS: [(&str, &str); 31] = [
    ("GET /api/documents/search", "it finds by a parameter of its own; `documents` tries whose"),
    ("GET /api/knowledge/search", "it finds by a parameter of its own; `documents` tries whose"),
    ("GET /api/ai/usage", "it shows figures; `gateway` tries whose"),
    ("GET /api/ai/credits", "it shows figures; `gateway` tries whose"),
    ("GET /api/ai/credits/entries", "it shows figures; `gateway` tries whose"),
    ("GET /api/ai/settings", "it shows flags and names of models; `gateway` tries whose"),
    ("GET /api/ai/providers", "it shows what the operator has set up"),
    ("GET /api/keys/settings", "it shows a flag"),
    ("GET /v1/models", "it shows what the operator has set up"),
    ("GET /api/system/llm-activity", "it shows figures and names of models; `models` tries whose"),
    ("GET /api/system/llm-activity/stats", "it shows figures"),
    ("GET /api/database/export", "its answer is compressed"),
    ("GET /api/reports/calendar", "the activities of the world have no days"),
    ("GET /api/reports/lead-status", "it shows figures"),
    ("GET /api/reports/data-quality", "it shows figures"),
    ("GET /api/reports/progress", "it shows figures"),
    ("GET /api/duplicates/settings", "it shows a figure and a country"),
    ("GET /api/validation/check-duplicate", "it finds by parameters of its own"),
    ("GET /api/auth/totp", "it shows a flag and a count"),
    ("GET /api/database/sync", "it shows figures and names of entities"),
    ("GET /api/database/retention", "it shows figures"),
    ("GET /api/database/volume", "it shows figures"),
    ("GET /api/database/check-volume", "it shows figures"),
    ("GET /api/users", "members who sign in have the names of the world"),
    ("GET /api/deals/forecast", "it shows months and sums"),
    ("GET /api/opportunities/forecast", "it shows months and sums"),
    ("GET /api/deals/stalled", "no deal stalls on the day on which it is made"),
    ("GET /api/tasks/overdue", "the tasks of the world are due later"),
    ("GET /api/deals/win-model", "it shows figures"),
    ("GET /api/opportunities/win-model", "it shows figures"),
    ("GET /api/opportunities/stalled", "no deal stalls on the day on which it is made"),
];
