/* A row of the table is that of the block. What a process has to do with rules goes one way:
 *
 *     WANTED -> ASKED -> OPEN -> KNOWN       and from anywhere back to WANTED, or to FREE
 *
 * OPEN is an answer "none of the rules": whether an ancestor has a group is looked at when none of
 * its ancestors is WANTED or ASKED any more. Others may be: they cannot hold it up.
 */
#include "daemon/grouping.h"

#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { GENERATIONS_MAX = 256, NONE = UINT32_MAX };

enum state { FREE, WANTED, ASKED, OPEN, KNOWN };

/* Stored once, however many processes are in the group. */
struct name {
    struct name *next;
    uint64_t hash;
    uint32_t references;
    uint32_t size;
    char bytes[];
};

struct entry {
    struct mw_block_key key;
    struct name *name; /* NULL: in no group */
    uint32_t rule;     /* that named the group; NONE when there is no group */
    uint32_t parent;   /* its pid when it was asked for first, 0 when unknown */
    uint32_t next;     /* row + 1 of the next one in its slot of `pids` */
    uint8_t state;
    bool inherited; /* the group is an ancestor's */
    bool again;     /* is to be asked for once more */
};

struct mwd_grouping {
    struct entry *entries;
    uint32_t room;
    uint32_t *pids; /* [slots], row + 1 of the first one */
    uint32_t slots; /* a power of two */
    uint32_t wanted, asked, open, again, ungrouped;
    struct name **names; /* [name_slots] */
    uint32_t name_slots, name_count;
    struct mw_hash_key hash_key;
    struct mwd_grouping_count *counts; /* [rules] */
    uint32_t rules;
    bool children;
    uint64_t round, lost;
};

/* ---- names ---- */

static struct name **slot_of(const struct mwd_grouping *self, uint64_t hash)
{
    return &self->names[hash & (self->name_slots - 1)];
}

/* Without memory the lists become longer, that is all. */
static void grow_names(struct mwd_grouping *self)
{
    uint32_t before = self->name_slots;
    struct name **old = self->names, **slots = calloc((size_t)2 * before, sizeof *slots);

    if (!slots)
        return;
    self->names = slots;
    self->name_slots = 2 * before;
    for (uint32_t i = 0; i < before; i++)
        for (struct name *name = old[i], *next; name; name = next) {
            struct name **slot = slot_of(self, name->hash);

            next = name->next;
            name->next = *slot;
            *slot = name;
        }
    free(old);
}

static struct name *make_name(struct mwd_grouping *self, const char *bytes, size_t size,
                              uint64_t hash)
{
    struct name *name, **slot;

    if (self->name_count == MWD_GROUPING_NAMES_MAX)
        return NULL;
    name = malloc(sizeof *name + size);
    if (!name)
        return NULL;
    if (self->name_count == self->name_slots)
        grow_names(self);
    slot = slot_of(self, hash);
    *name = (struct name){.next = *slot, .hash = hash, .size = (uint32_t)size};
    memcpy(name->bytes, bytes, size);
    *slot = name;
    self->name_count++;
    return name;
}

/* NULL when there is no room for another one. */
static struct name *hold_name(struct mwd_grouping *self, const char *bytes)
{
    size_t size = strlen(bytes);
    uint64_t hash = mw_hash(&self->hash_key, bytes, size);
    struct name *name = *slot_of(self, hash);

    while (name && (name->size != size || memcmp(name->bytes, bytes, size) != 0))
        name = name->next;
    if (!name)
        name = make_name(self, bytes, size, hash);
    if (name)
        name->references++;
    return name;
}

static void release_name(struct mwd_grouping *self, struct name *name)
{
    struct name **at;

    if (!name || --name->references > 0)
        return;
    at = slot_of(self, name->hash);
    while (*at != name)
        at = &(*at)->next;
    *at = name->next;
    free(name);
    self->name_count--;
}

/* ---- life ---- */

int mwd_grouping_create(struct mwd_grouping **ret)
{
    struct mwd_grouping *self = calloc(1, sizeof *self);

    if (self) {
        self->name_slots = 64;
        self->names = calloc(self->name_slots, sizeof(struct name *));
        self->hash_key = mw_hash_key_make(self);
    }
    if (!self || !self->names) {
        free(self);
        return -ENOMEM;
    }
    *ret = self;
    return 0;
}

