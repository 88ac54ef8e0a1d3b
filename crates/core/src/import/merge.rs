//! An imported flag and the one that is there already.

use crate::{model::Flag, problem::Problem};

/// What becomes of a flag that is there when it is imported (again). The imported configuration replaces that of its
/// environment; other environments stay, and so do kills, and what the source knows nothing of: owner, lifetime,
/// what to do with old data.
///
/// # Errors
/// The two can't be one flag: their types or the values of a variant differ while another environment uses them.
pub fn merge(existing: Option<&Flag>, mut imported: Flag) -> Result<Flag, Problem> {
    let Some(existing) = existing else { return Ok(imported) };
    let is_elsewhere = existing.environments.keys().any(|key| !imported.environments.contains_key(key));
    if existing.flag_type != imported.flag_type && is_elsewhere {
        let detail =
            format!("another environment has this flag with the type {}", existing.flag_type.as_str());
        let mend = "Rename one of the two, or delete the flag here first.";
        return Err(Problem::new("type", imported.flag_type.as_str(), detail, mend));
    }
    let mut merged = existing.clone();
    merged.flag_type = imported.flag_type;
    if !is_elsewhere {
        merged.variants.clear();
    }
    for (key, value) in imported.variants {
        match merged.variants.get(&key) {
            Some(own) if *own != value => {
                let detail = format!("another environment has {own} for this variant");
                let mend = "Rename one of the two, or delete the flag here first.";
                return Err(Problem::new(format!("variants.{key}"), &value, detail, mend));
            }
            _ => {
                merged.variants.insert(key, value);
            }
        }
    }
    if merged.name.is_empty() {
        merged.name = imported.name;
    }
    if merged.description.is_empty() {
        merged.description = imported.description;
    }
    for tag in imported.tags {
        if !merged.tags.contains(&tag) {
            merged.tags.push(tag);
        }
    }
    merged.metadata = imported.metadata;
    merged.client_visible |= imported.client_visible;
    for (key, mut config) in imported.environments.drain(..) {
        if let Some(own) = merged.environments.get(&key) {
            config.killed = own.killed.clone();
            config.when_stale.clone_from(&own.when_stale);
        }
        merged.environments.insert(key, config);
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flag(kind: &str, on: &serde_json::Value, environments: &serde_json::Value) -> Flag {
        serde_json::from_value(json!({
            "key": "f", "type": kind, "variants": {"on": on}, "environments": environments
        }))
        .unwrap()
    }

    #[test]
    fn importing_again_keeps_kills_and_other_environments() {
        let existing = flag(
            "boolean",
            &json!(true),
            &json!({
                "production": {"enabled": false, "offVariant": "on", "killed": {"all": false, "venues": ["a"], "cohorts": []}},
                "staging": {"enabled": true, "offVariant": "on"}
            }),
        );
        let imported =
            flag("boolean", &json!(true), &json!({"production": {"enabled": true, "offVariant": "on"}}));
        let merged = merge(Some(&existing), imported).unwrap();
        let production = &merged.environments["production"];
        assert!(production.enabled && production.killed.venues.len() == 1);
        assert!(merged.environments.contains_key("staging"));
    }

    #[test]
    fn a_flag_that_another_environment_has_otherwise_is_not_overwritten() {
        let existing =
            flag("string", &json!("a"), &json!({"staging": {"enabled": true, "offVariant": "on"}}));
        let production = json!({"production": {"enabled": true, "offVariant": "on"}});
        assert_eq!(
            merge(Some(&existing), flag("boolean", &json!(true), &production)).unwrap_err().field,
            "type"
        );
        let other = flag("string", &json!("b"), &production);
        assert_eq!(merge(Some(&existing), other).unwrap_err().field, "variants.on");
        // In the one environment that it has, it may become another.
        let alone = flag("string", &json!("a"), &production);
        assert!(merge(Some(&alone), flag("boolean", &json!(true), &production)).is_ok());
    }
}
