/* Steps over a text.
 *
 * Command lines are written by whoever may start a process, and a matcher that tries one way after
 * the other can be kept busy for years by a line of 50 bytes. So all ways are gone at once, as
 * Thompson and Pike showed: a list holds every step that the program may be at before the next
 * character, the one with the most right first. A step is in a list at most once, which bounds the
 * time. Each entry carries the places that it has kept, so the first to reach the end knows its
 * groups; entries with less right are dropped then, those with more may still find another end.
 */
#include "daemon/pattern_internal.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 2 * MWD_PATTERN_NAMES_MAX, NOT_CHARACTER = 0xfffd };

struct entry {
    uint32_t step;
    uint32_t places[PLACES];
};

struct list {
    struct entry *entries;
    uint32_t count;
};

struct mwd_pattern_state {
    struct list now, next;
    uint64_t *seen; /* [steps], the turn in which a step was added last */
    uint64_t turn;
};

/* ---- life ---- */

static void free_state(struct mwd_pattern_state *self)
{
    if (!self)
        return;
    free(self->now.entries);
    free(self->next.entries);
    free(self->seen);
    free(self);
}

static struct mwd_pattern_state *make_state(uint32_t steps)
{
    struct mwd_pattern_state *self = calloc(1, sizeof *self);

    if (!self)
        return NULL;
    self->now.entries = calloc(steps, sizeof *self->now.entries);
    self->next.entries = calloc(steps, sizeof *self->next.entries);
    self->seen = calloc(steps, sizeof *self->seen);
    if (self->now.entries && self->next.entries && self->seen)
        return self;
    free_state(self);
    return NULL;
}

struct mwd_pattern *mwd_pattern_destroy(struct mwd_pattern *self)
{
    if (!self)
        return NULL;
    free_state(self->state);
    free(self->steps);
    free(self->ranges);
    free(self->classes);
    free(self);
    return NULL;
}

static int compile(struct mwd_pattern *self, struct mwd_pattern_parser *parser)
{
    uint32_t root = mwd_pattern_parse(parser);
    int r = parser->result;

    if (r == 0)
        r = mwd_pattern_emit(self, parser->nodes, root);
    if (r == -E2BIG) {
        parser->error = (struct mwd_pattern_error){0, "it is too large when it is written out"};
        r = -EINVAL;
    }
    if (r < 0)
        return r;
    self->state = make_state(self->step_count);
    return self->state ? 0 : -ENOMEM;
}

/* A node for each byte, and what groups and choices have beside their bytes. */
static uint32_t nodes_for(size_t size)
{
    return (uint32_t)(3 * size + 8);
}

int mwd_pattern_create(const char *text, struct mwd_pattern_error *ret_error,
                       struct mwd_pattern **ret)
{
    struct mwd_pattern *self = calloc(1, sizeof *self);
    size_t size = strlen(text);
    struct mwd_pattern_parser parser = {.text = text,
                                        .at = text,
                                        .end = text + size,
                                        .pattern = self,
                                        .node_room = nodes_for(size)};
    int r = -ENOMEM;

    if (self && size <= MWD_PATTERN_SIZE_MAX)
        parser.nodes = calloc(parser.node_room, sizeof *parser.nodes);
    if (size > MWD_PATTERN_SIZE_MAX) {
        parser.error = (struct mwd_pattern_error){MWD_PATTERN_SIZE_MAX, "it is over 1024 bytes"};
        r = -EINVAL;
    } else if (parser.nodes) {
        r = compile(self, &parser);
    }
    free(parser.nodes);
    if (r == 0)
        *ret = self;
    else
        mwd_pattern_destroy(self);
    if (r == -EINVAL)
        *ret_error = parser.error;
    return r;
}

uint32_t mwd_pattern_names(const struct mwd_pattern *self)
{
    return self->name_count;
}

const char *mwd_pattern_name(const struct mwd_pattern *self, uint32_t index)
{
    return self->names[index];
}

/* ---- characters ---- */

/* Of a sequence that is known to be valid. */
static uint32_t join(const unsigned char *bytes, size_t size)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t character = bytes[0] & masks[size];

    for (size_t i = 1; i < size; i++)
        character = character << 6 | (bytes[i] & 0x3f);
    return character;
}

size_t mwd_pattern_decode(const char *text, size_t size, uint32_t *ret)
{
    size_t length = mw_utf8_sequence(text, size);

    *ret = length > 0 ? join((const unsigned char *)text, length) : NOT_CHARACTER;
    return length > 0 ? length : 1;
}

