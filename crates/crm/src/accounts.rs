//! Accounts: the companies that one deals with.

use kith_kernel::{Id, Result, invalid};
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Object, Pending, Record, Routes, Rules, Warning,
    fields::{link, plain},
    folded,
};

use crate::{address, duplicates, notifications};

const OWN: [Field; 25] = {
    let [street, city, state, postal_code, country] = address::fields!();
    [
        folded!(Text, "name", "name").required().found_by(FoundBy::Title).aliases(&[
            "account",
            "company",
            "accountname",
            "companyname",
            "organization",
            "organisation",
        ]),
        folded!(Text, "domain", "domain")
            .found_by(FoundBy::Keyword)
            .about("Its internet domain, such as acme.com."),
        folded!(Url, "website", "website")
            .found_by(FoundBy::Keyword)
            .aliases(&["url", "homepage", "web"]),
        folded!(Text, "industry", "industry")
            .found_by(FoundBy::Body)
            .aliases(&["sector", "branch"]),
        plain(
            "type",
            "type",
            Kind::Choice(&["prospect", "customer", "partner", "vendor", "competitor", "other"]),
        )
        .aliases(&["accounttype"]),
        folded!(Phone, "phone", "phone").found_by(FoundBy::Keyword).aliases(&[
            "telephone",
            "phonenumber",
            "tel",
        ]),
        folded!(Email, "email", "email")
            .found_by(FoundBy::Keyword)
            .aliases(&["emailaddress", "mail"]),
        plain("annualRevenue", "annual_revenue", Kind::Money).aliases(&[
            "revenue",
            "turnover",
            "annualturnover",
        ]),
        plain("currency", "currency", Kind::Currency)
            .about("Of annualRevenue; the tenant's unless said."),
        plain("employeeCount", "employee_count", Kind::Integer(0, 100_000_000)).aliases(&[
            "employees",
            "numberofemployees",
            "headcount",
        ]),
        plain("foundedYear", "founded_year", Kind::Integer(1000, 9999)).aliases(&[
            "yearestablished",
            "founded",
            "established",
        ]),
        link("parentId", "parent_id", "account")
            .about("The account that it belongs to.")
            .aliases(&["parent", "subsidiaryof", "parentaccount", "parentcompany"]),
        plain("sourceCreatedAt", "source_created_at", Kind::Time).about(
            "When it was made in the system that it came from; createdAt says when it came here.",
        ),
        link("ownerId", "owner_id", "member").aliases(&["owner", "assignedto", "accountowner"]),
        street,
        city,
        state,
        postal_code,
        country,
        plain("description", "description", Kind::LongText)
            .found_by(FoundBy::Body)
            .aliases(&["about"]),
        plain("score", "score", Kind::Integer(0, 100))
            .about("How good a customer it is or may become."),
        folded!(Text, "scoreReason", "score_reason"),
        plain(
            "healthStatus",
            "health_status",
            Kind::Choice(&["unknown", "new", "healthy", "atRisk", "churning"]),
        ),
        plain(
            "nextAction",
            "next_action",
            Kind::Choice(&["none", "followUp", "nurture", "upsell", "atRisk", "renew"]),
        ),
        plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
    ]
};

/// A company.
pub static ACCOUNT: Object = Object {
    name: "account",
    plural: "accounts",
    shares: None,
    alias: None,
    about: "A company that one deals with.",
    fields: &OWN,
    rules: &Accounts,
    routes: Routes::All,
    matched_by: "name",
};

/// Companies above a company, at most.
const DEEPEST: usize = 20;

struct Accounts;

impl Rules for Accounts {
    /// An account does not stand above itself.
    fn derive<'a>(&'a self, desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            if !change.changes("parentId") || change.before.is_none() {
                return Ok(());
            }
            // Two changes that are right each by itself may make a circle together.
            desk.db.one_at_a_time(ACCOUNT.name).await?;
            let mut above = change.link("parentId");
            for _ in 0..DEEPEST {
                match above {
                    Some(id) if id == change.id => return Err(circle()),
                    Some(id) => above = parent(desk, id).await?,
                    None => return Ok(()),
                }
            }
            Err(circle())
        })
    }

    fn after<'a>(&'a self, desk: Desk<'a>, change: &'a Change) -> Pending<'a> {
        Box::pin(async move {
            duplicates::keep(desk.db, ACCOUNT.name, change).await?;
            notifications::assigned(desk, change, ACCOUNT.name)
        })
    }

    fn warns(&self) -> bool {
        true
    }

    fn warn<'a>(&'a self, desk: Desk<'a>, made: (Id, &'a Record)) -> Warning<'a> {
        Box::pin(duplicates::warnings(desk, ACCOUNT.name, made))
    }
}

fn circle() -> kith_kernel::Error {
    invalid("parentId", "would put the account above itself, or more than 20 accounts above it")
}

async fn parent(desk: Desk<'_>, id: kith_kernel::Id) -> Result<Option<kith_kernel::Id>> {
    let mut above = None;
    let select = kith_store::Select::from("accounts").show(&["parent_id"]).whose("id", id);
    desk.db
        .each(&select, |row| {
            above = row.id(0)?;
            Ok(())
        })
        .await?;
    Ok(above)
}
