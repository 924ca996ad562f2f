/* lisp: a small Lisp on the managed heap of libmemwatch, by its public calls alone.
 *
 *     lisp [MIB [stress]] < program
 *
 * Prints the value of each expression. There are numbers, lists, `quote`, `if`, `define`, `lambda`
 * with closures and tail calls, and + - * < cons car cdr. The heap has so many MiB, 2 when nothing
 * is said. An expression that asks for more, or for what is not there, fails, and the next one is
 * read; what was defined stays. With `stress` the heap collects and moves at each allocation, looks
 * at each handle, and hides old objects between calls.
 *
 * Each function opens a scope and carries the one handle out that it returns. An error leaves by
 * longjmp(), and answer() closes the scopes that it left. */
#include <memwatch/heap/heap.h>

#include <ctype.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { NIL, CONS, NUMBER, SYMBOL, LAMBDA, TYPES };
enum { CAR, CDR, PARAMETERS = 0, BODY, SCOPE, VALUE = 0, WORD_MAX = 64, DEEP = 2000 };

struct lisp {
    struct mw_heap *heap;
    const struct mw_heap_type *types[TYPES];
    struct mw_global *nil, *defined; /* a list of (symbol . value) */
    int depth;
    const char *why;
    jmp_buf failed;
};

static void fail(struct lisp *self, const char *why)
{
    self->why = why;
    longjmp(self->failed, 1);
}

/* ---- objects ---- */

static bool is(struct lisp *self, struct mw_ref ref, enum type type)
{
    return mw_heap_type_of(self->heap, ref) == self->types[type];
}

static struct mw_ref made(struct lisp *self, struct mw_ref ref)
{
    if (mw_ref_is_none(ref))
        fail(self, mw_heap_error_text(mw_heap_error(self->heap)));
    return ref;
}

static struct mw_ref nil(struct lisp *self)
{
    return mw_global_get(self->heap, self->nil);
}

static struct mw_ref cons(struct lisp *self, struct mw_ref head, struct mw_ref rest)
{
    struct mw_ref pair = made(self, mw_heap_new(self->heap, self->types[CONS]));

    mw_heap_set(self->heap, pair, CAR, head);
    mw_heap_set(self->heap, pair, CDR, rest);
    return pair;
}

/* Where a list has ended, both parts are nil. */
static struct mw_ref part(struct lisp *self, struct mw_ref list, size_t which)
{
    if (!is(self, list, CONS) && !is(self, list, NIL))
        fail(self, "this is no list");
    return is(self, list, NIL) ? nil(self) : mw_heap_get(self->heap, list, which);
}

static struct mw_ref item(struct lisp *self, struct mw_ref list, int at)
{
    return at == 0 ? part(self, list, CAR) : item(self, part(self, list, CDR), at - 1);
}

static struct mw_ref number(struct lisp *self, long long value)
{
    struct mw_ref ref = made(self, mw_heap_new(self->heap, self->types[NUMBER]));

    mw_heap_set_word(self->heap, ref, VALUE, (uint64_t)value);
    return ref;
}

static long long value_of(struct lisp *self, struct mw_ref ref)
{
    if (!is(self, ref, NUMBER))
        fail(self, "this is no number");
    return (long long)mw_heap_get_word(self->heap, ref, VALUE);
}

static struct mw_ref symbol(struct lisp *self, const char *text)
{
    size_t size = strlen(text) + 1;
    struct mw_ref ref =
        made(self, mw_heap_new_array(self->heap, self->types[SYMBOL], size, MW_PLACE_YOUNG));

    mw_heap_raw_enter(self->heap);
    memcpy(mw_heap_raw(self->heap, ref), text, size);
    mw_heap_raw_leave(self->heap);
    return ref;
}

static const char *text_of(struct lisp *self, struct mw_ref ref, char ret[WORD_MAX])
{
    ret[0] = '\0';
    if (!is(self, ref, SYMBOL))
        return ret;
    mw_heap_raw_enter(self->heap);
    memcpy(ret, mw_heap_raw(self->heap, ref), mw_heap_length(self->heap, ref));
    mw_heap_raw_leave(self->heap);
    return ret;
}

/* The value that goes with a symbol, or none. */
static struct mw_ref find(struct lisp *self, struct mw_ref list, const char *text)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref at = mw_heap_dup(self->heap, list);
    char name[WORD_MAX];

    while (is(self, at, CONS)) {
        MW_SCOPE(turn, self->heap);
        struct mw_ref pair = part(self, at, CAR);

        if (strcmp(text_of(self, part(self, pair, CAR), name), text) == 0) {
            mw_heap_assign(self->heap, at, part(self, pair, CDR));
            mw_scope_close(&turn);
            return mw_scope_escape(&scope, at);
        }
        mw_heap_assign(self->heap, at, part(self, at, CDR));
    }
    return mw_ref_none();
}

/* ---- reading, printing ---- */

static int next_byte(void)
{
    int byte = getchar();

    while (isspace(byte))
        byte = getchar();
    return byte;
}

