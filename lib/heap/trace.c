/* The trace: one line for each collection, as Node prints it, and the last of them kept. */
#include "heap/heap_internal.h"

#include <stdio.h>
#include <unistd.h>

enum { MARKING_MAX = 160 };

#define MIB (1024.0 * 1024.0)

struct words {
    const char *collector; /* as in Node's line */
    const char *way;       /* what stands after the reason */
    const char *pair;      /* in the form for programs */
};

static const struct words words[MW_GC_COLLECTORS] = {
    [MW_GC_SCAVENGE] = {"Scavenge", "", "s"},
    [MW_GC_MARK_SWEEP] = {"Mark-Compact", "sweep", "ms"},
    [MW_GC_MARK_COMPACT] = {"Mark-Compact", "slide", "mc"},
};

/* ---- mutator utilisation: the share of time between full collections that was the program's ----
 */

static double share(double part, double all)
{
    return all > 0 ? part / all : 1.0;
}

/* The average halves what was at each full collection. */
static void note_full(struct mw_heap *self, struct mw_heap_collection *of)
{
    struct mw_history *history = &self->history;
    double all = (double)(of->at_ns - history->full_end_ns);
    double own = all - (double)of->pause_ns;

    own = own > 0 ? own : 0;
    history->mutator_own = history->mutator_own / 2 + own;
    history->mutator_all = history->mutator_all / 2 + all;
    history->mutator_current = share(own, all);
    history->full_end_ns = of->at_ns;
}

void mw_history_add(struct mw_heap *self, struct mw_heap_collection *of)
{
    struct mw_history *history = &self->history;

    if (of->collector != MW_GC_SCAVENGE)
        note_full(self, of);
    of->mutator_average = share(history->mutator_own, history->mutator_all);
    of->mutator_current = history->full_end_ns != 0 ? history->mutator_current : 1.0;
    history->ring[history->count++ % MW_TRACE_LINES] = *of;
}

size_t mw_heap_get_trace(const struct mw_heap *self, struct mw_heap_collection ret[MW_TRACE_LINES])
{
    const struct mw_history *history = &self->history;
    uint64_t count = history->count < MW_TRACE_LINES ? history->count : MW_TRACE_LINES;

    for (uint64_t i = 0; i < count; i++)
        ret[i] = history->ring[(history->count - count + i) % MW_TRACE_LINES];
    return (size_t)count;
}

/* ---- forms ---- */

static double ms(uint64_t ns)
{
    return (double)ns / MW_NS_PER_MS;
}

static void format_marking(const struct mw_heap_collection *of, char ret[MARKING_MAX])
{
    ret[0] = '\0';
    if (of->marking)
        snprintf(ret, MARKING_MAX,
                 " (+ %.1f ms in %llu steps since start of marking, biggest step %.1f ms, walltime "
                 "since start of marking %.0f ms)",
                 ms(of->steps_ns), (unsigned long long)of->steps, ms(of->step_max_ns),
                 ms(of->marking_ns));
}

static int format_text(const struct mw_heap *self, const struct mw_heap_collection *of, char *ret)
{
    char marking[MARKING_MAX];

    format_marking(of, marking);
    return snprintf(ret, MW_TRACE_LINE_MAX,
                    "[%d:%p] %8.0f ms: %s %.1f (%.1f) -> %.1f (%.1f) MB, %.2f / %.2f ms %s"
                    " (average mu = %.3f, current mu = %.3f) %s; %s",
                    (int)getpid(), (const void *)self, ms(of->at_ns),
                    words[of->collector].collector, (double)of->used_before / MIB,
                    (double)of->total_before / MIB, (double)of->used_after / MIB,
                    (double)of->total_after / MIB, ms(of->pause_ns), ms(of->callback_ns), marking,
                    of->mutator_average, of->mutator_current, of->reason, words[of->collector].way);
}

static int format_pairs(const struct mw_heap *self, const struct mw_heap_collection *of, char *ret)
{
    return snprintf(ret, MW_TRACE_LINE_MAX,
                    "pid=%d heap=%p time_ms=%.3f gc=%s pause_ms=%.3f pause_cpu_ms=%.3f "
                    "callback_ms=%.3f used_before=%zu total_before=%zu used_after=%zu "
                    "total_after=%zu promoted=%zu survived=%zu mu_average=%.3f mu_current=%.3f",
                    (int)getpid(), (const void *)self, ms(of->at_ns), words[of->collector].pair,
                    ms(of->pause_ns), ms(of->pause_cpu_ns), ms(of->callback_ns), of->used_before,
                    of->total_before, of->used_after, of->total_after, of->promoted, of->survived,
                    of->mutator_average, of->mutator_current);
}

size_t mw_heap_format_trace(const struct mw_heap *self, const struct mw_heap_collection *of,
                            enum mw_heap_trace_form form, char ret[MW_TRACE_LINE_MAX])
{
    int size = (form == MW_TRACE_TEXT ? format_text : format_pairs)(self, of, ret);

    return size < MW_TRACE_LINE_MAX ? (size_t)size : MW_TRACE_LINE_MAX - 1;
}
