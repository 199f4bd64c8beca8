/* Fuzzes bills of the format gcp, CSV and JSON lines. */
#include "bill.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_bill(data, size, &jb_bill_gcp, NULL);
    return 0;
}
