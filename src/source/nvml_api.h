/* The part of NVIDIA's management library that is used: our own declarations of its stable binary interface.
 *
 * Names, numbers and layouts follow nvml.h of CUDA 12 (Volta and newer drivers 390 to 580); every function is
 * looked up by name when the library is opened, so that old drivers, which lack some, work too. */
#ifndef JB_SOURCE_NVML_API_H
#define JB_SOURCE_NVML_API_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum jb_nvml_status {
    JB_NVML_SUCCESS = 0,
    JB_NVML_UNINITIALIZED = 1,
    JB_NVML_INVALID_ARGUMENT = 2,
    JB_NVML_NOT_SUPPORTED = 3,
    JB_NVML_NO_PERMISSION = 4,
    JB_NVML_NOT_FOUND = 6,
    JB_NVML_INSUFFICIENT_SIZE = 7,
    JB_NVML_DRIVER_NOT_LOADED = 9,
    JB_NVML_TIMEOUT = 10,
    JB_NVML_FUNCTION_NOT_FOUND = 13,
    JB_NVML_GPU_IS_LOST = 15,
    JB_NVML_RESET_REQUIRED = 16,
    JB_NVML_LIBRARY_MISMATCH = 18,
    JB_NVML_NO_DATA = 21,
    JB_NVML_UNKNOWN = 999,
};

struct jb_nvml_device; /* the library's own */

#define JB_NVML_UUID_SIZE     96
#define JB_NVML_NAME_SIZE     96
#define JB_NVML_NOT_AVAILABLE UINT64_MAX /* memory of a process that the driver does not manage */

struct jb_nvml_process_v1 {
    unsigned pid;
    unsigned long long memory_bytes;
};
struct jb_nvml_process {
    unsigned pid;
    unsigned long long memory_bytes;
    unsigned gpu_instance, compute_instance; /* UINT32_MAX without MIG */
};
struct jb_nvml_utilization {
    unsigned gpu_percent, memory_percent;
};
struct jb_nvml_process_utilization {
    unsigned pid;
    unsigned long long time_us; /* since 1970 */
    unsigned sm_percent, memory_percent, encoder_percent, decoder_percent;
};
struct jb_nvml_attributes {
    unsigned multiprocessors, copy_engines, decoders, encoders, jpegs, optical_flows;
    unsigned gpu_slices, compute_slices;
    unsigned long long memory_mib;
};
struct jb_nvml_field {
    unsigned id, scope;
    long long time_us, latency_us;
    unsigned type;
    unsigned status;
    union {
        double real;
        unsigned whole;
        unsigned long long wide;
    } value;
};
_Static_assert(sizeof(struct jb_nvml_process_v1) == 16, "layout of nvmlProcessInfo_v1_t");
_Static_assert(sizeof(struct jb_nvml_process) == 24, "layout of nvmlProcessInfo_v2_t");
_Static_assert(sizeof(struct jb_nvml_process_utilization) == 32, "layout of nvmlProcessUtilizationSample_t");
_Static_assert(sizeof(struct jb_nvml_attributes) == 40, "layout of nvmlDeviceAttributes_t");
_Static_assert(sizeof(struct jb_nvml_field) == 40, "layout of nvmlFieldValue_t");

enum { JB_NVML_FIELD_POWER_AVERAGE = 185, JB_NVML_FIELD_POWER_INSTANT = 186 };
enum {
    JB_NVML_TYPE_DOUBLE = 0,
    JB_NVML_TYPE_UNSIGNED = 1,
    JB_NVML_TYPE_LONG = 2,
    JB_NVML_TYPE_LONG_LONG = 3
};

typedef unsigned jb_nvml_processes_function(struct jb_nvml_device *, unsigned *count,
                                            struct jb_nvml_process *processes);

/* Functions that the library lacks are NULL, save the first five, without which it is of no use. */
struct jb_nvml_api {
    struct jb_nvml_library *library; /* handle of dlopen */
    unsigned (*init)(void);
    unsigned (*shutdown)(void);
    unsigned (*device_count)(unsigned *ret_count);
    unsigned (*device_by_index)(unsigned index, struct jb_nvml_device **ret_device);
    unsigned (*device_uuid)(struct jb_nvml_device *, char *ret_uuid, unsigned size);
    unsigned (*device_name)(struct jb_nvml_device *, char *ret_name, unsigned size);
    unsigned (*energy_mj)(struct jb_nvml_device *, unsigned long long *ret_mj); /* since the driver loaded */
    unsigned (*power_mw)(struct jb_nvml_device *, unsigned *ret_mw);
    unsigned (*field_values)(struct jb_nvml_device *, int count, struct jb_nvml_field *fields);
    unsigned (*power_limits_mw)(struct jb_nvml_device *, unsigned *ret_min_mw, unsigned *ret_max_mw);
    unsigned (*enforced_limit_mw)(struct jb_nvml_device *, unsigned *ret_mw);
    unsigned (*utilization)(struct jb_nvml_device *, struct jb_nvml_utilization *ret_utilization);
    unsigned (*process_utilization)(struct jb_nvml_device *, struct jb_nvml_process_utilization *samples,
                                    unsigned *count, unsigned long long since_us);
    jb_nvml_processes_function *processes[3]; /* compute, graphics, MPS; of jb_nvml_process_v1 when so: */
    bool has_old_processes[3];
    unsigned (*mig_mode)(struct jb_nvml_device *, unsigned *ret_current, unsigned *ret_pending);
    unsigned (*mig_ceiling)(struct jb_nvml_device *, unsigned *ret_count);
    unsigned (*mig_device)(struct jb_nvml_device *, unsigned index, struct jb_nvml_device **ret_device);
    unsigned (*attributes)(struct jb_nvml_device *, struct jb_nvml_attributes *ret_attributes);
};

/* Opens the library (path or soname). JB_NO_DATA when there is none, JB_UNSUPPORTED when it is not NVML. */
enum jb_code jb_nvml_api_open(const char *library, struct jb_error *error, struct jb_nvml_api *ret_api);
void jb_nvml_api_close(struct jb_nvml_api *api); /* NULL-safe; does not shut the library down */

/* Status of the library as an error of ours, with the mend. */
enum jb_code jb_nvml_error(unsigned status, const char *what, struct jb_error *error);

#endif
