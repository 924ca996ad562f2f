/* reading: the table of everything that can be known, and the types of its columns.
 *
 * Source   sample/readings.def, one row a reading.
 * State    none; the table is constant.
 */
#ifndef MW_SAMPLE_READING_H
#define MW_SAMPLE_READING_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mw_reading {
#define R(id, ...) MW_##id,
#include "sample/readings.def"
    MW_READING_COUNT,
    MW_NONE = MW_READING_COUNT
};

/* The largest whole number that JSON hands to every reader unharmed. A source that says more lies,
 * so what reads it takes -ERANGE for it, in the unit of the reading. */
#define MW_READING_MAX ((UINT64_C(1) << 53) - 1)

enum { MW_READING_KEY_MAX = 28 }; /* characters in a JSON key */

/* Who a reading is about. The words are the same in URLs, JSON, metric prefixes and rules. */
enum mw_kind {
    MW_KIND_SYSTEM,
    MW_KIND_PROCESS,
    MW_KIND_SERVICE,
    MW_KIND_HEAP,
    MW_KIND_QUEUE,
    MW_KIND_CACHE,
    MW_KIND_DAEMON,
    MW_KIND_COUNT
};

/* Who fills it in. SUBJECT readings stand in the subject registry, all others in blocks. */
enum mw_source {
    MW_SOURCE_SYSTEM,
    MW_SOURCE_DERIVED,
    MW_SOURCE_PROCESS,
    MW_SOURCE_SELF,
    MW_SOURCE_DAEMON,
    MW_SOURCE_HEAP,
    MW_SOURCE_QUEUE,
    MW_SOURCE_CACHE,
    MW_SOURCE_SERVICE,
    MW_SOURCE_SUBJECT,
    MW_SOURCE_COUNT
};

enum mw_value_type {
    MW_VALUE_U64,
    MW_VALUE_I64,
    MW_VALUE_F64,
    MW_VALUE_TEXT /* in a block: the character in `u`; in the registry: the bytes */
};

enum mw_reading_type { MW_TYPE_GAUGE, MW_TYPE_COUNTER, MW_TYPE_INFO };

enum mw_unit {
    MW_UNIT_BYTES,
    MW_UNIT_COUNT,
    MW_UNIT_US,
    MW_UNIT_MS,
    MW_UNIT_EPOCH_MS,
    MW_UNIT_PERCENT, /* 0 to 100; 0 to 1 in Prometheus text */
    MW_UNIT_RATIO,   /* 0 to 1 */
    MW_UNIT_PER_S,
    MW_UNIT_BYTES_PER_S,
    MW_UNIT_NUMBER, /* an id: a number only by its spelling */
    MW_UNIT_WORD,
    MW_UNIT_COUNT_OF
};

enum mw_show { MW_SHOW_PLAIN, MW_SHOW_HEADLINE };

/* Why a value is not there. A value that could not be read is never 0. */
enum mw_absence {
    MW_PRESENT,
    MW_ABSENT_DENIED,      /* access was refused */
    MW_ABSENT_VANISHED,    /* its subject went away while it was read */
    MW_ABSENT_UNSUPPORTED, /* this system has no such value */
    MW_ABSENT_STALE,       /* its source failed, made no sense, or is late */
    MW_ABSENCE_COUNT
};

union mw_value {
    uint64_t u;
    int64_t i;
    double f;
};

struct mw_reading_info {
    const char *id; /* "system.memTotal" */
    const char *key;
    const char *metric; /* whole Prometheus name, or "" */
    const char *labels;
    const char *file;
    const char *field;
    const char *help;
    enum mw_kind kind;
    enum mw_source source;
    enum mw_value_type value;
    enum mw_reading_type type;
    enum mw_unit unit;
    enum mw_show show;
    enum mw_reading of; /* 100 % of this one, or MW_NONE */
    uint16_t column;    /* its place in a block of its source */
};

/* `reading` is below MW_READING_COUNT. The object is constant and lives for ever. */
const struct mw_reading_info *mw_reading_info(enum mw_reading reading);

/* By public id ("system.memTotal"), MW_NONE when there is none. `size` bytes, no NUL needed. */
enum mw_reading mw_reading_find(const char *id, size_t size);

/* The readings of a source are neighbours: first, first + 1, ... */
enum mw_reading mw_source_first(enum mw_source source);
uint16_t mw_source_columns(enum mw_source source);
enum mw_kind mw_source_kind(enum mw_source source);
/* The machine and the daemon are one each; of the others there are any number. */
bool mw_kind_has_one_subject(enum mw_kind kind);

/* Keys of the readings of processes, in the order of the table, NULL at the end; constant. */
const char *const *mw_process_keys(void);
/* The same of services. */
const char *const *mw_service_keys(void);

/* Words as they stand in JSON, metrics and recordings: "system", "bytes", "denied" ... */
const char *mw_kind_word(enum mw_kind kind);
const char *mw_unit_word(enum mw_unit unit);
const char *mw_absence_word(enum mw_absence absence);
const char *mw_source_word(enum mw_source source);

#ifdef __cplusplus
}
#endif
#endif
