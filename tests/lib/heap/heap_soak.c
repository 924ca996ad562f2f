/* heap_soak [--seconds S] [--seed N]: streams by chance for so long, each under all modes.
 * heap_soak --seconds 0 plays one seed. heap_soak - plays what stands on stdin as the fuzzer does
 * with an input, for fuzzers that work by files: afl-fuzz -i corpus -o found -- heap_soak - */
#include "play.h"
#include "shadow.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

enum { INPUT_MAX = 1 << 20, STREAM = 32 * 1024, SEMI = 256 * 1024, FAILED = 1, MISUSED = 2 };

struct soak {
    uint64_t seed, seconds, streams, collections;
    uint8_t stream[STREAM];
};

static void count(struct soak *self, const struct mw_heap_numbers *numbers)
{
    for (int i = 0; i < MW_GC_COLLECTORS; i++)
        self->collections += numbers->collections[i];
    self->streams++;
}

static uint64_t run(struct soak *self, unsigned modes, size_t limit, bool may_fail)
{
    const struct shadow_run run = {.stream = self->stream,
                                   .size = STREAM,
                                   .limit = limit,
                                   .semi_space = SEMI,
                                   .modes = modes,
                                   .may_fail = may_fail};
    struct mw_heap_numbers numbers;
    uint64_t checksum = shadow_run(&run, &numbers);

    count(self, &numbers);
    return checksum;
}

/* Returns whether all modes agree. */
static bool soak_seed(struct soak *self)
{
    uint64_t expected;

    shadow_make_stream(self->seed, self->stream, STREAM);
    expected = run(self, 0, 64 * MIB, false);
    for (size_t i = 1; i < shadow_mode_count; i++) {
        if (run(self, shadow_modes[i].modes, 64 * MIB, false) != expected) {
            printf("seed %" PRIu64 ": %s comes to another checksum\n", self->seed,
                   shadow_modes[i].name);
            return false;
        }
        run(self, shadow_modes[i].modes, MIB + MIB / 2, true);
    }
    return true;
}

/* A seed that aborts is told of on stdout before it runs. */
static int soak(struct soak *self)
{
    uint64_t end = mw_clock_monotonic_ns(mw_clock_system()) + self->seconds * MW_NS_PER_S;
    uint64_t first = self->seed;

    do {
        printf("\rseed %" PRIu64 " ", self->seed);
        fflush(stdout);
        if (!soak_seed(self))
            return FAILED;
        self->seed++;
    } while (mw_clock_monotonic_ns(mw_clock_system()) < end);
    printf("\r%" PRIu64 " seeds from %" PRIu64 ", %" PRIu64 " runs, %" PRIu64 " collections\n",
           self->seed - first, first, self->streams, self->collections);
    return 0;
}

static int play_stdin(void)
{
    uint8_t *data = malloc(INPUT_MAX);
    size_t size;

    if (data == NULL)
        return FAILED;
    size = fread(data, 1, INPUT_MAX, stdin);
    play_input(data, size);
    free(data);
    return 0;
}

int main(int count, char **words)
{
    static struct soak self = {.seed = 1};

    if (count == 2 && strcmp(words[1], "-") == 0)
        return play_stdin();
    if (count % 2 == 0) /* a word without its value */
        return MISUSED;
    for (int i = 1; i + 1 < count; i += 2)
        if (strcmp(words[i], "--seconds") == 0)
            self.seconds = strtoull(words[i + 1], NULL, 10);
        else if (strcmp(words[i], "--seed") == 0)
            self.seed = strtoull(words[i + 1], NULL, 10);
        else
            return MISUSED;
    return soak(&self);
}
