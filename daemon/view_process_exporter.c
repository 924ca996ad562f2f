/* What process-exporter calls groups of processes: those that rules make, or without rules those of
 * one name, which is its own default. Names, types and help are its interface. Its default shows
 * nothing of threads of the kernel, which have no address space; rules may name them. */
#include "daemon/view_internal.h"

static const char bytes_name[] = "namedprocess_namegroup_memory_bytes";
static const char procs_name[] = "namedprocess_namegroup_num_procs";
static const char oldest_name[] = "namedprocess_namegroup_oldest_start_time_seconds";

static void put_head(const char *name, const char *help, struct mwd_buffer *out)
{
    mwd_buffer_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void put_sample(const char *name, const struct mwd_group *group, const char *memtype,
                       double value, struct mwd_buffer *out)
{
    char text[MWD_JSON_NUMBER_ROOM];
    char *end = mwd_json_at_f64(text, value);

    *end++ = '\n';
    mwd_buffer_printf(out, "%s{groupname=\"", name);
    mwd_view_put_label_value(group->name, out);
    if (memtype)
        mwd_buffer_printf(out, "\",memtype=\"%s", memtype);
    mwd_buffer_puts(out, "\"} ");
    mwd_buffer_append(out, text, (size_t)(end - text));
}

/* Nor is the rest, when nothing is in it. */
static bool is_shown(const struct mwd_view_input *input, uint32_t index)
{
    double space;

    if (input->grouping)
        return mwd_groups_at(input->groups, index)->processes > 0;
    return mwd_groups_get(input->groups, index, MW_PROCESS_VIRTUAL, &space) && space > 0;
}

static void put_bytes(const struct mwd_groups *groups, uint32_t index, struct mwd_buffer *out)
{
    static const struct {
        const char *memtype;
        enum mw_reading reading;
    } rows[] = {{"resident", MW_PROCESS_RSS},
                {"swapped", MW_PROCESS_SWAP},
                {"virtual", MW_PROCESS_VIRTUAL}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double sum;

        if (mwd_groups_get(groups, index, rows[i].reading, &sum))
            put_sample(bytes_name, mwd_groups_at(groups, index), rows[i].memtype, sum, out);
    }
}

static void put_start(const struct mwd_groups *groups, uint32_t index, struct mwd_buffer *out)
{
    const struct mwd_group *group = mwd_groups_at(groups, index);

    if (group->oldest_start_ms != INT64_MAX)
        put_sample(oldest_name, group, NULL, (double)group->oldest_start_ms / 1e3, out);
}

void mwd_view_process_exporter(const struct mwd_view_input *input, struct mwd_buffer *out)
{
    const struct mwd_groups *groups = input->groups;
    uint32_t count = groups ? mwd_groups_count(groups) : 0;

    put_head(bytes_name, "number of bytes of memory in use", out);
    for (uint32_t i = 0; i < count; i++)
        if (is_shown(input, i))
            put_bytes(groups, i, out);
    put_head(procs_name, "number of processes in this group", out);
    for (uint32_t i = 0; i < count; i++)
        if (is_shown(input, i))
            put_sample(procs_name, mwd_groups_at(groups, i), NULL,
                       mwd_groups_at(groups, i)->processes, out);
    put_head(oldest_name, "start time in seconds since 1970/01/01 of oldest process in group", out);
    for (uint32_t i = 0; i < count; i++)
        if (is_shown(input, i))
            put_start(groups, i, out);
}
