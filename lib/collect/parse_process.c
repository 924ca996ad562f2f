/* Parsers of the files of one process. Pure and total: any bytes in, a struct or an error out.
 *
 * Who writes these bytes: the kernel, but the name in them is the process's own choice. In stat it
 * stands raw between parentheses, so only the last ')' ends it; in status the kernel escapes '\n'
 * and '\\', so a line is a line. Fixtures and other kernels may be cut short anywhere: a number
 * that has nothing behind it may have lost digits and is not taken.
 */
#include "base/scan.h"
#include "collect/collect.h"

#include <errno.h>
#include <string.h>

/* include/linux/sched.h; the values are visible to user space in stat and have never changed */
enum { PF_FORKNOEXEC = 0x00000040, PF_KTHREAD = 0x00200000 };

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static int scan_number(struct mw_scan *text, uint64_t *ret)
{
    mw_scan_blanks(text);
    if (mw_scan_done(text) || *text->at == '\n')
        return -ENODATA;
    if (!is_digit(*text->at))
        return -EINVAL;
    return mw_scan_u64(text, ret) ? 0 : -ERANGE;
}

/* ---- statm ---- */

int mw_parse_statm(const char *bytes, size_t size, struct mw_statm *ret)
{
    struct mw_scan text = mw_scan_over(bytes, size);
    uint64_t fields[7];

    for (int i = 0; i < 7; i++) {
        int error = scan_number(&text, &fields[i]);

        if (error < 0)
            return error;
    }
    mw_scan_literal(&text, "\n");
    if (!mw_scan_done(&text) || fields[2] > fields[1])
        return -EINVAL;
    *ret = (struct mw_statm){.size_pages = fields[0],
                             .resident_pages = fields[1],
                             .shared_pages = fields[2],
                             .text_pages = fields[3],
                             .data_pages = fields[5]};
    return 0;
}

/* ---- stat ---- */

static bool take_byte(struct mw_scan *text, char byte)
{
    if (mw_scan_done(text) || *text->at != byte)
        return false;
    text->at++;
    return true;
}

/* "4711 (name" up to the last ')'; what is behind it stays in *text. */
static int take_name(struct mw_scan *text, struct mw_stat *ret)
{
    const char *close = memrchr(text->at, ')', mw_scan_left(text));
    uint64_t pid;
    int error = scan_number(text, &pid);
    size_t size;

    if (error < 0)
        return error;
    if (close == NULL)
        return -ENODATA;
    if (!take_byte(text, ' ') || !take_byte(text, '(') || text->at > close)
        return -EINVAL;
    size = (size_t)(close - text->at);
    ret->name_size = (uint8_t)(size < MW_NAME_MAX ? size : MW_NAME_MAX);
    memcpy(ret->name, text->at, ret->name_size);
    text->at = close + 1;
    return 0;
}

static int take_state(struct mw_scan *text, char *ret)
{
    char state;

    if (mw_scan_left(text) < 3)
        return -ENODATA;
    state = text->at[1];
    if (text->at[0] != ' ' || text->at[2] != ' ' ||
        !((state >= 'A' && state <= 'Z') || (state >= 'a' && state <= 'z')))
        return -EINVAL;
    *ret = state;
    text->at += 2;
    return 0;
}

/* Terminal, priority and nice may be negative; none of them is wanted, so the sign is dropped. */
static int take_field(struct mw_scan *text, uint64_t *ret)
{
    int error;

    if (!take_byte(text, ' '))
        return mw_scan_done(text) || *text->at == '\n' ? -ENODATA : -EINVAL;
    take_byte(text, '-');
    error = scan_number(text, ret);
    if (error == 0 && mw_scan_done(text))
        error = -ENODATA;
    return error;
}

