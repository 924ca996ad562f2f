#include "tests/lib/collect/system_support.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct text text_of(const char *string)
{
    size_t size = strlen(string);
    struct text text = {malloc(size > 0 ? size : 1), size};

    assert_non_null(text.bytes);
    memcpy(text.bytes, string, size);
    return text;
}

struct text text_of_file(const char *path)
{
    enum { MOST = 1 << 20 };
    FILE *file = fopen(path, "rb");
    struct text text = {malloc(MOST), 0};

    assert_non_null(file);
    assert_non_null(text.bytes);
    text.size = fread(text.bytes, 1, MOST, file);
    assert_int_equal(fclose(file), 0);
    text.bytes = realloc(text.bytes, text.size > 0 ? text.size : 1);
    assert_non_null(text.bytes);
    return text;
}

struct text text_of_fixture(const char *name)
{
    char path[4096];

    assert_true(snprintf(path, sizeof(path), "%s/%s", MW_FIXTURES, name) < (int)sizeof(path));
    return text_of_file(path);
}

void text_free(struct text *self)
{
    free(self->bytes);
    self->bytes = NULL;
}

struct target target_create(void)
{
    struct target self = {NULL, NULL};
    enum mw_reading first = mw_source_first(MW_SOURCE_SYSTEM);

    assert_int_equal(mw_block_pool_create(MW_SOURCE_SYSTEM, &self.pool), 0);
    assert_int_equal(mw_block_take(self.pool, NULL, 1, &self.block), 0);
    mw_block_set_key(self.block, 0, (struct mw_block_key){1, 0});
    for (unsigned i = 0; i < mw_source_columns(MW_SOURCE_SYSTEM); i++)
        mw_block_put(self.block, first + i, 0, (union mw_value){.u = UNTOUCHED});
    return self;
}

void target_free(struct target *self)
{
    mw_block_unref(self->block);
    mw_block_pool_destroy(self->pool);
}

static int parse_text(struct target *self, parser parse, struct text text)
{
    int error;

    *self = target_create();
    error = parse(text.bytes, text.size, self->block);
    text_free(&text);
    return error;
}

int target_parse(struct target *self, parser parse, const char *string)
{
    return parse_text(self, parse, text_of(string));
}

int target_parse_fixture(struct target *self, parser parse, const char *name)
{
    return parse_text(self, parse, text_of_fixture(name));
}

static enum mw_absence get(const struct mw_block *block, enum mw_reading reading,
                           union mw_value *ret)
{
    enum mw_absence absence = mw_block_get(block, reading, 0, ret);

    if (absence != MW_PRESENT)
        print_message("%s is absent: %s\n", mw_reading_info(reading)->id, mw_absence_word(absence));
    return absence;
}

void assert_value(const struct mw_block *block, enum mw_reading reading, uint64_t value)
{
    union mw_value got = {.u = 0};

    assert_int_equal(get(block, reading, &got), MW_PRESENT);
    assert_int_equal(got.u, value);
}

void assert_share(const struct mw_block *block, enum mw_reading reading, double value)
{
    union mw_value got = {.u = 0};

    assert_int_equal(get(block, reading, &got), MW_PRESENT);
    assert_true(got.f == value);
}

void assert_absent(const struct mw_block *block, enum mw_reading reading, enum mw_absence absence)
{
    union mw_value got = {.u = 0};

    assert_string_equal(mw_absence_word(mw_block_get(block, reading, 0, &got)),
                        mw_absence_word(absence));
}

unsigned count_present(const struct mw_block *block, const char *file, enum mw_absence otherwise)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SYSTEM);
    unsigned present = 0;

    for (unsigned i = 0; i < mw_source_columns(MW_SOURCE_SYSTEM); i++) {
        union mw_value value = {.u = 0};
        enum mw_absence absence = mw_block_get(block, first + i, 0, &value);

        if (strcmp(mw_reading_info(first + i)->file, file) != 0)
            continue;
        present += absence == MW_PRESENT;
        if (absence != MW_PRESENT && absence != otherwise) {
            fail_msg("%s is absent as %s", mw_reading_info(first + i)->id,
                     mw_absence_word(absence));
        }
    }
    return present;
}

