//! `kith user reset-password` and `disable-second-factor`: for whoever has the machine and lost the way in.

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
    /// Take the authenticator app away from a user who lost it and the recovery codes.
    DisableSecondFactor {
        /// The user's e-mail address.
        email: String,
    },
}

pub(super) async fn run(settings: Settings, user: User) -> Result<ExitCode> {
    let house = House::open(settings).await?;
    match user {
        User::ResetPassword { email } => reset_password(&house, &email).await?,
        User::DisableSecondFactor { email } => {
            let was_there = house.identity.disable_second_factor(&email).await?;
            let words = if was_there { "takes no code any more" } else { "took no code anyway" };
            say!("The sign-in of {email} {words}.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn reset_password(house: &House, email: &str) -> Result<()> {
    if io::stdin().is_terminal() {
        eprintln!("New password for {email}, then Enter and Ctrl-D:");
    }
    let mut password = String::new();
    io::stdin()
        .read_to_string(&mut password)
        .map_err(|error| unavailable("The password could not be read.").caused_by(error))?;
    house.identity.reset_password(email, password.trim_end_matches(['\r', '\n'])).await?;
    house.tell_rest().await;
    say!("The password of {email} is changed; all sessions have ended.");
    Ok(())
}
