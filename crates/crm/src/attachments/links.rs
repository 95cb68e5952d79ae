//! Public links: a token that says which attachment of which tenant and until when, signed, and stored nowhere.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use kith_http::{Answer, Call, schema, schema::Schema};
use kith_kernel::{Error, Id, Kind, Result, Time, internal, invalid, not_found};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use sha2::Sha256;

use super::{Attachments, OpenTenant, PATH, tell};

/// Seven days.
const LONGEST: i64 = 7 * 86_400;
const VERSION: u8 = 1;
/// Version, tenant, attachment, end.
const CLAIM: usize = 1 + 16 + 16 + 8;
const SIGNATURE: usize = 32;

/// How long a link shall hold.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    expires_in_seconds: Option<i64>,
}

/// The same, of an attachment that the body names by its id or its address.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named {
    file_id: Option<Id>,
    file_uri: Option<String>,
    filepath: Option<String>,
    expires_in_seconds: Option<i64>,
}

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Claim {
    tenant: Id,
    attachment: Id,
    until: Time,
}

/// Signs links, with keys of its own that are made of the installation's: the newest signs, what an old one signed holds.
pub(super) struct Signer {
    newest: Hmac<Sha256>,
    old: Vec<Hmac<Sha256>>,
}

impl Signer {
    pub(super) fn new(keys: &[[u8; 32]]) -> Result<Self> {
        let mut own = keys.iter().map(|key| {
            let own = keyed(key)?.chain_update(b"kith links of attachments 1").finalize();
            keyed(&own.into_bytes())
        });
        let newest = own.next().ok_or_else(|| internal("links without a key"))??;
        Ok(Self { newest, old: own.collect::<Result<_>>()? })
    }

