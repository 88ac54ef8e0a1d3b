/* What a scanner in C does: run by the test that starts its server, under sanitizers. A line on standard output asks that
 * test for something to happen; a line on standard input says that it has. */

/* For RTLD_NEXT. */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "usher.h"

#define CHECK(holds)                                                              \
  do {                                                                            \
    if (!(holds)) {                                                               \
      fprintf(stderr, "%s:%d: it does not hold: %s\n", __FILE__, __LINE__, #holds); \
      exit(1);                                                                    \
    }                                                                             \
  } while (0)

/* Waits until something holds, for 45 seconds at most. */
#define EVENTUALLY(holds)                                \
  do {                                                   \
    for (int tries = 0; tries < 4500 && !(holds); ++tries) { \
      usleep(10000);                                     \
    }                                                    \
    CHECK(holds);                                        \
  } while (0)

static void ask(const char *what) {
  char line[64];
  printf("%s\n", what);
  fflush(stdout);
  CHECK(fgets(line, sizeof line, stdin) != NULL);
}

/* Whether a text that is given back is this; frees it. */
static bool is(char *text, const char *expected) {
  bool same = text != NULL && strcmp(text, expected) == 0;
  if (!same) {
    fprintf(stderr, "there is %s, not %s\n", text == NULL ? "nothing" : text, expected);
  }
  usher_string_free(text);
  return same;
}

/* Whether there is something in a text that is given back; frees it. */
static bool has(char *text, const char *part) {
  bool found = text != NULL && strstr(text, part) != NULL;
  if (!found) {
    fprintf(stderr, "there is no %s in %s\n", part, text == NULL ? "nothing" : text);
  }
  usher_string_free(text);
  return found;
}

/* Whether there is nothing of the kind in a text that is given back; frees it. */
static bool lacks(char *text, const char *part) {
  bool found = text == NULL || strstr(text, part) != NULL;
  if (found) {
    fprintf(stderr, "there should be no %s in %s\n", part, text == NULL ? "nothing" : text);
  }
  usher_string_free(text);
  return !found;
}

/* On a thread for which this is set there is no other thread to be had: the library asks here, before the system. */
static _Thread_local bool no_thread;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*begin)(void *), void *data) {
  int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  *(void **)&next = dlsym(RTLD_NEXT, "pthread_create");
  return no_thread ? EAGAIN : next(thread, attributes, begin, data);
}

struct heard {
  pthread_mutex_t lock;
  bool always;
  bool stale;
  const usher_client *client;
  atomic_int released;
};

static void on_change(void *user_data, const char *const *flags, size_t count) {
  struct heard *heard = user_data;
  pthread_mutex_lock(&heard->lock);
  for (size_t at = 0; at < count; ++at) {
    heard->always |= strcmp(flags[at], "always") == 0;
  }
  const usher_client *client = heard->client;
  pthread_mutex_unlock(&heard->lock);
  /* It may read. Of somebody else, who is asked for in between, nothing is known yet. */
  int64_t limit = client == NULL ? 4 : usher_integer(client, "limit", 0);
  CHECK(limit == 4 || limit == 0);
}

static void on_status(void *user_data, const usher_status *status) {
  struct heard *heard = user_data;
  pthread_mutex_lock(&heard->lock);
  heard->stale |= status->state == USHER_STATE_STALE;
  pthread_mutex_unlock(&heard->lock);
}

static void on_release(void *user_data) {
  struct heard *heard = user_data;
  atomic_fetch_add(&heard->released, 1);
}

static bool has_heard(struct heard *heard, bool *what) {
  pthread_mutex_lock(&heard->lock);
  bool told = *what;
  pthread_mutex_unlock(&heard->lock);
  return told;
}

static atomic_bool stop;

static void *read_all_the_time(void *client) {
  while (!atomic_load(&stop)) {
    CHECK(usher_integer(client, "limit", 0) == 4);
    usher_boolean(client, "always", false);
    CHECK(is(usher_string(client, "banner", ""), "Gates open at six"));
  }
  return NULL;
}

