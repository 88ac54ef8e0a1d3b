//! The calls.

use std::ffi::{CStr, c_char};

use serde_json::{Value, json};
use usher_sdk::{Details, ErrorCode};

use super::{
    text::{give, optional, read, tell},
    types::{UsherClient, UsherConfig, UsherResult, UsherStatus, UsherType},
};
use crate::{
    FlagsClient,
    client::NOBODY,
    config::Config,
    context::from_json,
    details::{as_of, message},
    error::FlagsError,
    guard,
};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// The library's version. Not to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn usher_version() -> *const c_char {
    VERSION.as_ptr()
}

/// Makes a client. Returns at once: values on disk have been read, the network is another thread's business.
///
/// Null when that can't be; then `error`, if it is not null, gets a text that says why, to be freed.
///
/// # Safety
/// `config` is null or a configuration whose texts are null or have an end; `error` is null or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_client_new(
    config: *const UsherConfig,
    error: *mut *mut c_char,
) -> *mut UsherClient {
    let made = guard::result(|| {
        // SAFETY: null, or what the caller promises.
        let Some(config) = (unsafe { config.as_ref() }) else {
            return Err(FlagsError::Invalid("there is no configuration".to_owned()));
        };
        // SAFETY: null, or texts, as the caller promises.
        let (own, context) = unsafe { settings(config) }?;
        let context = match context {
            Some(text) => context_of(&text)?,
            None => usher_sdk::Context::anonymous(),
        };
        let client = own.builder()?.context(context.clone()).build()?;
        Ok(FlagsClient::of(client, context))
    });
    match made {
        Ok(client) => Box::into_raw(Box::new(client)).cast(),
        Err(why) => {
            // SAFETY: null, or what the caller promises.
            unsafe { tell(error, &why.to_string()) };
            std::ptr::null_mut()
        }
    }
}

/// The settings, and the context's text.
///
/// # Safety
/// The texts are null or have an end.
unsafe fn settings(config: &UsherConfig) -> Result<(Config, Option<String>), FlagsError> {
    // SAFETY: the caller promises it.
    let text = |text: *const c_char, name: &str| unsafe { optional(text, name) };
    let needed = |given: *const c_char, name: &str| {
        text(given, name)?.ok_or_else(|| FlagsError::Invalid(format!("`{name}` is missing")))
    };
    let seconds = |seconds: u32| (seconds > 0).then_some(seconds);
    let own = Config {
        url: needed(config.url, "url")?,
        key: needed(config.key, "key")?,
        venue: text(config.venue, "venue")?,
        context: None,
        signed_context: text(config.signed_context, "signed_context")?,
        cache_dir: text(config.cache_dir, "cache_dir")?,
        bootstrap: text(config.bootstrap_json, "bootstrap_json")?,
        environment: text(config.environment, "environment")?,
        app_version: text(config.app_version, "app_version")?,
        start_in_background: config.start_in_background,
        background_poll_seconds: seconds(config.background_poll_seconds),
        send_seconds: seconds(config.send_seconds),
    };
    Ok((own, text(config.context_json, "context_json")?))
}

fn context_of(text: &str) -> Result<usher_sdk::Context, FlagsError> {
    let value = serde_json::from_str(text)
        .map_err(|error| FlagsError::Invalid(format!("the context is no JSON: {error}")))?;
    from_json(&value)
}

/// Ends a client's connection and its listeners, for good; returns at once. What was counted is still sent, in the
/// background and for some seconds at most. Answers go on from what there is.
///
/// # Safety
/// `client` is null or a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_client_close(client: *const UsherClient) {
    // SAFETY: null, or what the caller promises.
    unsafe { with(client, (), |client| client.shutdown()) }
}

