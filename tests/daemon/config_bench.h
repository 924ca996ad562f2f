/* A folder with a configuration in it, for tests of config. */
#ifndef CONFIG_BENCH_H
#define CONFIG_BENCH_H
#include "daemon/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    char folder[32];
    char path[64]; /* of "m.conf" in it */
    char **environment;
    const struct mwd_setting *settings;
    uint32_t setting_count;
    struct mwd_config *config; /* of the last load that went well */
    char *said;                /* errors of the last load, without the folder's name */
    int result;
};

/* For cmocka's setup and teardown: *state is a struct bench. */
int bench_open(void **state);
int bench_close(void **state);

/* Writes a file in the folder; `name` may have one folder in front. */
void bench_write_bytes(const struct bench *self, const char *name, const char *bytes, size_t size);
void bench_write(const struct bench *self, const char *name, const char *text);

/* Loads m.conf with what stands in `self`. */
void bench_load(struct bench *self);
/* Writes it first. Returns what was said: "" when all went well. */
const char *bench_load_text(struct bench *self, const char *text);

/* Loads one key, in its block if it stands in one. */
const char *bench_load_key(struct bench *self, const char *key, const char *value);

/* Number of key `name`, which there must be. */
uint32_t bench_key(const char *name);
/* Value and origin of a key as text, without the folder's name; valid until the next call. */
const char *bench_value(const struct bench *self, const char *name);
const char *bench_origin(const struct bench *self, const char *name);
#endif
