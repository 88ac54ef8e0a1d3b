//! The commands that talk to a server, or to a journal on disk.

mod change;
mod converge;
mod doctor;
mod documents;
mod eval;
mod files;
mod flag;
mod history;
mod import;
mod key;
mod playbook;
mod refs;
mod release;
mod schedule;
mod token;
mod user;

use anyhow::{Context, Result};

use crate::{
    args::{Command, Output, Server},
    client::Client,
    output,
};

/// Carries out a command, and fails where its result could not be shown.
pub async fn run(command: Command, server: &Server, shown: Output) -> Result<()> {
    carry_out(command, server, shown).await?;
    output::finish().context("the command has run, but its result is not shown whole")
}

async fn carry_out(command: Command, server: &Server, shown: Output) -> Result<()> {
    let client = Client::new(server)?.signed_in(server.email.as_deref()).await?;
    match command {
        Command::Flag(flag) => flag::run(&client, flag, shown).await,
        Command::Venue(venue) => documents::venue(&client, venue, shown).await,
        Command::Cohort(cohort) => documents::run(&client, "cohorts", cohort, shown).await,
        Command::Environment(environment) => {
            documents::run(&client, "environments", environment, shown).await
        }
        Command::Event(event) => documents::run(&client, "events", event, shown).await,
        Command::Freeze(freeze) => documents::run(&client, "freezes", freeze, shown).await,
        Command::Schedule(schedule) => schedule::run(&client, schedule, shown).await,
        Command::Change(change) => change::run(&client, change, shown).await,
        Command::Playbook(playbook) => playbook::run(&client, playbook, shown).await,
        Command::Release(release) => release::run(&client, release, shown).await,
        Command::Eval(eval) => eval::run(&client, eval, shown).await,
        Command::Journal(journal) => history::journal(&client, journal, shown).await,
        Command::Rollback(rollback) => history::rollback(&client, rollback, shown).await,
        Command::Undo(undo) => history::undo(&client, &undo, shown).await,
        Command::Converge(converge) => converge::run(&client, &converge, shown).await,
        Command::Key(key) => key::run(&client, key, shown).await,
        Command::Token(token) => token::run(&client, token, shown).await,
        Command::User(user) => user::run(&client, user, shown).await,
        Command::Export { at } => files::export(&client, at.as_deref()).await,
        Command::Import(import) => import::run(&client, import, shown).await,
        Command::Backup { data, redis, to } => files::backup(&data, redis.options(), &to, shown).await,
        Command::Restore { from, data, redis } => files::restore(&from, &data, redis.options(), shown).await,
        Command::Refs(refs) => refs::run(&client, refs, shown).await,
        Command::Doctor => doctor::run(&client, shown).await,
        // These have no server to talk to, and never come here.
        Command::Serve(_) | Command::Edge(_) | Command::DemoDevices(_) => Ok(()),
    }
}

/// Says that something was written, and in which commit.
fn written(answer: &serde_json::Value, what: &str, shown: Output) {
    match shown {
        Output::Json => output::json(answer),
        Output::Table => output::line(&format!("{what} (commit {})", answer["seq"])),
    }
}