/// Frees a client, and closes it before. Nobody may use it any more, nor be using it: where listeners do, close it and
/// `usher_wait_for_listeners` first. Null is nothing.
///
/// # Safety
/// `client` is null or a client that was not freed before, and that no thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_client_free(client: *mut UsherClient) {
    if !client.is_null() {
        guard::or((), || {
            // SAFETY: from `Box::into_raw`, as the caller promises.
            let client = unsafe { Box::from_raw(client.cast::<FlagsClient>()) };
            client.shutdown();
        });
    }
}

/// What `work` gives with a client that is there, and `instead` without one or after a panic.
///
/// # Safety
/// `client` is null or a client.
unsafe fn with<T>(client: *const UsherClient, instead: T, work: impl FnOnce(&FlagsClient) -> T) -> T {
    // SAFETY: null, or what the caller promises.
    match unsafe { UsherClient::get(client) } {
        Some(client) => guard::or(instead, || work(client)),
        None => instead,
    }
}

/// The same with a text of the caller's that has to be there.
///
/// # Safety
/// `client` is null or a client, `text` null or a text with an end.
unsafe fn with_text<T>(
    client: *const UsherClient,
    text: *const c_char,
    instead: T,
    work: impl FnOnce(&FlagsClient, &str) -> T,
) -> T {
    // SAFETY: as the caller promises.
    match (unsafe { UsherClient::get(client) }, unsafe { read(text) }) {
        (Some(client), Some(text)) => guard::or(instead, || work(client, text)),
        _ => instead,
    }
}

/// A boolean flag.
///
/// # Safety
/// `client` is null or a client, `flag` null or a text with an end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_boolean(
    client: *const UsherClient,
    flag: *const c_char,
    default_value: bool,
) -> bool {
    // SAFETY: as the caller promises.
    unsafe { with_text(client, flag, default_value, |client, flag| client.boolean(flag, default_value)) }
}

/// A flag of whole numbers.
///
/// # Safety
/// `client` is null or a client, `flag` null or a text with an end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_integer(
    client: *const UsherClient,
    flag: *const c_char,
    default_value: i64,
) -> i64 {
    // SAFETY: as the caller promises.
    unsafe { with_text(client, flag, default_value, |client, flag| client.integer(flag, default_value)) }
}

/// A flag of numbers.
///
/// # Safety
/// `client` is null or a client, `flag` null or a text with an end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_float(
    client: *const UsherClient,
    flag: *const c_char,
    default_value: f64,
) -> f64 {
    // SAFETY: as the caller promises.
    unsafe { with_text(client, flag, default_value, |client, flag| client.float(flag, default_value)) }
}

/// A flag of texts, to be freed. Null when `default_value` is null, and is what there is to give.
///
/// # Safety
/// `client` is null or a client, the others null or texts with an end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_string(
    client: *const UsherClient,
    flag: *const c_char,
    default_value: *const c_char,
) -> *mut c_char {
    // SAFETY: as the caller promises.
    let read_text = |client: &FlagsClient, flag: &str| match client.client.string(flag, &NOBODY, "") {
        usher_sdk::StringValue::Served(text) => Some(give(&text)),
        usher_sdk::StringValue::Default(_) => None,
    };
    // SAFETY: as the caller promises.
    let served = unsafe { with_text(client, flag, None, read_text) };
    // SAFETY: likewise.
    served.unwrap_or_else(|| unsafe { copy(default_value) })
}

/// A flag of JSON trees as text, to be freed; likewise.
///
/// # Safety
/// `client` is null or a client, the others null or texts with an end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_object(
    client: *const UsherClient,
    flag: *const c_char,
    default_json: *const c_char,
) -> *mut c_char {
    // SAFETY: as the caller promises.
    let served = unsafe {
        with_text(client, flag, None, |client, flag| client.object_text(flag).map(|text| give(&text)))
    };
    // SAFETY: likewise.
    served.unwrap_or_else(|| unsafe { copy(default_json) })
}