int mw_parse_stat(const char *bytes, size_t size, struct mw_stat *ret)
{
    enum { PPID = 4, FLAGS = 9, START = 22 }; /* as proc(5) numbers them */
    struct mw_scan text = mw_scan_over(bytes, size);
    struct mw_stat stat = {0};
    uint64_t fields[START + 1];
    int error = size > 0 ? take_name(&text, &stat) : -ENODATA;

    if (error == 0)
        error = take_state(&text, &stat.state);
    for (int i = PPID; i <= START && error == 0; i++)
        error = take_field(&text, &fields[i]);
    if (error == 0 && (fields[PPID] > MW_READING_MAX || fields[START] > MW_READING_MAX))
        error = -ERANGE;
    if (error < 0)
        return error;
    stat.ppid = fields[PPID];
    stat.start_ticks = fields[START];
    stat.kernel_thread = (fields[FLAGS] & PF_KTHREAD) != 0;
    stat.forked_only = (fields[FLAGS] & PF_FORKNOEXEC) != 0;
    *ret = stat;
    return 0;
}

/* ---- status ---- */

static int value_kb(struct mw_scan *text, uint64_t *ret)
{
    uint64_t kb;
    int error = scan_number(text, &kb);

    if (error < 0)
        return error;
    mw_scan_blanks(text);
    if (!mw_scan_literal(text, "kB"))
        return -EINVAL;
    if (kb > MW_READING_MAX / 1024)
        return -ERANGE;
    *ret = kb * 1024;
    return 0;
}

/* Real, effective, saved, file system: the second counts for what a process may do. */
static int value_uid(struct mw_scan *text, uint64_t *ret)
{
    uint64_t other;
    int error = scan_number(text, &other);

    for (int i = 1; i < 4 && error == 0; i++)
        error = scan_number(text, i == 1 ? ret : &other);
    return error;
}

/* "S (sleeping)" */
static int value_state(struct mw_scan *text, uint64_t *ret)
{
    mw_scan_blanks(text);
    if (mw_scan_done(text) || (unsigned char)*text->at <= ' ' || (unsigned char)*text->at > '~')
        return -EINVAL;
    *ret = (unsigned char)*text->at;
    text->at = text->end;
    return 0;
}

struct status_line {
    const char *key;
    uint8_t key_size;
    uint8_t field; /* enum mw_status_field */
    int (*value)(struct mw_scan *text, uint64_t *ret);
};

#define LINE(key, field, value)                                                                    \
    {                                                                                              \
        key, sizeof(key) - 1, MW_STATUS_##field, value                                             \
    }
static const struct status_line status_lines[MW_STATUS_FIELDS] = {
    LINE("State", STATE, value_state),     LINE("PPid", PPID, scan_number),
    LINE("Uid", UID, value_uid),           LINE("VmHWM", PEAK, value_kb),
    LINE("RssFile", RSS_FILE, value_kb),   LINE("RssShmem", RSS_SHMEM, value_kb),
    LINE("VmPTE", PAGE_TABLES, value_kb),  LINE("VmSwap", SWAP, value_kb),
    LINE("Threads", THREADS, scan_number),
};
#undef LINE

static const struct status_line *line_of(const struct mw_scan *key)
{
    const size_t size = mw_scan_left(key);

    for (int i = 0; i < MW_STATUS_FIELDS; i++)
        if (status_lines[i].key_size == size && status_lines[i].key[0] == *key->at &&
            memcmp(status_lines[i].key, key->at, size) == 0)
            return &status_lines[i];
    return NULL;
}

static int octal(const char *at, const char *end)
{
    int value = 0;

    if (end - at < 3 || at[0] > '3')
        return -1;
    for (int i = 0; i < 3; i++) {
        if (at[i] < '0' || at[i] > '7')
            return -1;
        value = value * 8 + (at[i] - '0');
    }
    return value;
}

/* The character that an escape stands for, and how long the escape is; a backslash that begins none
 * stands for itself. */
