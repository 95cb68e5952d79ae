//! The demo tenant: made-up companies, people and deals, the same in each run.

mod inbox;

use kith_crm::{
    accounts::ACCOUNT, activities::ACTIVITY, contacts::CONTACT, deals::DEAL, leads::LEAD,
    notes::NOTE, products::PRODUCT, tasks::TASK,
};
use kith_kernel::{Id, Result};
use kith_platform::{Ctx, Origin, Settings};
use kith_records::{Object, Record};
use serde_json::{Value as Json, json};

use crate::wire::House;

/// How to sign in to the demo tenant.
pub(crate) struct SignIn {
    pub(crate) email: &'static str,
    pub(crate) password: &'static str,
    /// The channel of its web chat, where there still is one.
    pub(crate) chat: Option<Id>,
}

const EMAIL: &str = "demo@kith.example";
const PASSWORD: &str = "demo-kith-2026";
/// What identity calls it.
const TENANT: &str = "Demo";

const ACCOUNTS: usize = 60;
const CONTACTS: usize = 180;
const LEADS: usize = 40;
const DEALS: usize = 120;
const TASKS: usize = 40;
/// So many records share a transaction.
const CHUNK: usize = 40;

/// Limits under which one can click around freely.
pub(crate) fn generous(settings: Settings) -> Result<Settings> {
    let chosen: Vec<String> = settings
        .each()
        .into_iter()
        .filter(|setting| setting.origin != Origin::Default)
        .map(|setting| setting.key)
        .collect();
    let generous = [("limits.api", "3000"), ("limits.auth", "60"), ("limits.upload", "60")];
    let unchosen = generous.into_iter().filter(|(key, _)| !chosen.iter().any(|one| one == key));
    unchosen.into_iter().try_fold(settings, |settings, (key, value)| settings.with(key, value))
}

/// Makes the demo tenant when it is not there yet.
pub(crate) async fn furnish(house: &House) -> Result<SignIn> {
    let made = house.identity.demo_tenant(("Ana Demo", EMAIL, PASSWORD)).await?;
    if let Some(ctx) = made {
        tracing::info!("making the demo tenant's records");
        inbox::furnish(house, &ctx).await?;
        Furnishing { house, ctx, random: Random(7) }.fill().await?;
    }
    let chat = match house.tenant(Some(TENANT)).await {
        Ok(ctx) => inbox::chat(&ctx).await?,
        // It was called something else, or is one of several.
        Err(_) => None,
    };
    Ok(SignIn { email: EMAIL, password: PASSWORD, chat })
}

/// Numbers that look random and are the same in each run (a linear congruential generator).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }

    fn small(&mut self, bound: u16) -> i64 {
        i64::try_from(self.below(usize::from(bound))).unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

struct Furnishing<'a> {
    house: &'a House,
    ctx: Ctx,
    random: Random,
}

const FIRST: [&str; 16] = [
    "Ana", "Bruno", "Carla", "Diego", "Elif", "Farid", "Greta", "Hugo", "Inês", "Jonas", "Keiko",
    "Lars", "Marta", "Nuno", "Olga", "Pedro",
];
const LAST: [&str; 16] = [
    "Almeida", "Becker", "Costa", "Dubois", "Eriksson", "Ferrari", "Gomes", "Hansen", "Ito",
    "Jensen", "Kowalski", "Lopes", "Müller", "Novak", "Oliveira", "Silva",
];
const KINDS: [&str; 8] =
    ["Systems", "Foods", "Logistics", "Studio", "Energy", "Textiles", "Clinics", "Robotics"];
const ROOTS: [&str; 12] = [
    "Aurora", "Borealis", "Cedro", "Delta", "Estrela", "Fjord", "Granito", "Horizon", "Ibis",
    "Jade", "Kestrel", "Lumen",
];
const INDUSTRIES: [&str; 6] = ["Software", "Retail", "Transport", "Media", "Energy", "Health"];
const CITIES: [(&str, &str); 8] = [
    ("Lisboa", "Portugal"),
    ("São Paulo", "Brasil"),
    ("Berlin", "Germany"),
    ("Paris", "France"),
    ("Oslo", "Norway"),
    ("Kraków", "Poland"),
    ("Tokyo", "Japan"),
    ("Austin", "United States"),
];
const STAGES: [&str; 6] =
    ["Prospecting", "Qualification", "Proposal", "Negotiation", "Won", "Lost"];

