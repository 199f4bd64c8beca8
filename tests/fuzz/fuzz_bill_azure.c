/* Fuzzes bills of the format azure. */
#include "bill.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_bill(data, size, &jb_bill_azure, NULL);
    return 0;
}
