//! Routes of reports.

use std::sync::Arc;

use axum::http::header;
use kith_http::{Answer, Call, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use kith_platform::events::readers;
use kith_records::Records;

use crate::{
    answers::{data_quality, lead_status, pipeline},
    ask::word,
    calendar::{self, calendar},
    dashboard::{bundle, dashboard},
    export::{self, CSV, PDF, Sheet},
    figures::as_of,
    rollups::READER,
};

/// Every operation of reports.
pub(crate) fn routes(records: &Arc<Records>) -> Routes {
    let [a, b, c, d] = [(); 4].map(|()| Arc::clone(records));
    Routes::new()
        .add(report("dashboard-stats", "Totals and revenue", "DashboardStats"), move |call| {
            show_dashboard(Arc::clone(&a), call)
        })
        .add(
            report("dashboard-bundle", "Totals, revenue and the newest records", "DashboardBundle")
                .query(
                    "bust_cache",
                    schema::boolean(),
                    "Accepted for older clients: nothing is cached.",
                ),
            move |call| show_bundle(Arc::clone(&b), call),
        )
        .add(
            report("pipeline", "Deals by stage", "PipelineReport").query(
                "pipelineId",
                schema::id(),
                "Stages of one pipeline.",
            ),
            show_pipeline,
        )
        .add(report("lead-status", "Leads by status", "LeadStatusReport"), move |call| {
            show_lead_status(Arc::clone(&c), call)
        })
        .add(calendar_operation(), move |call| show_calendar(Arc::clone(&d), call))
        .and(of_quality())
        .and(exports(records))
        .and(state())
}

fn report(name: &str, about: &str, schema: &str) -> Operation {
    Operation::get(format!("/api/reports/{name}"), "reports", about)
        .scope("reports", "read")
        .answers(200, "Each number with the list behind it.", schema::named(schema))
}

fn calendar_operation() -> Operation {
    let day = || schema::format("date");
    report("calendar", "The activities of some days", "CalendarReport")
        .scope("activities", "read")
        .query("from_date", day(), "The first day; that of this month unless said.")
        .query("to_date", day(), "The last day; a month later unless said, a year at most.")
        .query("fromDate", day(), "The same as from_date.")
        .query("toDate", day(), "The same as to_date.")
        .query("limit", schema::integer(), "1 to 200 activities of a page; 200 unless said.")
        .query("cursor", schema::string(), "Goes on behind a page.")
}

fn of_quality() -> Routes {
    let shown = report("data-quality", "What records lack or have wrong", "DataQualityReport");
    let analyzed = Operation::post(
        "/api/validation/analyze-data-quality",
        "validation",
        "What records lack or have wrong",
    )
    .role(Role::Viewer)
    .scope("reports", "read")
    .answers(200, "Each number with the list behind it.", schema::named("DataQualityReport"));
    Routes::new().add(shown, show_quality).add(analyzed, show_quality)
}

fn exports(records: &Arc<Records>) -> Routes {
    let (a, b) = (Arc::clone(records), Arc::clone(records));
    let csv = Operation::get("/api/reports/export", "reports", "A report as CSV")
        .scope("reports", "read")
        .query("report", schema::one_of(&export::REPORTS), "Which one; overview unless said.")
        .query("format", schema::one_of(&["csv"]), "For a PDF see export-pdf.")
        .answers_text(200, "Numbers by section, each with the list behind it.", "text/csv");
    let pdf = Operation::get("/api/reports/export-pdf", "reports", "A report as a PDF")
        .scope("reports", "read")
        .query("report_type", schema::one_of(&export::PRINTED), "Which one; overview unless said.")
        .answers_text(200, "The report, with a chart.", PDF);
    Routes::new()
        .add(csv, move |call| export(Arc::clone(&a), call))
        .add(pdf, move |call| export_pdf(Arc::clone(&b), call))
}

fn state() -> Routes {
    let state = report("progress", "How far the numbers of reports are", "ReportState");
    let rebuild =
        Operation::post("/api/reports/rebuild", "reports", "Count all numbers of reports anew")
            .role(Role::Admin)
            .scope("reports", "write")
            .answers(
                202,
                "It is done beside other work; Location tells how far it is.",
                schema::named("ReportState"),
            );
    Routes::new().add(state, show_state).add(rebuild, rebuild_all)
}

async fn show_dashboard(records: Arc<Records>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let ctx = &call.ctx;
    Answer::json(&ctx.read(async |db| dashboard(&records, ctx, db).await).await?)
}

async fn show_bundle(records: Arc<Records>, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["bust_cache"])?;
    word(&query, "bust_cache", &["false", "true"])?;
    let ctx = &call.ctx;
    Answer::json(&ctx.read(async |db| bundle(&records, ctx, db).await).await?)
}

async fn show_pipeline(call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["pipelineId"])?;
    let (ctx, only) = (&call.ctx, query.id("pipelineId")?);
    Answer::json(&ctx.read(async |db| pipeline(ctx, db, only).await).await?)
}

async fn show_lead_status(records: Arc<Records>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let ctx = &call.ctx;
    Answer::json(&ctx.read(async |db| lead_status(&records, ctx, db).await).await?)
}

async fn show_calendar(records: Arc<Records>, call: Call) -> Result<Answer> {
    let ctx = &call.ctx;
    let wanted = calendar::Wanted::read(ctx, &call.query()?)?;
    Answer::json(&ctx.read(async |db| calendar(&records, ctx, db, &wanted).await).await?)
}

async fn show_quality(call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let ctx = &call.ctx;
    Answer::json(&ctx.read(async |db| data_quality(ctx, db).await).await?)
}

async fn show_state(call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let ctx = &call.ctx;
    Answer::json(&ctx.read(async |db| as_of(ctx, db).await).await?)
}

async fn rebuild_all(call: Call) -> Result<Answer> {
    let ctx = &call.ctx;
    let state = ctx
        .write(async |db| {
            readers::read_anew(db, READER)?;
            as_of(ctx, db).await
        })
        .await?;
    ctx.app.wake.sealed();
    Ok(Answer::json(&state)?.accepted("/api/reports/progress"))
}

async fn export(records: Arc<Records>, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["report", "format"])?;
    let report = word(&query, "report", &export::REPORTS)?;
    word(&query, "format", &["csv"])?;
    let sheet = sheet(&records, &call, report).await?;
    Ok(attached(Answer::text(CSV, sheet.to_csv()?), report, "csv"))
}

async fn export_pdf(records: Arc<Records>, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["report_type"])?;
    let report = word(&query, "report_type", &export::PRINTED)?;
    let sheet = sheet(&records, &call, report).await?;
    Ok(attached(Answer::text(PDF, export::pdf::write(&sheet)), report, "pdf"))
}

async fn sheet(records: &Records, call: &Call, report: &'static str) -> Result<Sheet> {
    let ctx = &call.ctx;
    ctx.read(async |db| export::sheet(records, ctx, db, report).await).await
}

fn attached(answer: Answer, report: &str, ending: &str) -> Answer {
    let name = format!("attachment; filename=\"{report}.{ending}\"");
    answer.header(header::CONTENT_DISPOSITION, &name)
}
