/* What the objects of a kind are called: by their own name, or by their type in brackets. Most
 * nodes of a name come to the same class, so each name and each type is asked for once. */
#include "dump/dump_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct namer {
    struct mw_dump *dump;
    uint32_t *slots; /* of a hash table of classes */
    uint32_t mask;
    uint32_t *by_name;                   /* string -> class */
    uint32_t by_type[MW_DUMP_TYPES_MAX]; /* likewise */
};

static bool grow_table(struct namer *self)
{
    uint32_t size = self->slots ? 2 * (self->mask + 1) : 256;
    uint32_t *slots = malloc(size * sizeof *slots);
    const struct mw_dump_texts *classes = &self->dump->classes;

    if (!slots)
        return false;
    memset(slots, 0xff, size * sizeof *slots);
    for (uint32_t i = 0; i < classes->count; i++) {
        uint64_t at = mw_dump_text_hash(mw_dump_text(classes, i)) & (size - 1);

        while (slots[at] != MW_DUMP_NO)
            at = (at + 1) & (size - 1);
        slots[at] = i;
    }
    free(self->slots);
    self->slots = slots;
    self->mask = size - 1;
    return true;
}

static int find_class(struct namer *self, const char *name, uint32_t *ret)
{
    struct mw_dump_texts *classes = &self->dump->classes;

    if ((!self->slots || classes->count > self->mask / 2) && !grow_table(self))
        return -ENOMEM;
    uint64_t at = mw_dump_text_hash(name) & self->mask;
    while (self->slots[at] != MW_DUMP_NO) {
        *ret = self->slots[at];
        if (strcmp(mw_dump_text(classes, *ret), name) == 0)
            return 0;
        at = (at + 1) & self->mask;
    }
    int r = mw_dump_text_add(classes, name, strlen(name), ret);
    if (r == 0)
        self->slots[at] = *ret;
    return r;
}

/* "<div id=a>" is one more <div>. */
static int class_of_name(struct namer *self, uint32_t name, uint32_t *ret)
{
    const char *text = mw_dump_text(&self->dump->texts, name);
    size_t from = strncmp(text, "Detached <", 10) == 0 ? 10 : 1;
    const char *blank = text[0] == '<' || from == 10 ? strchr(text + from, ' ') : NULL;
    char cut[MW_DUMP_TEXT_MAX + 2];

    if (self->by_name[name] != MW_DUMP_NO) {
        *ret = self->by_name[name];
        return 0;
    }
    snprintf(cut, sizeof cut, "%.*s%s", blank ? (int)(blank - text) : MW_DUMP_TEXT_MAX, text,
             blank ? ">" : "");
    int r = find_class(self, cut, &self->by_name[name]);
    *ret = self->by_name[name];
    return r;
}

static int class_of_type(struct namer *self, uint32_t node, uint32_t *ret)
{
    static const char *const names[MW_DUMP_OTHER] = {[MW_DUMP_HIDDEN] = "(system)",
                                                     [MW_DUMP_CODE] = "(compiled code)",
                                                     [MW_DUMP_CLOSURE] = "Function",
                                                     [MW_DUMP_REGEXP] = "RegExp"};
    uint8_t type = self->dump->type[node], raw = self->dump->raw_type[node];
    char name[MW_DUMP_TYPE_TEXT + 2];
    int r = 0;

    if (self->by_type[raw] == MW_DUMP_NO) {
        snprintf(name, sizeof name, "(%s)", self->dump->meta.type_text[raw]);
        r = find_class(self, type < MW_DUMP_OTHER && names[type] ? names[type] : name,
                       &self->by_type[raw]);
    }
    *ret = self->by_type[raw];
    return r;
}

static int name_all(struct namer *self)
{
    struct mw_dump *dump = self->dump;
    int r = 0;

    for (uint32_t i = 0; i < dump->nodes && r == 0; i++)
        if (dump->type[i] == MW_DUMP_OBJECT || dump->type[i] == MW_DUMP_NATIVE)
            r = class_of_name(self, dump->name[i], &dump->class[i]);
        else
            r = class_of_type(self, i, &dump->class[i]);
    return r;
}

int mw_dump_find_classes(struct mw_dump *self)
{
    struct namer namer = {.dump = self};
    size_t names = (size_t)self->texts.count * sizeof *namer.by_name;
    int r = -ENOMEM;

    self->class = malloc(self->nodes * sizeof *self->class);
    namer.by_name = malloc(names);
    if (self->class && namer.by_name) {
        memset(namer.by_name, 0xff, names);
        memset(namer.by_type, 0xff, sizeof namer.by_type);
        r = name_all(&namer);
    }
    free(namer.by_name);
    free(namer.slots);
    return r;
}
