/* annotate: tells address sanitizer and valgrind which memory nobody may touch. Nothing otherwise.
 * Who looks there on purpose is a function MW_LOOKS_ANYWHERE, and says when it begins and ends. */
#ifndef MW_HEAP_ANNOTATE_INTERNAL_H
#define MW_HEAP_ANNOTATE_INTERNAL_H
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define MW_HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MW_HAVE_ASAN 1
#endif
#endif

/* Nor does a fuzzer learn from each word that is compared there: it was a third of its time. */
#if defined(__clang__)
#define MW_LOOKS_ANYWHERE __attribute__((no_sanitize("address", "coverage")))
#else
#define MW_LOOKS_ANYWHERE __attribute__((no_sanitize_address))
#endif

#if defined(MW_HAVE_ASAN)
#include <sanitizer/asan_interface.h>
static inline void mw_annotate_free(const void *start, size_t bytes)
{
    __asan_poison_memory_region(start, bytes);
}
static inline void mw_annotate_used(const void *start, size_t bytes)
{
    __asan_unpoison_memory_region(start, bytes);
}
#elif defined(MW_HAVE_VALGRIND)
#include <valgrind/memcheck.h>
static inline void mw_annotate_free(const void *start, size_t bytes)
{
    (void)VALGRIND_MAKE_MEM_NOACCESS(start, bytes);
}
static inline void mw_annotate_used(const void *start, size_t bytes)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(start, bytes);
}
static inline void mw_annotate_look_begin(void)
{
    VALGRIND_DISABLE_ERROR_REPORTING;
}
static inline void mw_annotate_look_end(void)
{
    VALGRIND_ENABLE_ERROR_REPORTING;
}
#else
static inline void mw_annotate_free(const void *start, size_t bytes)
{
    (void)start;
    (void)bytes;
}
static inline void mw_annotate_used(const void *start, size_t bytes)
{
    (void)start;
    (void)bytes;
}
#endif
#if defined(MW_HAVE_ASAN) || !defined(MW_HAVE_VALGRIND)
static inline void mw_annotate_look_begin(void)
{
}
static inline void mw_annotate_look_end(void)
{
}
#endif
#endif
