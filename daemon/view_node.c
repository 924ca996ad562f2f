/* What node_exporter calls the readings of the system that it has too, so that dashboards made for
 * it work here: meminfo, the fields of vmstat that it shows by default, memory pressure. Names,
 * types and help are its interface, a word of each line of the kernel's own; the table has these
 * words as `field`. Its counters of vmstat are untyped, and its names are no good style: that is
 * why they have a path of their own. */
#include "daemon/view_internal.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 96 };

/* "Active(anon)" is Active_anon there, and amounts end in their unit. */
static void name_of_meminfo(const struct mw_reading_info *info, char name[static NAME_BYTES])
{
    size_t size = strcspn(info->field, "(");
    const char *inner = info->field + size;

    if (*inner)
        inner++;
    snprintf(name, NAME_BYTES, "%.*s%s%.*s%s", (int)size, info->field, *inner ? "_" : "",
             (int)strcspn(inner, ")"), inner, info->unit == MW_UNIT_BYTES ? "_bytes" : "");
}

static void put_value(const char *name, double value, struct mwd_buffer *out)
{
    char text[MWD_JSON_NUMBER_ROOM];
    char *end = mwd_json_at_f64(text, value);

    *end = '\0';
    mwd_buffer_printf(out, "%s %s\n", name, text);
}

static void put_meminfo(const struct mwd_view_input *input, enum mw_reading reading,
                        struct mwd_buffer *out)
{
    char field[NAME_BYTES], name[NAME_BYTES + 16];
    union mw_value value;

    if (mwd_view_get(input, reading, &value) != MW_PRESENT)
        return;
    name_of_meminfo(mw_reading_info(reading), field);
    snprintf(name, sizeof name, "node_memory_%s", field);
    mwd_buffer_printf(out, "# HELP %s Memory information field %s.\n# TYPE %s gauge\n", name, field,
                      name);
    put_value(name, (double)value.u, out);
}

/* As its flag --collector.vmstat.fields has it: oom_kill, pgpg, pswp, pg...fault at the start. */
static bool is_shown(const char *field)
{
    return strncmp(field, "oom_kill", 8) == 0 || strncmp(field, "pgpg", 4) == 0 ||
           strncmp(field, "pswp", 4) == 0 ||
           (strncmp(field, "pg", 2) == 0 && strstr(field, "fault") != NULL);
}

static void put_vmstat(const struct mwd_view_input *input, enum mw_reading reading,
                       struct mwd_buffer *out)
{
    const char *field = mw_reading_info(reading)->field;
    char name[NAME_BYTES];
    union mw_value value;

    if (!is_shown(field) || mwd_view_get(input, reading, &value) != MW_PRESENT)
        return;
    snprintf(name, sizeof name, "node_vmstat_%s", field);
    mwd_buffer_printf(out, "# HELP %s /proc/vmstat information field %s.\n# TYPE %s untyped\n",
                      name, field, name);
    put_value(name, (double)value.u, out);
}

static void put_pressure(const struct mwd_view_input *input, struct mwd_buffer *out)
{
    static const struct {
        enum mw_reading reading;
        const char *name, *help;
    } rows[] = {
        {MW_SYSTEM_PRESSURE_FULL_TOTAL, "node_pressure_memory_stalled_seconds_total",
         "Total time in seconds no process could make progress due to memory congestion"},
        {MW_SYSTEM_PRESSURE_SOME_TOTAL, "node_pressure_memory_waiting_seconds_total",
         "Total time in seconds that processes have waited for memory"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        union mw_value value;

        if (mwd_view_get(input, rows[i].reading, &value) != MW_PRESENT)
            continue;
        mwd_buffer_printf(out, "# HELP %s %s\n# TYPE %s counter\n", rows[i].name, rows[i].help,
                          rows[i].name);
        put_value(rows[i].name, (double)value.u / 1e6, out);
    }
}

void mwd_view_node(const struct mwd_view_input *input, struct mwd_buffer *out)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_SYSTEM);

    for (enum mw_reading i = first; i < first + mw_source_columns(MW_SOURCE_SYSTEM); i++) {
        const char *file = mw_reading_info(i)->file;

        if (strcmp(file, "/proc/meminfo") == 0)
            put_meminfo(input, i, out);
        else if (strcmp(file, "/proc/vmstat") == 0)
            put_vmstat(input, i, out);
    }
    put_pressure(input, out);
}
