/* Usher's flags for C. Made by cbindgen of sdk/ffi/src/c: change it there.
 *
 * Link with libusher_ffi. Pointers are looked at before they are used: null, and text that is no UTF-8, give the default
 * or an error. Texts that are given back belong to the caller, who frees them with usher_string_free. All calls may be
 * made from any thread; none waits for the network. */

#ifndef USHER_H
#define USHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * How a call ended.
 */
typedef enum usher_result {
  /**
   * It did what it was to do.
   */
  USHER_RESULT_OK = 0,
  /**
   * A null pointer where there must be none, a text that is no UTF-8, or a setting that can't be used.
   */
  USHER_RESULT_INVALID = 1,
  /**
   * The device does not give what a client needs.
   */
  USHER_RESULT_SYSTEM = 2,
  /**
   * A fault of Usher's library, which was caught.
   */
  USHER_RESULT_INTERNAL = 3,
} usher_result;

/**
 * How a client stands with its server.
 */
typedef enum usher_state {
  /**
   * It has not reached its server yet.
   */
  USHER_STATE_CONNECTING = 0,
  /**
   * It has the server's newest values.
   */
  USHER_STATE_LIVE = 1,
  /**
   * It had them, and has lost the server since, or rests in the background.
   */
  USHER_STATE_STALE = 2,
  /**
   * It does not expect to get any: see the obstacle. It goes on trying.
   */
  USHER_STATE_OFFLINE = 3,
  /**
   * It was closed.
   */
  USHER_STATE_CLOSED = 4,
} usher_state;

/**
 * What keeps a client from its server.
 */
typedef enum usher_obstacle {
  /**
   * Nothing that is known.
   */
  USHER_OBSTACLE_NONE = 0,
  /**
   * Nobody answers: no network, no name, no connection.
   */
  USHER_OBSTACLE_UNREACHABLE = 1,
  /**
   * Somebody else answers: a captive portal, a proxy.
   */
  USHER_OBSTACLE_PORTAL = 2,
  /**
   * A certificate that is not trusted here.
   */
  USHER_OBSTACLE_INTERCEPTED = 3,
  /**
   * A certificate that is not valid at the time that this device shows.
   */
  USHER_OBSTACLE_CLOCK = 4,
  /**
   * The server answers, but not as it should.
   */
  USHER_OBSTACLE_UNWELL = 5,
  /**
   * The server refuses this key or this context.
   */
  USHER_OBSTACLE_REFUSED = 6,
} usher_obstacle;

/**
 * Where answers come from.
 */
typedef enum usher_source {
  /**
   * From the server, in this process.
   */
  USHER_SOURCE_SERVER = 0,
  /**
   * From the disk, of an earlier process.
   */
  USHER_SOURCE_CACHE = 1,
  /**
   * From what the program brought along.
   */
  USHER_SOURCE_BOOTSTRAP = 2,
  /**
   * There is nothing yet: the caller's defaults.
   */
  USHER_SOURCE_NOTHING = 3,
} usher_source;

/**
 * What a flag is of.
 */
typedef enum usher_type {
  /**
   * True or false.
   */
  USHER_TYPE_BOOLEAN = 0,
  /**
   * Whole numbers.
   */
  USHER_TYPE_INTEGER = 1,
  /**
   * Numbers.
   */
  USHER_TYPE_FLOAT = 2,
  /**
   * Texts.
   */
  USHER_TYPE_STRING = 3,
  /**
   * JSON trees.
   */
  USHER_TYPE_OBJECT = 4,
} usher_type;

/**
 * A client. Made by `usher_client_new`, ended by `usher_client_free`; in between all calls may be made by any thread.
 */
typedef struct usher_client usher_client;

/**
 * How a client is set up. All but `url` and `key` may be null or 0, so begin with `{0}`. Nothing is kept after the call.
 */
