//! `kith credits grant` and `show`: what the operator gives a tenant for calls of models.

use std::process::ExitCode;

use clap::Subcommand;
use kith_gateway::credits::{Grant, PER_DOLLAR, give, shown};
use kith_kernel::{Result, Time, Zone, invalid};
use kith_platform::Settings;

use crate::wire::House;

/// Credits of a tenant; one is a ten-thousandth of a US dollar.
#[derive(Debug, Subcommand)]
pub enum Credits {
    /// Give credits. A tenant that was given some once asks nobody by the operator's keys when they are used up.
    Grant {
        /// How many; 10000 are a dollar.
        amount: i64,
        /// The tenant's short name, name or id; needed where there are several.
        #[arg(long)]
        tenant: Option<String>,
        /// The first day on which they cannot be used (2027-01-31), in UTC.
        #[arg(long)]
        expires: Option<String>,
        /// What they are for.
        #[arg(long)]
        note: Option<String>,
    },
    /// Say what is left.
    Show {
        /// The tenant's short name, name or id; needed where there are several.
        #[arg(long)]
        tenant: Option<String>,
    },
}

pub(super) async fn run(settings: Settings, order: Credits) -> Result<ExitCode> {
    let house = House::open(settings).await?;
    let tenant = match order {
        Credits::Grant { amount, tenant, expires, note } => {
            let expires_at = expires.as_deref().map(first_day).transpose()?;
            let grant = Grant { amount, expires_at, note };
            let ctx = house.identity.act_in(tenant.as_deref()).await?;
            ctx.write(async |db| give((&ctx, db), &grant).await).await?;
            house.tell_rest().await;
            tenant
        }
        Credits::Show { tenant } => tenant,
    };
    show(&house, tenant.as_deref()).await?;
    Ok(ExitCode::SUCCESS)
}

fn first_day(text: &str) -> Result<Time> {
    let day = kith_kernel::Date::parse(text)
        .ok_or_else(|| invalid("expires", "is a day, such as 2027-01-31"))?;
    Ok(day.begins(Zone::UTC))
}

async fn show(house: &House, tenant: Option<&str>) -> Result<()> {
    let ctx = house.identity.act_in(tenant).await?;
    let credits = ctx.read(async |db| shown(db, ctx.now(), true).await).await?;
    let number = |name: &str| credits[name].as_i64().unwrap_or_default();
    let grants = credits["grants"].as_array().map_or(0, Vec::len);
    if grants == 0 {
        say!(
            "No credits are open. A tenant that never had any has no limit, unless AI_REQUIRE_CREDITS is set."
        );
        return Ok(());
    }
    let (total, used, remaining) = (number("total"), number("used"), number("remaining"));
    let dollars = |credits: i64| format!("{}.{:04} $", credits / PER_DOLLAR, credits % PER_DOLLAR);
    say!("{remaining} of {total} credits are left ({}), {used} are used.", dollars(remaining));
    Ok(())
}