    fn token(&self, claim: Claim) -> String {
        let mut bytes = Vec::with_capacity(CLAIM + SIGNATURE);
        bytes.push(VERSION);
        bytes.extend_from_slice(claim.tenant.as_bytes());
        bytes.extend_from_slice(claim.attachment.as_bytes());
        bytes.extend_from_slice(&claim.until.milliseconds().to_be_bytes());
        let signature = self.newest.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&signature);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a token says, when it is ours.
    fn read(&self, token: &str) -> Option<Claim> {
        if token.len() > 2 * (CLAIM + SIGNATURE) {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (claim, signature) = bytes.split_at_checked(CLAIM)?;
        let signed =
            |key: &Hmac<Sha256>| key.clone().chain_update(claim).verify_slice(signature).is_ok();
        if !std::iter::once(&self.newest).chain(&self.old).any(signed) {
            return None;
        }
        let (version, rest) = claim.split_first()?;
        let until = rest.get(32..)?.try_into().ok()?;
        (*version == VERSION).then_some(Claim {
            tenant: Id::from_slice(rest.get(..16)?)?,
            attachment: Id::from_slice(rest.get(16..32)?)?,
            until: Time::from_milliseconds(i64::from_be_bytes(until)),
        })
    }
}

fn keyed(key: &[u8]) -> Result<Hmac<Sha256>> {
    Hmac::new_from_slice(key)
        .map_err(|error| internal("the key of links is no key").caused_by(error.to_string()))
}

pub(super) fn expires() -> (&'static str, Schema) {
    let text = "1 second to 7 days (604800), which is the default.";
    let seconds = json!({ "type": ["integer", "null"], "minimum": 1, "maximum": LONGEST, "description": text });
    ("expiresInSeconds", seconds)
}

pub(super) fn named_schema() -> Schema {
    let address = "Its address: /api/attachments/{id}, or what stands behind that.";
    schema::object(
        vec![
            ("fileId", schema::described(schema::nullable(schema::id()), "The attachment.")),
            ("fileUri", schema::described(schema::nullable(schema::string()), address)),
            ("filepath", schema::described(schema::nullable(schema::string()), address)),
            expires(),
        ],
        &[],
    )
}

pub(super) fn schema() -> (String, Json) {
    let path = "Its end, where the API stands elsewhere.";
    let link = schema::object(
        vec![
            ("url", schema::described(schema::string(), "Whoever has it can read the file.")),
            ("path", schema::described(schema::string(), path)),
            ("expiresAt", schema::time()),
        ],
        &["url", "path", "expiresAt"],
    );
    ("AttachmentLink".to_owned(), link)
}

pub(super) async fn make(attachments: Arc<Attachments>, mut call: Call) -> Result<Answer> {
    let id = call.id("id")?;
    let wish: Wish = call.parse().await?;
    attachments.link(&call, id, wish.expires_in_seconds).await
}

pub(super) async fn make_named(attachments: Arc<Attachments>, mut call: Call) -> Result<Answer> {
    let given: Named = call.parse().await?;
    let by_address = [("fileUri", &given.file_uri), ("filepath", &given.filepath)];
    let mut ids: Vec<Id> = given.file_id.into_iter().collect();
    for (key, address) in by_address {
        if let Some(address) = address {
            ids.push(named(address).ok_or_else(|| invalid(key, "is no address of an attachment"))?);
        }
    }
    match ids[..] {
        [id] => attachments.link(&call, id, given.expires_in_seconds).await,
        [] => Err(invalid("fileId", "is required")),
        _ => Err(invalid("fileId", "is given in several ways: name the attachment once")),
    }
}

/// The id in `/api/attachments/{id}`, in whatever stands before and behind it.
fn named(address: &str) -> Option<Id> {
    let (_, rest) = address.split_once(PATH)?;
    rest.strip_prefix('/')?.split(['/', '?']).next()?.parse().ok()
}

impl Attachments {
    async fn link(&self, call: &Call, id: Id, seconds: Option<i64>) -> Result<Answer> {
        let seconds = seconds.unwrap_or(LONGEST);
        if !(1..=LONGEST).contains(&seconds) {
            let why = format!("must be from 1 to {LONGEST}");
            return Err(invalid("expiresInSeconds", why));
        }
        let ctx = &call.ctx;
        let until = ctx.now().plus_seconds(seconds);
        ctx.write(async |db| {
            self.found(ctx, db, id).await?;
            let changes = json!({ "after": { "expiresAt": until } });
            tell(ctx, db, ("linked", id), Some(changes))
        })
        .await?;
        let claim = Claim { tenant: ctx.actor.tenant, attachment: id, until };
        let path = format!("/api/files/{}", self.signer.token(claim));
        let shown =
            json!({ "url": format!("{}{path}", self.base), "path": path, "expiresAt": until });
        Ok(Answer::json(&shown)?.created(&path))
    }
}

/// What a link leads to. A forged one, one of another installation and one of what was deleted look alike.
pub(super) async fn follow(
    attachments: Arc<Attachments>,
    open: OpenTenant,
    call: Call,
) -> Result<Answer> {
    let missing = || not_found("file");
    let claim = attachments.signer.read(call.path("token")).ok_or_else(missing)?;
    if claim.until <= call.ctx.now() {
        return Err(Error::new(Kind::Gone, "expired", "This link has expired. Ask for a new one."));
    }
    // The signature says that a member of the tenant made it; whether that is still served is asked each time.
    let actor = open(claim.tenant).await.map_err(|error| match error.kind() {
        Kind::NotFound | Kind::Forbidden => missing(),
        _ => error,
    })?;
    let ctx = &call.ctx.app.on_behalf_of(actor);
    let found = ctx.read(async |db| attachments.found(ctx, db, claim.attachment).await).await;
    let found = found.map_err(|error| match error.kind() {
        Kind::NotFound | Kind::Gone | Kind::Forbidden => missing(),
        _ => error,
    })?;
    attachments.send(&call, ctx, &found).await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claim() -> Claim {
        let id = |text: &str| text.parse().unwrap();
        Claim {
            tenant: id("0193504c-8a00-7000-8000-000000000001"),
            attachment: id("0193504c-8a00-7000-8000-000000000002"),
            until: Time::parse("2026-11-28T09:00:00Z").unwrap(),
        }
    }

    #[test]
    fn a_token_says_what_was_signed_and_nothing_else() {
        let signer = Signer::new(&[[7; 32]]).unwrap();
        let token = signer.token(claim());
        assert_eq!(signer.read(&token), Some(claim()));
        assert_eq!(Signer::new(&[[8; 32]]).unwrap().read(&token), None);
        let renewed = Signer::new(&[[8; 32], [7; 32]]).unwrap();
        assert_eq!(renewed.read(&token), Some(claim()));
        assert_eq!(signer.read(&renewed.token(claim())), None);
        assert_eq!(signer.read(&format!("{token}A")), None);
        for cut in 0..token.len() {
            assert_eq!(signer.read(&token[..cut]), None);
        }
        let id = claim().attachment;
        assert_eq!(named(&format!("https://crm.example/api/attachments/{id}/content?x")), Some(id));
        assert_eq!(named(&format!("/api/attachments/{id}")), Some(id));
        assert_eq!(named(&format!("/api/contacts/{id}")), None);
    }

    proptest! {
        #[test]
        fn one_changed_bit_forges_nothing(at in 0_usize..(CLAIM + SIGNATURE) * 8) {
            let signer = Signer::new(&[[7; 32]]).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(signer.token(claim())).unwrap();
            bytes[at / 8] ^= 1 << (at % 8);
            prop_assert_eq!(signer.read(&URL_SAFE_NO_PAD.encode(bytes)), None);
        }
    }
}