typedef struct usher_config {
  /**
   * The server or edge: `https://flags.example.org`.
   */
  const char *url;
  /**
   * A client key (`uck_…`).
   */
  const char *key;
  /**
   * The key of the venue where this is.
   */
  const char *venue;
  /**
   * Who asks, as OpenFeature writes it: `{"targetingKey": "gate-7", "appVersion": "3.2.0"}`.
   */
  const char *context_json;
  /**
   * What the backend has signed of whoever asks.
   */
  const char *signed_context;
  /**
   * A folder in which values survive the process.
   */
  const char *cache_dir;
  /**
   * Values that the program brings along: what `POST /sdk/v1/values` answers.
   */
  const char *bootstrap_json;
  /**
   * The environment that those are of, where they don't say so.
   */
  const char *environment;
  /**
   * The program's version, for statistics.
   */
  const char *app_version;
  /**
   * Begin in the background.
   */
  bool start_in_background;
  /**
   * How often is asked in the background, in seconds; 0 for every 15 minutes.
   */
  uint32_t background_poll_seconds;
  /**
   * How often what was counted is sent, in seconds; 0 for every 10.
   */
  uint32_t send_seconds;
} usher_config;

/**
 * How a client stands with its server.
 */
typedef struct usher_status {
  /**
   * In a word.
   */
  enum usher_state state;
  /**
   * What is in the way.
   */
  enum usher_obstacle obstacle;
  /**
   * Where answers come from.
   */
  enum usher_source source;
  /**
   * While stale: since when, in milliseconds since 1970 by this device's clock; else 0.
   */
  int64_t since_ms;
  /**
   * Another signed context is needed: the one that there is ends within minutes, or is not taken. See
   * `usher_set_signed_context`.
   */
  bool wants_signed_context;
} usher_status;

/**
 * Who hears of changes. Each function may be null. They are called one after the other by a thread of the client's, may
 * take their time, and may call anything but `usher_client_free`.
 */
typedef struct usher_listener {
  /**
   * Handed to each call.
   */
  void *user_data;
  /**
   * The values of these flags have changed. The texts are gone after the call.
   */
  void (*on_change)(void *user_data, const char *const *flags, size_t count);
  /**
   * The client stands otherwise with its server. The status is gone after the call.
   */
  void (*on_status)(void *user_data, const struct usher_status *status);
  /**
   * Neither is called any more: `user_data` may be freed. Called once, by whatever thread lets go last.
   */
  void (*release)(void *user_data);
} usher_listener;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Frees a text that a call has given back. Null is nothing.
 *
 * # Safety
 * `text` is from a call of this library, and was not freed before.
 */
void usher_string_free(char *text);

/**
 * The library's version. Not to be freed.
 */
const char *usher_version(void);

/**
 * Makes a client. Returns at once: values on disk have been read, the network is another thread's business.
 *
 * Null when that can't be; then `error`, if it is not null, gets a text that says why, to be freed.
 *
 * # Safety
 * `config` is null or a configuration whose texts are null or have an end; `error` is null or may be written to.
 */
struct usher_client *usher_client_new(const struct usher_config *config, char **error);

/**
 * Ends a client's connection and its listeners, for good; returns at once. What was counted is still sent, in the
 * background and for some seconds at most. Answers go on from what there is.
 *
 * # Safety
 * `client` is null or a client.
 */
void usher_client_close(const struct usher_client *client);

/**
 * Frees a client, and closes it before. Nobody may use it any more, nor be using it: where listeners do, close it and
 * `usher_wait_for_listeners` first. Null is nothing.
 *
 * # Safety
 * `client` is null or a client that was not freed before, and that no thread uses.
 */
void usher_client_free(struct usher_client *client);

/**
 * A boolean flag.
 *
 * # Safety
 * `client` is null or a client, `flag` null or a text with an end.
 */
bool usher_boolean(const struct usher_client *client, const char *flag, bool default_value);

/**
 * A flag of whole numbers.
 *
 * # Safety
 * `client` is null or a client, `flag` null or a text with an end.
 */
int64_t usher_integer(const struct usher_client *client, const char *flag, int64_t default_value);

/**
 * A flag of numbers.
 *
 * # Safety
 * `client` is null or a client, `flag` null or a text with an end.
 */
double usher_float(const struct usher_client *client, const char *flag, double default_value);

/**
 * A flag of texts, to be freed. Null when `default_value` is null, and is what there is to give.
 *
 * # Safety
 * `client` is null or a client, the others null or texts with an end.
 */
char *usher_string(const struct usher_client *client, const char *flag, const char *default_value);

