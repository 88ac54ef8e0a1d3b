//! `usher eval`.

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::{
    args::{Eval, Output},
    client::Client,
    failure::Usage,
    output::{self, text},
};

pub async fn run(client: &Client, eval: Eval, shown: Output) -> Result<()> {
    let (mut flag, mut words) = (eval.flag, eval.context);
    // Without a flag, the first word is a part of the context.
    if let Some(word) = flag.take_if(|word| word.starts_with('{') || word.contains('=')) {
        words.insert(0, word);
    }
    let question = json!({
        "environment": eval.environment, "flag": flag, "context": context(&words)?, "at": eval.at
    });
    let answer = client.post("/api/v1/evaluate", &question).await?;
    if shown == Output::Json {
        output::json(&answer);
        return Ok(());
    }
    for evaluation in answer["evaluations"].as_array().into_iter().flatten() {
        let value = if evaluation["value"].is_null() {
            "(the caller's default)".to_owned()
        } else {
            evaluation["value"].to_string()
        };
        let error = text(&evaluation["errorCode"]);
        let variant = text(&evaluation["variant"]);
        let line = format!(
            "{} = {value}  {variant}  {} {error}",
            text(&evaluation["flag"]),
            text(&evaluation["reason"])
        );
        output::line(line.trim_end());
        if eval.explain {
            for (n, step) in evaluation["trace"].as_array().into_iter().flatten().enumerate() {
                output::line(&format!("  {:>2}. {}", n + 1, text(&step["text"])));
                for detail in step["details"].as_array().into_iter().flatten() {
                    output::line(&format!("      {}", text(detail)));
                }
            }
        }
    }
    Ok(())
}

/// One JSON object, or `name=value` pairs whose values are JSON where they can be.
fn context(words: &[String]) -> Result<Value> {
    if let [only] = words
        && only.starts_with('{')
    {
        return serde_json::from_str(only)
            .map_err(|error| Usage(format!("the context is not JSON: {error}")).into());
    }
    let mut context = Map::new();
    for word in words {
        let Some((name, value)) = word.split_once('=') else {
            return Err(Usage(format!("`{word}` is not `name=value`, as in targetingKey=u-17")).into());
        };
        let is_text = matches!(name, "targetingKey" | "venue");
        let value = if is_text {
            Value::from(value)
        } else {
            serde_json::from_str(value).unwrap_or_else(|_| value.into())
        };
        context.insert(name.to_owned(), value);
    }
    Ok(Value::Object(context))
}
