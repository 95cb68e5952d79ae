//! Records as the components of a calendar. What does not change is written the same each time.

use calcard::icalendar::{
    ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarParameter,
    ICalendarParameterName, ICalendarParameterValue, ICalendarProperty, ICalendarValue,
    ICalendarValueType,
};
use kith_kernel::{Date, Time};
use kith_records::Record;
use serde_json::Value as Json;

/// How tasks are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tasks {
    Todos,
    Events,
}

/// The calendar around the others.
pub(super) fn calendar() -> ICalendarComponent {
    component(
        ICalendarComponentType::VCalendar,
        vec![
            text(ICalendarProperty::Version, "2.0"),
            text(ICalendarProperty::Prodid, "-//Kith//Kith CRM//EN"),
            text(ICalendarProperty::Calscale, "GREGORIAN"),
            text(ICalendarProperty::Method, "PUBLISH"),
            text(ICalendarProperty::Other("X-WR-CALNAME".to_owned()), "Kith"),
        ],
    )
}

/// A task, at the time at which it is due.
pub(super) fn task(task: &Record, manner: Tasks) -> Option<ICalendarComponent> {
    let due = instant(task, "dueAt")?;
    let status = of(task, "status");
    if manner == Tasks::Events {
        let mut entries = common(task, "title", "description")?;
        if status == "completed" {
            let done = format!("✓ {}", of(task, "title"));
            entries.retain(|entry| entry.name != ICalendarProperty::Summary);
            entries.push(text(ICalendarProperty::Summary, &done));
        }
        entries.push(text(ICalendarProperty::Dtstart, &due));
        entries.push(text(ICalendarProperty::Status, event_status(status)));
        entries.push(text(ICalendarProperty::Transp, "TRANSPARENT"));
        return Some(component(ICalendarComponentType::VEvent, entries));
    }
    let mut entries = common(task, "title", "description")?;
    entries.push(text(ICalendarProperty::Due, &due));
    let status = match status {
        "completed" => "COMPLETED",
        "inProgress" => "IN-PROCESS",
        "cancelled" => "CANCELLED",
        _ => "NEEDS-ACTION",
    };
    entries.push(text(ICalendarProperty::Status, status));
    if let Some(done) = instant(task, "completedAt") {
        entries.push(text(ICalendarProperty::Completed, &done));
    }
    let priority = match of(task, "priority") {
        "high" => "1",
        "low" => "9",
        _ => "5",
    };
    entries.push(text(ICalendarProperty::Priority, priority));
    Some(component(ICalendarComponentType::VTodo, entries))
}

/// An activity, for as long as it takes.
pub(super) fn activity(activity: &Record) -> Option<ICalendarComponent> {
    let mut entries = common(activity, "subject", "body")?;
    let begins = time(activity, "startsAt").or_else(|| time(activity, "dueAt"))?;
    entries.push(text(ICalendarProperty::Dtstart, &written(begins)));
    if let Some(minutes) = activity.get("durationMinutes").and_then(Json::as_i64) {
        let ends = begins.plus_seconds(minutes.saturating_mul(60));
        entries.push(text(ICalendarProperty::Dtend, &written(ends)));
    }
    if !of(activity, "location").is_empty() {
        entries.push(text(ICalendarProperty::Location, of(activity, "location")));
    }
    entries.push(text(ICalendarProperty::Status, event_status(of(activity, "status"))));
    Some(component(ICalendarComponentType::VEvent, entries))
}

/// The day on which a deal is expected to close.
pub(super) fn closing(deal: &Record) -> Option<ICalendarComponent> {
    let day = Date::parse(of(deal, "expectedCloseDate"))?;
    let mut entries = common(deal, "name", "description")?;
    for (property, day) in
        [(ICalendarProperty::Dtstart, day), (ICalendarProperty::Dtend, day.plus_days(1))]
    {
        let day: String = day.to_string().chars().filter(char::is_ascii_digit).collect();
        let kind = ICalendarParameterValue::Value(ICalendarValueType::Date);
        let kind = ICalendarParameter::new(ICalendarParameterName::Value, kind);
        entries.push(text(property, &day).with_param(kind));
    }
    entries.push(text(ICalendarProperty::Transp, "TRANSPARENT"));
    Some(component(ICalendarComponentType::VEvent, entries))
}

/// What every entry says: which it is, in which version, and what it is about.
fn common(record: &Record, title: &str, body: &str) -> Option<Vec<ICalendarEntry>> {
    let changed = instant(record, "updatedAt")?;
    let sequence = record.get("version").and_then(Json::as_i64).unwrap_or(1) - 1;
    let mut entries = vec![
        text(ICalendarProperty::Uid, &format!("{}@kith", of(record, "id"))),
        text(ICalendarProperty::Dtstamp, &changed),
        text(ICalendarProperty::LastModified, &changed),
        text(ICalendarProperty::Sequence, &sequence.max(0).to_string()),
        text(ICalendarProperty::Summary, of(record, title)),
    ];
    if !of(record, body).is_empty() {
        entries.push(text(ICalendarProperty::Description, of(record, body)));
    }
    Some(entries)
}

fn event_status(status: &str) -> &'static str {
    if status == "cancelled" { "CANCELLED" } else { "CONFIRMED" }
}

fn component(kind: ICalendarComponentType, entries: Vec<ICalendarEntry>) -> ICalendarComponent {
    ICalendarComponent { component_type: kind, entries, component_ids: Vec::new() }
}

fn text(property: ICalendarProperty, value: &str) -> ICalendarEntry {
    let value = value.replace("\r\n", "\n").replace('\r', "\n");
    ICalendarEntry::new(property).with_values(vec![ICalendarValue::Text(value)])
}

fn of<'a>(record: &'a Record, key: &str) -> &'a str {
    record.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn time(record: &Record, key: &str) -> Option<Time> {
    Time::parse(of(record, key))
}

fn instant(record: &Record, key: &str) -> Option<String> {
    time(record, key).map(written)
}

/// `20261121T174307Z`.
fn written(at: Time) -> String {
    let whole = at.to_string();
    let seconds = whole.get(..19).unwrap_or_default();
    let compact: String = seconds.chars().filter(|letter| !matches!(letter, '-' | ':')).collect();
    format!("{compact}Z")
}
