//! `usher token`.

use anyhow::Result;
use serde_json::{Value, json};
use usher_core::model::{Duration, Timestamp};

use super::{key, written};
use crate::{
    args::{Output, Token},
    client::{Client, segment},
    failure::Usage,
    output::{self, text},
    rights,
};

pub async fn run(client: &Client, token: Token, shown: Output) -> Result<()> {
    match token {
        Token::Ls => list(client, shown).await,
        Token::Create { name, role, places, expires } => {
            let expires = expires.as_deref().map(|text| until(text, usher_server::now())).transpose()?;
            let (role, bindings) = rights::sent(role, &places);
            let mut body = json!({"name": name, "type": "api", "role": role, "bindings": bindings});
            if let Some(end) = expires {
                body["expiresAt"] = json!(end);
            }
            key::show(&client.post("/api/v1/keys", &body).await?, "token", shown)
        }
        Token::Revoke { id } => {
            let answer = client.post(&format!("/api/v1/keys/{}/revoke", segment(&id)), &json!({})).await?;
            written(&answer, &format!("{id} is revoked"), shown);
            Ok(())
        }
    }
}

/// When a token ends: a time that is to come, or a while from now.
fn until(text: &str, now: Timestamp) -> Result<Timestamp> {
    let while_from_now = |own: Duration| Timestamp::from_millis(now.millis().saturating_add(own.millis()));
    let end = text.parse::<Duration>().map(while_from_now).or_else(|_| text.parse::<Timestamp>());
    match end {
        Ok(end) if end > now => Ok(end),
        Ok(_) => Err(Usage(format!("--expires {text}: this time is over; give one that is to come")).into()),
        Err(_) => {
            Err(Usage(format!("--expires {text}: give a time, `2027-05-15T18:00:00Z`, or a while, `30d`"))
                .into())
        }
    }
}

async fn list(client: &Client, shown: Output) -> Result<()> {
    let answer = client.get("/api/v1/keys", &[]).await?;
    let tokens: Vec<&Value> =
        answer["items"].as_array().into_iter().flatten().filter(|key| key["type"] == "api").collect();
    if shown == Output::Json {
        output::json(&json!(tokens));
        return Ok(());
    }
    let row = |token: &&Value| {
        vec![
            text(&token["key"]),
            text(&token["prefix"]),
            text(&token["name"]),
            rights::shown(token),
            key::state(token),
        ]
    };
    let rows: Vec<Vec<String>> = tokens.iter().map(row).collect();
    output::table(&["ID", "STARTS WITH", "NAME", "MAY", "STATE"], &rows);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_or_a_while_and_to_come() {
        let now: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(until("30d", now).unwrap().to_string(), "2027-01-31T00:00:00.000Z");
        assert_eq!(until("2027-05-15T20:00:00+02:00", now).unwrap().to_string(), "2027-05-15T18:00:00.000Z");
        for bad in ["soon", "", "2026-01-01T00:00:00Z", "-1d", "0s"] {
            assert!(until(bad, now).is_err(), "{bad}");
        }
    }
}