/* Null and nonsense wherever there is a pointer. */
static void nothing_is_taken_for_something(usher_client *client) {
  static const char broken[] = {(char)0xC3, (char)0x28, 0};
  char *error = NULL;
  usher_string_free(NULL);
  usher_client_free(NULL);
  usher_client_close(NULL);
  CHECK(usher_client_new(NULL, NULL) == NULL);
  CHECK(usher_client_new(NULL, &error) == NULL && has(error, "no configuration"));
  usher_config config = {0};
  CHECK(usher_client_new(&config, &error) == NULL && has(error, "`url`"));
  config.url = "http://127.0.0.1:1";
  config.key = broken;
  CHECK(usher_client_new(&config, &error) == NULL && has(error, "`key`"));
  config.key = "uck_x";
  config.context_json = "{";
  CHECK(usher_client_new(&config, &error) == NULL && has(error, "context"));
  config.context_json = NULL;
  config.url = "flags.example.org";
  CHECK(usher_client_new(&config, &error) == NULL && has(error, "address"));

  const usher_client *none = NULL;
  for (int round = 0; round < 2; ++round) {
    const usher_client *own = round == 0 ? none : client;
    const char *flag = round == 0 ? "always" : broken;
    CHECK(usher_boolean(own, flag, true) && usher_boolean(own, NULL, true));
    CHECK(usher_integer(own, flag, 7) == 7 && usher_float(own, flag, 0.5) > 0.4);
    CHECK(is(usher_string(own, flag, "mine"), "mine") && is(usher_object(own, flag, "[1]"), "[1]"));
    CHECK(usher_string(own, flag, NULL) == NULL && usher_object(own, NULL, NULL) == NULL);
    CHECK(usher_details(own, USHER_TYPE_BOOLEAN, flag) == NULL);
    usher_track(own, flag, 1.0);
    usher_track_result(own, NULL, true);
    usher_expose(own, flag);
    CHECK(usher_set_context(own, flag, NULL) == USHER_RESULT_INVALID);
    CHECK(usher_set_context(own, NULL, &error) == USHER_RESULT_INVALID && has(error, "context"));
    CHECK(usher_add_listener(own, NULL) == 0);
  }
  CHECK(usher_details(client, 99, "always") == NULL);
  CHECK(usher_client_status(NULL).state == USHER_STATE_CLOSED);
  CHECK(usher_diagnostics(NULL) == NULL);
  usher_foreground(NULL);
  usher_background(NULL);
  usher_flush(NULL);
  usher_remove_listener(NULL, 1);
  usher_remove_listener(client, 4711);
  CHECK(usher_wait_for_listeners(NULL, 1));
}

/* Of a listener that could not be added the caller keeps the data. */
static void a_listener_that_is_none_is_not_released(void) {
  usher_config config = {.url = "http://127.0.0.1:1", .key = "uck_x"};
  usher_client *client = usher_client_new(&config, NULL);
  struct heard heard = {.lock = PTHREAD_MUTEX_INITIALIZER};
  usher_listener listener = {&heard, on_change, on_status, on_release};
  no_thread = true;
  CHECK(usher_add_listener(client, &listener) == 0);
  no_thread = false;
  CHECK(atomic_load(&heard.released) == 0);
  CHECK(usher_add_listener(client, &listener) != 0);
  usher_client_close(client);
  CHECK(usher_wait_for_listeners(client, 10000) && atomic_load(&heard.released) == 1);
  usher_client_free(client);
}

