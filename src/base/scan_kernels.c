/* The kernels of a scan, and which of them this machine can run. */
#include "base/scan_internal.h"

const struct jb_scan_kernel *const jb_scan_kernels[] = {
#ifdef __x86_64__
    &jb_scan_kernel_avx512,
    &jb_scan_kernel_avx2,
#endif
    &jb_scan_kernel_portable,
    NULL,
};

const struct jb_scan_kernel *jb_scan_kernel_best(void) {
    size_t best = 0;
    while (!jb_scan_kernels[best]->is_supported())
        best++; /* the last one always is */
    return jb_scan_kernels[best];
}
