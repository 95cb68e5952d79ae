//! Exports: a report as sections of named numbers, written as CSV or as a PDF.

pub(crate) mod pdf;

use kith_kernel::{Result, internal};
use kith_platform::Ctx;
use kith_records::{
    Records,
    csv::{Delimiter, write::Writer},
};
use kith_store::Read;
use serde_json::Value as Json;

use crate::{
    answers::{data_quality, lead_status, pipeline},
    dashboard::{TOTALS, dashboard},
};

pub(crate) const PDF: &str = "application/pdf";
pub(crate) const CSV: &str = "text/csv; charset=utf-8";

/// What can be exported.
pub(crate) const REPORTS: [&str; 5] =
    ["overview", "dashboard-stats", "pipeline", "lead-status", "data-quality"];
/// What is printed as well.
pub(crate) const PRINTED: [&str; 3] = ["overview", "dashboard-stats", "data-quality"];

/// A report, ready to be written.
pub(crate) struct Sheet {
    title: &'static str,
    /// When, and in which time zone.
    at: String,
    sections: Vec<Section>,
}

/// Numbers that can be compared with one another.
struct Section {
    title: String,
    lines: Vec<Line>,
}

struct Line {
    name: String,
    value: Json,
    currency: Option<String>,
    link: String,
}

impl Line {
    fn count(name: impl Into<String>, value: &Json, link: &Json) -> Self {
        let link = link.as_str().unwrap_or_default().to_owned();
        Self { name: name.into(), value: value.clone(), currency: None, link }
    }

    fn amount(name: impl Into<String>, value: &Json, (currency, link): (&Json, &Json)) -> Self {
        let currency = currency.as_str().map(str::to_owned);
        Self { currency, ..Self::count(name, value, link) }
    }
}

/// The sections of a report.
pub(crate) async fn sheet(
    records: &Records,
    ctx: &Ctx,
    db: &Read,
    report: &'static str,
) -> Result<Sheet> {
    let (title, sections) = match report {
        "dashboard-stats" => ("Dashboard", of_dashboard(&dashboard(records, ctx, db).await?)),
        "pipeline" => ("Pipeline", of_pipeline(&pipeline(ctx, db, None).await?)),
        "lead-status" => ("Leads", vec![of_leads(&lead_status(records, ctx, db).await?)]),
        "data-quality" => ("Data quality", of_quality(&data_quality(ctx, db).await?)),
        _ => {
            let mut all = of_dashboard(&dashboard(records, ctx, db).await?);
            all.extend(of_pipeline(&pipeline(ctx, db, None).await?));
            all.push(of_leads(&lead_status(records, ctx, db).await?));
            all.push(issues(&data_quality(ctx, db).await?));
            ("Overview", all)
        }
    };
    let zone = ctx.actor.zone;
    let at = format!("{}, days of {}", ctx.now(), zone.name());
    Ok(Sheet { title, at, sections })
}

fn of_dashboard(report: &Json) -> Vec<Section> {
    let links = &report["links"];
    let totals =
        TOTALS.iter().map(|(name, ..)| Line::count(words(name), &report[name], &links[name]));
    let revenue = &report["revenue"];
    let months = ["total", "thisMonth", "lastMonth"].map(|name| {
        Line::amount(words(name), &revenue[name], (&revenue["currency"], &links["revenue"][name]))
    });
    vec![
        Section { title: "Totals".to_owned(), lines: totals.collect() },
        Section { title: "Revenue".to_owned(), lines: months.into() },
    ]
}

fn list(json: &Json) -> impl Iterator<Item = &Json> {
    json.as_array().into_iter().flatten()
}

/// How many deals, and their amounts by currency: what is not of one currency cannot be compared.
fn of_pipeline(report: &Json) -> Vec<Section> {
    let name = |stage: &Json| stage["stage"].as_str().unwrap_or_default().to_owned();
    let counts = list(&report["stages"])
        .map(|stage| Line::count(name(stage), &stage["count"], &stage["link"]));
    let mut sections =
        vec![Section { title: "Deals by stage".to_owned(), lines: counts.collect() }];
    for stage in list(&report["stages"]) {
        for total in list(&stage["totals"]) {
            let code = total["currency"].as_str().unwrap_or_default();
            let title = format!("Amounts by stage, {code}");
            let line =
                Line::amount(name(stage), &total["amount"], (&total["currency"], &stage["link"]));
            match sections.iter_mut().find(|section| section.title == title) {
                Some(section) => section.lines.push(line),
                None => sections.push(Section { title, lines: vec![line] }),
            }
        }
    }
    sections
}

fn of_leads(report: &Json) -> Section {
    let lines = list(&report["statuses"]).map(|status| {
        Line::count(
            words(status["status"].as_str().unwrap_or_default()),
            &status["count"],
            &status["link"],
        )
    });
    Section { title: "Leads by status".to_owned(), lines: lines.collect() }
}

fn of_quality(report: &Json) -> Vec<Section> {
    let kinds = report["report"].as_object().into_iter().flatten();
    kinds
        .map(|(plural, kind)| {
            let links = &kind["links"];
            let mut lines: Vec<Line> = ["total", "issuesCount"]
                .map(|name| Line::count(words(name), &kind[name], &links[name]))
                .into();
            let counters = kind["counters"].as_object().into_iter().flatten();
            lines.extend(counters.map(|(name, count)| {
                Line::count(words(name), count, &links["counters"][name.as_str()])
            }));
            Section { title: words(plural), lines }
        })
        .collect()
}

fn issues(report: &Json) -> Section {
    let kinds = report["report"].as_object().into_iter().flatten();
    let lines = kinds.map(|(plural, kind)| {
        Line::count(words(plural), &kind["issuesCount"], &kind["links"]["issuesCount"])
    });
    Section { title: "Records with issues".to_owned(), lines: lines.collect() }
}

/// `missingFirstName` as `Missing first name`.
fn words(key: &str) -> String {
    let mut words = String::with_capacity(key.len() + 4);
    for (at, letter) in key.chars().enumerate() {
        if at == 0 {
            words.extend(letter.to_uppercase());
        } else if letter.is_uppercase() {
            words.push(' ');
            words.extend(letter.to_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

impl Sheet {
    /// One row for each number, with the list behind it.
    pub(crate) fn to_csv(&self) -> Result<Vec<u8>> {
        let mut file = Vec::new();
        let mut rows = Writer::new(&mut file, Delimiter::Comma);
        let unfit = |error| internal("a report cannot be written").caused_by(error);
        let head = ["section", "name", "value", "currency", "list"];
        rows.write_row(head.into_iter()).map_err(unfit)?;
        for section in &self.sections {
            for line in &section.lines {
                let value = line.value.to_string();
                let currency = line.currency.as_deref().unwrap_or_default();
                let cells = [&section.title, &line.name, value.as_str(), currency, &line.link];
                rows.write_row(cells.into_iter()).map_err(unfit)?;
            }
        }
        rows.flush().map_err(unfit)?;
        drop(rows);
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_in_words() {
        assert_eq!(words("missingFirstName"), "Missing first name");
        assert_eq!(words("new"), "New");
        assert_eq!(words(""), "");
    }
}