int main(int count, char **words) {
  CHECK(count == 4);
  usher_config config = {
      .url = words[1],
      .key = words[2],
      .venue = "anfield",
      .context_json = "{\"targetingKey\": \"u-1\", \"device\": {\"os\": \"rtos\"}}",
      .cache_dir = words[3],
      .app_version = "1.0.0",
  };
  CHECK(strlen(usher_version()) > 0);
  usher_client *client = usher_client_new(&config, NULL);
  CHECK(client != NULL);
  struct heard heard = {.lock = PTHREAD_MUTEX_INITIALIZER};
  usher_listener listener = {&heard, on_change, on_status, on_release};
  uint64_t number = usher_add_listener(client, &listener);
  CHECK(number != 0);
  EVENTUALLY(usher_client_status(client).state == USHER_STATE_LIVE);
  pthread_mutex_lock(&heard.lock);
  heard.client = client;
  pthread_mutex_unlock(&heard.lock);

  /* Every type. */
  CHECK(usher_boolean(client, "resale-guard", false));
  CHECK(usher_integer(client, "limit", 0) == 4);
  CHECK(usher_float(client, "fee", 0.0) > 2.4 && usher_float(client, "fee", 0.0) < 2.6);
  CHECK(is(usher_string(client, "banner", NULL), "Gates open at six"));
  CHECK(is(usher_object(client, "layout", NULL), "{\"rows\":[1,2],\"name\":\"bowl\"}"));
  CHECK(has(usher_details(client, USHER_TYPE_BOOLEAN, "resale-guard"), "\"reason\":\"TARGETING_MATCH\""));
  CHECK(has(usher_details(client, USHER_TYPE_STRING, "banner"), "\"value\":\"Gates open at six\""));
  CHECK(has(usher_details(client, USHER_TYPE_INTEGER, "banner"), "TYPE_MISMATCH"));
  CHECK(has(usher_details(client, USHER_TYPE_OBJECT, "layout"), "\"source\":\"server\""));
  CHECK(has(usher_details(client, USHER_TYPE_FLOAT, "nothing"), "FLAG_NOT_FOUND"));
  /* A variant without a value leaves it to the caller, whose default is not told. */
  CHECK(usher_boolean(client, "imported", true) && !usher_boolean(client, "imported", false));
  CHECK(has(usher_details(client, USHER_TYPE_BOOLEAN, "imported"), "\"variant\":\"on\""));
  CHECK(lacks(usher_details(client, USHER_TYPE_BOOLEAN, "imported"), "\"value\""));
  CHECK(lacks(usher_details(client, USHER_TYPE_BOOLEAN, "nothing"), "\"value\""));
  a_listener_that_is_none_is_not_released();
  nothing_is_taken_for_something(client);

  /* A change, while four threads read. */
  pthread_t readers[4];
  for (int at = 0; at < 4; ++at) {
    CHECK(pthread_create(&readers[at], NULL, read_all_the_time, client) == 0);
  }
  pthread_mutex_lock(&heard.lock);
  heard.always = false;
  pthread_mutex_unlock(&heard.lock);
  ask("kill");
  EVENTUALLY(has_heard(&heard, &heard.always));
  CHECK(!usher_boolean(client, "always", true));
  atomic_store(&stop, true);
  for (int at = 0; at < 4; ++at) {
    pthread_join(readers[at], NULL);
  }

  /* Somebody else, and back. */
  CHECK(usher_set_context(client, "{\"targetingKey\": \"u-staff\"}", NULL) == USHER_RESULT_OK);
  EVENTUALLY(usher_boolean(client, "for-staff", false));
  CHECK(usher_set_context(client, config.context_json, NULL) == USHER_RESULT_OK);
  EVENTUALLY(usher_boolean(client, "resale-guard", false) && !usher_boolean(client, "for-staff", false));
  EVENTUALLY(usher_client_status(client).state == USHER_STATE_LIVE);

  /* Counted, in the background too. */
  usher_expose(client, "limit");
  usher_track(client, "scan-seconds", 0.2);
  usher_track_result(client, "scan", true);
  usher_flush(client);
  usher_background(client);
  usher_foreground(client);
  ask("counted");

  /* Without a server, and started anew without one. */
  ask("stop");
  EVENTUALLY(has_heard(&heard, &heard.stale));
  CHECK(has(usher_details(client, USHER_TYPE_INTEGER, "limit"), "\"reason\":\"STALE\""));
  EVENTUALLY(usher_client_status(client).obstacle == USHER_OBSTACLE_UNREACHABLE);
  usher_client_close(client);
  usher_client_close(client);
  CHECK(usher_client_status(client).state == USHER_STATE_CLOSED && usher_integer(client, "limit", 0) == 4);
  CHECK(usher_wait_for_listeners(client, 10000));
  CHECK(atomic_load(&heard.released) == 1);
  usher_client_free(client);
  config.app_version = "2.0.0";
  client = usher_client_new(&config, NULL);
  CHECK(usher_integer(client, "limit", 0) == 4);
  CHECK(has(usher_details(client, USHER_TYPE_INTEGER, "limit"), "\"reason\":\"CACHED\""));
  CHECK(has(usher_diagnostics(client), "["));
  usher_client_free(client);

  /* Made and ended, many times. */
  for (int round = 0; round < 100; ++round) {
    struct heard other = {.lock = PTHREAD_MUTEX_INITIALIZER};
    listener.user_data = &other;
    client = usher_client_new(&config, NULL);
    CHECK(client != NULL && usher_add_listener(client, &listener) != 0);
    CHECK(usher_integer(client, "limit", 0) == 4);
    usher_client_close(client);
    CHECK(usher_wait_for_listeners(client, 10000) && atomic_load(&other.released) == 1);
    usher_client_free(client);
  }
  /* Threads of clients that were just closed end by themselves. */
  usleep(500000);
  puts("done");
  return 0;
}
