/* out_of_memory: lets one allocation of the program fail. For tests that are linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc. */
#ifndef MW_SUPPORT_OUT_OF_MEMORY_H
#define MW_SUPPORT_OUT_OF_MEMORY_H

/* The next `allocations` succeed, the one after them fails, all later ones succeed. */
void out_of_memory_after(int allocations);

/* None fails any more. */
void out_of_memory_never(void);
#endif
