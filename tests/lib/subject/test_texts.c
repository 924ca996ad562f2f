#include "subject/subject_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 20000 };

static struct mw_text *get(struct mw_texts *texts, int number)
{
    char name[16];
    int size = snprintf(name, sizeof(name), "%d", number);
    struct mw_text *text = mw_texts_get(texts, name, (size_t)size);

    assert_non_null(text);
    assert_int_equal(text->size, size);
    assert_memory_equal(text->bytes, name, (size_t)size);
    return text;
}

static size_t longest_chain(const struct mw_texts *texts)
{
    size_t longest = 0;

    for (size_t i = 0; i < texts->chain_count; i++) {
        size_t length = 0;

        for (const struct mw_text *text = texts->chains[i]; text != NULL; text = text->next)
            length++;
        longest = length > longest ? length : longest;
    }
    return longest;
}

static void the_table_grows_and_shrinks_with_its_texts(void **state)
{
    struct mw_texts texts;
    struct mw_text **kept = calloc(TEXTS, sizeof(struct mw_text *));
    size_t smallest;

    (void)state;
    assert_int_equal(mw_texts_init(&texts), 0);
    smallest = texts.chain_count;
    for (int i = 0; i < TEXTS; i++)
        kept[i] = get(&texts, i);
    assert_int_equal(texts.count, TEXTS);
    assert_in_range(texts.chain_count, TEXTS / 2, TEXTS * 2);
    assert_true(longest_chain(&texts) < 16);
    for (int i = 0; i < TEXTS; i++) {
        assert_ptr_equal(get(&texts, i), kept[i]);
        mw_texts_put(&texts, kept[i]);
    }
    assert_int_equal(texts.count, TEXTS);
    for (int i = 0; i < TEXTS; i++)
        mw_texts_put(&texts, kept[i]);
    assert_int_equal(texts.count, 0);
    assert_int_equal(texts.chain_count, smallest);
    mw_texts_put(&texts, NULL);
    mw_texts_deinit(&texts);
    free(kept);
}

/* Who knows the program does not know where a text will lie. */
static void two_tables_hash_differently(void **state)
{
    struct mw_texts one, two;
    int same = 0;

    (void)state;
    assert_int_equal(mw_texts_init(&one), 0);
    assert_int_equal(mw_texts_init(&two), 0);
    for (int i = 0; i < 1000; i++)
        same += get(&one, i)->hash == get(&two, i)->hash;
    assert_true(same < 5);
    mw_texts_deinit(&one); /* frees what is still referred to */
    mw_texts_deinit(&two);
    mw_texts_deinit(&two);
}

/* A hash that left out some byte would put these into few chains. */
static void every_byte_and_the_length_count(void **state)
{
    struct mw_texts texts;
    char bytes[33] = {0};

    (void)state;
    assert_int_equal(mw_texts_init(&texts), 0);
    for (size_t size = 0; size <= 32; size++) {
        assert_non_null(mw_texts_get(&texts, bytes, size));
        for (size_t i = 0; i < size; i++) {
            bytes[i] = 1;
            assert_non_null(mw_texts_get(&texts, bytes, size));
            bytes[i] = 0;
        }
    }
    assert_int_equal(texts.count, 33 + 32 * 33 / 2);
    assert_true(longest_chain(&texts) < 12);
    mw_texts_deinit(&texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_grows_and_shrinks_with_its_texts),
        cmocka_unit_test(two_tables_hash_differently),
        cmocka_unit_test(every_byte_and_the_length_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
