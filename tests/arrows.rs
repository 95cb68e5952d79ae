//! The arrows of the house, read from its own source: they point down, between crates and between modules.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The floor of each crate; arrows point to lower ones alone.
const FLOORS: [(&str, u8); 17] = [
    ("kith-kernel", 0),
    ("kith-store", 1),
    ("kith-llm", 1),
    ("kith-sentences", 1),
    ("kith-platform", 2),
    ("kith-http", 3),
    ("kith-identity", 4),
    ("kith-records", 5),
    ("kith-gateway", 5),
    ("kith-crm", 6),
    // Far sides know nothing of the house; only who starts them knows them.
    ("kith-simulator", 6),
    ("kith-inbox", 6),
    ("kith-assistant", 6),
    ("kith-automation", 6),
    ("kith-marketing", 6),
    ("kith-billing", 6),
    ("kith-insights", 6),
];
const HIGHEST: u8 = 7;

/// Crates that stand on the floor of slices, whose modules meet through records and events.
const OF_SLICES: [&str; 1] = ["crm"];

/// The arrows between slices that there are all the same; `ARCHITECTURE.md` lists them too.
const BETWEEN_SLICES: [(&str, &str); 22] = [
    ("accounts", "address"),
    ("accounts", "duplicates"),
    ("accounts", "notifications"),
    ("activities", "notifications"),
    ("base44", "accounts"),
    ("base44", "activities"),
    ("base44", "contacts"),
    ("base44", "deals"),
    ("base44", "leads"),
    ("base44", "pipelines"),
    ("contacts", "address"),
    ("contacts", "duplicates"),
    ("contacts", "notifications"),
    ("contacts", "people"),
    ("deals", "notifications"),
    ("deals", "pipelines"),
    ("leads", "address"),
    ("leads", "duplicates"),
    ("leads", "notifications"),
    ("leads", "people"),
    ("tasks", "activities"),
    ("tasks", "notifications"),
];

/// Copies of a whole database, or of one tenant; each names the tenant of a row by the row itself.
const COPIES: [&str; 6] = [
    "crates/kith/src/bundle.rs",
    "crates/kith/src/bundle/receive.rs",
    "crates/kith/src/commands/backup.rs",
    "crates/kith/src/commands/relocate.rs",
    "crates/kith/src/copying/fill.rs",
    "crates/kith/src/copying/target.rs",
];

/// Where work reaches outside of any tenant.
const EVERYWHERE: [&str; 20] = [
    "crates/identity/src/installation.rs",
    "crates/identity/src/lookups.rs",
    "crates/identity/src/passwords.rs",
    "crates/identity/src/second_factor/stored.rs",
    "crates/identity/src/sessions.rs",
    "crates/identity/src/tenants.rs",
    "crates/identity/src/users.rs",
    "crates/inbox/src/channels/identities.rs",
    "crates/kith/src/system.rs",
    "crates/platform/src/events.rs",
    "crates/platform/src/events/readers.rs",
    "crates/platform/src/events/seal.rs",
    "crates/platform/src/events/verify.rs",
    "crates/platform/src/jobs.rs",
    "crates/platform/src/jobs/attempt.rs",
    "crates/platform/src/jobs/claim.rs",
    "crates/platform/src/jobs/prune.rs",
    "crates/platform/src/mail.rs",
    "crates/platform/src/mail/delivery.rs",
    "crates/store/src/db.rs",
];

const LONGEST_FILE: usize = 500;

