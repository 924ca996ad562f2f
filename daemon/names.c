#include "daemon/names.h"

#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024, NONE = UINT16_MAX, FIRST_ROOM = 16, PLACE_BITS = 16, FIRST_ID = 1 << 16 };

static const struct row {
    enum mw_kind kind;
    uint64_t id;
    const char *name;
} rows[] = {
    {MW_KIND_HEAP, MWD_HEAP_OWN, "memwatchd"},   {MW_KIND_QUEUE, MWD_QUEUE_EVENTS, "events"},
    {MW_KIND_CACHE, MWD_CACHE_BODIES, "bodies"}, {MW_KIND_CACHE, MWD_CACHE_HISTORY, "history"},
    {MW_KIND_CACHE, MWD_CACHE_NAMES, "names"},
};

enum { PLACES = MWD_NAMES_MAX + MWD_NAMES_OWN };

static const char own_prefix[] = "sinks/";

enum { ROWS = sizeof rows / sizeof rows[0] };

struct entry {
    char name[MWD_NAME_MAX + 1];
    uint8_t size;
    bool alive;
    uint16_t next; /* in its bucket */
    uid_t uid;
    uint64_t id;
    int64_t birth;
    uint64_t left; /* counts up: the smallest went first */
};

struct book {
    struct entry *entries;
    uint32_t count, room, alive;
    uint32_t own; /* places that were given to the daemon beside those of others */
    uint16_t buckets[BUCKETS];
};

struct mwd_names {
    struct mw_hash_key key;
    uint64_t left;
    struct book books[MW_KIND_COUNT];
};

int mwd_names_create(struct mwd_names **ret)
{
    struct mwd_names *self = calloc(1, sizeof *self);

    if (!self)
        return -ENOMEM;
    self->key = mw_hash_key_make(self);
    for (int kind = 0; kind < MW_KIND_COUNT; kind++)
        memset(self->books[kind].buckets, 0xff, sizeof self->books[kind].buckets);
    *ret = self;
    return 0;
}

struct mwd_names *mwd_names_destroy(struct mwd_names *self)
{
    if (self)
        for (int kind = 0; kind < MW_KIND_COUNT; kind++)
            free(self->books[kind].entries);
    free(self);
    return NULL;
}

/* ---- what a name is ---- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool mwd_name_valid(const char *name, size_t size)
{
    if (size < 1 || size > MWD_NAME_MAX || !is_plain(name[0]))
        return false;
    for (size_t i = 1; i < size; i++)
        if (!is_plain(name[i]) && (!name[i] || !strchr("-_./@", name[i])))
            return false;
    return true;
}

bool mwd_name_kind(enum mw_kind kind)
{
    return kind == MW_KIND_HEAP || kind == MW_KIND_QUEUE || kind == MW_KIND_CACHE;
}

/* ---- the daemon's own ---- */

static const struct row *own_row(enum mw_kind kind, const char *name, size_t size)
{
    for (const struct row *row = rows; row < rows + ROWS; row++)
        if (row->kind == kind && strlen(row->name) == size && memcmp(row->name, name, size) == 0)
            return row;
    return NULL;
}

static const char *own_name(enum mw_kind kind, struct mw_block_key key)
{
    for (const struct row *row = rows; row < rows + ROWS; row++)
        if (row->kind == kind && row->id == key.id && key.birth == 0)
            return row->name;
    return NULL;
}

/* ---- places ---- */

static uint16_t *bucket_of(const struct mwd_names *self, const struct book *book, const char *name,
                           size_t size)
{
    return (uint16_t *)(uintptr_t)&book->buckets[mw_hash(&self->key, name, size) % BUCKETS];
}

static struct entry *find(const struct mwd_names *self, enum mw_kind kind, const char *name,
                          size_t size)
{
    const struct book *book = &self->books[kind];
    uint16_t place = *bucket_of(self, book, name, size);

    while (place != NONE && (book->entries[place].size != size ||
                             memcmp(book->entries[place].name, name, size) != 0))
        place = book->entries[place].next;
    return place == NONE ? NULL : &book->entries[place];
}

static uint32_t place_of(const struct book *book, const struct entry *entry)
{
    return (uint32_t)(entry - book->entries);
}

/* The one that went first, or NULL when all are there. */
static struct entry *oldest(struct book *book)
{
    struct entry *found = NULL;

