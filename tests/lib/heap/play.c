#include "play.h"

#include "shadow.h"

#include <stdio.h>
#include <stdlib.h>

#define MIB ((size_t)1 << 20)

enum { HEAD = 2, STREAM_MAX = 4096, SEMI = 256 * 1024 };

static struct shadow_run run_of(const uint8_t *data, size_t size, unsigned modes, bool tight)
{
    return (struct shadow_run){
        .stream = data + HEAD,
        .size = size - HEAD < STREAM_MAX ? size - HEAD : STREAM_MAX,
        .limit = tight ? MIB + MIB / 2 : 16 * MIB,
        .semi_space = SEMI,
        .modes = modes,
        .may_fail = tight,
    };
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
    run = run_of(data, size, mode->modes, data[1] & 1);
    checksum = shadow_run(&run, &numbers);
    if (run.may_fail || mode->modes == 0)
        return;
    run.modes = 0;
    if (shadow_run(&run, &numbers) != checksum) {
        fprintf(stderr, "play: %s comes to another checksum\n", mode->name);
        abort();
    }
}