struct mwd_grouping *mwd_grouping_destroy(struct mwd_grouping *self)
{
    if (!self)
        return NULL;
    for (uint32_t row = 0; row < self->room; row++)
        release_name(self, self->entries[row].name);
    free(self->entries);
    free(self->pids);
    free(self->names);
    free(self->counts);
    free(self);
    return NULL;
}

/* ---- rows by pid ---- */

static uint32_t *pid_slot(const struct mwd_grouping *self, uint64_t pid)
{
    return &self->pids[pid & (self->slots - 1)];
}

static void link_pid(struct mwd_grouping *self, uint32_t row)
{
    uint32_t *slot = pid_slot(self, self->entries[row].key.id);

    self->entries[row].next = *slot;
    *slot = row + 1;
}

static void unlink_pid(struct mwd_grouping *self, uint32_t row)
{
    uint32_t *at = pid_slot(self, self->entries[row].key.id);

    while (*at && *at != row + 1)
        at = &self->entries[*at - 1].next;
    if (*at)
        *at = self->entries[row].next;
}

static struct entry *find_pid(const struct mwd_grouping *self, uint64_t pid)
{
    uint32_t at = pid > 0 && self->slots > 0 ? *pid_slot(self, pid) : 0;

    while (at && self->entries[at - 1].key.id != pid)
        at = self->entries[at - 1].next;
    return at ? &self->entries[at - 1] : NULL;
}

static int reserve(struct mwd_grouping *self, uint32_t rows)
{
    uint32_t room = self->room ? self->room : 256;
    struct entry *entries;
    uint32_t *pids;

    if (rows <= self->room)
        return 0;
    while (room < rows)
        room *= 2;
    entries = reallocarray(self->entries, room, sizeof *entries);
    if (!entries)
        return -ENOMEM;
    memset(entries + self->room, 0, (room - self->room) * sizeof *entries);
    self->entries = entries;
    pids = calloc(room, sizeof *pids);
    if (!pids)
        return -ENOMEM;
    free(self->pids);
    self->pids = pids;
    self->slots = room;
    for (uint32_t row = 0; row < self->room; row++)
        if (entries[row].state != FREE)
            link_pid(self, row);
    self->room = room;
    return 0;
}

/* ---- entries ---- */

/* How many are in a state that somebody asks for is kept up to date here. */
static void set_state(struct mwd_grouping *self, struct entry *entry, enum state state)
{
    self->wanted -= entry->state == WANTED;
    self->asked -= entry->state == ASKED;
    self->open -= entry->state == OPEN;
    self->wanted += state == WANTED;
    self->asked += state == ASKED;
    self->open += state == OPEN;
    entry->state = (uint8_t)state;
}

static void count_rule(struct mwd_grouping *self, const struct entry *entry, int change)
{
    struct mwd_grouping_count *count;

    if (entry->rule >= self->rules)
        return;
    count = &self->counts[entry->rule];
    if (entry->inherited)
        count->children += (uint32_t)change;
    else
        count->processes += (uint32_t)change;
}

/* The name is one that is held already, or NULL. */
static void set_group(struct mwd_grouping *self, struct entry *entry, struct name *name,
                      uint32_t rule, bool inherited)
{
    count_rule(self, entry, -1);
    self->ungrouped -= entry->name == NULL;
    release_name(self, entry->name);
    entry->name = name;
    entry->rule = name ? rule : NONE;
    entry->inherited = inherited;
    self->ungrouped += name == NULL;
    count_rule(self, entry, 1);
}

static void set_again(struct mwd_grouping *self, struct entry *entry, bool again)
{
    self->again -= entry->again;
    self->again += again;
    entry->again = again;
}

static void free_row(struct mwd_grouping *self, uint32_t row)
{
    struct entry *entry = &self->entries[row];

    if (entry->state == FREE)
        return;
    unlink_pid(self, row);
    set_group(self, entry, NULL, NONE, false);
    set_again(self, entry, false);
    set_state(self, entry, FREE);
    self->ungrouped--;
}

static void bear_row(struct mwd_grouping *self, uint32_t row, struct mw_block_key key)
{
    struct entry *entry = &self->entries[row];

    free_row(self, row);
    *entry = (struct entry){.key = key, .rule = NONE};
    self->ungrouped++;
    link_pid(self, row);
    set_state(self, entry, WANTED);
    set_again(self, entry, true);
}

