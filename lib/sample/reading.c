#include "sample/reading.h"

#include <string.h>

#define PASTE_EXPANDED(left, right) left##right
#define PASTE(left, right) PASTE_EXPANDED(left, right)

enum {
#define SOURCE SYSTEM
#include "sample/source_span.def"
#define SOURCE DERIVED
#include "sample/source_span.def"
#define SOURCE PROCESS
#include "sample/source_span.def"
#define SOURCE SELF
#include "sample/source_span.def"
#define SOURCE DAEMON
#include "sample/source_span.def"
#define SOURCE HEAP
#include "sample/source_span.def"
#define SOURCE QUEUE
#include "sample/source_span.def"
#define SOURCE CACHE
#include "sample/source_span.def"
#define SOURCE SERVICE
#include "sample/source_span.def"
#define SOURCE SUBJECT
#include "sample/source_span.def"
};

/* The kind follows from the source. Its word is needed as a literal, to build ids and metric names
 * while compiling. */
#define KIND_OF_SYSTEM MW_KIND_SYSTEM
#define KIND_OF_DERIVED MW_KIND_SYSTEM
#define KIND_OF_PROCESS MW_KIND_PROCESS
#define KIND_OF_SUBJECT MW_KIND_PROCESS
#define KIND_OF_SELF MW_KIND_DAEMON
#define KIND_OF_DAEMON MW_KIND_DAEMON
#define KIND_OF_HEAP MW_KIND_HEAP
#define KIND_OF_QUEUE MW_KIND_QUEUE
#define KIND_OF_CACHE MW_KIND_CACHE
#define KIND_OF_SERVICE MW_KIND_SERVICE

#define WORD_OF_SYSTEM "system"
#define WORD_OF_DERIVED "system"
#define WORD_OF_PROCESS "process"
#define WORD_OF_SUBJECT "process"
#define WORD_OF_SELF "daemon"
#define WORD_OF_DAEMON "daemon"
#define WORD_OF_HEAP "heap"
#define WORD_OF_QUEUE "queue"
#define WORD_OF_CACHE "cache"
#define WORD_OF_SERVICE "service"

/* Columns are counted from the first row of a source, so all its rows must be neighbours. */
#define R(id, source, ...)                                                                         \
    _Static_assert((int)MW_##id - (int)FIRST_##source < (int)COLUMNS_##source,                     \
                   #id " stands apart from the other rows of its source");
#include "sample/readings.def"

static const struct mw_reading_info readings[MW_READING_COUNT] = {
#define R(id_, source_, value_, type_, unit_, of_, show_, file_, field_, key_, name_, labels_,     \
          help_)                                                                                   \
    [MW_##id_] = {                                                                                 \
        .id = WORD_OF_##source_ "." key_,                                                          \
        .key = (key_),                                                                             \
        .metric = sizeof(name_) > 1 ? "memwatch_" WORD_OF_##source_ "_" name_ : "",                \
        .labels = (labels_),                                                                       \
        .file = (file_),                                                                           \
        .field = (field_),                                                                         \
        .help = (help_),                                                                           \
        .kind = KIND_OF_##source_,                                                                 \
        .source = MW_SOURCE_##source_,                                                             \
        .value = MW_VALUE_##value_,                                                                \
        .type = MW_TYPE_##type_,                                                                   \
        .unit = MW_UNIT_##unit_,                                                                   \
        .show = MW_SHOW_##show_,                                                                   \
        .of = MW_##of_,                                                                            \
        .column = (int)MW_##id_ - (int)FIRST_##source_,                                            \
    },
#include "sample/readings.def"
};

