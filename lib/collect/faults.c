#include "collect/collect_internal.h"

#include <string.h>

static struct mw_fault *find(struct mw_fault_table *self, const char *file, int error)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (self->faults[i].error == error && strcmp(self->faults[i].file, file) == 0)
            return &self->faults[i];
    return NULL;
}

static void note(struct mw_fault_table *table, const struct mw_fault *news)
{
    struct mw_fault *fault = find(table, news->file, news->error);

    if (fault != NULL)
        fault->count++;
    else if (table->count < MW_COLLECT_FAULTS_MAX)
        table->faults[table->count++] = *news;
}

void mw_collect_fault(struct mw_collector *self, const char *file, const char *reason, int error,
                      uint64_t pid)
{
    self->faults.total++;
    note(&self->faults, &(struct mw_fault){file, reason, error, pid, 1, false});
}

void mw_collect_notice(struct mw_collector *self, const char *file, const char *reason, int error)
{
    note(&self->faults, &(struct mw_fault){file, reason, error, 0, 1, true});
}

bool mw_collector_next_fault(struct mw_collector *self, struct mw_fault *ret)
{
    struct mw_fault_table *table = &self->faults;

    if (table->told == table->count)
        return false;
    *ret = table->faults[table->told++];
    return true;
}
