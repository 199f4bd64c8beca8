/* Names of the kinds of power domains. */
#include "types/domain.h"

const char *jb_domain_kind_name(enum jb_domain_kind kind) {
    switch (kind) {
    case JB_FACILITY:
        return "facility";
    case JB_NODE:
        return "node";
    case JB_PSYS:
        return "psys";
    case JB_PACKAGE:
        return "package";
    case JB_CORE:
        return "core";
    case JB_UNCORE:
        return "uncore";
    case JB_DRAM:
        return "dram";
    case JB_GPU:
        return "gpu";
    case JB_ACCELERATOR:
        return "accelerator";
    }
    return "?";
}