#define R(id, source, value, type, unit, of, show, file, field, key, ...)                          \
    _Static_assert(sizeof(key) - 1 <= MW_READING_KEY_MAX, "the key of " #id " is too long");
#include "sample/readings.def"

#define KEY_OF_SYSTEM(key)
#define KEY_OF_DERIVED(key)
#define KEY_OF_PROCESS(key) key,
#define KEY_OF_SUBJECT(key) key,
#define KEY_OF_SELF(key)
#define KEY_OF_DAEMON(key)
#define KEY_OF_HEAP(key)
#define KEY_OF_QUEUE(key)
#define KEY_OF_CACHE(key)
#define KEY_OF_SERVICE(key)

static const char *const process_keys[] = {
#define R(id, source, value, type, unit, of, show, file, field, key, ...) KEY_OF_##source(key)
#include "sample/readings.def"
    NULL,
};

/* Rows of a source are neighbours, so those of services stand together here, between NULLs. */
static const char *const service_keys[MW_READING_COUNT + 1] = {
#define R(id, source, value, type, unit, of, show, file, field, key, ...)                          \
    MW_SOURCE_##source == MW_SOURCE_SERVICE ? (key) : NULL,
#include "sample/readings.def"
    NULL,
};

struct source_info {
    const char *word;
    enum mw_kind kind;
    enum mw_reading first;
    uint16_t columns;
};

#define SOURCE_ROW(source, word)                                                                   \
    [MW_SOURCE_##                                                                                  \
        source] = {word, KIND_OF_##source, (enum mw_reading)FIRST_##source, COLUMNS_##source}

static const struct source_info sources[MW_SOURCE_COUNT] = {
    SOURCE_ROW(SYSTEM, "system"),   SOURCE_ROW(DERIVED, "derived"), SOURCE_ROW(PROCESS, "process"),
    SOURCE_ROW(SELF, "self"),       SOURCE_ROW(DAEMON, "daemon"),   SOURCE_ROW(HEAP, "heap"),
    SOURCE_ROW(QUEUE, "queue"),     SOURCE_ROW(CACHE, "cache"),     SOURCE_ROW(SERVICE, "service"),
    SOURCE_ROW(SUBJECT, "subject"),
};

const struct mw_reading_info *mw_reading_info(enum mw_reading reading)
{
    return &readings[reading];
}

enum mw_reading mw_reading_find(const char *id, size_t size)
{
    for (size_t i = 0; i < MW_READING_COUNT; i++)
        if (strlen(readings[i].id) == size && memcmp(readings[i].id, id, size) == 0)
            return (enum mw_reading)i;
    return MW_NONE;
}

enum mw_reading mw_source_first(enum mw_source source)
{
    return sources[source].first;
}

uint16_t mw_source_columns(enum mw_source source)
{
    return sources[source].columns;
}

enum mw_kind mw_source_kind(enum mw_source source)
{
    return sources[source].kind;
}

bool mw_kind_has_one_subject(enum mw_kind kind)
{
    return kind == MW_KIND_SYSTEM || kind == MW_KIND_DAEMON;
}

const char *const *mw_process_keys(void)
{
    return process_keys;
}

const char *const *mw_service_keys(void)
{
    return &service_keys[FIRST_SERVICE];
}

const char *mw_source_word(enum mw_source source)
{
    return sources[source].word;
}

const char *mw_kind_word(enum mw_kind kind)
{
    static const char *const words[MW_KIND_COUNT] = {
        [MW_KIND_SYSTEM] = "system",   [MW_KIND_PROCESS] = "process", [MW_KIND_HEAP] = "heap",
        [MW_KIND_QUEUE] = "queue",     [MW_KIND_CACHE] = "cache",     [MW_KIND_DAEMON] = "daemon",
        [MW_KIND_SERVICE] = "service",
    };

    return words[kind];
}

const char *mw_unit_word(enum mw_unit unit)
{
    static const char *const words[MW_UNIT_COUNT_OF] = {
        [MW_UNIT_BYTES] = "bytes",
        [MW_UNIT_COUNT] = "count",
        [MW_UNIT_US] = "us",
        [MW_UNIT_MS] = "ms",
        [MW_UNIT_EPOCH_MS] = "epochMs",
        [MW_UNIT_PERCENT] = "percent",
        [MW_UNIT_RATIO] = "ratio",
        [MW_UNIT_PER_S] = "perSecond",
        [MW_UNIT_BYTES_PER_S] = "bytesPerSecond",
        [MW_UNIT_NUMBER] = "number",
        [MW_UNIT_WORD] = "word",
    };

    return words[unit];
}

const char *mw_absence_word(enum mw_absence absence)
{
    static const char *const words[MW_ABSENCE_COUNT] = {
        [MW_PRESENT] = "present",          [MW_ABSENT_DENIED] = "denied",
        [MW_ABSENT_VANISHED] = "vanished", [MW_ABSENT_UNSUPPORTED] = "unsupported",
        [MW_ABSENT_STALE] = "stale",
    };

    return words[absence];
}