    for (uint32_t i = 0; i < book->count; i++) {
        struct entry *entry = &book->entries[i];

        if (!entry->alive && (!found || entry->left < found->left))
            found = entry;
    }
    return found;
}

static void unlink_entry(struct mwd_names *self, struct book *book, const struct entry *entry)
{
    uint16_t *link = bucket_of(self, book, entry->name, entry->size);

    while (*link != place_of(book, entry))
        link = &book->entries[*link].next;
    *link = entry->next;
}

static int grow(struct book *book)
{
    uint32_t room = book->room ? 2 * book->room : FIRST_ROOM;
    struct entry *entries;

    if (room > PLACES)
        room = PLACES;
    entries = realloc(book->entries, room * sizeof *entries);
    if (!entries)
        return -ENOMEM;
    book->entries = entries;
    book->room = room;
    return 0;
}

/* An entry in no bucket. */
static int take_place(struct mwd_names *self, struct book *book, uint32_t limit, struct entry **ret)
{
    if (book->count >= limit) {
        *ret = oldest(book);
        if (!*ret)
            return -ENOSPC;
        unlink_entry(self, book, *ret);
        (*ret)->id += UINT64_C(1) << PLACE_BITS;
        return 0;
    }
    if (book->count == book->room && grow(book) < 0)
        return -ENOMEM;
    *ret = &book->entries[book->count];
    **ret = (struct entry){.id = FIRST_ID + book->count};
    book->count++;
    return 0;
}

/* Of an entry in no bucket. */
static void set_name(const struct mwd_names *self, struct book *book, struct entry *entry,
                     const char *name, size_t size)
{
    uint16_t *bucket = bucket_of(self, book, name, size);

    memcpy(entry->name, name, size);
    entry->name[size] = '\0';
    entry->size = (uint8_t)size;
    entry->next = *bucket;
    *bucket = (uint16_t)place_of(book, entry);
}

static int add(struct mwd_names *self, enum mw_kind kind, const char *name, size_t size,
               bool is_daemon, struct entry **ret)
{
    struct book *book = &self->books[kind];
    uint32_t before = book->count;
    int r = take_place(self, book, is_daemon ? PLACES : MWD_NAMES_MAX + book->own, ret);

    if (r < 0)
        return r;
    if (is_daemon && book->own < MWD_NAMES_OWN)
        book->own += book->count - before;
    set_name(self, book, *ret, name, size);
    (*ret)->alive = false;
    return 0;
}

/* ---- taking and leaving ---- */

static int check(enum mw_kind kind, const char *name, size_t size)
{
    if (!mwd_name_kind(kind) || !mwd_name_valid(name, size))
        return -EINVAL;
    return own_row(kind, name, size) ? -EEXIST : 0;
}

static bool is_reserved(enum mw_kind kind, const char *name, size_t size)
{
    return kind == MW_KIND_QUEUE && size >= sizeof own_prefix - 1 &&
           memcmp(name, own_prefix, sizeof own_prefix - 1) == 0;
}

static bool may_have(const struct entry *entry, struct mwd_name_owner owner)
{
    return !entry->alive || owner.admin || entry->uid == owner.uid;
}

/* A birth of one millisecond is of one life. */
static void begin_life(struct book *book, struct entry *entry, uid_t uid, int64_t now_ms)
{
    entry->birth = now_ms > entry->birth ? now_ms : entry->birth + 1;
    entry->alive = true;
    entry->uid = uid;
    book->alive++;
}

int mwd_names_take(struct mwd_names *self, enum mw_kind kind, const char *name, size_t size,
                   struct mwd_name_owner owner, int64_t now_ms, uint32_t *ret_place)
{
    struct book *book = &self->books[kind];
    struct entry *entry;
    int r = check(kind, name, size);

    if (r == 0 && !owner.is_daemon && is_reserved(kind, name, size))
        r = -EEXIST;
    if (r < 0)
        return r;
    entry = find(self, kind, name, size);
    if (entry && !may_have(entry, owner))
        return -EACCES;
    if (!entry)
        r = add(self, kind, name, size, owner.is_daemon, &entry);
    if (r < 0)
        return r;
    *ret_place = place_of(book, entry);
    if (entry->alive)
        return 0;
    begin_life(book, entry, owner.uid, now_ms);
    return 1;
}