static struct mw_ref read_from(struct lisp *self, int first)
{
    MW_SCOPE(scope, self->heap);
    char word[WORD_MAX] = {(char)first}, *end;
    struct mw_ref head;
    long long value;
    int byte;

    if (first == '(') {
        byte = next_byte();
        if (byte == ')' || byte == EOF)
            return mw_scope_escape(&scope, nil(self));
        head = read_from(self, byte);
        return mw_scope_escape(&scope, cons(self, head, read_from(self, '('))); /* the rest of it */
    }
    for (size_t i = 1; i < WORD_MAX - 1; i++) {
        byte = getchar();
        if (byte == EOF || isspace(byte) || byte == '(' || byte == ')') {
            ungetc(byte, stdin);
            break;
        }
        word[i] = (char)byte;
    }
    value = strtoll(word, &end, 10);
    return mw_scope_escape(&scope, *end == '\0' ? number(self, value) : symbol(self, word));
}

static void print(struct lisp *self, struct mw_ref ref)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref at = mw_heap_dup(self->heap, ref);
    char word[WORD_MAX];

    if (is(self, ref, NUMBER))
        printf("%lld", value_of(self, ref));
    else if (!is(self, ref, CONS))
        fputs(is(self, ref, SYMBOL) ? text_of(self, ref, word)
                                    : (is(self, ref, NIL) ? "nil" : "function"),
              stdout);
    for (const char *before = "("; is(self, at, CONS); before = " ") {
        MW_SCOPE(turn, self->heap);

        fputs(before, stdout);
        print(self, part(self, at, CAR));
        mw_heap_assign(self->heap, at, part(self, at, CDR));
    }
    if (is(self, ref, CONS))
        putchar(')');
}

/* ---- evaluation ---- */

static struct mw_ref eval(struct lisp *self, struct mw_ref what, struct mw_ref where);

static struct mw_ref look_up(struct lisp *self, struct mw_ref ref, struct mw_ref where)
{
    char name[WORD_MAX];
    struct mw_ref value = find(self, where, text_of(self, ref, name));

    if (mw_ref_is_none(value))
        value = find(self, mw_global_get(self->heap, self->defined), name);
    if (mw_ref_is_none(value))
        fail(self, "a symbol has no value");
    return value;
}

/* A call's names: parameters with their values, before those of the function's own. */
static struct mw_ref bind(struct lisp *self, struct mw_ref function, struct mw_ref arguments,
                          struct mw_ref where)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref names = mw_heap_get(self->heap, function, PARAMETERS);
    struct mw_ref bound = mw_heap_get(self->heap, function, SCOPE);
    struct mw_ref at = mw_heap_dup(self->heap, arguments);

    while (is(self, names, CONS)) {
        MW_SCOPE(turn, self->heap);
        struct mw_ref value = eval(self, part(self, at, CAR), where);

        value = cons(self, part(self, names, CAR), value);
        mw_heap_assign(self->heap, bound, cons(self, value, bound));
        mw_heap_assign(self->heap, names, part(self, names, CDR));
        mw_heap_assign(self->heap, at, part(self, at, CDR));
    }
    return mw_scope_escape(&scope, bound);
}

static struct mw_ref closure(struct lisp *self, struct mw_ref form, struct mw_ref where)
{
    struct mw_ref function = made(self, mw_heap_new(self->heap, self->types[LAMBDA]));

    mw_heap_set(self->heap, function, PARAMETERS, item(self, form, 1));
    mw_heap_set(self->heap, function, BODY, item(self, form, 2));
    mw_heap_set(self->heap, function, SCOPE, where);
    return function;
}

static void define(struct lisp *self, struct mw_ref name, struct mw_ref value)
{
    struct mw_ref defined = mw_global_get(self->heap, self->defined);

    mw_global_set(self->heap, self->defined, cons(self, cons(self, name, value), defined));
}

/* What the language has of its own; none when `name` is not among it. */
static struct mw_ref call_own(struct lisp *self, const char *name, struct mw_ref form,
                              struct mw_ref where)
{
    struct mw_ref left, right;
    long long a, b;

    if (strlen(name) == 1 ? strchr("+-*<", name[0]) == NULL
                          : strcmp(name, "cons") && strcmp(name, "car") && strcmp(name, "cdr"))
        return mw_ref_none();
    left = eval(self, item(self, form, 1), where);
    if (name[0] == 'c' && name[1] != 'o')
        return part(self, left, name[1] == 'a' ? CAR : CDR);
    right = eval(self, item(self, form, 2), where);
    if (name[0] == 'c')
        return cons(self, left, right);
    a = value_of(self, left);
    b = value_of(self, right);
    if (name[0] == '<')
        return a < b ? number(self, 1) : nil(self);
    return number(self, name[0] == '+' ? a + b : name[0] == '-' ? a - b : a * b);
}

