//! Invites: good once, for seven days, for whom they were meant.

#![expect(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

use kith_kernel::{Actor, Id};
use kith_store::Insert;
use serde_json::{Value, json};

use super::world::{PASSWORD, Person, Reply, World, person, text, token_in};
use crate::database::{Kind, on_both};

on_both!(
    an_invite_makes_a_member,
    an_invite_is_good_once_and_for_seven_days,
    who_has_an_account_proves_it,
    registering_with_an_invite_makes_no_tenant,
    an_imported_member_gets_their_sign_in,
    who_was_deactivated_may_be_invited_again,
);

async fn invite(world: &World, by: &Person, email: &str) -> (String, String) {
    let body = json!({ "email": email, "role": "member" });
    let made = world.giving(&by.token, "POST /api/invites", body).await.is(201);
    (text(&made["id"]), text(&made["token"]))
}

async fn accept(world: &World, token: &str, body: Value) -> Reply {
    world.nobody(&format!("POST /api/invites/{token}/accept"), body).await
}

async fn an_invite_makes_a_member(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let (id, token) = invite(&world, &ana, "Mia@Acme.com").await;
    let mails = world.mails("mia@acme.com").await;
    assert!(mails[0].starts_with("Ana invites you to join Ana as member."), "{}", mails[0]);
    assert_eq!(token_in(&mails[0]), token);
    let preview = world.ask(&format!("GET /api/invites/{token}/preview"), &[], None).await.is(200);
    assert_eq!(
        (&preview["tenantName"], &preview["email"]),
        (&json!("Ana"), &json!("mia@acme.com"))
    );
    accept(&world, &token, json!({})).await.is(422);
    let body = json!({ "name": "Mia M", "password": PASSWORD });
    let mia = person(&accept(&world, &token, body).await.is(200));
    assert_eq!(mia.tenant, ana.tenant);
    let me = world.me(&mia.token).await;
    assert_eq!((&me["role"], &me["user"]["name"]), (&json!("member"), &json!("Mia M")));
    assert_eq!(me["user"]["platformAdmin"], false);
    let list = world.bearing(&ana.token, "GET /api/invites").await.is(200);
    assert_eq!(
        (&list["data"][0]["id"], &list["data"][0]["status"]),
        (&json!(id), &json!("accepted"))
    );
    assert!(list["data"][0].get("token").is_none());
    let told = world.told(&ana.tenant, "invite.accepted").await;
    assert_eq!(told[0].member_id.unwrap().to_string(), text(&me["memberId"]));
    assert!(!format!("{:?}", world.events(&ana.tenant).await).contains(&token));
    let again = json!({ "email": "mia@acme.com" });
    world.giving(&ana.token, "POST /api/invites", again).await.fails(409, "already_member");
    let revoke = format!("DELETE /api/invites/{id}");
    world.bearing(&ana.token, &revoke).await.fails(409, "accepted");
    world.bearing(&mia.token, "GET /api/invites").await.fails(403, "forbidden");
}

async fn an_invite_is_good_once_and_for_seven_days(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let body = || json!({ "password": PASSWORD });
    let (_, old) = invite(&world, &ana, "mia@acme.com").await;
    let (id, token) = invite(&world, &ana, "mia@acme.com").await;
    accept(&world, &old, body()).await.fails(404, "not_found");
    world.bearing(&ana.token, &format!("DELETE /api/invites/{id}")).await.is(204);
    world.bearing(&ana.token, &format!("DELETE /api/invites/{id}")).await.is(204);
    accept(&world, &token, body()).await.fails(404, "not_found");
    assert_eq!(world.told(&ana.tenant, "invite.revoked").await.len(), 2);
    let (_, token) = invite(&world, &ana, "mia@acme.com").await;
    let (one, other) = tokio::join!(accept(&world, &token, body()), accept(&world, &token, body()));
    let good = [&one, &other].iter().filter(|reply| reply.status == 200).count();
    assert_eq!(good, 1, "{one:?} {other:?}");
    accept(&world, &token, body()).await.fails(404, "not_found");
    let (_, late) = invite(&world, &ana, "late@acme.com").await;
    world.clock.advance_seconds(7 * 86_400);
    accept(&world, &late, body()).await.fails(404, "not_found");
    world.ask(&format!("GET /api/invites/{late}/preview"), &[], None).await.is(404);
    world.ask("GET /api/invites/guessed/preview", &[], None).await.is(404);
}

