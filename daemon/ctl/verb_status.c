#include "daemon/ctl/ctl.h"

#include "base/clock.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>

/* What is said in one line. */
struct status {
    bool ready;
    char why_not[300];
    uint64_t processes, total, available, age_ms;
    bool processes_known, memory_known, age_known;
};

static void look_at_memory(struct mwd_ctl *self, struct status *ret)
{
    int64_t now = mw_clock_wall_ms(mw_clock_system());
    uint64_t time_ms;
    cJSON *memory;

    if (mwd_ctl_document(self, "/api/v1/memory", &memory) != MWD_CTL_OK)
        return;
    ret->memory_known = mwd_ctl_number(memory, "totalmem", &ret->total) &&
                        mwd_ctl_number(memory, "freemem", &ret->available);
    ret->age_known = mwd_ctl_number(memory, "timeMs", &time_ms);
    ret->age_ms = ret->age_known && now > (int64_t)time_ms ? (uint64_t)now - time_ms : 0;
    cJSON_Delete(memory);
}

static void look_at_processes(struct mwd_ctl *self, struct status *ret)
{
    cJSON *processes;

    if (mwd_ctl_document(self, "/api/v1/processes?limit=0", &processes) != MWD_CTL_OK)
        return;
    ret->processes_known = mwd_ctl_number(processes, "total", &ret->processes);
    cJSON_Delete(processes);
}

static int look(struct mwd_ctl *self, struct status *ret)
{
    struct mwd_ctl_answer answer;
    int code = mwd_ctl_ask(self, "GET", "/readyz", &answer);

    ret->ready = code == MWD_CTL_OK && answer.status == 200;
    if (code == MWD_CTL_OK && !ret->ready) {
        cJSON *problem = cJSON_ParseWithLength(answer.body.bytes, answer.body.size);

        snprintf(ret->why_not, sizeof ret->why_not, "%s",
                 mwd_ctl_text(problem, "detail", "it does not say why"));
        cJSON_Delete(problem);
        code = MWD_CTL_FAILED;
    }
    mwd_buffer_deinit(&answer.body);
    if (ret->ready) {
        look_at_memory(self, ret);
        look_at_processes(self, ret);
    }
    return code;
}

static void put_line(struct mwd_ctl *self, const struct status *status, struct mwd_buffer *out)
{
    char available[32], total[32];

    if (!status->ready) {
        mwd_buffer_printf(out, "not ready: %s\n", status->why_not);
        return;
    }
    mwd_buffer_puts(out, "ok:");
    if (status->processes_known)
        mwd_buffer_printf(out, " %" PRIu64 " processes,", status->processes);
    if (status->memory_known) {
        mwd_ctl_size(self, status->available, available);
        mwd_ctl_size(self, status->total, total);
        mwd_buffer_printf(out, " %s of %s available,", available, total);
    }
    if (status->age_known)
        mwd_buffer_printf(out, " sample %.1f s ago,", (double)status->age_ms / 1000);
    mwd_buffer_printf(out, " at %s\n", mwd_ctl_address(self));
}

static void add_number(cJSON *object, const char *key, bool known, uint64_t value)
{
    if (known)
        cJSON_AddNumberToObject(object, key, (double)value);
    else
        cJSON_AddNullToObject(object, key);
}

static void put_json(struct mwd_ctl *self, const struct status *status, struct mwd_buffer *out)
{
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "status", status->ready ? "ok" : "not ready");
    if (!status->ready)
        cJSON_AddStringToObject(object, "detail", status->why_not);
    add_number(object, "processes", status->processes_known, status->processes);
    add_number(object, "totalmem", status->memory_known, status->total);
    add_number(object, "freemem", status->memory_known, status->available);
    add_number(object, "ageMs", status->age_known, status->age_ms);
    cJSON_AddStringToObject(object, "address", mwd_ctl_address(self));
    mwd_ctl_put_json(object, out);
}

int mwd_ctl_status(struct mwd_ctl *self)
{
    struct status status = {.ready = false};
    struct mwd_buffer out;
    int code = look(self, &status);

    if (code != MWD_CTL_OK && status.why_not[0] == '\0')
        return code;
    mwd_buffer_init(&out, 1 << 16);
    if (self->options->json)
        put_json(self, &status, &out);
    else
        put_line(self, &status, &out);
    int printed = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code != MWD_CTL_OK ? code : printed;
}