static bool is_word(const char *text, size_t size, size_t at)
{
    char c = ' ';

    if (at < size)
        c = text[at];

    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_edge(const char *text, size_t size, size_t at)
{
    return (at > 0 && is_word(text, size, at - 1)) != is_word(text, size, at);
}

static bool takes(const struct mwd_pattern *self, const struct mwd_step *step, uint32_t character)
{
    switch (step->kind) {
    case MWD_STEP_CHAR:
        return character == step->value;
    case MWD_STEP_FOLD:
        return (character | 0x20) == step->value && character < 0x80;
    case MWD_STEP_ANY:
        return true;
    case MWD_STEP_LINE:
        return character != '\n';
    default:
        return step->kind == MWD_STEP_CLASS && mwd_pattern_has_class(self, step->value, character);
    }
}

/* ---- matching ---- */

struct match {
    struct mwd_pattern *pattern;
    const char *text;
    size_t size, at;
    struct list *list; /* that is added to */
};

static bool is_here(const struct match *match, uint32_t place)
{
    switch (place) {
    case MWD_PLACE_BEGIN:
        return match->at == 0;
    case MWD_PLACE_END:
        return match->at == match->size;
    default:
        return is_edge(match->text, match->size, match->at) == (place == MWD_PLACE_EDGE);
    }
}

/* Follows a step that takes no character to those that do, which keep `places`. It is as deep as
 * the program is long at most: a step is followed once in a turn. */
static void add(struct match *match, uint32_t number, uint32_t *places)
{
    struct mwd_pattern_state *state = match->pattern->state;
    const struct mwd_step *step = &match->pattern->steps[number];
    uint32_t before;

    if (state->seen[number] == state->turn)
        return;
    state->seen[number] = state->turn;
    switch (step->kind) {
    case MWD_STEP_SPLIT:
        add(match, step->first, places);
        add(match, step->second, places);
        return;
    case MWD_STEP_JUMP:
        add(match, step->first, places);
        return;
    case MWD_STEP_HERE:
        if (is_here(match, step->value))
            add(match, number + 1, places);
        return;
    case MWD_STEP_SAVE:
        before = places[step->value];
        places[step->value] = (uint32_t)match->at;
        add(match, number + 1, places);
        places[step->value] = before;
        return;
    default:
        break;
    }
    struct entry *entry = &match->list->entries[match->list->count++];

    entry->step = number;
    memcpy(entry->places, places, (size_t)2 * match->pattern->name_count * sizeof *entry->places);
}

/* Moves all entries over one character. Those behind one that has found its end go. */
static bool advance(struct match *match, const struct list *now, uint32_t character, bool is_end,
                    uint32_t found[PLACES])
{
    for (uint32_t i = 0; i < now->count; i++) {
        struct entry *entry = &now->entries[i];
        const struct mwd_step *step = &match->pattern->steps[entry->step];

        if (step->kind == MWD_STEP_FOUND) {
            memcpy(found, entry->places, sizeof entry->places);
            return true;
        }
        if (is_end || !takes(match->pattern, step, character))
            continue;
        add(match, entry->step + 1, entry->places);
    }
    return false;
}

/* A new way begins at each place until one has found its end: it has the least right. */
static void begin(struct match *match, struct list *now)
{
    uint32_t none[PLACES];

    memset(none, 0xff, sizeof none);
    match->list = now;
    add(match, 0, none);
}

static bool run(struct match *match, uint32_t found[PLACES])
{
    struct mwd_pattern_state *state = match->pattern->state;
    struct list *now = &state->now, *next = &state->next, *swap;
    bool is_found = false;

    now->count = 0;
    state->turn++;
    for (;;) {
        uint32_t character = 0;
        bool is_end = match->at == match->size;
        size_t length = is_end ? 0
                               : mwd_pattern_decode(match->text + match->at,
                                                    match->size - match->at, &character);

        if (!is_found)
            begin(match, now);
        next->count = 0;
        state->turn++;
        match->at += length;
        match->list = next;
        is_found |= advance(match, now, character, is_end, found);
        if (is_end || (is_found && next->count == 0))
            return is_found;
        swap = now;
        now = next;
        next = swap;
    }
}

bool mwd_pattern_match(struct mwd_pattern *self, const char *text, size_t size,
                       struct mwd_pattern_span spans[MWD_PATTERN_NAMES_MAX])
{
    struct match match = {.pattern = self,
                          .text = text,
                          .size = size < MWD_PATTERN_TEXT_MAX ? size : MWD_PATTERN_TEXT_MAX};
    uint32_t found[PLACES];

    if (!run(&match, found))
        return false;
    for (uint32_t i = 0; i < self->name_count; i++) {
        bool whole = found[(size_t)2 * i] != UINT32_MAX && found[(size_t)2 * i + 1] != UINT32_MAX;

        spans[i] = whole ? (struct mwd_pattern_span){found[(size_t)2 * i], found[(size_t)2 * i + 1]}
                         : (struct mwd_pattern_span){UINT32_MAX, UINT32_MAX};
    }
    return true;
}
