/* sample: the reading table, blocks of readings, and the samples that are sealed from them.
 *
 *     collector --> BLOCK --+
 *     collector --> BLOCK --+--> seal --> SAMPLE (newest block of each source, and what follows
 *     loop      --> BLOCK --+             from them; one instant, never changed afterwards)
 *
 * This is the module's one public header; the parts are readable one by one.
 */
#ifndef MW_SAMPLE_H
#define MW_SAMPLE_H
#include "sample/block.h"
#include "sample/reading.h"
#include "sample/recording.h"
#include "sample/seal.h"
#endif
