//! Who acts, for which tenant, with which rights.

use std::{net::IpAddr, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Currency, Error, Id, Zone, forbidden, invalid};

/// What a member may do in a tenant; each role may do all that the lower ones may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads and changes records.
    Member,
    /// Also deletes, imports for others, manages members, keys and settings.
    Admin,
    /// Also hands over or ends the tenant.
    Owner,
}

impl Role {
    /// All roles, the lowest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// The name as the API shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl FromStr for Role {
    type Err = Error;

    /// Reads a role in any case, also by the names `TENANT_ADMIN` and `TENANT_USER`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase().as_str() {
            "viewer" => Ok(Self::Viewer),
            "member" | "tenant_user" => Ok(Self::Member),
            "admin" | "tenant_admin" => Ok(Self::Admin),
            "owner" => Ok(Self::Owner),
            _ => Err(invalid("role", "is none of viewer, member, admin, owner")),
        }
    }
}

/// How the actor came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Via {
    /// A signed-in session.
    Session,
    /// An API key.
    Key,
    /// The house itself: a job, the command line, a migration.
    System,
    /// A model proposed it to the member who asked, with the member's own rights.
    Assistant,
}

/// What an API key may touch: everything, or named scopes such as `contacts:read`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scopes {
    /// All that the role allows.
    All,
    /// These alone.
    Only(Arc<[String]>),
}

impl Scopes {
    /// Whether `action` (`read`, `write`, `delete`) on `object` (a plural, such as `contacts`) is covered.
    pub fn allow(&self, object: &str, action: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(scopes) => scopes.iter().any(|scope| covers(scope, object, action)),
        }
    }

    /// Refuses what is not covered.
    ///
    /// # Errors
    /// `Forbidden` (`missing_scope`), naming the scope.
    #[track_caller]
    pub fn require(&self, object: &str, action: &str) -> Result<(), Error> {
        if self.allow(object, action) {
            return Ok(());
        }
        let why = format!("This API key lacks the scope {object}:{action}.");
        Err(forbidden(why).coded("missing_scope"))
    }
}

fn covers(scope: &str, object: &str, action: &str) -> bool {
    match scope.split_once(':') {
        None => scope == "*",
        Some((of, may)) => (of == object || of == "*") && (may == action || may == "*"),
    }
}

/// Who acts. Made by sign-in, by an API key, or by a job's envelope; never by a parameter.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The tenant whose rows it sees; [`Id::NIL`] is the installation itself.
    pub tenant: Id,
    /// The user who signed in, when there is one.
    pub user: Option<Id>,
    /// The member of the tenant on whose behalf it acts.
    pub member: Option<Id>,
    /// The session or API key it came by.
    pub credential: Option<Id>,
    /// What the member may do.
    pub role: Role,
    /// What the key may touch.
    pub scopes: Scopes,
    /// How it came in.
    pub via: Via,
    /// Whether the user runs the installation.
    pub platform_admin: bool,
    /// The request (or job) it belongs to, for logs and events.
    pub request: Option<Id>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// The tenant's time zone, or the member's own: days begin and end in it.
    pub zone: Zone,
    /// The tenant's currency, where an amount names none.
    pub currency: Currency,
    /// The key's own limit, when it has one; 0 is none at all.
    pub requests_per_minute: Option<u32>,
}

impl Actor {
    /// The house itself, acting inside one tenant.
    pub fn system(tenant: Id) -> Self {
        Self {
            tenant,
            user: None,
            member: None,
            credential: None,
            role: Role::Owner,
            scopes: Scopes::All,
            via: Via::System,
            platform_admin: false,
            request: None,
            address: None,
            zone: Zone::UTC,
            currency: Currency::USD,
            requests_per_minute: None,
        }
    }

    /// The house itself, outside any tenant.
    pub fn installation() -> Self {
        Self::system(Id::NIL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_cover_what_they_name() {
        let scopes = Scopes::Only(vec!["contacts:read".to_owned(), "deals:*".to_owned()].into());
        assert!(scopes.allow("contacts", "read"));
        assert!(!scopes.allow("contacts", "write"));
        assert!(scopes.allow("deals", "delete"));
        assert!(!scopes.allow("accounts", "read"));
        assert!(Scopes::Only(vec!["*:read".to_owned()].into()).allow("accounts", "read"));
    }

    #[test]
    fn roles_are_ordered() {
        assert!(Role::Owner > Role::Admin && Role::Member > Role::Viewer);
        assert_eq!("TENANT_ADMIN".parse::<Role>().unwrap(), Role::Admin);
    }
}
