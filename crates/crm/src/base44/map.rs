//! What is what: the entities of Base44 in the order in which they are brought over, and where each of their fields goes.

mod tables;

use kith_kernel::{Date, Time, Zone};
use kith_records::{Field, Kind, Object, Record};
use serde_json::Value as Json;

use self::tables::{ACCOUNTS, ACTIVITIES, COMMON, CONTACTS, DEALS, LEADS};
use super::far::Raw;
use crate::{accounts::ACCOUNT, activities::ACTIVITY, contacts::CONTACT, deals::DEAL, leads::LEAD};

/// An entity there, and the object here.
pub(super) struct Entity {
    pub(super) name: &'static str,
    pub(super) object: &'static Object,
    fields: &'static [(&'static str, To)],
}

/// Where a field goes.
#[derive(Clone, Copy)]
enum To {
    /// Into a field, as its kind wants it.
    Field(&'static str),
    /// Into a field that no field before it filled.
    Spare(&'static str),
    /// As a line behind what a field before it put there.
    Line(&'static str),
    /// A share of one becomes a percentage.
    Share(&'static str),
    /// A link to a record that was brought over, by its id there.
    Link(&'static str, &'static Object),
    /// A member, by e-mail address or name.
    Member(&'static str),
    /// The record that something is about; what kind it is of stands in this other field.
    Related(&'static str),
    /// The stage of a deal.
    Stage,
    /// The day on which a deal closes, or did.
    Closes,
    /// A day whose time stands in this other field.
    Due(&'static str),
    /// When it was made there, in UTC.
    Made,
    /// Known, and of no use here.
    Nowhere,
}

/// What needs looking up before it is a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Named {
    /// The record of an external id.
    Record(&'static str, String),
    /// A member.
    Member(String),
    /// A stage.
    Stage(String),
}

/// A record on its way: what is ready, what is to be looked up, and what has no place here.
#[derive(Default)]
pub(super) struct Mapped {
    pub(super) input: Record,
    pub(super) named: Vec<(&'static str, Named)>,
    pub(super) unknown: Vec<String>,
}

/// Those that others point at come first.
pub(super) static ENTITIES: [Entity; 5] = [
    Entity { name: "Account", object: &ACCOUNT, fields: &ACCOUNTS },
    Entity { name: "Contact", object: &CONTACT, fields: &CONTACTS },
    Entity { name: "Lead", object: &LEAD, fields: &LEADS },
    Entity { name: "Opportunity", object: &DEAL, fields: &DEALS },
    Entity { name: "Activity", object: &ACTIVITY, fields: &ACTIVITIES },
];

/// Words there that are other words here: the object, the field, theirs, ours.
const WORDS: [(&str, &str, &str, &str); 5] = [
    ("activity", "status", "planned", "scheduled"),
    ("activity", "status", "overdue", "scheduled"),
    ("activity", "priority", "medium", "normal"),
    ("activity", "priority", "critical", "urgent"),
    ("lead", "status", "unqualified", "lost"),
];

/// The label of what was made to try things out, by which a cleanup finds it.
const TEST_DATA: &str = "test data";

/// How the stages are called in which a deal has ended.
const WON: [&str; 2] = ["won", "closedwon"];
const LOST: [&str; 2] = ["lost", "closedlost"];

impl Entity {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        ENTITIES.iter().find(|entity| entity.name.eq_ignore_ascii_case(name))
    }

    /// A record as the engine takes it.
    pub(super) fn map(&self, raw: &Raw, zone: Zone) -> Mapped {
        let mut mapped = Mapped::default();
        for (key, to) in self.fields {
            if let Some(value) = raw.get(*key) {
                self.put(&mut mapped, (value, *to), (raw, zone));
            }
        }
        if raw.get("is_test_data") == Some(&Json::Bool(true)) {
            let labels = mapped.input.entry("labels").or_insert_with(|| Json::Array(Vec::new()));
            labels.as_array_mut().into_iter().for_each(|names| names.push(TEST_DATA.into()));
        }
        let known = |key: &String| {
            COMMON.contains(&key.as_str()) || self.fields.iter().any(|(own, _)| own == key)
        };
        mapped.unknown = raw
            .iter()
            .filter(|(key, value)| !value.is_null() && !known(key))
            .map(|(key, _)| key.clone())
            .collect();
        mapped
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each way")]
    fn put(&self, mapped: &mut Mapped, (value, to): (&Json, To), (raw, zone): (&Raw, Zone)) {
        let text = || plain_text(value);
        match to {
            To::Field(key) => self.give(mapped, key, value, zone),
            To::Spare(key) => {
                if mapped.input.get(key).is_none_or(Json::is_null) {
                    self.give(mapped, key, value, zone);
                }
            }
            To::Line(key) => {
                if let (Some(line), Some(first)) =
                    (text(), mapped.input.get(key).and_then(Json::as_str).map(str::to_owned))
                {
                    mapped.input.insert(key.to_owned(), format!("{first}, {line}").into());
                }
            }
            To::Share(key) => {
                let share =
                    value.as_f64().map(|share| if share <= 1.0 { share * 100.0 } else { share });
                let share = share.map_or_else(|| value.clone(), |share| Json::from(share.round()));
                self.give(mapped, key, &share, zone);
            }
            To::Link(key, object) => {
                name(mapped, key, text().map(|id| Named::Record(object.name, id)));
            }
            To::Member(key) => name(mapped, key, text().map(Named::Member)),
            To::Related(kind) => {
                let object = raw.get(kind).and_then(Json::as_str).and_then(related);
                let id = text().zip(object).map(|(id, object)| Named::Record(object, id));
                name(mapped, "relatedId", id);
            }
            To::Stage => mapped.named.extend(text().map(|stage| ("stage", Named::Stage(stage)))),
            To::Closes => {
                self.give(mapped, "expectedCloseDate", value, zone);
                let ended = raw
                    .get("stage")
                    .and_then(Json::as_str)
                    .is_some_and(|stage| outcome(stage) != "open");
                if ended && !value.is_null() {
                    self.give(mapped, "closedAt", value, zone);
                }
            }
            To::Due(time) => {
                let time = raw.get(time).and_then(Json::as_str).unwrap_or_default();
                let due = text().and_then(|day| due(&day, time, zone));
                let due = due.map_or_else(|| value.clone(), |due| due.to_string().into());
                self.give(mapped, "dueAt", &due, zone);
            }
            To::Made => {
                let made = text().and_then(|text| instant(&text, Zone::UTC));
                if let Some(made) = made {
                    mapped.input.insert("sourceCreatedAt".to_owned(), made.to_string().into());
                }
            }
            To::Nowhere => {}
        }
    }

    /// A value for a field, as near to its kind as it comes; what does not fit is told by the engine.
    fn give(&self, mapped: &mut Mapped, key: &'static str, value: &Json, zone: Zone) {
        let Some(field) = self.object.fields.iter().find(|field| field.key == key) else { return };
        let value = fitted(field, value, zone);
        let own = value.as_str().and_then(|text| {
            let folded = squeezed(text);
            let same = |of: &&(&str, &str, &str, &str)| {
                (of.0, of.1, of.2) == (self.object.name, key, folded.as_str())
            };
            WORDS.iter().find(same).map(|(.., ours)| Json::from(*ours))
        });
        let value = own.unwrap_or(value);
        // What must have a value keeps the one it has.
        if !(value.is_null() && field.required) {
            mapped.input.insert(key.to_owned(), value);
        }
    }
}

fn name(mapped: &mut Mapped, key: &'static str, named: Option<Named>) {
    match named {
        Some(named) => mapped.named.push((key, named)),
        None => drop(mapped.input.insert(key.to_owned(), Json::Null)),
    }
}

fn fitted(field: &Field, value: &Json, zone: Zone) -> Json {
    let text = plain_text(value);
    match (field.kind, text) {
        (Kind::Labels, _) => labels(value),
        (_, None) if value.is_null() || value.is_string() => Json::Null,
        (Kind::Text | Kind::Email | Kind::Phone | Kind::Url | Kind::Choice(_), Some(text)) => {
            text.split_whitespace().collect::<Vec<_>>().join(" ").into()
        }
        (Kind::LongText, Some(text)) => text.into(),
        (Kind::Integer(..), Some(text)) => {
            text.parse::<f64>().map_or_else(|_| value.clone(), |number| Json::from(number.round()))
        }
        (Kind::Bool, Some(text)) => {
            text.to_ascii_lowercase().parse::<bool>().map_or_else(|_| value.clone(), Json::from)
        }
        (Kind::Time, Some(text)) => {
            instant(&text, zone).map_or_else(|| value.clone(), |time| time.to_string().into())
        }
        (Kind::Date, Some(text)) => instant(&text, zone)
            .map_or_else(|| value.clone(), |time| time.date(zone).to_string().into()),
        _ => value.clone(),
    }
}

/// A text or number, without blanks around it; nothing where nothing is left.
fn plain_text(value: &Json) -> Option<String> {
    let text = match value {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        Json::Bool(flag) => flag.to_string(),
        Json::Null | Json::Array(_) | Json::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A list of names, or names between commas.
fn labels(value: &Json) -> Json {
    let names: Vec<String> = match value {
        Json::Array(all) => all.iter().filter_map(plain_text).collect(),
        Json::String(text) => text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => Vec::new(),
    };
    names.into()
}

/// An instant; without an offset it is in UTC, as Base44 writes its own, and a day is one of the tenant's.
fn instant(text: &str, zone: Zone) -> Option<Time> {
    Date::parse(text)
        .map(|day| day.begins(zone))
        .or_else(|| Time::parse(text))
        .or_else(|| Time::parse(&format!("{text}Z")))
}

/// `2026-11-21` and `14:30`, of the tenant's clock.
fn due(day: &str, time: &str, zone: Zone) -> Option<Time> {
    let Some(day) = Date::parse(day) else { return instant(day, zone) };
    let mut parts = time.split(':').map(str::parse::<i64>);
    let (hour, minute) = (parts.next(), parts.next());
    let seconds = match (hour, minute) {
        (Some(Ok(hour @ 0..=23)), Some(Ok(minute @ 0..=59))) => hour * 3_600 + minute * 60,
        _ => 0,
    };
    Some(day.begins(zone).plus_seconds(seconds))
}

fn related(kind: &str) -> Option<&'static str> {
    match squeezed(kind).trim_end_matches('s') {
        "lead" => Some(LEAD.name),
        "contact" => Some(CONTACT.name),
        "account" => Some(ACCOUNT.name),
        "opportunity" | "opportunitie" | "deal" => Some(DEAL.name),
        _ => None,
    }
}

/// Without case, blanks and what stands for them.
pub(super) fn squeezed(text: &str) -> String {
    kith_kernel::text::fold(text).replace([' ', '-', '_'], "")
}

/// How a deal in a stage of this name has ended.
pub(super) fn outcome(stage: &str) -> &'static str {
    let stage = squeezed(stage);
    if WON.contains(&stage.as_str()) {
        "won"
    } else if LOST.contains(&stage.as_str()) {
        "lost"
    } else {
        "open"
    }
}

/// `needs_analysis` as people would write it.
pub(super) fn spoken(stage: &str) -> String {
    let text = stage.replace('_', " ");
    let mut letters = text.trim().chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapped(entity: &str, raw: Json) -> Mapped {
        let Json::Object(raw) = raw else { panic!("an object") };
        Entity::named(entity).unwrap().map(&raw, Zone::named("Europe/Lisbon").unwrap())
    }

    #[test]
    fn every_field_that_is_named_exists() {
        for entity in &ENTITIES {
            for (from, to) in entity.fields {
                let (To::Field(key)
                | To::Spare(key)
                | To::Line(key)
                | To::Share(key)
                | To::Link(key, _)
                | To::Member(key)) = to
                else {
                    continue;
                };
                assert!(
                    entity.object.fields.iter().any(|field| field.key == *key),
                    "{} {from}",
                    entity.name
                );
            }
        }
    }

    #[test]
    fn values_come_as_their_kinds_want_them() {
        let lead = mapped(
            "lead",
            json!({
                "id": "a1", "first_name": " Ana ", "email": "", "score": "87.6", "conversion_probability": 0.25,
                "address_1": "Rua 1", "address_2": "3.º", "tags": "a, b", "do_not_call": "True", "shoe_size": 44, "status": null,
            }),
        );
        assert_eq!(
            Json::from(lead.input),
            json!({
                "firstName": "Ana", "email": null, "score": 88.0, "conversionProbability": 25.0, "doNotCall": true,
                "address.street": "Rua 1, 3.º", "labels": ["a", "b"],
            })
        );
        assert_eq!(lead.unknown, ["shoe_size"]);
    }

    #[test]
    fn days_and_hours_are_the_tenants() {
        let call = mapped(
            "Activity",
            json!({
                "subject": "Call", "due_date": "2026-07-01", "due_time": "14:30", "status": "planned",
                "related_to": "opportunities", "related_id": "o9",
            }),
        );
        assert_eq!(call.input["dueAt"], "2026-07-01T13:30:00.000Z");
        assert_eq!(call.input["status"], "scheduled");
        assert_eq!(call.named, [("relatedId", Named::Record("deal", "o9".to_owned()))]);
        let contact = mapped("Contact", json!({ "last_contacted": "2026-07-01T10:00:00.123000" }));
        assert_eq!(contact.input["lastContactedAt"], "2026-07-01T10:00:00.123Z");
    }

    #[test]
    fn a_deal_closes_when_it_has_ended() {
        let won =
            mapped("Opportunity", json!({ "stage": "closed_won", "close_date": "2026-01-02" }));
        assert_eq!(won.input["closedAt"], "2026-01-02T00:00:00.000Z");
        let open =
            mapped("Opportunity", json!({ "stage": "proposal", "close_date": "2026-01-02" }));
        assert_eq!(Json::from(open.input), json!({ "expectedCloseDate": "2026-01-02" }));
        assert_eq!(spoken("needs_analysis"), "Needs analysis");
    }
}