int mwd_names_look(const struct mwd_names *self, enum mw_kind kind, const char *name, size_t size,
                   struct mwd_name_owner owner, uint32_t *ret_place)
{
    const struct entry *entry;
    int r = check(kind, name, size);

    if (r < 0)
        return r;
    entry = find(self, kind, name, size);
    if (!entry || !entry->alive)
        return -ENOENT;
    if (!may_have(entry, owner))
        return -EACCES;
    *ret_place = place_of(&self->books[kind], entry);
    return 0;
}

void mwd_names_leave(struct mwd_names *self, enum mw_kind kind, uint32_t place)
{
    struct entry *entry = &self->books[kind].entries[place];

    self->books[kind].alive -= entry->alive;
    entry->alive = false;
    entry->left = ++self->left;
}

/* Places before it that nobody has named keep a name that nobody can ask for. */
static int make_places(struct mwd_names *self, enum mw_kind kind, uint64_t place)
{
    struct entry *entry;
    int r = 0;

    while (r == 0 && self->books[kind].count <= place)
        r = add(self, kind, "", 0, true, &entry);
    return r;
}

static void rename_entry(struct mwd_names *self, struct book *book, struct entry *entry,
                         const char *name, size_t size)
{
    unlink_entry(self, book, entry);
    set_name(self, book, entry, name, size);
}

int mwd_names_know(struct mwd_names *self, enum mw_kind kind, struct mw_block_key key,
                   const char *name, size_t size)
{
    uint64_t place = key.id % (UINT64_C(1) << PLACE_BITS);
    struct entry *entry;
    int r = check(kind, name, size);

    if (r == 0 && (key.id < FIRST_ID || place >= PLACES || key.birth > INT64_MAX))
        r = -EINVAL;
    if (r == 0)
        r = make_places(self, kind, place);
    if (r < 0)
        return r;
    entry = &self->books[kind].entries[place];
    rename_entry(self, &self->books[kind], entry, name, size);
    entry->id = key.id;
    entry->birth = (int64_t)key.birth;
    self->books[kind].alive += !entry->alive;
    entry->alive = true;
    return 0;
}

/* ---- asking ---- */

uint32_t mwd_names_places(const struct mwd_names *self, enum mw_kind kind)
{
    return self ? self->books[kind].count : 0;
}

uint32_t mwd_names_alive(const struct mwd_names *self, enum mw_kind kind)
{
    return self->books[kind].alive;
}

struct mw_block_key mwd_names_key(const struct mwd_names *self, enum mw_kind kind, uint32_t place)
{
    const struct entry *entry = &self->books[kind].entries[place];

    if (!entry->alive)
        return (struct mw_block_key){0, 0};
    return (struct mw_block_key){entry->id, (uint64_t)entry->birth};
}

const char *mwd_names_text(const struct mwd_names *self, enum mw_kind kind, uint32_t place)
{
    return self->books[kind].entries[place].name;
}

const char *mwd_name_of(const struct mwd_names *self, enum mw_kind kind, struct mw_block_key key)
{
    uint64_t place = key.id & ((1 << PLACE_BITS) - 1);

    if (key.id < FIRST_ID)
        return own_name(kind, key);
    if (place >= mwd_names_places(self, kind) || self->books[kind].entries[place].id != key.id)
        return NULL;
    return self->books[kind].entries[place].name;
}

bool mwd_name_find(const struct mwd_names *self, enum mw_kind kind, const char *name,
                   struct mw_block_key *ret)
{
    const struct row *row = own_row(kind, name, strlen(name));
    const struct entry *entry = NULL;

    if (row) {
        *ret = (struct mw_block_key){row->id, 0};
        return true;
    }
    if (self && mwd_name_kind(kind))
        entry = find(self, kind, name, strlen(name));
    if (entry)
        *ret = (struct mw_block_key){entry->id, (uint64_t)entry->birth};
    return entry != NULL;
}

const char *mwd_name_at(const struct mwd_names *self, enum mw_kind kind, uint32_t index)
{
    for (const struct row *row = rows; row < rows + ROWS; row++)
        if (row->kind == kind && index-- == 0)
            return row->name;
    for (uint32_t i = 0; i < mwd_names_places(self, kind); i++)
        if (self->books[kind].entries[i].alive && index-- == 0)
            return self->books[kind].entries[i].name;
    return NULL;
}
