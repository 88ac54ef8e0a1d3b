//! What somebody may do, and where: as it is sent, and as it is shown.

use serde_json::{Value, json};

use crate::{
    args::{Places, Role},
    output::text,
};

/// The role that holds everywhere, and what holds in some places besides.
pub fn sent(role: Role, places: &Places) -> (&'static str, Vec<Value>) {
    let Places { environment, venue } = places;
    if environment.is_empty() && venue.is_empty() {
        return (word(role), Vec::new());
    }
    (word(Role::Viewer), vec![json!({"role": word(role), "environments": environment, "venues": venue})])
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Editor => "editor",
        Role::Admin => "admin",
    }
}

/// In words: `viewer; operator of wembley-stadium in production`.
pub fn shown(of: &Value) -> String {
    let listed = |value: &Value| {
        let all: Vec<String> = value.as_array().into_iter().flatten().map(text).collect();
        all.join(", ")
    };
    let bound = of["bindings"].as_array().into_iter().flatten().map(|binding| {
        let (environments, venues) = (listed(&binding["environments"]), listed(&binding["venues"]));
        let role = text(&binding["role"]);
        match (venues.is_empty(), environments.is_empty()) {
            (true, _) => format!("{role} in {environments}"),
            (_, true) => format!("{role} of {venues}"),
            _ => format!("{role} of {venues} in {environments}"),
        }
    });
    let role = match text(&of["role"]) {
        // From before tokens had roles.
        role if role.is_empty() => "admin".to_owned(),
        role => role,
    };
    std::iter::once(role).chain(bound).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_in_some_places_leaves_a_viewer_everywhere_else() {
        let places = |environment: &[&str], venue: &[&str]| Places {
            environment: environment.iter().map(ToString::to_string).collect(),
            venue: venue.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(sent(Role::Editor, &places(&[], &[])), ("editor", Vec::new()));
        let (role, bindings) = sent(Role::Operator, &places(&["production"], &["anfield"]));
        let told = shown(&json!({"role": role, "bindings": bindings}));
        assert_eq!(told, "viewer; operator of anfield in production");
        let (_, bindings) = sent(Role::Operator, &places(&[], &["anfield", "dome"]));
        assert_eq!(shown(&json!({"bindings": bindings})), "admin; operator of anfield, dome");
    }
}
