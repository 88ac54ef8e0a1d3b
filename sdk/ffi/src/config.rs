//! How a client is set up.

use std::time::Duration;

use usher_sdk::{Bootstrap, Builder, Client, Context, Mode};

use crate::{context::FlagContext, error::FlagsError};

/// How a client is set up. Only `url` and `key` are needed.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct Config {
    /// The server or edge: `https://flags.example.org`.
    pub url: String,
    /// A client key (`uck_…`).
    pub key: String,
    /// The key of the venue where the device is.
    #[uniffi(default = None)]
    pub venue: Option<String>,
    /// Who asks.
    #[uniffi(default = None)]
    pub context: Option<FlagContext>,
    /// What the backend has signed of whoever asks, passed on as it is. What is signed can't be said otherwise by the
    /// context; values on disk are kept for the person of whom it speaks.
    #[uniffi(default = None)]
    pub signed_context: Option<String>,
    /// A folder of the app's own in which values survive the process.
    #[uniffi(default = None)]
    pub cache_dir: Option<String>,
    /// Values that the app brings along for a first start without network: what `POST /sdk/v1/values` answers, as text.
    #[uniffi(default = None)]
    pub bootstrap: Option<String>,
    /// The environment that the bootstrap is of, where its text does not say so.
    #[uniffi(default = None)]
    pub environment: Option<String>,
    /// The version of the app, for statistics. Nothing that is on disk depends on it.
    #[uniffi(default = None)]
    pub app_version: Option<String>,
    /// Begin in the background, as an app does that was woken by a message.
    #[uniffi(default = false)]
    pub start_in_background: bool,
    /// How often the server is asked in the background, in seconds, give or take a quarter; every 15 minutes without it.
    #[uniffi(default = None)]
    pub background_poll_seconds: Option<u32>,
    /// How often what was counted is sent in the foreground, in seconds; every 10 without it.
    #[uniffi(default = None)]
    pub send_seconds: Option<u32>,
}

impl Config {
    /// The client, and the context that it asks for.
    pub(crate) fn build(&self) -> Result<(Client, Context), FlagsError> {
        let context = self.context.clone().unwrap_or_default().to_sdk()?;
        let client = self.builder()?.context(context.clone()).build()?;
        Ok((client, context))
    }

    /// The client's builder, without a context.
    pub(crate) fn builder(&self) -> Result<Builder, FlagsError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let mut builder = Client::builder(&self.url, &self.key).mode(Mode::Values);
        if let Some(venue) = given(&self.venue) {
            builder = builder.venue(&venue);
        }
        if let Some(token) = given(&self.signed_context) {
            builder = builder.signed_context(token);
        }
        if let Some(folder) = given(&self.cache_dir) {
            builder = builder.cache_dir(folder);
        }
        if let Some(text) = given(&self.bootstrap) {
            builder = builder.bootstrap(self.bootstrap(&text)?);
        }
        if let Some(version) = given(&self.app_version) {
            builder = builder.app_version(&version);
        }
        if self.start_in_background {
            builder = builder.in_background();
        }
        if let Some(every) = self.background_poll_seconds {
            builder = builder.poll_in_background_every(seconds(every));
        }
        if let Some(every) = self.send_seconds {
            builder = builder.send_every(seconds(every));
        }
        Ok(builder)
    }

    fn bootstrap(&self, text: &str) -> Result<Bootstrap, FlagsError> {
        #[derive(serde::Deserialize)]
        struct Own {
            environment: Option<String>,
        }
        let own = serde_json::from_str::<Own>(text).ok().and_then(|own| own.environment);
        // Values don't say of which environment they are unless a server wrote them; on disk that name comes from it.
        let environment = self.environment.clone().or(own).unwrap_or_else(|| "production".to_owned());
        Ok(Bootstrap::from_json(&environment, text)?)
    }
}