/// The caller's own default, as a text to be freed.
///
/// # Safety
/// Null, or a text with an end.
unsafe fn copy(text: *const c_char) -> *mut c_char {
    if text.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: as the caller promises. Not read as UTF-8: it is the caller's.
    unsafe { CStr::from_ptr(text) }.to_owned().into_raw()
}

/// All that is known about a flag's answer, as JSON to be freed: `{"value": …, "variant": …, "reason": …, "errorCode": …,
/// "errorMessage": …, "source": …, "ageMs": …, "asOfMs": …, "metadata": {…}}`. Fields that say nothing are left out;
/// so is the value where it is the caller's own default. `flag_type` is a `usher_type`. Null without a client or a flag,
/// and for another type.
///
/// # Safety
/// `client` is null or a client, `flag` null or a text with an end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_details(
    client: *const UsherClient,
    flag_type: u32,
    flag: *const c_char,
) -> *mut c_char {
    let details = |client: &FlagsClient, flag: &str| {
        let own = &client.client;
        let found = match flag_type {
            BOOLEAN => told(own.boolean_details(flag, &NOBODY, false), flag, |value| json!(value)),
            INTEGER => told(own.integer_details(flag, &NOBODY, 0), flag, |value| json!(value)),
            FLOAT => told(own.float_details(flag, &NOBODY, 0.0), flag, |value| json!(value)),
            STRING => told(own.string_details(flag, &NOBODY, ""), flag, |value| json!(&*value)),
            OBJECT => told(own.object_details(flag, &NOBODY, &Value::Null), flag, |value| (*value).clone()),
            _ => return std::ptr::null_mut(),
        };
        give(&found.to_string())
    };
    // SAFETY: as the caller promises.
    unsafe { with_text(client, flag, std::ptr::null_mut(), details) }
}

// C can hand over any number.
const BOOLEAN: u32 = UsherType::Boolean as u32;
const INTEGER: u32 = UsherType::Integer as u32;
const FLOAT: u32 = UsherType::Float as u32;
const STRING: u32 = UsherType::String as u32;
const OBJECT: u32 = UsherType::Object as u32;

fn told<T>(details: Details<T>, flag: &str, value: impl FnOnce(T) -> Value) -> Value {
    let age = details.age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    let error = details.error.map(ErrorCode::as_str);
    // The caller's default is not known here, and not to be made up.
    let own = details.served.then(|| value(details.value));
    let mut metadata = details.metadata.flag;
    for (name, value) in [
        ("rule", details.metadata.rule),
        ("splitKeyMissing", details.metadata.missing_split_key),
        ("prerequisiteFailed", details.metadata.failed_prerequisite),
    ] {
        if let Some(value) = value {
            metadata.insert(name.to_owned(), value.into());
        }
    }
    if let Some(enabled) = details.metadata.enabled {
        metadata.insert("enabled".to_owned(), enabled.into());
    }
    let all = json!({
        "value": own, "variant": details.variant, "reason": details.reason.as_str(), "errorCode": error,
        "errorMessage": details.error.map(|code| message(code, flag)), "source": source(details.source),
        "ageMs": age, "asOfMs": as_of(age), "metadata": metadata,
    });
    let Value::Object(all) = all else { return Value::Null };
    Value::Object(all.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

fn source(source: usher_sdk::Source) -> &'static str {
    match source {
        usher_sdk::Source::Server => "server",
        usher_sdk::Source::Cache => "cache",
        usher_sdk::Source::Bootstrap => "bootstrap",
        usher_sdk::Source::Nothing => "nothing",
    }
}

/// Passes on another signed context from now on, or none (null), beside the same context. One that only renews the one
/// before changes no answer. A text that is no UTF-8 is `USHER_RESULT_INVALID`, and everything stays.
///
/// # Safety
/// `client` is null or a client, `token` null or a text with an end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_set_signed_context(
    client: *const UsherClient,
    token: *const c_char,
) -> UsherResult {
    // SAFETY: as the caller promises.
    match (unsafe { UsherClient::get(client) }, unsafe { optional(token, "token") }) {
        (Some(client), Ok(token)) => {
            client.set_signed_context(token);
            UsherResult::Ok
        }
        _ => UsherResult::Invalid,
    }
}

