/* glob: which names a pattern means.
 *
 * Shape    * any text, ? one character, [a-z] one of these, [!a-z] one that is none of these,
 *          \ takes the next character as it is; a [ that is never closed is itself. All else, case
 *          too, must be equal.
 * Units    characters are UTF-8; a byte that is not counts as one of its own kind.
 * Bound    a pattern of more than MW_GLOB_MAX bytes matches nothing; its owner says so before.
 *          Time grows with size of the text times size of the pattern, wherever the stars stand.
 */
#ifndef MW_BASE_GLOB_H
#define MW_BASE_GLOB_H
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MW_GLOB_MAX = 128 };

/* Whether the whole text matches. */
bool mw_glob_matches(const char *pattern, const char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
