//! The status, as C has it.

use super::types::{UsherObstacle, UsherSource, UsherState, UsherStatus};
use crate::status::{ConnectionState, FlagSource, Obstacle, StatusReport};

impl UsherStatus {
    /// Of what is not there.
    pub(super) const CLOSED: Self = Self {
        state: UsherState::Closed,
        obstacle: UsherObstacle::None,
        source: UsherSource::Nothing,
        since_ms: 0,
        wants_signed_context: false,
    };
}

impl From<StatusReport> for UsherStatus {
    fn from(report: StatusReport) -> Self {
        let state = match report.state {
            ConnectionState::Connecting => UsherState::Connecting,
            ConnectionState::Live => UsherState::Live,
            ConnectionState::Stale => UsherState::Stale,
            ConnectionState::Offline => UsherState::Offline,
            ConnectionState::Closed => UsherState::Closed,
        };
        let obstacle = match report.obstacle {
            None => UsherObstacle::None,
            Some(Obstacle::Unreachable) => UsherObstacle::Unreachable,
            Some(Obstacle::Portal) => UsherObstacle::Portal,
            Some(Obstacle::Intercepted) => UsherObstacle::Intercepted,
            Some(Obstacle::Clock) => UsherObstacle::Clock,
            Some(Obstacle::Unwell) => UsherObstacle::Unwell,
            Some(Obstacle::Refused) => UsherObstacle::Refused,
        };
        let source = match report.source {
            FlagSource::Server => UsherSource::Server,
            FlagSource::Cache => UsherSource::Cache,
            FlagSource::Bootstrap => UsherSource::Bootstrap,
            FlagSource::Nothing => UsherSource::Nothing,
        };
        let (since_ms, wants_signed_context) = (report.since_ms.unwrap_or(0), report.wants_signed_context);
        Self { state, obstacle, source, since_ms, wants_signed_context }
    }
}
