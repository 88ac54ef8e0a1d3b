//! `usher user`.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use reqwest::Method;
use serde_json::{Value, json};
use usher_server::auth::secret;

use super::{documents::read, written};
use crate::{
    args::{Output, User},
    client::{Client, segment},
    failure::Usage,
    output::{self, text},
    rights,
};

const PATH: &str = "/api/v1/users";

pub async fn run(client: &Client, user: User, shown: Output) -> Result<()> {
    match user {
        User::Ls => list(client, shown).await,
        User::Create { email, name, role, places, password_file } => {
            let given = password_file.as_deref().map(password).transpose()?;
            let password = match &given {
                Some(password) => password.clone(),
                None => secret::identity().map_err(|error| anyhow!("no password can be made up: {error}"))?,
            };
            let (role, bindings) = rights::sent(role, &places);
            let body = json!({"email": email, "name": name, "role": role, "bindings": bindings, "password": password});
            let mut made = client.post(PATH, &body).await?;
            let is_made_up = given.is_none();
            match (shown, is_made_up) {
                (Output::Json, true) => {
                    made["password"] = password.into();
                    output::json(&made);
                }
                (Output::Json, false) => output::json(&made),
                (Output::Table, true) => output::line(&password),
                (Output::Table, false) => output::line(&format!("{email} can sign in")),
            }
            if is_made_up {
                output::finish().with_context(|| {
                    format!(
                        "{email} has an account, but its password is lost: `usher user set {email} --password-file FILE` gives it another"
                    )
                })?;
                if shown == Output::Table {
                    eprintln!("This is the password of {email}; it is shown this once.");
                }
            }
            Ok(())
        }
        User::Invite { email, name, role, places, again } => {
            let mut invited = match (name, role) {
                (Some(name), Some(role)) if !again => {
                    let (role, bindings) = rights::sent(role, &places);
                    let body = json!({"email": email, "name": name, "role": role, "bindings": bindings});
                    client.post("/api/v1/invitations", &body).await?
                }
                _ => {
                    let path = path_of(&account(client, &email).await?);
                    client.post(&format!("{path}/invitation"), &json!({})).await?
                }
            };
            let link = client.address(&text(&invited["link"]));
            match shown {
                Output::Json => {
                    invited["link"] = link.into();
                    output::json(&invited);
                }
                Output::Table => output::line(&link),
            }
            output::finish().with_context(|| {
                format!(
                    "{email} is invited, but the link is lost: `usher user invite {email} --again` gives another"
                )
            })?;
            if shown == Output::Table {
                eprintln!(
                    "This opens the account of {email} once, until {}; it is shown this once.",
                    text(&invited["expiresAt"])
                );
            }
            Ok(())
        }
        User::Set { email, name, role, places, add, password_file } => {
            let password = password_file.as_deref().map(password).transpose()?;
            let account = account(client, &email).await?;
            let mut body = json!({"name": name, "password": password});
            if let Some(role) = role {
                let (role, mut bindings) = rights::sent(role, &places);
                if add && bindings.is_empty() {
                    let mend =
                        "--add needs --environment or --venue: a role that holds everywhere is the only one";
                    return Err(Usage(mend.to_owned()).into());
                }
                if add {
                    bindings.splice(0..0, account["bindings"].as_array().into_iter().flatten().cloned());
                } else {
                    body["role"] = role.into();
                }
                body["bindings"] = bindings.into();
            }
            let path = path_of(&account);
            let changed = client.ask(Method::PUT, &path, &[], Some(&body), None).await?.body;
            match shown {
                Output::Json => output::json(&changed),
                Output::Table => output::line(&format!("{email} is changed")),
            }
            Ok(())
        }
        User::Sessions { email } => {
            let path = path_of(&account(client, &email).await?);
            sessions(&client.get(&format!("{path}/sessions"), &[]).await?["items"], shown);
            Ok(())
        }
        User::SignOut { email } => {
            let path = path_of(&account(client, &email).await?);
            client.tell(Method::DELETE, &format!("{path}/sessions")).await?;
            done(&format!("{email} is signed out everywhere"), shown);
            Ok(())
        }
        User::NewSessionKey => {
            client.tell(Method::POST, "/api/v1/session-key/rotate").await?;
            done("a new key signs sessions", shown);
            Ok(())
        }
        User::Rm { email } => {
            let path = path_of(&account(client, &email).await?);
            let answer = client.ask(Method::DELETE, &path, &[], None, None).await?.body;
            written(&answer, &format!("{email} is removed"), shown);
            Ok(())
        }
    }
}

/// Says that something was done that is no commit.
fn done(words: &str, shown: Output) {
    match shown {
        Output::Json => output::json(&json!({"done": words})),
        Output::Table => output::line(words),
    }
}

/// The first line of a file.
fn password(file: &Path) -> Result<String> {
    let bytes = read(file)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8(line.to_vec()).map_err(|_| Usage("the password is not UTF-8".to_owned()).into())
}

/// The account of an address.
async fn account(client: &Client, email: &str) -> Result<Value> {
    let all = client.get(PATH, &[]).await?;
    let wanted = email.trim().to_lowercase();
    let account = all["items"].as_array().into_iter().flatten().find(|own| own["email"] == *wanted);
    account.cloned().ok_or_else(|| anyhow!("{email} has no account: `usher user ls` shows who has"))
}

fn path_of(account: &Value) -> String {
    format!("{PATH}/{}", segment(&text(&account["key"])))
}

async fn list(client: &Client, shown: Output) -> Result<()> {
    let all = client.get(PATH, &[]).await?;
    if shown == Output::Json {
        output::json(&all["items"]);
        return Ok(());
    }
    let row = |one: &Value| {
        let name = text(&one["name"]);
        let name = if one["invitedUntil"].is_null() { name } else { format!("{name} (invited)") };
        vec![text(&one["email"]), name, rights::shown(one), text(&one["createdAt"])]
    };
    let rows: Vec<Vec<String>> = all["items"].as_array().into_iter().flatten().map(row).collect();
    output::table(&["EMAIL", "NAME", "MAY", "SINCE"], &rows);
    Ok(())
}

fn sessions(all: &Value, shown: Output) {
    if shown == Output::Json {
        output::json(all);
        return;
    }
    let row = |one: &Value| {
        ["id", "with", "address", "madeAt", "lastUsedAt"].map(|field| text(&one[field])).to_vec()
    };
    let rows: Vec<Vec<String>> = all.as_array().into_iter().flatten().map(row).collect();
    output::table(&["SESSION", "WITH", "FROM", "SINCE", "USED"], &rows);
}
