//! Who may call which route: the one table.
//!
//! Whoever has a role anywhere is let in where it is needed; where they may then write is asked of what they write, by
//! [`crate::api::write`].

use usher_core::model::Role;

/// What a route asks of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: signing in.
    Nobody,
    /// At least this role, somewhere.
    Role(Role),
    /// At least this role, everywhere: what is about no environment or venue.
    Everywhere(Role),
}

impl Needs {
    /// The least role that it asks for.
    #[must_use]
    pub fn role(self) -> Option<Role> {
        match self {
            Self::Nobody => None,
            Self::Role(role) | Self::Everywhere(role) => Some(role),
        }
    }
}

const VIEWER: Needs = Needs::Role(Role::Viewer);
const OPERATOR: Needs = Needs::Role(Role::Operator);
const EDITOR: Needs = Needs::Role(Role::Editor);
const ADMIN: Needs = Needs::Role(Role::Admin);
const OWNER: Needs = Needs::Everywhere(Role::Admin);
/// Code is about no environment or venue.
const CODE: Needs = Needs::Everywhere(Role::Editor);

/// Method and pattern of every route of the administration API, with what it needs.
pub const RIGHTS: &[(&str, &str, Needs)] = &[
    ("POST", "/api/v1/session", Needs::Nobody),
    ("GET", "/api/v1/session", VIEWER),
    ("DELETE", "/api/v1/session", VIEWER),
    ("POST", "/api/v1/session/refresh", Needs::Nobody),
    ("GET", "/api/v1/session/means", Needs::Nobody),
    ("GET", "/api/v1/session/oidc", Needs::Nobody),
    ("GET", "/api/v1/session/oidc/callback", Needs::Nobody),
    ("POST", "/api/v1/session/factor", VIEWER),
    ("POST", "/api/v1/session/factor/confirm", VIEWER),
    ("POST", "/api/v1/session/factor/remove", VIEWER),
    ("GET", "/api/v1/sessions", VIEWER),
    ("DELETE", "/api/v1/sessions", VIEWER),
    ("DELETE", "/api/v1/sessions/{id}", VIEWER),
    ("POST", "/api/v1/session-key/rotate", OWNER),
    ("GET", "/api/v1/workspace", VIEWER),
    ("GET", "/api/v1/openapi.json", VIEWER),
    ("GET", "/api/v1/environments", VIEWER),
    ("GET", "/api/v1/environments/{key}", VIEWER),
    ("PUT", "/api/v1/environments/{key}", OWNER),
    ("DELETE", "/api/v1/environments/{key}", OWNER),
    ("GET", "/api/v1/venues", VIEWER),
    ("GET", "/api/v1/venues/{key}", VIEWER),
    ("PUT", "/api/v1/venues/{key}", EDITOR),
    ("DELETE", "/api/v1/venues/{key}", EDITOR),
    ("GET", "/api/v1/cohorts", VIEWER),
    ("GET", "/api/v1/cohorts/{key}", VIEWER),
    ("PUT", "/api/v1/cohorts/{key}", EDITOR),
    ("DELETE", "/api/v1/cohorts/{key}", EDITOR),
    ("GET", "/api/v1/flags", VIEWER),
    ("GET", "/api/v1/flags/{key}", VIEWER),
    ("PUT", "/api/v1/flags/{key}", EDITOR),
    ("DELETE", "/api/v1/flags/{key}", EDITOR),
    ("GET", "/api/v1/flags/{key}/evaluations", VIEWER),
    ("GET", "/api/v1/flags/{key}/references", VIEWER),
    ("GET", "/api/v1/flag-labels", VIEWER),
    ("GET", "/api/v1/stale-flags", VIEWER),
    ("GET", "/api/v1/code-references", VIEWER),
    ("PUT", "/api/v1/code-references/{repository}", CODE),
    ("DELETE", "/api/v1/code-references/{repository}", CODE),
    ("POST", "/api/v1/flags/{key}/archive", EDITOR),
    ("POST", "/api/v1/flags/{key}/environments/{environment}/{action}", OPERATOR),
    ("POST", "/api/v1/actions/{action}", OPERATOR),
    ("GET", "/api/v1/events", VIEWER),
    ("GET", "/api/v1/events/{key}", VIEWER),
    ("PUT", "/api/v1/events/{key}", EDITOR),
    ("DELETE", "/api/v1/events/{key}", EDITOR),
    ("GET", "/api/v1/freezes", VIEWER),
    ("GET", "/api/v1/freezes/{key}", VIEWER),
    ("PUT", "/api/v1/freezes/{key}", ADMIN),
    ("DELETE", "/api/v1/freezes/{key}", ADMIN),
    ("GET", "/api/v1/playbooks", VIEWER),
    ("GET", "/api/v1/playbooks/{key}", VIEWER),
    ("PUT", "/api/v1/playbooks/{key}", EDITOR),
    ("DELETE", "/api/v1/playbooks/{key}", EDITOR),
    ("POST", "/api/v1/playbooks/{key}/run", OPERATOR),
    ("POST", "/api/v1/playbooks/{key}/rehearse", EDITOR),
    ("GET", "/api/v1/schedules", VIEWER),
    ("GET", "/api/v1/schedules/{key}", VIEWER),
    ("PUT", "/api/v1/schedules/{key}", EDITOR),
    ("DELETE", "/api/v1/schedules/{key}", EDITOR),
    ("GET", "/api/v1/schedules/{key}/due", VIEWER),
    ("GET", "/api/v1/change-requests", VIEWER),
    ("POST", "/api/v1/change-requests", EDITOR),
    ("GET", "/api/v1/change-requests/{key}", VIEWER),
    ("PUT", "/api/v1/change-requests/{key}", EDITOR),
    ("POST", "/api/v1/change-requests/{key}/comments", OPERATOR),
    ("POST", "/api/v1/change-requests/{key}/approve", EDITOR),
    ("POST", "/api/v1/change-requests/{key}/close", EDITOR),
    ("POST", "/api/v1/change-requests/{key}/merge", EDITOR),
    ("GET", "/api/v1/releases", VIEWER),
    ("GET", "/api/v1/releases/{key}", VIEWER),
    ("PUT", "/api/v1/releases/{key}", EDITOR),
    ("DELETE", "/api/v1/releases/{key}", EDITOR),
    ("GET", "/api/v1/releases/{key}/preflight", OPERATOR),
    ("GET", "/api/v1/releases/{key}/status", VIEWER),
    ("POST", "/api/v1/releases/{key}/rehearse", EDITOR),
    ("POST", "/api/v1/releases/{key}/start", EDITOR),
    ("POST", "/api/v1/releases/{key}/promote", EDITOR),
    ("POST", "/api/v1/releases/{key}/approve", EDITOR),
    ("POST", "/api/v1/releases/{key}/pause", OPERATOR),
    ("POST", "/api/v1/releases/{key}/resume", EDITOR),
    ("POST", "/api/v1/releases/{key}/rollback", OPERATOR),
    ("GET", "/api/v1/keys", ADMIN),
    ("POST", "/api/v1/keys", ADMIN),
    ("POST", "/api/v1/keys/{key}/rotate", ADMIN),
    ("POST", "/api/v1/keys/{key}/revoke", ADMIN),
    ("POST", "/api/v1/keys/{key}/signed-contexts", ADMIN),
    ("GET", "/api/v1/users", OWNER),
    ("POST", "/api/v1/users", OWNER),
    ("PUT", "/api/v1/users/{key}", OWNER),
    ("DELETE", "/api/v1/users/{key}", OWNER),
    ("POST", "/api/v1/invitations", OWNER),
    ("POST", "/api/v1/invitations/accept", Needs::Nobody),
    ("POST", "/api/v1/users/{key}/invitation", OWNER),
    ("DELETE", "/api/v1/users/{key}/factor", OWNER),
    ("GET", "/api/v1/users/{key}/sessions", OWNER),
    ("DELETE", "/api/v1/users/{key}/sessions", OWNER),
    ("POST", "/api/v1/commits", EDITOR),
    ("GET", "/api/v1/commits", VIEWER),
    ("GET", "/api/v1/commits/{seq}", VIEWER),
    ("POST", "/api/v1/commits/{seq}/undo", OPERATOR),
    ("POST", "/api/v1/rollback", EDITOR),
    ("POST", "/api/v1/rollback/preview", VIEWER),
    ("POST", "/api/v1/reach", VIEWER),
    ("POST", "/api/v1/evaluate", VIEWER),
    ("GET", "/api/v1/board", VIEWER),
    ("GET", "/api/v1/convergence", VIEWER),
    ("GET", "/api/v1/connections", VIEWER),
    ("GET", "/api/v1/fleet", VIEWER),
    ("GET", "/api/v1/export", VIEWER),
    ("POST", "/api/v1/import/{format}", EDITOR),
    ("GET", "/api/v1/verify", VIEWER),
];

/// What a route needs; `None` for one that has no entry, and is refused.
#[must_use]
pub fn needs(method: &str, pattern: &str) -> Option<Needs> {
    RIGHTS.iter().find(|(own, route, _)| *own == method && *route == pattern).map(|(_, _, needs)| *needs)
}

/// Whether a route is about the session itself: open to who has to set up a second factor before anything else.
#[must_use]
pub fn is_of_session(pattern: &str) -> bool {
    pattern == "/api/v1/session" || pattern.starts_with("/api/v1/session/")
}
