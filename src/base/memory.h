/* Large memory. */
#ifndef JB_BASE_MEMORY_H
#define JB_BASE_MEMORY_H

#include <stddef.h>

/* malloc, in large pages where the kernel gives them: the first touch of a small one costs as much as filling
 * it, and on virtual machines more. Not cleared. Free with free. NULL: no memory. */
void *jb_memory_large(size_t size);

#endif