static bool is_row(const struct mwd_grouping *self, uint32_t row, struct mw_block_key key)
{
    return row < self->room && self->entries[row].state != FREE &&
           self->entries[row].key.id == key.id && self->entries[row].key.birth == key.birth;
}

/* ---- following ---- */

static void follow_event(struct mwd_grouping *self, const struct mw_block_event *event)
{
    if (event->type == MW_EVENT_BORN)
        bear_row(self, event->row, event->key);
    else if (event->type == MW_EVENT_GONE && event->row < self->room)
        free_row(self, event->row);
    else if (event->type == MW_EVENT_NAME && is_row(self, event->row, event->key))
        set_state(self, &self->entries[event->row], WANTED);
}

/* Those that were answered once since they were born. */
static void want_again(struct mwd_grouping *self)
{
    for (uint32_t row = 0; row < self->room && self->again > 0; row++) {
        struct entry *entry = &self->entries[row];

        if (!entry->again || (entry->state != KNOWN && entry->state != OPEN))
            continue;
        set_again(self, entry, false);
        set_state(self, entry, WANTED);
    }
}

int mwd_grouping_follow(struct mwd_grouping *self, const struct mw_block *block)
{
    const struct mw_block_head *head = mw_block_head(block);
    const struct mw_block_event *events = mw_block_events(block);
    int r = reserve(self, head->rows);

    if (r < 0)
        return r;
    if (self->again > 0)
        want_again(self);
    for (uint32_t i = 0; i < head->events; i++)
        if (events[i].row < self->room)
            follow_event(self, &events[i]);
    return 0;
}

/* ---- other rules ---- */

static int set_rules(struct mwd_grouping *self, uint32_t rules)
{
    struct mwd_grouping_count *counts = calloc((size_t)rules + 1, sizeof *counts);

    if (!counts)
        return -ENOMEM;
    free(self->counts);
    self->counts = counts;
    self->rules = rules;
    for (uint32_t row = 0; row < self->room; row++)
        self->entries[row].rule = NONE; /* the old one has this number no more */
    return 0;
}

static void restart_rows(struct mwd_grouping *self, const struct mw_block *block)
{
    const struct mw_block_key *keys = block ? mw_block_keys(block) : NULL;
    uint32_t rows = block ? mw_block_head(block)->rows : 0;

    for (uint32_t row = 0; row < self->room; row++) {
        struct mw_block_key key = row < rows ? keys[row] : (struct mw_block_key){0, 0};

        if (key.id == 0)
            free_row(self, row);
        else if (!is_row(self, row, key))
            bear_row(self, row, key);
        else
            set_state(self, &self->entries[row], WANTED);
    }
}

int mwd_grouping_restart(struct mwd_grouping *self, uint32_t rules, bool children,
                         const struct mw_block *block)
{
    int r = set_rules(self, rules);

    self->round++;
    self->children = children;
    if (r == 0 && block)
        r = reserve(self, mw_block_head(block)->rows);
    restart_rows(self, r < 0 ? NULL : block);
    return r;
}

uint64_t mwd_grouping_round(const struct mwd_grouping *self)
{
    return self->round;
}

/* ---- questions ---- */

uint32_t mwd_grouping_wanted(const struct mwd_grouping *self)
{
    return self->wanted < MWD_GROUPING_BATCH_MAX ? self->wanted : MWD_GROUPING_BATCH_MAX;
}

static void put_comm(struct mwd_grouping_item *item, const struct mw_subject_text *name)
{
    size_t size = name->absence == MW_PRESENT ? name->size : 0;

    size = size < MWD_GROUPING_COMM_MAX ? size : MWD_GROUPING_COMM_MAX;
    if (size > 0)
        memcpy(item->comm, name->bytes, size);
    item->comm[size] = '\0';
}

static void make_item(struct entry *entry, uint32_t row, const struct mw_block *block,
                      const struct mw_subject *subject, struct mwd_grouping_item *ret)
{
    union mw_value value;

    *ret = (struct mwd_grouping_item){.key = entry->key, .row = row, .rule = MWD_GROUPING_NO_RULE};
    put_comm(ret, &subject->name);
    ret->uid_known = mw_block_get(block, MW_PROCESS_UID, row, &value) == MW_PRESENT;
    if (ret->uid_known)
        ret->uid = (uint32_t)value.u;
    if (entry->parent == 0 && mw_block_get(block, MW_PROCESS_PPID, row, &value) == MW_PRESENT)
        entry->parent = (uint32_t)value.u;
}

