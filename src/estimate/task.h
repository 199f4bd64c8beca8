/* What a model is asked to do and on what, as settings say it: the front of the estimates. */
#ifndef JB_ESTIMATE_TASK_H
#define JB_ESTIMATE_TASK_H

#include "estimate/catalogue.h"
#include "estimate/energy.h"

#define JB_TASK_KEY_COUNT 30
extern const char *const jb_task_keys[JB_TASK_KEY_COUNT]; /* "model", "gpu", "input_tokens" … */

/* 0 everywhere: not said. Texts are the caller's. */
struct jb_task {
    const char
        *model; /* a name of the catalogue, or the path of a config.json, .safetensors, index or .gguf */
    const char *gpu;
    struct jb_deployment deployment; /* its accelerator is found by jb_task_estimate */
    uint32_t tensor_parallel;
    bool has_precision;
    uint32_t experts_per_token; /* where a file of weights does not say */
    struct jb_text_work text;
    uint32_t image_width, image_height, image_count; /* that each request shows */
    uint32_t video_width, video_height;
    double video_seconds;
    struct jb_picture_work picture;
    struct jb_training_work training;
    bool is_sparse;     /* sparse attention in prefill */
    uint32_t key_count; /* that were set, beside model */
};

/* One setting by its key. JB_NO_DATA: no such key (error untouched). JB_INPUT: the value cannot be. */
enum jb_code jb_task_set(struct jb_task *task, const char *key, const char *value, struct jb_error *error);
/* Whether anything but the model was set. */
bool jb_task_is_set(const struct jb_task *task);

/* The tables behind estimates. */
struct jb_task_tables; /* opaque */
enum jb_code jb_task_tables_read(const char *data_path, struct jb_error *error,
                                 struct jb_task_tables **ret_tables);
void jb_task_tables_free(struct jb_task_tables *tables); /* NULL-safe */
JB_DEFINE_CLEANUP(struct jb_task_tables, jb_task_tables_free);
const struct jb_catalogue *jb_task_tables_catalogue(const struct jb_task_tables *tables);
const struct jb_diffusers *jb_task_tables_diffusers(const struct jb_task_tables *tables);
const struct jb_accelerators *jb_task_tables_accelerators(const struct jb_task_tables *tables);

enum jb_task_kind { JB_TASK_TEXT, JB_TASK_IMAGE, JB_TASK_VIDEO, JB_TASK_TRAINING };

/* What is known of a model, and what the task takes. */
struct jb_task_estimate {
    char model[JB_NAME_SIZE]; /* as the catalogue or the file is called */
    enum jb_task_kind kind;
    const struct jb_accelerator *accelerator; /* of the tables */
    uint32_t accelerator_count, fewest;       /* fewest: of the powers of two, on which it fits */
    enum jb_precision precision;
    double parameters, active_parameters; /* of pictures: of the denoiser */
    double kv_bytes_per_token;            /* in bf16; 0: none, or not known */
    /* Text, per request. */
    double input_tokens, output_tokens, vision_tokens;
    double attention_share; /* of prefill attention that is computed */
    /* Pictures. */
    uint32_t width, height, frames, steps;
    double picture_tokens;   /* of one pass of the denoiser */
    struct jb_energy energy; /* of the accelerators alone */
    double accelerator_h;    /* accelerator-hours per unit */
};

/* Without a GPU it is an H100 SXM; without a number of them, the fewest on which it fits; without a precision
 * the one in which it is published, or bf16. Without tokens, 500 in and 250 out; without concurrency or rate,
 * 32 requests in flight. JB_USAGE: a name that there is not, with near ones. JB_LIMIT: it does not fit,
 * with how many it needs. */
enum jb_code jb_task_estimate(const struct jb_task_tables *tables, const struct jb_task *task,
                              struct jb_error *error, struct jb_task_estimate *ret_estimate);

#endif
