//! What C hands over and gets back, field by field.

use std::ffi::{c_char, c_void};

/// A client. Made by `usher_client_new`, ended by `usher_client_free`; in between all calls may be made by any thread.
// Only ever behind a pointer, which is one to a `FlagsClient`: see `FlagsClient::address`.
pub struct UsherClient {
    _opaque: (),
}

impl UsherClient {
    /// The client that it stands for; none for null.
    ///
    /// # Safety
    /// `client` is null or a client, for as long as `'a`.
    pub(super) unsafe fn get<'a>(client: *const Self) -> Option<&'a crate::FlagsClient> {
        // SAFETY: null, or what the caller promises; all such pointers come from `usher_client_new` and `address`.
        unsafe { client.cast::<crate::FlagsClient>().as_ref() }
    }
}

/// How a call ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsherResult {
    /// It did what it was to do.
    Ok = 0,
    /// A null pointer where there must be none, a text that is no UTF-8, or a setting that can't be used.
    Invalid = 1,
    /// The device does not give what a client needs.
    System = 2,
    /// A fault of Usher's library, which was caught.
    Internal = 3,
}

/// What a flag is of.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsherType {
    /// True or false.
    Boolean = 0,
    /// Whole numbers.
    Integer = 1,
    /// Numbers.
    Float = 2,
    /// Texts.
    String = 3,
    /// JSON trees.
    Object = 4,
}

/// How a client stands with its server.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsherState {
    /// It has not reached its server yet.
    Connecting = 0,
    /// It has the server's newest values.
    Live = 1,
    /// It had them, and has lost the server since, or rests in the background.
    Stale = 2,
    /// It does not expect to get any: see the obstacle. It goes on trying.
    Offline = 3,
    /// It was closed.
    Closed = 4,
}

/// What keeps a client from its server.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsherObstacle {
    /// Nothing that is known.
    None = 0,
    /// Nobody answers: no network, no name, no connection.
    Unreachable = 1,
    /// Somebody else answers: a captive portal, a proxy.
    Portal = 2,
    /// A certificate that is not trusted here.
    Intercepted = 3,
    /// A certificate that is not valid at the time that this device shows.
    Clock = 4,
    /// The server answers, but not as it should.
    Unwell = 5,
    /// The server refuses this key or this context.
    Refused = 6,
}

/// Where answers come from.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsherSource {
    /// From the server, in this process.
    Server = 0,
    /// From the disk, of an earlier process.
    Cache = 1,
    /// From what the program brought along.
    Bootstrap = 2,
    /// There is nothing yet: the caller's defaults.
    Nothing = 3,
}

/// How a client stands with its server.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsherStatus {
    /// In a word.
    pub state: UsherState,
    /// What is in the way.
    pub obstacle: UsherObstacle,
    /// Where answers come from.
    pub source: UsherSource,
    /// While stale: since when, in milliseconds since 1970 by this device's clock; else 0.
    pub since_ms: i64,
    /// Another signed context is needed: the one that there is ends within minutes, or is not taken. See
    /// `usher_set_signed_context`.
    pub wants_signed_context: bool,
}

/// How a client is set up. All but `url` and `key` may be null or 0, so begin with `{0}`. Nothing is kept after the call.
#[repr(C)]
pub struct UsherConfig {
    /// The server or edge: `https://flags.example.org`.
    pub url: *const c_char,
    /// A client key (`uck_…`).
    pub key: *const c_char,
    /// The key of the venue where this is.
    pub venue: *const c_char,
    /// Who asks, as OpenFeature writes it: `{"targetingKey": "gate-7", "appVersion": "3.2.0"}`.
    pub context_json: *const c_char,
    /// What the backend has signed of whoever asks.
    pub signed_context: *const c_char,
    /// A folder in which values survive the process.
    pub cache_dir: *const c_char,
    /// Values that the program brings along: what `POST /sdk/v1/values` answers.
    pub bootstrap_json: *const c_char,
    /// The environment that those are of, where they don't say so.
    pub environment: *const c_char,
    /// The program's version, for statistics.
    pub app_version: *const c_char,
    /// Begin in the background.
    pub start_in_background: bool,
    /// How often is asked in the background, in seconds; 0 for every 15 minutes.
    pub background_poll_seconds: u32,
    /// How often what was counted is sent, in seconds; 0 for every 10.
    pub send_seconds: u32,
}

/// Who hears of changes. Each function may be null. They are called one after the other by a thread of the client's, may
/// take their time, and may call anything but `usher_client_free`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct UsherListener {
    /// Handed to each call.
    pub user_data: *mut c_void,
    /// The values of these flags have changed. The texts are gone after the call.
    pub on_change:
        Option<unsafe extern "C" fn(user_data: *mut c_void, flags: *const *const c_char, count: usize)>,
    /// The client stands otherwise with its server. The status is gone after the call.
    pub on_status: Option<unsafe extern "C" fn(user_data: *mut c_void, status: *const UsherStatus)>,
    /// Neither is called any more: `user_data` may be freed. Called once, by whatever thread lets go last.
    pub release: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
}