static size_t unescape(const char *at, const char *end, char *ret)
{
    int value;

    *ret = *at;
    if (*at != '\\' || end - at < 2)
        return 1;
    if (at[1] == 'n' || at[1] == '\\') {
        *ret = at[1] == 'n' ? '\n' : '\\';
        return 2;
    }
    value = octal(at + 1, end);
    if (value < 0)
        return 1;
    *ret = (char)value;
    return 4;
}

/* Behind the one tab everything is name, blanks in front included. */
static void take_status_name(struct mw_scan text, struct mw_status *ret)
{
    if (!take_byte(&text, '\t'))
        take_byte(&text, ' ');
    ret->has_name = true;
    while (!mw_scan_done(&text) && ret->name_size < MW_NAME_MAX) {
        text.at += unescape(text.at, text.end, &ret->name[ret->name_size]);
        ret->name_size++;
    }
}

static int take_status_line(struct mw_scan text, struct mw_status *ret)
{
    const struct status_line *line;
    struct mw_scan key;
    uint64_t value = 0;
    int error;

    if (!mw_scan_until(&text, ':', &key) || mw_scan_done(&key))
        return 0;
    if (!ret->has_name && mw_scan_left(&key) == 4 && memcmp(key.at, "Name", 4) == 0) {
        take_status_name(text, ret);
        return 0;
    }
    line = line_of(&key);
    if (line == NULL || (ret->found & 1u << line->field) != 0)
        return 0;
    error = line->value(&text, &value);
    mw_scan_blanks(&text);
    if (error < 0 || !mw_scan_done(&text))
        return error == -ERANGE ? error : -EINVAL;
    if (value > MW_READING_MAX)
        return -ERANGE;
    ret->values[line->field] = value;
    ret->found |= 1u << line->field;
    return 0;
}

int mw_parse_status(const char *bytes, size_t size, struct mw_status *ret)
{
    const uint32_t all = (1u << MW_STATUS_FIELDS) - 1;
    struct mw_scan text = mw_scan_over(bytes, size);
    struct mw_scan line;
    int error = 0;

    *ret = (struct mw_status){0};
    while (ret->found != all && mw_scan_until(&text, '\n', &line)) {
        int wrong = take_status_line(line, ret);

        error = error == 0 ? wrong : error;
    }
    if (error == 0 && ((ret->found & 1u << MW_STATUS_STATE) == 0 || bytes[size - 1] != '\n'))
        error = -ENODATA;
    return error;
}

/* ---- cgroup ---- */

/* Whether "cpu,cpuacct,memory" names the memory controller. */
static bool has_memory(struct mw_scan controllers)
{
    struct mw_scan name;

    while (mw_scan_until(&controllers, ',', &name))
        if (mw_scan_left(&name) == 6 && memcmp(name.at, "memory", 6) == 0)
            return true;
    return mw_scan_left(&controllers) == 6 && memcmp(controllers.at, "memory", 6) == 0;
}

/* "4:memory:/path" or "0::/path" */
static int split_cgroup(struct mw_scan *line, struct mw_scan *ret_controllers)
{
    uint64_t hierarchy;

    if (!mw_scan_u64(line, &hierarchy) || !take_byte(line, ':') ||
        !mw_scan_until(line, ':', ret_controllers) || mw_scan_done(line) || *line->at != '/')
        return -EINVAL;
    return 0;
}

int mw_parse_cgroup(const char *bytes, size_t size, const char **ret_path, size_t *ret_size,
                    bool *ret_v1)
{
    struct mw_scan text = mw_scan_over(bytes, size);
    struct mw_scan found = {NULL, NULL};
    struct mw_scan line, controllers;
    bool v1 = false;

    while (!v1 && mw_scan_until(&text, '\n', &line)) {
        int error = split_cgroup(&line, &controllers);

        if (error < 0)
            return error;
        v1 = has_memory(controllers);
        if (v1 || mw_scan_done(&controllers))
            found = line;
    }
    if (found.at == NULL)
        return -ENODATA;
    *ret_path = found.at;
    *ret_size = mw_scan_left(&found);
    *ret_v1 = v1;
    return 0;
}
