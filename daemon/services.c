#include "daemon/services.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One '/' in front and none behind, however it was written. */
static char *name_of(const char *path)
{
    size_t size;
    char *name;

    path += strspn(path, "/");
    size = strlen(path);
    while (size > 0 && path[size - 1] == '/')
        size--;
    name = malloc(size + 2);
    if (!name)
        return NULL;
    name[0] = '/';
    memcpy(name + 1, path, size);
    name[size + 1] = '\0';
    return name;
}

int mwd_services_init(struct mwd_services *self, const char *const *paths, uint32_t count)
{
    *self = (struct mwd_services){0, count ? calloc(count, sizeof *self->items) : NULL};
    if (count && !self->items)
        return -ENOMEM;
    for (; self->count < count; self->count++) {
        struct mwd_service *item = &self->items[self->count];

        item->name = name_of(paths[self->count]);
        if (!item->name) {
            mwd_services_deinit(self);
            return -ENOMEM;
        }
        item->id = mw_service_id(item->name);
    }
    return 0;
}

static int add(struct mwd_services *self, uint64_t id, char *name)
{
    struct mwd_service *items =
        realloc(self->items, (self->count + (size_t)1) * sizeof *self->items);

    if (!items)
        return -ENOMEM;
    self->items = items;
    items[self->count].id = id;
    items[self->count].name = name;
    self->count++;
    return 0;
}

int mwd_services_know(struct mwd_services *self, struct mw_block_key key, const char *name,
                      size_t size)
{
    char *text;
    int r;

    if (mwd_services_name(self, key))
        return 0;
    if (self->count >= MW_SERVICES_MAX)
        return -ENOSPC;
    text = strndup(name, size);
    if (!text)
        return -ENOMEM;
    r = key.birth == 0 && key.id == mw_service_id(text) ? add(self, key.id, text) : -EINVAL;
    if (r < 0)
        free(text);
    return r;
}

void mwd_services_deinit(struct mwd_services *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        free(self->items[i].name);
    free(self->items);
    *self = (struct mwd_services){0, NULL};
}

const char *mwd_services_name(const struct mwd_services *self, struct mw_block_key key)
{
    for (uint32_t i = 0; self && key.birth == 0 && i < self->count; i++)
        if (self->items[i].id == key.id)
            return self->items[i].name;
    return NULL;
}

bool mwd_services_find(const struct mwd_services *self, const char *name, struct mw_block_key *ret)
{
    struct mw_block_key key = {mw_service_id(name), 0};

    if (!mwd_services_name(self, key))
        return false;
    *ret = key;
    return true;
}