/// Asks for somebody else, or somewhere else, from now on: a context as OpenFeature writes it. Values of another person
/// are never given. When it can't be used everything stays, and `error`, if it is not null, gets a text that says why, to
/// be freed.
///
/// # Safety
/// `client` is null or a client, `context_json` null or a text with an end, `error` null or may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_set_context(
    client: *const UsherClient,
    context_json: *const c_char,
    error: *mut *mut c_char,
) -> UsherResult {
    // SAFETY: as the caller promises.
    let done = match (unsafe { UsherClient::get(client) }, unsafe { read(context_json) }) {
        (Some(client), Some(text)) => guard::result(|| {
            client.ask_for(context_of(text)?);
            Ok(())
        }),
        _ => Err(FlagsError::Invalid("there is no client, or no context in UTF-8".to_owned())),
    };
    let Err(why) = done else { return UsherResult::Ok };
    // SAFETY: as the caller promises.
    unsafe { tell(error, &why.to_string()) };
    match why {
        FlagsError::Invalid(_) => UsherResult::Invalid,
        FlagsError::System(_) => UsherResult::System,
        FlagsError::Internal(_) => UsherResult::Internal,
    }
}

/// How a client stands with its server; closed where there is none.
///
/// # Safety
/// `client` is null or a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_client_status(client: *const UsherClient) -> UsherStatus {
    // SAFETY: as the caller promises.
    unsafe { with(client, UsherStatus::CLOSED, |client| client.status().into()) }
}

/// What an operator should know, as a JSON list of texts, to be freed. Null without a client.
///
/// # Safety
/// `client` is null or a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_diagnostics(client: *const UsherClient) -> *mut c_char {
    // SAFETY: as the caller promises.
    unsafe { with(client, std::ptr::null_mut(), |client| give(&json!(client.diagnostics()).to_string())) }
}

/// Somebody looks at the program: changes come as they happen. So it is from the start.
///
/// # Safety
/// `client` is null or a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_foreground(client: *const UsherClient) {
    // SAFETY: as the caller promises.
    unsafe { with(client, (), FlagsClient::foreground) }
}

/// Nobody does: what was counted is sent, the stream ended, and the server asked now and then only.
///
/// # Safety
/// `client` is null or a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_background(client: *const UsherClient) {
    // SAFETY: as the caller promises.
    unsafe { with(client, (), FlagsClient::background) }
}

/// Sends what was counted now, without waiting for it.
///
/// # Safety
/// `client` is null or a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_flush(client: *const UsherClient) {
    // SAFETY: as the caller promises.
    unsafe { with(client, (), FlagsClient::flush) }
}

/// Counts something that happened, with a number: seconds, an amount.
///
/// # Safety
/// `client` is null or a client, `metric` null or a text with an end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_track(client: *const UsherClient, metric: *const c_char, value: f64) {
    // SAFETY: as the caller promises.
    unsafe { with_text(client, metric, (), |client, metric| client.track(metric, value)) }
}

/// Counts something that worked or failed.
///
/// # Safety
/// `client` is null or a client, `metric` null or a text with an end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_track_result(
    client: *const UsherClient,
    metric: *const c_char,
    succeeded: bool,
) {
    // SAFETY: as the caller promises.
    unsafe { with_text(client, metric, (), |client, metric| client.track_result(metric, succeeded)) }
}

/// Counts that somebody was shown what a flag gives them. Reading alone does not count.
///
/// # Safety
/// `client` is null or a client, `flag` null or a text with an end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usher_expose(client: *const UsherClient, flag: *const c_char) {
    // SAFETY: as the caller promises.
    unsafe { with_text(client, flag, (), FlagsClient::expose) }
}
