//! `kith doctor`: every setting with its origin, what is wrong, and what to do about it.

use std::process::ExitCode;

use kith_assistant::Knowledge;
use kith_gateway::{
    keys::Keys,
    probe::{self, Probed},
};
use kith_inbox::channels;
use kith_kernel::Result;
use kith_platform::{Broadcast, Origin, Settings, mail::Server, outgoing::Outgoing};
use kith_store::Db;

use super::{backup, keys};
use crate::{
    log,
    wire::{self, House},
};

pub(super) async fn run(settings: &Settings) -> Result<ExitCode> {
    say!("Settings (those that are not the default have their origin behind them)");
    for setting in settings.each() {
        let origin = match &setting.origin {
            Origin::Default => String::new(),
            origin @ (Origin::File(_) | Origin::Environment(_) | Origin::Given) => {
                format!("   ({origin})")
            }
        };
        say!("  {:<32} {}{origin}", setting.key, setting.value);
    }
    let mut wrong: Vec<String> = settings.mistakes().to_vec();
    for (name, instead) in settings.unused() {
        wrong.push(format!("{name} has no use any more: {instead}"));
    }
    wrong.extend(settings.check_shared().err().map(|error| error.in_one_line()));
    wrong.extend(parts(settings).await);
    say!("\nBackups\n  {}", backup::last(settings));
    if wrong.is_empty() {
        say!("\nNothing is wrong.");
        return Ok(ExitCode::SUCCESS);
    }
    say!("\nWhat is wrong");
    for one in wrong {
        say!("  - {one}");
    }
    Ok(ExitCode::FAILURE)
}

/// Tells of each part, and gives back what is wrong.
async fn parts(settings: &Settings) -> Vec<String> {
    let (mut wrong, mut mute) = (Vec::new(), None);
    let mut tell = |name: &str, told: Result<String>| match told {
        Ok(told) => say!("\n{name}\n  {told}"),
        Err(error) => wrong.push(format!("{name}: {}", error.in_one_line())),
    };
    tell("Database", database(settings).await);
    let (told, lost) = match secrets(settings).await {
        Ok((told, lost)) => (Ok(told), lost),
        Err(error) => (Err(error), Vec::new()),
    };
    tell("Secrets", told);
    match mail(settings).await {
        Ok(lacking) => mute = lacking,
        Err(error) => tell("Mail", Err(error)),
    }
    tell("Files", files(settings).await);
    tell("Logs", log::told(settings));
    let (told, dumb) = match models(settings).await {
        Ok((told, dumb)) => (Ok(told), dumb),
        Err(error) => (Err(error), Vec::new()),
    };
    tell("Models", told);
    for (name, told) in [("ChromaDB", chromadb(settings).await), ("Redis", redis(settings).await)] {
        if let Some(told) = told.transpose() {
            tell(name, told);
        }
    }
    wrong.extend(lost);
    wrong.extend(mute);
    wrong.extend(dumb);
    wrong
}

/// Which keys stored secrets stand under, and what is wrong with that.
async fn secrets(settings: &Settings) -> Result<(String, Vec<String>)> {
    let options = settings.store();
    let is_new = options.sqlite_path().is_some_and(|path| !path.exists());
    if is_new || settings.check_shared().is_err() {
        return Ok(("none are stored, or none could be read".to_owned(), Vec::new()));
    }
    let db = Db::open(&options)?;
    if !db.pending(&wire::migrations()).await?.is_empty() {
        return Ok(("they are counted once the schema is up to date".to_owned(), Vec::new()));
    }
    let house = House::over(db, settings.clone())?;
    let (mut told, mut wrong) = (Vec::new(), Vec::new());
    for (name, count) in keys::tally(&house).await? {
        let key = keys::named(name.as_deref());
        let what = match &name {
            Some(name) if *name == house.keys.newest() => "ENCRYPTION_KEY",
            Some(name) if house.keys.can_read(name) => "an old one; kith keys rotate ends that",
            None => "kith keys rotate gives it one",
            Some(_) => {
                let why = "which is neither ENCRYPTION_KEY nor one of ENCRYPTION_KEYS_OLD";
                wrong.push(format!("{count} stored secrets stand under {key}, {why}. Add it there, or store them anew."));
                "which is missing"
            }
        };
        told.push(format!("{count} under {key} ({what})"));
    }
    if told.is_empty() {
        told.push(format!("none are stored; the newest key is called {}", house.keys.newest()));
    }
    Ok((told.join("\n  "), wrong))
}

/// What keeps mails of conversations from going out.
async fn mail(settings: &Settings) -> Result<Option<String>> {
    let options = settings.store();
    let is_new = options.sqlite_path().is_some_and(|path| !path.exists());
    if is_new || Server::of_house(settings)?.is_some() || settings.check_shared().is_err() {
        return Ok(None);
    }
    let db = Db::open(&options)?;
    if !db.pending(&wire::migrations()).await?.is_empty() {
        return Ok(None);
    }
    let house = House::over(db, settings.clone())?;
    let mut count = 0;
    for (tenant, _) in house.identity.tenants().await? {
        let ctx = house.app.as_system(tenant);
        count += ctx.read(async |db| channels::without_server(db).await).await?;
    }
    Ok((count > 0).then(|| {
        format!(
            "Mail: channels that have no smtpUrl of their own: {count}. Nothing goes out over them: set SMTP_URL."
        )
    }))
}

/// Which providers of models answer, and what is wrong with the others.
async fn models(settings: &Settings) -> Result<(String, Vec<String>)> {
    let keys = Keys::new(&settings.clone().with_passing_secrets()?)?;
    let (mut told, mut wrong) = (Vec::new(), keys.mistakes().to_vec());
    for Probed { who, went } in probe::probe(settings, &keys).await? {
        match went {
            Ok(took) => told.push(format!("{who} answered in {} ms", took.as_millis())),
            Err(why) => {
                told.push(format!("{who} did not answer"));
                wrong.push(format!("{who} {why}"));
            }
        }
    }
    if told.is_empty() {
        told.push(format!(
            "no provider is set up; any one of these does it: {}",
            probe::variables()
        ));
    }
    Ok((told.join("\n  "), wrong))
}

async fn chromadb(settings: &Settings) -> Result<Option<String>> {
    let version = Knowledge::probe(settings, &Outgoing::new(settings)?).await?;
    Ok(version.map(|version| format!("{version} answers")))
}

async fn redis(settings: &Settings) -> Result<Option<String>> {
    let answers = Broadcast::new(settings)?.probe().await?;
    Ok(answers.map(|()| "answers; nodes hear of one another who types".to_owned()))
}

async fn files(settings: &Settings) -> Result<String> {
    let told = wire::storage(settings)?.probe().await?;
    Ok(format!("{told}: can be written, read and removed from"))
}

async fn database(settings: &Settings) -> Result<String> {
    let options = settings.store();
    if let Some(path) = options.sqlite_path()
        && !path.exists()
    {
        return Ok(format!("sqlite: {} will be made by the first start", path.display()));
    }
    let db = Db::open(&options)?;
    let pending = db.pending(&wire::migrations()).await?;
    if !pending.is_empty() {
        return Ok(format!(
            "{}: {} migrations are still to do (kith migrate)",
            db.kind(),
            pending.len()
        ));
    }
    db.check_walls().await?;
    Ok(format!(
        "{}: reachable, the schema is up to date, the walls between tenants stand",
        db.kind()
    ))
}
