/* Use of GPUs by process: what all sources tell, in one clean list. */
#ifndef JB_LOAD_GPU_H
#define JB_LOAD_GPU_H

#include "base/buffer.h"
#include "source/source.h"
#include "types/usage.h"

/* Asks every source that can tell which processes used its domains since the last call, into sample->gpus
 * (which is emptied first), ordered by domain, then pid, one row each: a process that a source tells of
 * several times (compute and graphics, several engines) is added up.
 *
 * sources: count of them, NULL where one is not open. domain_bases[i]: index of source i's first domain in
 * the list of all domains; domain_counts[i]: how many it has. Rows that make no sense (a pid below 1, a
 * domain that the source does not have, neither time nor memory) are left out.
 *
 * A source that does not or may not tell, or fails, does not stop the others. JB_LIMIT and JB_MEMORY are of
 * the list itself. notes (may be NULL) gets "nvml: why" for each source that failed; hand it in once, at the
 * start, to say so once. Once warm nothing is allocated. */
enum jb_code jb_gpu_sample(struct jb_source *const *sources, const uint32_t *domain_bases,
                           const uint32_t *domain_counts, size_t count, struct jb_sample *sample,
                           struct jb_buffer *notes, struct jb_error *error);

#endif
