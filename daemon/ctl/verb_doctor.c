/* doctor: a report of what this user can read on this host, which needs no daemon. When one
 * answers, it says too what it could not read. */
#include "daemon/ctl/ctl.h"

#include "daemon/config.h"
#include "doctor/doctor.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    OUT_MAX = 1 << 20,
    NAMES_MAX = 8,           /* capabilities or readings that are listed by name */
    WIDE = 72,               /* columns of a terminal */
    LOCKED_BYTES = 192 << 20 /* LimitMEMLOCK= of memwatchd.service */
};

static const struct mwd_ctl_column columns[] = {
    {.title = "WHAT"},
    {.title = "HERE", .painted = true},
    {.title = "WHY AND WHAT CHANGES IT", .flows = true},
};
/* Where the three would leave too little for the reasons. */
static const struct mwd_ctl_column narrow_columns[] = {
    {.title = "HERE", .painted = true},
    {.title = "WHAT, WHY AND WHAT CHANGES IT", .flows = true},
};

/* What the daemon says of itself; NULL where it says nothing. */
struct daemon_view {
    cJSON *daemon, *system;
};

static const struct {
    const char *key, *reason;
} absences[] = {
    {"absentDenied", "denied"},
    {"absentVanished", "vanished"},
    {"absentUnsupported", "unsupported"},
    {"absentStale", "stale"},
};

#define WORD_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

enum { ABSENCES = sizeof absences / sizeof absences[0] };

/* ---- looking ---- */

static int look(struct mw_doctor_report *ret)
{
    struct mw_doctor_options options = {.root = "/", .locked_bytes = LOCKED_BYTES};
    struct mwd_config *config;
    int r = mwd_ctl_config_load(&config);

    if (r < 0)
        return r;
    options.kept_fds = config->keep_fds;
    options.other_fds = config->max_connections + MWD_CONFIG_OTHER_FDS;
    mwd_config_destroy(config);
    mw_doctor_look(&options, ret);
    return 0;
}

/* Returns MWD_CTL_USAGE for options that lead nowhere; a daemon that does not answer, or not with
 * this, is none. */
static int ask(struct mwd_ctl *self, const char *path, cJSON **ret)
{
    struct mwd_ctl_answer answer;
    int code = mwd_ctl_ask(self, "GET", path, &answer);

    if (code == MWD_CTL_OK && answer.status == 200)
        *ret = cJSON_ParseWithLength(answer.body.bytes, answer.body.size);
    mwd_buffer_deinit(&answer.body);
    return code;
}

static int ask_daemon(struct mwd_ctl *self, struct daemon_view *ret)
{
    bool quiet = self->quiet;

    self->quiet = true;
    int code = ask(self, "/api/v1/daemon", &ret->daemon);
    if (code == MWD_CTL_OK)
        code = ask(self, "/api/v1/system", &ret->system);
    self->quiet = quiet;
    return code == MWD_CTL_USAGE ? code : MWD_CTL_OK;
}

/* ---- capabilities ---- */

static unsigned count_bits(uint64_t set)
{
    unsigned count = 0;

    for (; set; set &= set - 1)
        count++;
    return count;
}

static void put_names(uint64_t set, struct mwd_buffer *out)
{
    unsigned left = NAMES_MAX;

    for (unsigned i = 0; i < MW_DOCTOR_CAPABILITIES && left > 0; i++) {
        if (!(set >> i & 1))
            continue;
        mwd_buffer_printf(out, "%s%s", left == NAMES_MAX ? " " : ", ",
                          mw_doctor_capability_name(i));
        left--;
    }
    if (count_bits(set) > NAMES_MAX)
        mwd_buffer_printf(out, " and %u more", count_bits(set) - NAMES_MAX);
}

/* A newer kernel may know more of them than we have names for: those do not count here. */
static void put_capabilities(const struct mw_doctor_report *report, struct mwd_buffer *out)
{
    uint64_t all = (UINT64_C(1) << MW_DOCTOR_CAPABILITIES) - 1, held = report->capabilities & all;

    if (!report->capabilities_known) {
        mwd_buffer_puts(out, "capabilities unknown");
    } else if (held == 0) {
        mwd_buffer_puts(out, "no capabilities");
    } else if (held == all) {
        mwd_buffer_puts(out, "all capabilities");
    } else if (count_bits(held) <= MW_DOCTOR_CAPABILITIES / 2) {
        mwd_buffer_puts(out, "capabilities");
        put_names(held, out);
    } else {
        mwd_buffer_puts(out, "all capabilities but");
        put_names(all & ~held, out);
    }
}

