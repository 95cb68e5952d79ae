//! Data quality: what records lack or have wrong, and the rule that lists those that do.

use kith_kernel::{Op, Result, Rule};
use kith_store::Row;
use serde_json::json;

use crate::links::field;

/// Characters that no name has; the mark of numbers, codes and markup that went into the wrong column.
const NOT_IN_NAMES: &str = "0123456789@#$%<>{}|\\^~*=";

/// One thing that can be wrong with a record.
pub(crate) struct Check {
    /// Its name in the report.
    pub(crate) name: &'static str,
    /// The columns that it looks at.
    pub(crate) columns: &'static [&'static str],
    /// Their fields.
    fields: &'static [&'static str],
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    /// None of the columns has a value.
    Missing,
    /// An address without an @ or a dot.
    NoAddress,
    /// A name with a character that names do not have.
    NoName,
}

const fn missing(
    name: &'static str,
    columns: &'static [&'static str],
    fields: &'static [&'static str],
) -> Check {
    Check { name, columns, fields, what: What::Missing }
}

const ADDRESS: Check = Check {
    name: "invalidEmail",
    columns: &["email_folded"],
    fields: &["email"],
    what: What::NoAddress,
};

const NAME: Check = Check {
    name: "invalidNameCharacters",
    columns: &["name_folded"],
    fields: &["name"],
    what: What::NoName,
};

const FIRST: Check = missing("missingFirstName", &["first_name"], &["firstName"]);
const LAST: Check = missing("missingLastName", &["last_name"], &["lastName"]);
const REACHED: Check =
    missing("missingContactInfo", &["email", "phone", "mobile"], &["email", "phone", "mobile"]);

static CONTACTS: [Check; 5] = [FIRST, LAST, REACHED, ADDRESS, NAME];
static LEADS: [Check; 6] =
    [FIRST, LAST, missing("missingCompany", &["company"], &["company"]), REACHED, ADDRESS, NAME];
static ACCOUNTS: [Check; 4] = [
    missing("missingIndustry", &["industry"], &["industry"]),
    missing("missingWebsite", &["website", "domain"], &["website", "domain"]),
    missing("missingContactInfo", &["email", "phone"], &["email", "phone"]),
    ADDRESS,
];
static DEALS: [Check; 3] = [
    missing("missingAmount", &["amount"], &["amount"]),
    missing("missingExpectedCloseDate", &["expected_close_date"], &["expectedCloseDate"]),
    missing("missingAccount", &["account_id"], &["accountId"]),
];
static ACTIVITIES: [Check; 2] = [
    missing("missingDate", &["starts_at", "due_at"], &["startsAt", "dueAt"]),
    missing("missingRelated", &["related_id"], &["relatedId"]),
];

/// The kinds of records whose quality is looked at.
pub(crate) const CHECKED: [(&str, &str); 5] = [
    ("contacts", "contact"),
    ("accounts", "account"),
    ("leads", "lead"),
    ("deals", "deal"),
    ("activities", "activity"),
];

/// What can be wrong with records of a kind.
pub(crate) fn checks(plural: &str) -> &'static [Check] {
    match plural {
        "contacts" => &CONTACTS,
        "leads" => &LEADS,
        "accounts" => &ACCOUNTS,
        "deals" => &DEALS,
        "activities" => &ACTIVITIES,
        _ => &[],
    }
}

/// The names of what is wrong with a record; its columns begin at a place of the row, in the order of the checks.
pub(crate) fn failed(
    checks: &'static [Check],
    row: Row<'_>,
    mut at: usize,
) -> Result<Vec<&'static str>> {
    let mut failed = Vec::new();
    for check in checks {
        let end = at + check.columns.len();
        let fails = match check.what {
            What::Missing => {
                let mut none = true;
                for at in at..end {
                    none &= row.is_null(at)?;
                }
                none
            }
            What::NoAddress => {
                row.text(at)?.is_some_and(|text| !(text.contains('@') && text.contains('.')))
            }
            What::NoName => row.text(at)?.is_some_and(|text| text.contains(unfit)),
        };
        if fails {
            failed.push(check.name);
        }
        at = end;
    }
    Ok(failed)
}

fn unfit(letter: char) -> bool {
    NOT_IN_NAMES.contains(letter)
}

impl Check {
    /// What lists the records that fail.
    pub(crate) fn rule(&self) -> Rule {
        let absent = |name: &&'static str| field(name, Op::Exists, json!(false));
        let has = |text: String| field(self.fields[0], Op::Contains, json!(text));
        match self.what {
            What::Missing => Rule::All(self.fields.iter().map(absent).collect()),
            What::NoAddress => {
                let whole = Rule::All(vec![has("@".to_owned()), has(".".to_owned())]);
                let there = field(self.fields[0], Op::Exists, json!(true));
                Rule::All(vec![there, Rule::Not(Box::new(whole))])
            }
            What::NoName => {
                Rule::Any(NOT_IN_NAMES.chars().map(|letter| has(letter.to_string())).collect())
            }
        }
    }
}

/// What lists the records of a kind with whom anything is wrong.
pub(crate) fn any(plural: &str) -> Rule {
    Rule::Any(checks(plural).iter().map(Check::rule).collect())
}
