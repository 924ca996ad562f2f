/* One evaluation: source after source, row after row, rule after rule. Most values are on the good
 * side of their level and have no alert, and that must cost next to nothing: names are hashed, not
 * matched; the table is asked only where a bit says that there may be an alert. */
#include "alert/alert_internal.h"

#include <string.h>

/* ---- a row ---- */

/* What a row is seen by that the cache has no room for. */
struct fresh {
    struct mw_alert_row row;
    uint64_t matched[MW_ALERT_WORDS_MAX], active[MW_ALERT_WORDS_MAX];
};

static struct mw_alert_seen see(const struct mw_alert_pass *pass, uint32_t row, struct fresh *fresh)
{
    const struct mw_alert_rules *rules = pass->alerts->rules;
    struct mw_alert_rows *rows = &pass->alerts->rows[pass->source];
    size_t words = mw_alert_words(rules, pass->source);
    size_t columns = rules->tracks[pass->source];

    if (row < rows->capacity)
        return (struct mw_alert_seen){&rows->rows[row], rows->matched + row * words,
                                      rows->active + row * words,
                                      columns ? rows->tracks + row * columns : NULL};
    memset(&fresh->row, 0, sizeof(fresh->row));
    return (struct mw_alert_seen){&fresh->row, fresh->matched, fresh->active, NULL};
}

/* Nothing is to be done for a value that raises nothing where nothing was raised. */
static bool is_quiet(const struct mw_alert_follow *follow, const struct mw_alert_sight *sight)
{
    if (follow->rule->mode == MW_ALERT_ABSENT)
        return sight->known;
    return !sight->known || mw_detect_side(&sight->levels, sight->value) != MW_DETECT_RAISED;
}

static void hold(const struct mw_alert_pass *pass, struct mw_alert_follow *follow, uint32_t row,
                 const struct mw_alert_seen *seen)
{
    uint64_t bit = UINT64_C(1) << follow->index % 64;
    uint64_t *active = &seen->active[follow->index / 64];
    struct mw_alert_who who = {seen->row->subject_hash, seen->row->key, NULL, row};
    int32_t *track = seen->tracks && follow->track >= 0 ? seen->tracks + follow->track : NULL;
    struct mw_alert_sight sight;

    follow->met = true;
    mw_alert_measure(pass, follow, row, track, &sight);
    if (!(*active & bit) && is_quiet(follow, &sight))
        return;
    if (!(*active & bit) && mw_alert_entries_full(pass->alerts)) {
        pass->alerts->numbers.dropped++;
        return;
    }
    if (mw_alert_step(pass, follow, &who, &sight))
        *active |= bit;
    else
        *active &= ~bit;
}

static void hold_all(const struct mw_alert_pass *pass, uint32_t row,
                     const struct mw_alert_seen *seen)
{
    const struct mw_alert_rules *rules = pass->alerts->rules;
    struct mw_alert_follow *follows = rules->follows + rules->first[pass->source];
    uint32_t words = mw_alert_words(rules, pass->source);

    for (uint32_t word = 0; word < words; word++)
        for (uint64_t bits = seen->matched[word]; bits; bits &= bits - 1)
            hold(pass, &follows[word * 64 + (uint32_t)__builtin_ctzll(bits)], row, seen);
}

static void evaluate_row(const struct mw_alert_pass *pass, uint32_t row)
{
    struct fresh fresh;
    struct mw_alert_seen seen = see(pass, row, &fresh);

    if (mw_alert_row_look(pass, row, &seen))
        hold_all(pass, row, &seen);
    else
        mw_alert_rows_forget(pass->alerts, pass->source, row);
}

static uint32_t row_count(const struct mw_alert_pass *pass)
{
    if (mw_kind_has_one_subject(pass->kind))
        return 1;
    return pass->block ? mw_block_head(pass->block)->rows : 0;
}

static void evaluate_rows(const struct mw_alert_pass *pass)
{
    uint32_t count = row_count(pass);

    for (uint32_t row = 0; row < count; row++)
        evaluate_row(pass, row);
    for (uint32_t row = count; row < pass->alerts->rows[pass->source].capacity; row++)
        mw_alert_rows_forget(pass->alerts, pass->source, row);
}

/* ---- what has no row ---- */

/* A rule about an absence that names one subject also speaks when there is none of that name. */
static void hold_missing(const struct mw_alert_pass *pass, struct mw_alert_follow *follow)
{
    const char *name = follow->rule->subject;
    struct mw_alert_who who = {.name = name};
    struct mw_alert_sight sight = {0};

    who.subject_hash = mw_alert_hash_subject(pass->kind, who.key, name, strlen(name));
    mw_alert_step(pass, follow, &who, &sight);
}

static void evaluate_missing(const struct mw_alert_pass *pass)
{
    const struct mw_alert_rules *rules = pass->alerts->rules;

    for (uint32_t i = rules->first[pass->source]; i < rules->first[pass->source + 1]; i++)
        if (rules->follows[i].literal && !rules->follows[i].met &&
            rules->follows[i].rule->mode == MW_ALERT_ABSENT)
            hold_missing(pass, &rules->follows[i]);
}

static bool is_live(const struct mw_alert_entry *entry)
{
    return entry->state == MW_ALERT_PENDING || entry->state == MW_ALERT_FIRING;
}