/* One step. Returns whether `what` is still to be evaluated, with the names of `where`. */
static bool step(struct lisp *self, struct mw_ref what, struct mw_ref where)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref head = is(self, what, CONS) ? part(self, what, CAR) : what, value;
    char name[WORD_MAX];

    text_of(self, head, name);
    if (!is(self, what, CONS)) {
        if (is(self, what, SYMBOL))
            mw_heap_assign(self->heap, what, look_up(self, what, where));
        return false;
    }
    if (strcmp(name, "if") == 0) {
        value = eval(self, item(self, what, 1), where);
        mw_heap_assign(self->heap, what, item(self, what, is(self, value, NIL) ? 3 : 2));
        return true;
    }
    value = strcmp(name, "quote") == 0    ? item(self, what, 1)
            : strcmp(name, "lambda") == 0 ? closure(self, what, where)
            : strcmp(name, "define") == 0 ? eval(self, item(self, what, 2), where)
                                          : call_own(self, name, what, where);
    if (strcmp(name, "define") == 0)
        define(self, item(self, what, 1), value);
    if (!mw_ref_is_none(value)) {
        mw_heap_assign(self->heap, what, value);
        return false;
    }
    value = eval(self, head, where);
    if (!is(self, value, LAMBDA))
        fail(self, "this is no function");
    mw_heap_assign(self->heap, where, bind(self, value, part(self, what, CDR), where));
    mw_heap_assign(self->heap, what, mw_heap_get(self->heap, value, BODY));
    return true;
}

static struct mw_ref eval(struct lisp *self, struct mw_ref what, struct mw_ref where)
{
    MW_SCOPE(scope, self->heap);
    struct mw_ref at = mw_heap_dup(self->heap, what), in = mw_heap_dup(self->heap, where);

    if (++self->depth > DEEP)
        fail(self, "calls are nested too deep");
    while (step(self, at, in))
        ;
    self->depth--;
    return mw_scope_escape(&scope, at);
}

/* ---- the whole ---- */

static void try_to_answer(struct lisp *self, int first)
{
    if (setjmp(self->failed) == 0)
        print(self, eval(self, read_from(self, first), nil(self)));
    else
        printf("error: %s", self->why);
    putchar('\n');
}

static void answer(struct lisp *self, int first)
{
    MW_SCOPE(scope, self->heap);

    self->depth = 0;
    try_to_answer(self, first);
    mw_scope_unwind(&scope);
}

static int begin(struct lisp *self)
{
    static const struct mw_heap_field pair[] = {{"car", CAR}, {"cdr", CDR}};
    static const struct mw_heap_field lambda[] = {
        {"parameters", PARAMETERS}, {"body", BODY}, {"scope", SCOPE}};
    static const struct mw_heap_type_info infos[TYPES] = {
        {"Nil", MW_KIND_FIXED, 1, NULL, 0, NULL},      {"Cons", MW_KIND_FIXED, 2, pair, 2, NULL},
        {"Number", MW_KIND_FIXED, 1, NULL, 0, NULL},   {"Symbol", MW_KIND_BYTES, 0, NULL, 0, NULL},
        {"Lambda", MW_KIND_FIXED, 3, lambda, 3, NULL},
    };
    MW_SCOPE(scope, self->heap);
    struct mw_ref nothing;
    int error = 0;

    for (int i = 0; i < TYPES && error == 0; i++)
        error = mw_heap_add_type(self->heap, &infos[i], &self->types[i]);
    if (error != 0)
        return error;
    nothing = mw_heap_new(self->heap, self->types[NIL]);
    if (mw_ref_is_none(nothing))
        return mw_heap_error(self->heap);
    error = mw_global_create(self->heap, nothing, false, &self->nil);
    return error != 0 ? error : mw_global_create(self->heap, nothing, false, &self->defined);
}

static void on_misuse(void *context, const struct mw_heap_misuse *misuse)
{
    (void)context;
    fprintf(stderr, "lisp: misuse of the heap: %s at %s\n", misuse->what, misuse->where);
    exit(3);
}

int main(int count, char **words)
{
    static struct lisp self;
    struct mw_heap_config config;
    struct mw_heap_numbers numbers;
    int error, byte;

    mw_heap_config_default(&config);
    config.limit = (size_t)(count > 1 ? atoi(words[1]) : 2) << 20;
    config.semi_space = config.semi_space_max = 256 * 1024;
    config.misuse = on_misuse;
    if (count > 2 && strcmp(words[2], "stress") == 0)
        config.modes = MW_HEAP_STRESS | MW_HEAP_MOVE | MW_HEAP_GUARD | MW_HEAP_POISON;
    error = mw_heap_create(&config, &self.heap);
    if (error == 0)
        error = begin(&self);
    while (error == 0 && (byte = next_byte()) != EOF)
        answer(&self, byte);
    if (error == 0) {
        mw_heap_get_numbers(self.heap, &numbers);
        fprintf(stderr, "%llu scavenges in a heap of %zu bytes\n",
                (unsigned long long)numbers.collections[MW_GC_SCAVENGE], numbers.limit);
    } else {
        fprintf(stderr, "lisp: %s\n", mw_heap_error_text(error));
    }
    mw_heap_destroy(self.heap);
    return error != 0;
}
