//! `usher user`.

use std::path::Path;

use anyhow::{Result, anyhow};
use reqwest::Method;
use serde_json::{Value, json};
use usher_server::auth::secret;

use super::{documents::read, written};
use crate::{
    args::{Output, Role, User},
    client::{Client, segment},
    failure::Usage,
    output::{self, text},
};

const PATH: &str = "/api/v1/users";

pub async fn run(client: &Client, user: User, shown: Output) -> Result<()> {
    match user {
        User::Ls => list(client, shown).await,
        User::Create { email, name, role, password_file } => {
            let given = password_file.as_deref().map(password).transpose()?;
            let password = match &given {
                Some(password) => password.clone(),
                None => secret::identity().map_err(|error| anyhow!("no password can be made up: {error}"))?,
            };
            let body = json!({"email": email, "name": name, "role": word(role), "password": password});
            let mut made = client.post(PATH, &body).await?;
            match (shown, given) {
                (Output::Json, None) => {
                    made["password"] = password.into();
                    output::json(&made);
                }
                (Output::Json, Some(_)) => output::json(&made),
                (Output::Table, None) => {
                    output::line(&password);
                    eprintln!("This is the password of {email}; it is shown this once.");
                }
                (Output::Table, Some(_)) => output::line(&format!("{email} can sign in")),
            }
            Ok(())
        }
        User::Set { email, name, role, password_file } => {
            let password = password_file.as_deref().map(password).transpose()?;
            let path = path_of(client, &email).await?;
            let body = json!({"name": name, "role": role.map(word), "password": password});
            let changed = client.ask(Method::PUT, &path, &[], Some(&body), None).await?.body;
            match shown {
                Output::Json => output::json(&changed),
                Output::Table => output::line(&format!("{email} is changed")),
            }
            Ok(())
        }
        User::Rm { email } => {
            let path = path_of(client, &email).await?;
            let answer = client.ask(Method::DELETE, &path, &[], None, None).await?.body;
            written(&answer, &format!("{email} is removed"), shown);
            Ok(())
        }
    }
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Editor => "editor",
        Role::Admin => "admin",
    }
}

/// The first line of a file.
fn password(file: &Path) -> Result<String> {
    let bytes = read(file)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8(line.to_vec()).map_err(|_| Usage("the password is not UTF-8".to_owned()).into())
}

/// Where the account of an address is.
async fn path_of(client: &Client, email: &str) -> Result<String> {
    let all = client.get(PATH, &[]).await?;
    let wanted = email.trim().to_lowercase();
    let account = all["items"].as_array().into_iter().flatten().find(|own| own["email"] == *wanted);
    let account = account.ok_or_else(|| anyhow!("{email} has no account: `usher user ls` shows who has"))?;
    Ok(format!("{PATH}/{}", segment(&text(&account["key"]))))
}

async fn list(client: &Client, shown: Output) -> Result<()> {
    let all = client.get(PATH, &[]).await?;
    if shown == Output::Json {
        output::json(&all["items"]);
        return Ok(());
    }
    let row =
        |one: &Value| ["email", "name", "role", "createdAt"].iter().map(|name| text(&one[*name])).collect();
    let rows: Vec<Vec<String>> = all["items"].as_array().into_iter().flatten().map(row).collect();
    output::table(&["EMAIL", "NAME", "ROLE", "SINCE"], &rows);
    Ok(())
}
