/* The table of workloads. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

static const struct bench_workload *const workloads[] = {
    &bench_bintrees, &bench_gcbench, &bench_ring,    &bench_ringc,
    &bench_lru,      &bench_pauses,  &bench_compact, &bench_snapshot,
};

enum { WORKLOADS = sizeof(workloads) / sizeof(workloads[0]) };

const struct bench_workload *bench_find_workload(const char *name)
{
    for (size_t i = 0; i < WORKLOADS; i++)
        if (strcmp(workloads[i]->name, name) == 0)
            return workloads[i];
    return NULL;
}

void bench_list_workloads(void)
{
    for (size_t i = 0; i < WORKLOADS; i++)
        fprintf(stderr, "  %-10s %s\n", workloads[i]->name, workloads[i]->what);
}