/**
 * A flag of JSON trees as text, to be freed; likewise.
 *
 * # Safety
 * `client` is null or a client, the others null or texts with an end.
 */
char *usher_object(const struct usher_client *client, const char *flag, const char *default_json);

/**
 * All that is known about a flag's answer, as JSON to be freed: `{"value": …, "variant": …, "reason": …, "errorCode": …,
 * "errorMessage": …, "source": …, "ageMs": …, "asOfMs": …, "metadata": {…}}`. Fields that say nothing are left out;
 * so is the value where it is the caller's own default. `flag_type` is a `usher_type`. Null without a client or a flag,
 * and for another type.
 *
 * # Safety
 * `client` is null or a client, `flag` null or a text with an end.
 */
char *usher_details(const struct usher_client *client,
                    uint32_t flag_type,
                    const char *flag);

/**
 * Passes on another signed context from now on, or none (null), beside the same context. One that only renews the one
 * before changes no answer. A text that is no UTF-8 is `USHER_RESULT_INVALID`, and everything stays.
 *
 * # Safety
 * `client` is null or a client, `token` null or a text with an end.
 */
enum usher_result usher_set_signed_context(const struct usher_client *client, const char *token);

/**
 * Asks for somebody else, or somewhere else, from now on: a context as OpenFeature writes it. Values of another person
 * are never given. When it can't be used everything stays, and `error`, if it is not null, gets a text that says why, to
 * be freed.
 *
 * # Safety
 * `client` is null or a client, `context_json` null or a text with an end, `error` null or may be written to.
 */
enum usher_result usher_set_context(const struct usher_client *client,
                                    const char *context_json,
                                    char **error);

/**
 * How a client stands with its server; closed where there is none.
 *
 * # Safety
 * `client` is null or a client.
 */
struct usher_status usher_client_status(const struct usher_client *client);

/**
 * What an operator should know, as a JSON list of texts, to be freed. Null without a client.
 *
 * # Safety
 * `client` is null or a client.
 */
char *usher_diagnostics(const struct usher_client *client);

/**
 * Somebody looks at the program: changes come as they happen. So it is from the start.
 *
 * # Safety
 * `client` is null or a client.
 */
void usher_foreground(const struct usher_client *client);

/**
 * Nobody does: what was counted is sent, the stream ended, and the server asked now and then only.
 *
 * # Safety
 * `client` is null or a client.
 */
void usher_background(const struct usher_client *client);

/**
 * Sends what was counted now, without waiting for it.
 *
 * # Safety
 * `client` is null or a client.
 */
void usher_flush(const struct usher_client *client);

/**
 * Counts something that happened, with a number: seconds, an amount.
 *
 * # Safety
 * `client` is null or a client, `metric` null or a text with an end.
 */
void usher_track(const struct usher_client *client, const char *metric, double value);

/**
 * Counts something that worked or failed.
 *
 * # Safety
 * `client` is null or a client, `metric` null or a text with an end.
 */
void usher_track_result(const struct usher_client *client, const char *metric, bool succeeded);

/**
 * Counts that somebody was shown what a flag gives them. Reading alone does not count.
 *
 * # Safety
 * `client` is null or a client, `flag` null or a text with an end.
 */
void usher_expose(const struct usher_client *client, const char *flag);

/**
 * Adds a listener, which is copied. Its number, for `usher_remove_listener`; 0 when there is none, and then `release` is
 * not called.
 *
 * # Safety
 * `client` is null or a client, `listener` null or a listener; its functions may be called with its data by another
 * thread until `release` is called.
 */
uint64_t usher_add_listener(const struct usher_client *client,
                            const struct usher_listener *listener);

/**
 * Removes a listener: no call of it begins any more. One that is under way may still end later.
 *
 * # Safety
 * `client` is null or a client.
 */
void usher_remove_listener(const struct usher_client *client, uint64_t number);

/**
 * Waits, for so many milliseconds at most, until a client that was closed calls no listener any more. Whether that is so.
 *
 * # Safety
 * `client` is null or a client.
 */
bool usher_wait_for_listeners(const struct usher_client *client,
                              uint32_t longest_ms);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* USHER_H */