/* ---- the table ---- */

static void put_who(const struct mw_doctor_report *report, struct mwd_buffer *out)
{
    mwd_buffer_printf(out, "Linux %s, as uid %u (pid %d), ",
                      report->kernel[0] ? report->kernel : "of unknown version",
                      (unsigned)report->uid, (int)report->pid);
    put_capabilities(report, out);
    mwd_buffer_puts(out, "\n");
}

static void put_row(struct mwd_ctl_table *table, bool narrow, const struct mw_doctor_row *row)
{
    if (!narrow)
        mwd_ctl_table_cell(table, "%s", row->what);
    mwd_ctl_table_cell(table, "%s", mw_doctor_outcome_name(row->outcome));
    mwd_ctl_table_cell(table, "%s%s%s%s%s", narrow ? row->what : "", narrow ? ": " : "",
                       row->reason, row->remedy[0] ? ". Remedy: " : "", row->remedy);
}

static int put_table(struct mwd_ctl *self, const struct mw_doctor_report *report,
                     struct mwd_buffer *out)
{
    bool narrow = self->columns > 0 && self->columns < WIDE;
    struct mwd_ctl_table *table;

    if (mwd_ctl_table_create(narrow ? narrow_columns : columns, narrow ? 2 : 3, &table) < 0)
        return -1;
    for (uint32_t i = 0; i < report->row_count; i++)
        put_row(table, narrow, &report->rows[i]);
    mwd_ctl_table_put(table, self, out);
    mwd_ctl_table_destroy(table);
    return 0;
}

static bool is_unsupported(const cJSON *reason)
{
    return cJSON_IsString(reason) && strcmp(reason->valuestring, "unsupported") == 0;
}

/* As keys of readings and reasons are; anything else might steer the terminal. */
static bool is_word(const char *text)
{
    return text && *text && text[strspn(text, WORD_CHARACTERS)] == '\0';
}

/* What a kernel does not offer is a number, and no news; what should be there and is not has a
 * name. */
static void put_lacking(const cJSON *absent, struct mwd_buffer *out)
{
    unsigned unsupported = 0, listed = 0, more = 0;
    const cJSON *item;

    mwd_buffer_puts(out, "of the machine's readings");
    cJSON_ArrayForEach(item, absent)
    {
        if (is_unsupported(item))
            unsupported++;
        else if (listed < NAMES_MAX && is_word(item->string) && is_word(item->valuestring))
            mwd_buffer_printf(out, "%s %s is %s", listed++ ? "," : "", item->string,
                              item->valuestring);
        else
            more++;
    }
    if (more)
        mwd_buffer_printf(out, "%s %u %sare absent", listed ? "," : "", more,
                          listed ? "more " : "");
    mwd_buffer_printf(out, "%s %u are not offered here (unsupported)\n", listed + more ? "," : "",
                      unsupported);
}

static void put_totals(const cJSON *daemon, struct mwd_buffer *out)
{
    const char *before = "absent since its start, over all samples: ";
    uint64_t count;

    for (size_t i = 0; i < ABSENCES; i++) {
        if (!mwd_ctl_number(daemon, absences[i].key, &count))
            continue;
        mwd_buffer_printf(out, "%s%" PRIu64 " %s", before, count, absences[i].reason);
        before = ", ";
    }
    if (before[0] == ',')
        mwd_buffer_puts(out, "\n");
}

static void put_daemon(const struct mwd_ctl *self, const struct daemon_view *view,
                       struct mwd_buffer *out)
{
    if (!cJSON_IsObject(view->system))
        return;
    mwd_buffer_printf(out, "\nmemwatchd at %s: ", mwd_ctl_address(self));
    put_lacking(cJSON_GetObjectItemCaseSensitive(view->system, "absent"), out);
    put_totals(view->daemon, out);
}