void assert_same(const struct mw_block *one, const struct mw_block *other)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SYSTEM);

    for (unsigned i = 0; i < mw_source_columns(MW_SOURCE_SYSTEM); i++) {
        union mw_value left = {.u = 0}, right = {.u = 0};
        enum mw_absence absence = mw_block_get(one, first + i, 0, &left);

        if (absence != mw_block_get(other, first + i, 0, &right) || left.u != right.u)
            fail_msg("%s differs", mw_reading_info(first + i)->id);
    }
}

bool number_in(const struct text *text, const char *name, char stop, uint64_t *ret)
{
    size_t size = strlen(name);
    const char *end = text->bytes + text->size;

    for (const char *line = text->bytes; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));

        if ((size_t)(end - line) > size && memcmp(line, name, size) == 0 && line[size] == stop) {
            char number[32] = "";
            size_t left = (size_t)(end - line) - size - 1;

            memcpy(number, line + size + 1, left < 31 ? left : 31);
            *ret = strtoull(number, NULL, 10);
            return true;
        }
        line = next != NULL ? next + 1 : end;
    }
    return false;
}

struct tree tree_create(void)
{
    struct tree self = {"/tmp/mw-system-XXXXXX", ""};

    assert_non_null(mkdtemp(self.path));
    assert_int_equal(chmod(self.path, 0755), 0);
    snprintf(self.proc, sizeof(self.proc), "%s/proc", self.path);
    assert_int_equal(mkdir(self.proc, 0755), 0);
    return self;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *where)
{
    (void)status;
    (void)flag;
    (void)where;
    return remove(path);
}

void tree_free(struct tree *self)
{
    assert_int_equal(nftw(self->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void path_in(const struct tree *self, const char *name, char *ret, size_t size)
{
    assert_true(snprintf(ret, size, "%s/%s", self->path, name) < (int)size);
}

static void make_folders(char *path)
{
    for (char *at = strchr(path + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = 0;
        mkdir(path, 0755); /* most of them exist */
        *at = '/';
    }
}

void tree_write_bytes(const struct tree *self, const char *name, const char *bytes, size_t size)
{
    char path[4096];
    int fd;

    path_in(self, name, path, sizeof(path));
    make_folders(path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

void tree_write(const struct tree *self, const char *name, const char *content)
{
    tree_write_bytes(self, name, content, strlen(content));
}

void tree_remove(const struct tree *self, const char *name)
{
    char path[4096];

    path_in(self, name, path, sizeof(path));
    assert_int_equal(remove(path), 0);
}

struct beat beat_over(const char *proc_root)
{
    const struct mw_collect_options options = {
        .proc_root = proc_root, .keep_fds = 8, .status_interval_s = 60, .clock = mw_clock_system()};
    struct beat self = {NULL, NULL};

    assert_int_equal(mw_collector_create(&options, &self.collector), 0);
    beat_next(&self);
    return self;
}

struct beat beat_over_fixture(const char *name)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s/proc", MW_FIXTURES, name);
    return beat_over(path);
}

void beat_next(struct beat *self)
{
    self->block = mw_block_unref(self->block);
    assert_int_equal(mw_collector_read_system(self->collector, &self->block), 0);
    assert_int_equal(mw_block_check(mw_block_head(self->block), mw_block_head(self->block)->size),
                     0);
}

void beat_free(struct beat *self)
{
    mw_block_unref(self->block);
    mw_collector_destroy(self->collector);
}

void assert_fault(struct beat *self, const char *file, int error)
{
    struct mw_fault fault;

    assert_true(mw_collector_next_fault(self->collector, &fault));
    assert_string_equal(fault.file, file);
    assert_int_equal(fault.error, error);
    assert_true(strlen(fault.reason) > 0);
}

void assert_no_fault(struct beat *self)
{
    struct mw_fault fault;

    if (mw_collector_next_fault(self->collector, &fault))
        fail_msg("fault of %s: %s (%d)", fault.file, fault.reason, fault.error);
}
