/* system: what the readers of MW_SOURCE_SYSTEM and MW_SOURCE_SELF share. */
#ifndef MW_COLLECT_SYSTEM_INTERNAL_H
#define MW_COLLECT_SYSTEM_INTERNAL_H
#include "collect/cgroup_internal.h"
#include "collect/collect_internal.h"
#include "collect/fields_internal.h"
#include "collect/watch_internal.h"

/* A file's bytes; it grows until the file fits and then stays. All zero is empty. */
enum { MW_TEXT_START = 16 * 1024, MW_TEXT_MAX = 1024 * 1024 };

struct mw_text {
    char *bytes;
    size_t capacity;
};

/* How the kernel hands out a file. ONE_RECORD: whole, in one read(2) that is long enough, so a read
 * that does not fill the buffer has seen the end. LINES: at most a page at a time, so what is
 * longer is of as many instants, microseconds apart. */
enum mw_text_kind { MW_TEXT_LINES, MW_TEXT_ONE_RECORD };

/* The whole file, by name below `dirfd` or held open. *ret lies in the buffer.
 * Errors   those of mw_collect_read_file(); -EFBIG over MW_TEXT_MAX, -ENOMEM. */
int mw_text_read_file(struct mw_text *self, int dirfd, const char *path, struct mw_scan *ret);
int mw_text_read_kept(struct mw_text *self, int fd, enum mw_text_kind kind, struct mw_scan *ret);
void mw_text_free(struct mw_text *self);

/* mw_collect_read_kept() for files of one record: a single read. */
int mw_text_read_record(int fd, char *buffer, size_t capacity, size_t *ret_size);

/* The reason that readers are given when opening or reading a file went wrong. */
enum mw_absence mw_system_absence(int error);

/* What a parser's error says, as a sentence of a fault. */
const char *mw_system_reason(int error);

enum { MW_SYSTEM_FILES = 3 };

struct mw_system_file {
    int fd; /* -1 = to be opened at the next beat */
    struct mw_fields fields;
};

struct mw_system_reader {
    struct mw_system_file files[MW_SYSTEM_FILES];
    struct mw_cgroup_limit cgroup;
    struct mw_watch_group limit_watch; /* of the group that sets the limit */
    struct mw_text text;
    int statm_fd; /* the real /proc/self/statm */
};
#endif