/// Drivers of databases, and the only crate that may know them.
const DRIVERS: [&str; 5] =
    ["rusqlite", "tokio-postgres", "deadpool-postgres", "tokio_postgres", "deadpool_postgres"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of the project: its path from the root, and its text.
struct Source {
    path: String,
    text: String,
}

/// All Rust files in a folder of the project.
fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// The crates: their folders with what `Cargo.toml` says.
fn crates() -> Vec<(String, toml::Table)> {
    let mut all: Vec<_> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| {
            let text = fs::read_to_string(entry.path().join("Cargo.toml")).unwrap();
            (entry.file_name().into_string().unwrap(), text.parse().unwrap())
        })
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = kinds.iter().filter_map(|kind| manifest.get(*kind)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

fn floor(package: &str) -> u8 {
    if package == "kith" {
        return HIGHEST;
    }
    let known = FLOORS.iter().find(|(name, _)| *name == package);
    known.unwrap_or_else(|| panic!("on which floor is {package}? See FLOORS.")).1
}

#[test]
fn packages_are_named_as_their_folders() {
    for (folder, manifest) in crates() {
        let name = manifest["package"]["name"].as_str().unwrap();
        let wanted = if folder == "kith" { folder.clone() } else { format!("kith-{folder}") };
        assert_eq!(name, wanted);
    }
}

#[test]
fn arrows_between_crates_point_down() {
    for (folder, manifest) in crates() {
        let name = manifest["package"]["name"].as_str().unwrap();
        let ours = |other: &String| other.starts_with("kith-") || other == "kith";
        for other in dependencies(&manifest).into_iter().filter(ours) {
            assert!(floor(&other) < floor(name), "{name} must not know {other}");
        }
        // A path in a doc comment is an arrow too: it says that the lower room knows the higher.
        for source in sources(&format!("crates/{folder}/src")) {
            for (package, _) in FLOORS {
                let path = format!("{}::", package.replace('-', "_"));
                let known = floor(package) < floor(name) || !source.text.contains(&path);
                assert!(known, "{} must not know {package}", source.path);
            }
        }
    }
}

#[test]
fn only_the_store_knows_a_driver() {
    for (folder, manifest) in crates().into_iter().filter(|(folder, _)| folder != "store") {
        for driver in DRIVERS {
            assert!(!dependencies(&manifest).contains(driver), "{folder} must not know {driver}");
            for source in sources(&format!("crates/{folder}/src")) {
                let known = source.text.contains(&format!("{driver}::"));
                assert!(!known, "{} must not know {driver}", source.path);
            }
        }
    }
}

#[test]
fn work_outside_of_tenants_is_done_in_known_places() {
    let found: Vec<String> = sources("crates")
        .into_iter()
        .filter(|source| source.text.contains("everywhere("))
        .map(|source| source.path)
        .collect();
    assert_eq!(found, EVERYWHERE, "these files reach outside of tenants");
}

#[test]
fn all_tenants_are_looked_at_in_known_places() {
    let doors = ["look_at_all(", "look_at_tenant(", ".fill_all("];
    let found: Vec<String> = sources("crates")
        .into_iter()
        .filter(|source| !source.path.starts_with("crates/store/"))
        .filter(|source| doors.iter().any(|door| source.text.contains(door)))
        .map(|source| source.path)
        .collect();
    assert_eq!(found, COPIES, "these files copy past the walls");
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut long = Vec::new();
    for source in sources("crates").into_iter().chain(sources("tests")) {
        assert!(source.text.starts_with("//! "), "{} does not say what it is", source.path);
        if source.text.lines().count() > LONGEST_FILE {
            long.push(source.path);
        }
    }
    assert!(long.is_empty(), "these files have more than {LONGEST_FILE} lines: {long:?}");
}

/// Which modules of a crate use which.
type Arrows = BTreeMap<String, BTreeSet<String>>;

fn module(path: &str) -> String {
    let inside = path.split("/src/").nth(1).unwrap();
    inside.split(['/', '.']).next().unwrap().to_owned()
}

fn arrows(folder: &str) -> Arrows {
    let sources = sources(&format!("crates/{folder}/src"));
    let modules: BTreeSet<String> = sources.iter().map(|source| module(&source.path)).collect();
    let mut arrows = Arrows::new();
    for source in &sources {
        let own = module(&source.path);
        // Tests at the end of a file may use what they like.
        let text = source.text.split("#[cfg(test)]").next().unwrap_or_default();
        let used = text.split("crate::").skip(1).flat_map(first_words);
        let used = used.filter(|name| modules.contains(name) && *name != own);
        arrows.entry(own.clone()).or_default().extend(used.collect::<Vec<_>>());
    }
    arrows.remove("lib");
    arrows.remove("main");
    arrows
}

/// The first name of each path that follows `crate::`, which may be several in braces.
fn first_words(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        let text = text.trim_start();
        text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
    };
    let Some(inside) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let (mut depth, mut words, mut begin) = (0_i32, Vec::new(), 0);
    for (at, letter) in inside.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                words.push(word(&inside[begin..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                words.push(word(&inside[begin..at]));
                begin = at + 1;
            }
            _ => {}
        }
    }
    words
}

fn reach<'a>(arrows: &'a Arrows, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = vec![from];
    while let Some(module) = next.pop() {
        for other in arrows.get(module).into_iter().flatten() {
            if reached.insert(other.as_str()) {
                next.push(other);
            }
        }
    }
    reached
}

#[test]
fn modules_stand_in_no_circle() {
    for (folder, _) in crates() {
        let arrows = arrows(&folder);
        let in_circles: Vec<&str> = arrows
            .keys()
            .map(String::as_str)
            .filter(|module| reach(&arrows, module).contains(module))
            .collect();
        assert!(in_circles.is_empty(), "{in_circles:?} of {folder} stand in circles: {arrows:#?}");
    }
}

#[test]
fn slices_meet_through_records_and_events() {
    for folder in OF_SLICES {
        let found: BTreeSet<(String, String)> = arrows(folder)
            .into_iter()
            // Migrations make the tables of all slices.
            .filter(|(from, _)| from != "migrations")
            .flat_map(|(from, to)| to.into_iter().map(move |to| (from.clone(), to)))
            .collect();
        let owned = |(from, to): &(&str, &str)| ((*from).to_owned(), (*to).to_owned());
        let allowed: BTreeSet<_> = BETWEEN_SLICES.iter().map(owned).collect();
        assert_eq!(found, allowed, "arrows between slices of {folder}");
    }
}

#[test]
fn paths_behind_crate_are_read() {
    assert_eq!(first_words("a::b;"), ["a"]);
    assert_eq!(first_words("{\n    a, b::{c, d},\n    e::f,\n};"), ["a", "b", "e", ""]);
}
