//! Imports and exports by commands: objects that a tenant added, and links by the names of what they lead to.

use std::fs;

use serde_json::json;

use crate::{
    backup::installation,
    database::{Kind, on_both},
    import::import,
    world::World,
};

on_both!(objects_of_a_tenant_come_and_go_by_commands, names_that_several_have_are_told,);

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn objects_of_a_tenant_come_and_go_by_commands(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let object = json!({ "name": "project", "label": "Project", "pluralLabel": "Building sites" });
    ana.make("/api/objects", object).await;
    for field in [
        json!({ "object": "project", "name": "customer", "kind": "link", "target": "account" }),
        json!({ "object": "project", "name": "after", "kind": "link", "target": "project" }),
    ] {
        ana.make("/api/custom-fields", field).await;
    }
    let acme = ana.make("/api/accounts", json!({ "name": "Acme" })).await;
    let first = ana.make("/api/objects/project/records", json!({ "name": "First" })).await;
    let file = world.folder().join("projects.csv");
    fs::write(
        &file,
        format!(
            "name,customer,after\nBridge,acme,First\nTunnel,{},\nRoad,Nobody at all,\n",
            acme["id"].as_str().unwrap()
        ),
    )
    .unwrap();
    let here = installation(world.folder(), world.options());
    let ours = ["--tenant", "world-of-owner"];
    let run = |words: &[&str]| here.told(&[words, &ours[..]].concat(), &[]);
    let path = file.to_str().unwrap();
    let told = run(&["import", "projets", path]);
    assert!(told.contains("There is no projets; there are accounts, "), "{told}");
    assert!(told.contains("deals") && told.contains(", project."), "{told}");
    assert!(
        !here.told(&["export", "project", "--tenant", "world-of-stranger"], &[]).contains("First")
    );
    let told = run(&["import", "project", path, "--match-by", "customer"]);
    assert!(told.contains("matchBy names customer"), "{told}");
    let told = run(&["import", "building sites", path]);
    assert!(told.contains("created 3, updated 0, already there 0, failed 0"), "{told}");
    assert!(told.contains("not found, left empty: customer \"Nobody at all\""), "{told}");
    let sites = ana.get("/api/objects/project/records?sort=name&include=custom.customer").await;
    assert_eq!(sites.names(), ["Bridge", "First", "Road", "Tunnel"]);
    let data = &sites.json["data"];
    assert_eq!(
        data[0]["custom"],
        json!({ "after": first["id"], "customer": acme["id"] }),
        "{data}"
    );
    assert_eq!(data[3]["custom"]["customer"], acme["id"], "{data}");
    let told = run(&["export", "project"]);
    assert_eq!(told.lines().filter(|line| line.contains(acme["id"].as_str().unwrap())).count(), 2);
    let to = world.folder().join("sites.jsonl");
    run(&["export", "Project", "--format", "jsonl", "--to", to.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(to).unwrap().lines().count(), 4);
}

async fn names_that_several_have_are_told(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let link = json!({ "object": "deal", "name": "partner", "kind": "link", "target": "account" });
    ana.make("/api/custom-fields", link).await;
    let mut twins = Vec::new();
    for name in ["Acme", "ACME", "Globex"] {
        twins.push(ana.make("/api/accounts", json!({ "name": name })).await["id"].clone());
    }
    let second = twins[1].as_str().unwrap();
    let file = format!(
        "externalId,name,account,partner\n1,By name,Acme,\n2,By id,{second},Globex\n3,Beside,Globex,acme\n"
    );
    for dry in ["true", "false"] {
        let fields = [("dryRun", dry)];
        let report = import(&world, ana, "deals", file.as_bytes(), &fields).await;
        assert_eq!((&report["created"], &report["failed"]), (&json!(1), &json!(2)), "{report}");
        let errors = ana.get(report["errorsUrl"].as_str().unwrap()).await.text;
        let why = "names \"\"Acme\"\", which 2 records (account) are called";
        assert!(errors.contains(&format!("account {why}")), "{errors}");
        assert!(errors.contains(&format!("partner {}", why.replace("Acme", "acme"))), "{errors}");
    }
    let deal = ana.get("/api/deals").await.json["data"][0].clone();
    assert_eq!((&deal["accountId"], &deal["custom"]["partner"]), (&twins[1], &twins[2]), "{deal}");
}