/* ---- JSON ---- */

static void add_capabilities(const struct mw_doctor_report *report, cJSON *object)
{
    cJSON *list;

    if (!report->capabilities_known) {
        cJSON_AddNullToObject(object, "capabilities");
        return;
    }
    list = cJSON_AddArrayToObject(object, "capabilities");
    for (unsigned i = 0; i < MW_DOCTOR_CAPABILITIES; i++)
        if (report->capabilities >> i & 1)
            cJSON_AddItemToArray(list, cJSON_CreateString(mw_doctor_capability_name(i)));
}

static void add_rows(const struct mw_doctor_report *report, cJSON *object)
{
    cJSON *list = cJSON_AddArrayToObject(object, "rows");

    for (uint32_t i = 0; i < report->row_count; i++) {
        const struct mw_doctor_row *row = &report->rows[i];
        cJSON *item = cJSON_CreateObject();

        cJSON_AddStringToObject(item, "id", row->id);
        cJSON_AddStringToObject(item, "what", row->what);
        cJSON_AddStringToObject(item, "outcome", mw_doctor_outcome_name(row->outcome));
        cJSON_AddStringToObject(item, "reason", row->reason);
        cJSON_AddStringToObject(item, "remedy", row->remedy);
        cJSON_AddItemToArray(list, item);
    }
}

/* null when none answers */
static void add_daemon(const struct mwd_ctl *self, const struct daemon_view *view, cJSON *object)
{
    const cJSON *absent = cJSON_GetObjectItemCaseSensitive(view->system, "absent");
    uint64_t count;
    cJSON *item;

    if (!cJSON_IsObject(view->system)) {
        cJSON_AddNullToObject(object, "daemon");
        return;
    }
    item = cJSON_AddObjectToObject(object, "daemon");
    cJSON_AddStringToObject(item, "address", mwd_ctl_address(self));
    cJSON_AddItemToObject(item, "absent",
                          cJSON_IsObject(absent) ? cJSON_Duplicate(absent, true)
                                                 : cJSON_CreateObject());
    for (size_t i = 0; i < ABSENCES; i++)
        if (mwd_ctl_number(view->daemon, absences[i].key, &count))
            cJSON_AddNumberToObject(item, absences[i].key, (double)count);
}

static int put_json(const struct mwd_ctl *self, const struct mw_doctor_report *report,
                    const struct daemon_view *view, struct mwd_buffer *out)
{
    cJSON *object = cJSON_CreateObject();

    cJSON_AddNumberToObject(object, "pid", report->pid);
    cJSON_AddNumberToObject(object, "uid", report->uid);
    if (report->kernel[0])
        cJSON_AddStringToObject(object, "kernel", report->kernel);
    else
        cJSON_AddNullToObject(object, "kernel");
    add_capabilities(report, object);
    add_rows(report, object);
    add_daemon(self, view, object);
    char *text = cJSON_PrintUnformatted(object);
    if (text)
        mwd_buffer_printf(out, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(object);
    return text ? 0 : -1;
}

/* ---- the verb ---- */

static int print(struct mwd_ctl *self, const struct mw_doctor_report *report,
                 const struct daemon_view *view)
{
    struct mwd_buffer out;
    int r;

    mwd_buffer_init(&out, OUT_MAX);
    if (self->options->json) {
        r = put_json(self, report, view, &out);
    } else {
        put_who(report, &out);
        r = put_table(self, report, &out);
        put_daemon(self, view, &out);
    }
    if (r < 0)
        mwd_ctl_complain("no memory for the report");
    int code = r < 0 ? MWD_CTL_FAILED : mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}

int mwd_ctl_doctor(struct mwd_ctl *self)
{
    struct daemon_view view = {NULL, NULL};
    struct mw_doctor_report report;
    int code = ask_daemon(self, &view);

    if (code == MWD_CTL_OK && look(&report) < 0) {
        mwd_ctl_complain("no memory to look at this host");
        code = MWD_CTL_FAILED;
    }
    if (code == MWD_CTL_OK)
        code = print(self, &report, &view);
    cJSON_Delete(view.daemon);
    cJSON_Delete(view.system);
    return code;
}
