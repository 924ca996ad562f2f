/* json: JSON as trees on the managed heap of libmemwatch.     json [MIB [stress]] < documents
 *
 * Reads a document a line, prints it without blanks, and keeps it while the heap (of 2 MIB) has
 * room; then what was kept is let go, and a document that is too large all the same is told. With
 * `stress` the heap moves objects at each allocation, and hides old ones between calls.
 *
 * What makes handles opens a scope, and carries out the one that it returns. An error leaves by
 * longjmp(); answer() closes the scopes that it left. */
#include <memwatch/heap/heap.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { WORD, LIST, ITEM, TYPES };
enum { FIRST, BRACKET, NAME = 0, VALUE, NEXT, DEEP = 500, LINE_SIZE = 1 << 16 };

static const struct mw_heap_field of_list[] = {{"first", FIRST}};
static const struct mw_heap_field of_item[] = {{"name", NAME}, {"value", VALUE}, {"next", NEXT}};
static const struct mw_heap_type_info infos[TYPES] = {
    {"Word", MW_KIND_TEXT, 0, NULL, 0, NULL}, /* as it is written, and not looked into */
    {"List", MW_KIND_FIXED, 2, of_list, 1, NULL},
    {"Item", MW_KIND_FIXED, 3, of_item, 3, NULL},
};
static struct mw_heap *heap;
static const struct mw_heap_type *types[TYPES];
static struct mw_global *kept; /* items, the last document first */
static int depth, let_go;
static const char *at, *why; /* in the line; what is wrong there */
static jmp_buf failed;

static void need(bool met, const char *otherwise)
{
    why = otherwise;
    if (!met)
        longjmp(failed, 1);
}

static struct mw_ref made(struct mw_ref ref)
{
    need(!mw_ref_is_none(ref), mw_heap_error_text(mw_heap_error(heap)));
    return ref;
}

static char next(void)
{
    at += strspn(at, " \t\r\n");
    return *at;
}

static struct mw_ref read_word(void)
{
    const char *end = at;

    if (*at == '"')
        for (end++; *end != '"'; end += 1 + (*end == '\\' && end[1] != '\0'))
            need(*end != '\0', "a string has no end");
    end += *at == '"' ? 1 : strspn(at, "+-.0123456789abcdefghijklmnopqrstuvwxyzE");
    need(end != at, "a value is missing");
    size_t size = (size_t)(end - at);
    struct mw_ref word = made(mw_heap_new_array(heap, types[WORD], size, MW_PLACE_YOUNG));
    mw_heap_raw_enter(heap); /* the address is good until the region is left */
    memcpy(mw_heap_raw(heap, word), at, size);
    mw_heap_raw_leave(heap);
    at = end;
    return word;
}

static struct mw_ref read_value(void)
{
    MW_SCOPE(scope, heap);
    char open = next(), close = open == '[' ? ']' : '}';

    if (open != '[' && open != '{')
        return mw_scope_escape(&scope, read_word());
    need(++depth <= DEEP, "lists are nested too deep");
    struct mw_ref list = made(mw_heap_new(heap, types[LIST])), last = made(mw_heap_dup(heap, list));
    mw_heap_set_word(heap, list, BRACKET, (uint64_t)*at++);
    for (size_t where = FIRST; where == FIRST ? next() != close : next() == ','; where = NEXT) {
        MW_SCOPE(turn, heap); /* what a turn makes goes with it */
        struct mw_ref one = made(mw_heap_new(heap, types[ITEM]));
        at += where == NEXT; /* the comma */
        if (open == '{') {
            need(next() == '"', "a name is missing");
            mw_heap_set(heap, one, NAME, read_word());
            need(next() == ':', "a colon is missing");
            at++;
        }
        mw_heap_set(heap, one, VALUE, read_value());
        mw_heap_set(heap, last, where, one);
        mw_heap_assign(heap, last, one);
    }
    need(next() == close, "a comma is missing, or the end");
    at++, depth--;
    return mw_scope_escape(&scope, list);
}

static void print(struct mw_ref ref)
{
    MW_SCOPE(scope, heap);
    if (mw_heap_type_of(heap, ref) == types[WORD]) {
        mw_heap_raw_enter(heap);
        fwrite(mw_heap_raw(heap, ref), 1, mw_heap_length(heap, ref), stdout);
        mw_heap_raw_leave(heap);
        return;
    }
    char open = (char)mw_heap_get_word(heap, ref, BRACKET);
    struct mw_ref one = mw_heap_get(heap, ref, FIRST);
    putchar(open);
    while (!mw_ref_is_none(one)) {
        MW_SCOPE(turn, heap);
        if (open == '{')
            print(mw_heap_get(heap, one, NAME)), putchar(':');
        print(mw_heap_get(heap, one, VALUE));
        struct mw_ref following = mw_heap_get(heap, one, NEXT);
        if (mw_ref_is_none(following))
            break;
        putchar(',');
        mw_heap_assign(heap, one, following);
    }
    putchar(open == '[' ? ']' : '}');
}

/* Before an allocation fails: what is let go here makes room. */
static size_t near_limit(void *context, size_t limit, size_t initial)
{
    (void)context, (void)initial;
    mw_global_set(heap, kept, mw_ref_none());
    let_go++;
    return limit;
}

static void answer(const char *line)
{
    MW_SCOPE(scope, heap);
    at = line;
    depth = 0;
    if (setjmp(failed) == 0) {
        struct mw_ref document = made(mw_heap_new(heap, types[ITEM]));
        mw_heap_set(heap, document, VALUE, read_value());
        need(next() == '\0', "the line does not end here");
        mw_heap_set(heap, document, NEXT, mw_global_get(heap, kept));
        mw_global_set(heap, kept, document);
        print(mw_heap_get(heap, document, VALUE));
    } else {
        mw_scope_unwind(&scope);
        printf("error at byte %td: %s", at - line, why);
    }
    putchar('\n');
}

int main(int count, char **words)
{
    static char line[LINE_SIZE];
    struct mw_heap_config config;
    struct mw_heap_numbers numbers;

    mw_heap_config_default(&config);
    config.limit = (count > 1 ? strtoul(words[1], NULL, 10) : 2) << 20;
    config.semi_space = config.semi_space_max = (size_t)256 << 10;
    config.modes = count > 2 ? MW_HEAP_STRESS | MW_HEAP_MOVE | MW_HEAP_GUARD | MW_HEAP_POISON : 0;
    config.near_limit = near_limit;
    int error = mw_heap_create(&config, &heap);
    for (int i = 0; i < TYPES && error == 0; i++)
        error = mw_heap_add_type(heap, &infos[i], &types[i]);
    if (error == 0)
        error = mw_global_create(heap, mw_ref_none(), false, &kept);
    while (error == 0 && fgets(line, sizeof(line), stdin) != NULL)
        line[strcspn(line, "\n")] = '\0', answer(line);
    if (error != 0) {
        fprintf(stderr, "json: %s\n", mw_heap_error_text(error));
    } else {
        mw_heap_get_numbers(heap, &numbers);
        fprintf(stderr, "%zu of %zu bytes in use; %llu scavenges; let go %d times\n", numbers.used,
                numbers.limit, (unsigned long long)numbers.collections[MW_GC_SCAVENGE], let_go);
    }
    mw_heap_destroy(heap);
    return error != 0;
}
