//! Who may do what, as a table that a person reads: role by operation, made of the OpenAPI document.

use std::fmt::Write;

use kith_kernel::Role;

use crate::{
    database::Kind,
    locked::locked,
    operations::{self, Operation},
    world::World,
};

const HEAD: &str = "# Who may do what

Made of the OpenAPI document by `tests/roles.rs`, and locked: when it changes, somebody reads the change.
*Anybody* needs no sign-in; *signed in* has no need of a tenant, and what is named by an id must be one's own. An API key
has the role of its member or a lower one, and needs the scope besides; where there is none it needs `*`, and where somebody
must be signed in a key is refused. *Platform* is whoever runs the installation.

| operation | anybody | signed in | viewer | member | admin | owner | platform | scope |
|---|---|---|---|---|---|---|---|---|
";

#[tokio::test]
async fn who_may_do_what_has_been_read() {
    let world = World::new(Kind::Sqlite).await;
    let mut all = operations::all(&world.nobody).await;
    all.retain(|operation| operation.path == operation.canonical);
    all.sort_by(|one, other| (&one.path, &one.method).cmp(&(&other.path, &other.method)));
    let mut table = HEAD.to_owned();
    for operation in &all {
        writeln!(table, "{}", line(operation)).unwrap();
    }
    println!("{table}");
    locked("docs/roles.md", &table);
}

fn line(operation: &Operation) -> String {
    let public = operation.is_public();
    let user = public || operation.access == "user";
    let by_role = Role::ALL.map(|role| user || operation.role().is_some_and(|least| role >= least));
    let platform = public || operation.access == "platform";
    let may = [&[public, user][..], &by_role, &[platform]].concat();
    let may: Vec<&str> = may.into_iter().map(|may| if may { "yes" } else { "" }).collect();
    let scope = operation.scope.as_deref().unwrap_or(if public { "" } else { "*" });
    let scope = if operation.access == "user" { "none" } else { scope };
    format!("| `{}` | {} | {scope} |", operation.name(), may.join(" | "))
}
