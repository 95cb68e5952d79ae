//! `kith user reset-password`: for whoever has the machine and lost the way in.

use std::{
    io::{self, IsTerminal, Read},
    process::ExitCode,
};

use clap::Subcommand;
use kith_kernel::{Result, unavailable};
use kith_platform::Settings;

use crate::wire::House;

/// Users.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Set a new password, read from the standard input, and end all sessions of the user.
    ResetPassword {
        /// The user's e-mail address.
        email: String,
    },
}

pub(super) async fn run(settings: Settings, user: User) -> Result<ExitCode> {
    let User::ResetPassword { email } = user;
    let house = House::open(settings).await?;
    if io::stdin().is_terminal() {
        eprintln!("New password for {email}, then Enter and Ctrl-D:");
    }
    let mut password = String::new();
    io::stdin()
        .read_to_string(&mut password)
        .map_err(|error| unavailable("The password could not be read.").caused_by(error))?;
    house.identity.reset_password(&email, password.trim_end_matches(['\r', '\n'])).await?;
    house.tell_rest().await;
    say!("The password of {email} is changed; all sessions have ended.");
    Ok(ExitCode::SUCCESS)
}
