//! How far each webhook has been told: kept beside the journal, in a file of its own or, where nodes share the journal,
//! with it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use usher_core::model::{Epoch, Seq};
use usher_journal::Fleet;

use crate::disk::{blocking, replace};

/// The last commit that a webhook has been told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The journal that it is of: another one begins anew.
    pub(super) epoch: Epoch,
    pub(super) seq: Seq,
}

/// Where positions are kept.
#[derive(Clone)]
pub(super) enum Kept {
    /// In a file of this server.
    File(PathBuf),
    /// Beside a journal that nodes share.
    Shared(Arc<dyn Fleet>, String),
}

impl Kept {
    /// Where that of the webhook `name` is. Names hold nothing that means something in a path.
    pub(super) fn of(name: &str, data: &Path, fleet: Option<Arc<dyn Fleet>>) -> Self {
        match fleet {
            Some(fleet) => Self::Shared(fleet, format!("webhook:{name}")),
            None => Self::File(data.join(format!("webhook-{name}.json"))),
        }
    }

    /// What was kept last; none where nothing was.
    ///
    /// # Errors
    /// It can't be read; it is damaged ([`io::ErrorKind::InvalidData`]).
    pub(super) async fn read(&self) -> io::Result<Option<Position>> {
        let text = match self {
            Self::File(path) => {
                let path = path.clone();
                match blocking(move || fs::read_to_string(path)).await {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                    read => Some(read?),
                }
            }
            Self::Shared(fleet, name) => fleet.kept(name).await.map_err(io::Error::other)?,
        };
        let parse = |text: String| {
            serde_json::from_str(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        };
        text.map(parse).transpose()
    }

    /// Keeps it from now on. What was kept before is there until it is whole.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) async fn write(&self, position: Position) -> io::Result<()> {
        let text = serde_json::to_string(&position)?;
        match self {
            Self::File(path) => {
                let path = path.clone();
                blocking(move || replace(&path, &text)).await
            }
            Self::Shared(fleet, name) => fleet.keep(name, text).await.map_err(io::Error::other),
        }
    }
}
