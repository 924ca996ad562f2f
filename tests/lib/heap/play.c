#include "play.h"

#include "shadow.h"

#include <stdio.h>
#include <stdlib.h>

#define MIB ((size_t)1 << 20)

enum { HEAD = 2, STREAM_MAX = 4096, SEMI = 256 * 1024 };

/* Every scavenge takes more than a microsecond. */
static const struct shadow_run halves[] = {
    {.semi_space = SEMI},
    {.semi_space = MIB, .scavenge_us = 1},
    {.semi_space = SEMI, .semi_space_max = MIB},
    {.semi_space = SEMI, .semi_space_max = MIB, .scavenge_us = 1},
};

static struct shadow_run run_of(const uint8_t *data, size_t size, unsigned modes)
{
    bool tight = data[1] & 1;
    struct shadow_run run = halves[tight ? 0 : data[1] >> 1 & 3];

    run.stream = data + HEAD;
    run.size = size - HEAD < STREAM_MAX ? size - HEAD : STREAM_MAX;
    run.limit = tight ? MIB + MIB / 2 : 16 * MIB;
    run.modes = modes;
    run.may_fail = tight;
    return run;
}

static struct shadow_run plain(struct shadow_run run)
{
    run.modes = 0;
    run.semi_space = SEMI;
    run.semi_space_max = 0;
    run.scavenge_us = 0;
    return run;
}

void play_input(const uint8_t *data, size_t size)
{
    struct mw_heap_numbers numbers;
    const struct shadow_mode *mode;
    struct shadow_run run;
    uint64_t checksum;

    if (size < HEAD)
        return;
    mode = &shadow_modes[data[0] % shadow_mode_count];
    run = run_of(data, size, mode->modes);
    checksum = shadow_run(&run, &numbers);
    if (run.may_fail)
        return;
    run = plain(run);
    if (shadow_run(&run, &numbers) != checksum) {
        fprintf(stderr, "play: %s comes to another checksum\n", mode->name);
        abort();
    }
}