async fn who_has_an_account_proves_it(kind: Kind) {
    let world = World::fresh(kind).await;
    let (ana, bruno, carla) =
        (world.register("Ana").await, world.register("Bruno").await, world.register("Carla").await);
    let (_, token) = invite(&world, &ana, &bruno.email).await;
    accept(&world, &token, json!({})).await.fails(401, "sign_in_needed");
    let wrong = json!({ "password": "wrong password" });
    accept(&world, &token, wrong).await.fails(401, "wrong_credentials");
    let what = format!("POST /api/invites/{token}/accept");
    world.giving(&carla.token, &what, json!({})).await.fails(401, "sign_in_needed");
    let there = person(&world.giving(&bruno.token, &what, json!({})).await.is(200));
    assert_eq!((&there.user, &there.tenant), (&bruno.user, &ana.tenant));
    assert_eq!(world.me(&there.token).await["memberships"].as_array().unwrap().len(), 2);
    let (_, token) = invite(&world, &ana, &carla.email).await;
    let right = json!({ "password": PASSWORD });
    let (one, other) =
        tokio::join!(accept(&world, &token, right.clone()), accept(&world, &token, right));
    let (good, late) = if one.status == 200 { (one, other) } else { (other, one) };
    late.fails(404, "not_found");
    let there = person(&good.is(200));
    assert_eq!((there.user, there.tenant), (carla.user, ana.tenant));
}

async fn registering_with_an_invite_makes_no_tenant(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let (_, token) = invite(&world, &ana, "mia@acme.com").await;
    let register = |email: &str| {
        let body = json!({ "email": email, "password": PASSWORD, "inviteToken": token });
        world.nobody("POST /api/auth/register", body)
    };
    register("other@acme.com").await.is(422);
    let mia = person(&register("Mia@acme.com").await.is(201));
    assert_eq!(mia.tenant, ana.tenant);
    assert_eq!(world.hooked.lock().unwrap().len(), 1);
    register("mia@acme.com").await.fails(409, "email_taken");
}

async fn an_imported_member_gets_their_sign_in(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let (tenant, id): (Id, Id) = (ana.tenant.parse().unwrap(), world.app.ids.next());
    let now = world.clock.now();
    let row = Insert::row(
        "members",
        vec![
            ("id", id.into()),
            ("name", "Mia Imported".into()),
            ("email", "Mia@acme.com".into()),
            ("email_folded", "mia@acme.com".into()),
            ("version", 1.into()),
            ("created_at", now.into()),
            ("updated_at", now.into()),
        ],
    );
    let import = async |db: &kith_store::Write| {
        kith_platform::anchors::add(db, id, "member")?;
        db.insert(row).await
    };
    world.app.db.write(&Actor::system(tenant), import).await.unwrap();
    let users = world.bearing(&ana.token, "GET /api/users").await.is(200);
    assert_eq!(users["data"].as_array().unwrap().len(), 1, "who does not sign in is no user");
    let mia = world.colleague(&ana, "Mia", "viewer").await;
    assert_eq!(world.member(&mia).await, id.to_string());
    assert_eq!(world.me(&mia.token).await["role"], "viewer");
}

async fn who_was_deactivated_may_be_invited_again(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let mia = world.colleague(&ana, "Mia", "member").await;
    let id = world.member(&mia).await;
    world.bearing(&ana.token, &format!("POST /api/members/{id}/deactivate")).await.is(200);
    let (_, token) = invite(&world, &ana, &mia.email).await;
    let back = person(&accept(&world, &token, json!({ "password": PASSWORD })).await.is(200));
    assert_eq!((world.member(&back).await, back.user), (id, mia.user));
}