impl Furnishing<'_> {
    async fn fill(&mut self) -> Result<()> {
        let products =
            [("Starter", 490), ("Team", 1_900), ("Company", 9_900), ("Onboarding day", 1_200)];
        let products =
            products.map(|(name, price)| json!({ "name": name, "price": price, "series": "Kith" }));
        let products = self.make(&PRODUCT, products.to_vec()).await?;
        let rows = (0..ACCOUNTS).map(|number| self.account(number)).collect();
        let accounts = self.make(&ACCOUNT, rows).await?;
        let rows = (0..CONTACTS)
            .map(|number| self.person(number, Some(accounts[number % ACCOUNTS])))
            .collect();
        let contacts = self.make(&CONTACT, rows).await?;
        let rows = (0..LEADS).map(|number| self.person(number + CONTACTS, None)).collect();
        self.make(&LEAD, rows).await?;
        let rows =
            (0..DEALS).map(|number| self.deal(number, &accounts, &contacts, &products)).collect();
        let deals = self.make(&DEAL, rows).await?;
        let rows = (0..TASKS).map(|number| self.task(number, &deals)).collect();
        self.make(&TASK, rows).await?;
        let notes = deals.iter().take(30).map(|deal| json!({ "content": "They asked for a second offer by the end of the month.", "relatedId": deal }));
        self.make(&NOTE, notes.collect()).await?;
        let calls = contacts.iter().take(40).map(|contact| {
            json!({ "type": "call", "subject": "First call", "status": "completed", "outcome": "successful", "relatedId": contact })
        });
        self.make(&ACTIVITY, calls.collect()).await?;
        Ok(())
    }

    fn account(&mut self, number: usize) -> Json {
        let name = format!(
            "{} {}",
            ROOTS[number % ROOTS.len()],
            KINDS[(number / ROOTS.len() + number) % KINDS.len()]
        );
        let (city, country) = *self.random.pick(&CITIES);
        let domain = format!("{}.example", kith_kernel::text::fold(&name).replace(' ', "-"));
        json!({
            "name": name, "domain": domain, "industry": self.random.pick(&INDUSTRIES), "type": "customer",
            "annualRevenue": 100_000 + self.random.below(90) * 50_000, "employeeCount": 3 + self.random.below(400),
            "ownerId": self.ctx.actor.member, "address": { "city": city, "country": country },
        })
    }

    fn person(&mut self, number: usize, account: Option<Id>) -> Json {
        let (first, last) =
            (FIRST[number % FIRST.len()], LAST[(number / FIRST.len() + number) % LAST.len()]);
        let mail = kith_kernel::text::fold(&format!("{first}.{last}.{number}@people.example"))
            .into_owned();
        let (city, country) = *self.random.pick(&CITIES);
        let mut person = json!({
            "firstName": first, "lastName": last, "email": mail, "phone": format!("+351 21 555 {number:04}"),
            "jobTitle": self.random.pick(&["Buyer", "Founder", "Head of Sales", "Engineer"]),
            "source": self.random.pick(&["website", "referral", "fair", "mailing"]),
            "ownerId": self.ctx.actor.member, "address": { "city": city, "country": country },
        });
        match account {
            Some(account) => person["accountId"] = json!(account),
            None => person["status"] = json!(*self.random.pick(&["new", "contacted", "qualified"])),
        }
        person
    }

    fn deal(&mut self, number: usize, accounts: &[Id], contacts: &[Id], products: &[Id]) -> Json {
        let stage = *self.random.pick(&STAGES);
        let closes =
            self.ctx.now().date(self.ctx.actor.zone).plus_days(self.random.small(120) - 30);
        let mut deal = json!({
            "name": format!("{} {}", self.random.pick(&["Licences", "Renewal", "Pilot", "Expansion"]), number + 1),
            "amount": 500 + self.random.below(400) * 125, "stage": stage,
            "accountId": accounts[number % accounts.len()], "contactId": contacts[number % contacts.len()],
            "productId": self.random.pick(products), "ownerId": self.ctx.actor.member,
            "expectedCloseDate": closes, "labels": [*self.random.pick(&["priority", "partner", "new market"])],
        });
        if stage == "Lost" {
            deal["lostReason"] = json!(*self.random.pick(&["Price", "Timing", "Another vendor"]));
        }
        deal
    }

    fn task(&mut self, number: usize, deals: &[Id]) -> Json {
        let hours = self.random.small(14 * 24) - 48;
        json!({
            "title": *self.random.pick(&["Send the offer", "Call back", "Prepare the demo", "Ask for a reference"]),
            "priority": *self.random.pick(&["low", "medium", "high"]), "ownerId": self.ctx.actor.member,
            "dueAt": self.ctx.now().plus_seconds(hours * 3_600), "relatedId": deals[number % deals.len()],
        })
    }

    /// Makes records, some at a time.
    async fn make(&self, object: &'static Object, rows: Vec<Json>) -> Result<Vec<Id>> {
        let (records, ctx) = (&self.house.records, &self.ctx);
        let mut ids = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(CHUNK) {
            let made = ctx.write(async |db| {
                let mut made = Vec::with_capacity(chunk.len());
                for row in chunk {
                    let input: Record = row.as_object().cloned().unwrap_or_default();
                    made.push(records.create(ctx, db, object, input).await?.0);
                }
                Ok(made)
            });
            ids.extend(made.await?);
        }
        Ok(ids)
    }
}
