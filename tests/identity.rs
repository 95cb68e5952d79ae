//! Who is who, through the router: sign-in, tokens, tenants, members, invites, API keys, on both databases.

mod api_keys;
mod documents;
mod invites;
mod passwords;
mod second_factor;
mod sign_in;
mod tenants;
mod tokens;
mod world;