/* The subject of this alert was not among the rows. */
static void end_unmet(const struct mw_alert_pass *pass, int32_t place)
{
    struct mw_alert_entry *entry = &pass->alerts->entries[place];
    bool was_missing = entry->key.id == 0;

    if (entry->imported)
        entry->grace_ms = pass->ms + (int64_t)pass->alerts->config.grace_ms;
    entry->imported = false;
    if (pass->ms < entry->grace_ms)
        mw_alert_wait(pass, entry);
    else
        mw_alert_end(pass->alerts, place, was_missing ? MW_ALERT_CLEARED : MW_ALERT_GONE, pass->ms);
}

static void end_all_unmet(const struct mw_alert_pass *pass)
{
    struct mw_alerts *self = pass->alerts;

    for (uint32_t i = 0; i < self->places; i++) {
        const struct mw_alert_entry *entry = &self->entries[i];

        if (is_live(entry) && entry->follow && entry->follow->info->source == pass->source &&
            entry->round != self->round)
            end_unmet(pass, (int32_t)i);
    }
}

static bool has_live(const struct mw_alerts *self)
{
    return self->counts[MW_ALERT_PENDING] + self->counts[MW_ALERT_FIRING] > 0;
}

/* ---- a source that gives nothing ---- */

static void wait_for_source(const struct mw_alert_pass *pass)
{
    struct mw_alerts *self = pass->alerts;

    for (uint32_t i = 0; i < self->places; i++) {
        struct mw_alert_entry *entry = &self->entries[i];

        if (is_live(entry) && entry->follow && entry->follow->info->source == pass->source &&
            entry->round != self->round)
            mw_alert_wait(pass, entry);
    }
}

/* Rules about absence go on: those that stood there are without a value now. */
static void evaluate_stale(const struct mw_alert_pass *pass)
{
    const struct mw_alert_rules *rules = pass->alerts->rules;
    struct mw_alert_rows *rows = &pass->alerts->rows[pass->source];
    size_t words = mw_alert_words(rules, pass->source);

    for (uint32_t i = rules->first[pass->source]; i < rules->first[pass->source + 1]; i++) {
        struct mw_alert_follow *follow = &rules->follows[i];
        size_t word = follow->index / 64;

        for (uint32_t row = 0; follow->rule->mode == MW_ALERT_ABSENT && row < rows->capacity; row++)
            if (rows->rows[row].key.id != 0 &&
                rows->matched[row * words + word] >> follow->index % 64 & 1) {
                struct mw_alert_seen seen = see(pass, row, NULL);

                hold(pass, follow, row, &seen);
            }
    }
    evaluate_missing(pass);
    if (has_live(pass->alerts))
        wait_for_source(pass);
}

/* ---- all of it ---- */

/* The block that the readings of a source stand in or are derived from. */
static const struct mw_block *clock_block(const struct mw_sample *sample, enum mw_source source)
{
    return mw_sample_block(sample, source == MW_SOURCE_DERIVED ? MW_SOURCE_SYSTEM : source);
}

/* A source that is late has stopped its clock; those of the machine and the daemon go on. */
static void set_time(struct mw_alert_pass *pass, bool stale)
{
    const struct mw_block *blocks[] = {
        clock_block(pass->sample, pass->source),
        stale ? mw_sample_block(pass->sample, MW_SOURCE_SYSTEM) : NULL,
        stale ? mw_sample_block(pass->sample, MW_SOURCE_DAEMON) : NULL,
    };

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
        if (blocks[i] && mw_block_head(blocks[i])->time_ns >= pass->ns) {
            pass->ns = mw_block_head(blocks[i])->time_ns;
            pass->ms = mw_block_head(blocks[i])->time_ms;
        }
}

static void evaluate_source(struct mw_alerts *self, const struct mw_sample *sample,
                            enum mw_source source)
{
    struct mw_alert_pass pass = {
        .alerts = self,
        .sample = sample,
        .block = mw_sample_block(sample, source),
        .source = source,
        .kind = mw_source_kind(source),
    };
    bool stale = mw_sample_stale(sample, source);

    set_time(&pass, stale);
    for (uint32_t i = self->rules->first[source]; i < self->rules->first[source + 1]; i++)
        self->rules->follows[i].met = false;
    if (stale) {
        evaluate_stale(&pass);
        return;
    }
    evaluate_rows(&pass);
    evaluate_missing(&pass);
    if (has_live(self))
        end_all_unmet(&pass);
}

static void end_orphans(struct mw_alerts *self, int64_t now_ms)
{
    for (uint32_t i = 0; i < self->places && self->orphans > 0; i++)
        if (is_live(&self->entries[i]) && self->entries[i].follow == NULL)
            mw_alert_end(self, (int32_t)i, MW_ALERT_RULE_GONE, now_ms);
}

static void drop_old(struct mw_alerts *self, int64_t now_ms)
{
    while (self->oldest != MW_ALERT_NONE &&
           now_ms - self->entries[self->oldest].resolved_ms > (int64_t)self->config.resolved_ms)
        mw_alert_entries_give(self, self->oldest);
}

int mw_alerts_evaluate(struct mw_alerts *self, const struct mw_sample *sample, uint32_t sources)
{
    int64_t now_ms = mw_sample_time_ms(sample);

    self->round++;
    self->more = false;
    drop_old(self, now_ms);
    end_orphans(self, now_ms);
    for (int i = 0; i < MW_SOURCE_COUNT; i++)
        if (sources >> i & 1 && mw_alert_rules_of(self->rules, (enum mw_source)i) > 0)
            evaluate_source(self, sample, (enum mw_source)i);
    return self->more ? MW_ALERTS_MORE : 0;
}