uint32_t mwd_grouping_take(struct mwd_grouping *self, const struct mw_block *block,
                           const struct mw_subjects *subjects, struct mwd_grouping_item *items,
                           uint32_t room)
{
    uint32_t rows = mw_block_head(block)->rows, count = 0;
    struct mw_subject subject;

    mw_subjects_hold(subjects);
    for (uint32_t row = 0; row < self->room && row < rows && count < room; row++) {
        struct entry *entry = &self->entries[row];

        if (entry->state != WANTED || !is_row(self, row, mw_block_keys(block)[row]) ||
            !mw_subjects_at(subjects, block, row, &subject))
            continue;
        make_item(entry, row, block, &subject, &items[count++]);
        set_state(self, entry, ASKED);
    }
    mw_subjects_release(subjects);
    return count;
}

/* ---- answers ---- */

static void put_answer(struct mwd_grouping *self, const struct mwd_grouping_item *item)
{
    struct entry *entry = &self->entries[item->row];
    struct name *name;

    if (item->rule >= self->rules) {
        set_state(self, entry, OPEN);
        return;
    }
    name = hold_name(self, item->name);
    self->lost += name == NULL;
    self->counts[item->rule].matched++;
    set_group(self, entry, name, item->rule, false);
    set_state(self, entry, KNOWN);
}

/* A process that began later has the pid of the parent, and is not it. False when an ancestor on
 * the way has no answer yet. */
static bool find_ancestor(const struct mwd_grouping *self, const struct entry *entry,
                          const struct entry **ret)
{
    *ret = NULL;
    for (int i = 0; i < GENERATIONS_MAX; i++) {
        const struct entry *parent = find_pid(self, entry->parent);

        if (!parent || parent->key.birth > entry->key.birth)
            return true;
        if (parent->state == WANTED || parent->state == ASKED)
            return false;
        if (parent->name && parent->state != OPEN) {
            *ret = parent;
            return true;
        }
        entry = parent;
    }
    return true;
}

/* Who has outlived its parent stays where it was. */
static bool has_inherited(const struct entry *entry)
{
    return entry->name && entry->inherited && entry->rule != NONE;
}

static void settle(struct mwd_grouping *self, struct entry *entry)
{
    const struct entry *ancestor = NULL;
    struct name *name;

    if (self->children && !find_ancestor(self, entry, &ancestor))
        return;
    name = ancestor ? ancestor->name : NULL;
    if (!ancestor && has_inherited(entry)) {
        set_state(self, entry, KNOWN);
        return;
    }
    if (name)
        name->references++;
    set_group(self, entry, name, ancestor ? ancestor->rule : NONE, true);
    set_state(self, entry, KNOWN);
}

void mwd_grouping_put(struct mwd_grouping *self, uint64_t round,
                      const struct mwd_grouping_item *items, uint32_t count)
{
    if (round != self->round)
        return;
    for (uint32_t i = 0; i < count; i++)
        if (is_row(self, items[i].row, items[i].key) && self->entries[items[i].row].state == ASKED)
            put_answer(self, &items[i]);
    for (uint32_t row = 0; row < self->room && self->open > 0; row++)
        if (self->entries[row].state == OPEN)
            settle(self, &self->entries[row]);
}

/* ---- asking ---- */

const char *mwd_grouping_name(const struct mwd_grouping *self, uint32_t row,
                              struct mw_block_key key, size_t *ret_size)
{
    const struct name *name = is_row(self, row, key) ? self->entries[row].name : NULL;

    *ret_size = name ? name->size : 0;
    return name ? name->bytes : NULL;
}

struct mwd_grouping_count mwd_grouping_count(const struct mwd_grouping *self, uint32_t rule)
{
    return rule < self->rules ? self->counts[rule] : (struct mwd_grouping_count){0, 0, 0};
}

void mwd_grouping_get_totals(const struct mwd_grouping *self, struct mwd_grouping_totals *ret)
{
    *ret = (struct mwd_grouping_totals){.ungrouped = self->ungrouped,
                                        .waiting = self->wanted + self->asked + self->open,
                                        .names = self->name_count,
                                        .lost = self->lost};
}
