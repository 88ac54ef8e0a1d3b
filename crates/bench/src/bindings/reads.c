/* What a read costs in C. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "usher.h"

enum { CALLS = 100000, BATCHES = 9 };

static volatile int64_t sink;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Nanoseconds of a call: of the quickest batch. */
#define TIME(name, call)                                            \
  do {                                                              \
    double best = 1e18;                                             \
    for (int batch = 0; batch < BATCHES; ++batch) {                 \
      double begun = now();                                         \
      for (int at = 0; at < CALLS; ++at) {                          \
        call;                                                       \
      }                                                             \
      double took = (now() - begun) / CALLS;                        \
      best = took < best ? took : best;                             \
    }                                                               \
    printf("%s\t%f\n", name, best);                                 \
  } while (0)

int main(int count, char **words) {
  static char bootstrap[1 << 16];
  FILE *file = count == 2 ? fopen(words[1], "r") : NULL;
  if (file == NULL || fread(bootstrap, 1, sizeof bootstrap - 1, file) == 0) {
    fprintf(stderr, "there is no bootstrap\n");
    return 1;
  }
  fclose(file);
  usher_config config = {.url = "http://127.0.0.1:1", .key = "uck_bench", .bootstrap_json = bootstrap};
  char *error = NULL;
  usher_client *client = usher_client_new(&config, &error);
  if (client == NULL || !usher_boolean(client, "flag-50", false)) {
    fprintf(stderr, "it does not answer: %s\n", error == NULL ? "" : error);
    return 1;
  }
  TIME("C: a call of nothing (`usher_version`)", sink += usher_version()[0]);
  TIME("C: `usher_boolean`", sink += usher_boolean(client, "flag-50", false));
  TIME("C: `usher_string`, freed", {
    char *text = usher_string(client, "text", "");
    sink += text[0];
    usher_string_free(text);
  });
  usher_client_free(client);
  return 0;
}
