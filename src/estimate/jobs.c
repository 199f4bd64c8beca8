/* From the fields of a row to what it asks for: the task, the model, the accelerators. */
#include "estimate/rows.h"

#include "estimate/constants.h"
#include "estimate/facts.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#define MEMO_COUNT 64

/* How requests of a task look: as far as it is not known, it is fitted (constants.h). unique: different ones
 * in the data set; more than that are repeated, and their prompts are in the prefix cache. */
static const struct task {
    const char *name;
    enum { TEXT, IMAGE_CHAT, VIDEO_CHAT, TO_IMAGE, TO_VIDEO } kind;
    double unique;
    size_t tokens; /* of a prompt: offset of the constant */
} tasks[] = {
#define JB_TOKENS(name) offsetof(struct jb_energy_constants, name)
    {"lm-arena-chat", TEXT, 1024, JB_TOKENS(arena_tokens)},
    {"gpqa", TEXT, 198, JB_TOKENS(gpqa_tokens)},
    {"sourcegraph-fim", TEXT, 1024, JB_TOKENS(fim_tokens)},
    {"image-chat", IMAGE_CHAT, 1024, JB_TOKENS(vision_chat_tokens)},
    {"video-chat", VIDEO_CHAT, 512, JB_TOKENS(vision_chat_tokens)},
    {"llm_text_generation/chat", TEXT, 0, JB_TOKENS(chat_tokens)},
    {"llm_text_generation/code", TEXT, 0, JB_TOKENS(code_tokens)},
    {"mllm_text_generation/chat", IMAGE_CHAT, 0, JB_TOKENS(old_vision_chat_tokens)},
    {"text-to-image", TO_IMAGE, 0, 0},
    {"text-to-video", TO_VIDEO, 0, 0},
    {"image-to-video", TO_VIDEO, 0, 0},
    {"diffusion/text-to-image", TO_IMAGE, 0, 0},
    {"diffusion/text-to-video", TO_VIDEO, 0, 0},
    {"diffusion/image-to-video", TO_VIDEO, 0, 0},
};
#define GPQA     1
#define SHARED   8   /* requests at once up to which a host kept up with preparing images */
#define OVERFULL 1.4 /* times as many requests as run at once are asked for, at the least */

/* A model found lately: tables repeat the same few over and over. */
struct memo {
    char name[256];
    struct jb_model_size size;
    bool is_picture, is_video;
    struct jb_resolved model;
    struct jb_diffuser diffuser;
};

struct jb_job_maker {
    struct jb_catalogue *catalogue;
    struct jb_diffusers *diffusers;
    struct jb_accelerators *accelerators;
    struct memo memos[MEMO_COUNT];
    size_t memo_count, memo_next;
};

void jb_job_maker_free(struct jb_job_maker *maker) {
    if (!maker)
        return;
    jb_catalogue_free(maker->catalogue);
    jb_diffusers_free(maker->diffusers);
    jb_accelerators_free(maker->accelerators);
    free(maker);
}

enum jb_code jb_job_maker_make(const char *data_path, struct jb_error *error,
                               struct jb_job_maker **ret_maker) {
    _cleanup_(jb_job_maker_free_cleanup) struct jb_job_maker *maker = calloc(1, sizeof *maker);
    if (!maker)
        return jb_error_set(error, JB_MEMORY, "no memory for the tables of models");
    enum jb_code code = jb_catalogue_read(data_path, error, &maker->catalogue);
    if (!code)
        code = jb_diffusers_read(data_path, error, &maker->diffusers);
    if (!code)
        code = jb_accelerators_read(data_path, error, &maker->accelerators);
    if (!code)
        *ret_maker = JB_TAKE(maker);
    return code;
}

/* The first of two fields that is not empty, as a number; `empty` where both are. */
static enum jb_code read_number(const char *column, const char *field, const char *other, double least,
                                double most, double empty, struct jb_error *error, double *ret) {
    const char *text = *field ? field : other;
    double number = empty;
    if (!*text && isnan(empty))
        return jb_error_set(error, JB_INPUT, "%s is empty", column);
    if (*text && jb_fact_number_parse(text, NULL, &number))
        return jb_error_set(error, JB_INPUT, "%s: '%.40s' is no number", column, text);
    if (*text && !(number >= least && number <= most))
        return jb_error_set(error, JB_INPUT, "%s: %.40s is not between %g and %g", column, text, least, most);
    *ret = number;
    return JB_OK;
}

static enum jb_code read_count(const char *column, const char *field, uint32_t empty, struct jb_error *error,
                               uint32_t *ret) {
    double number = 0;
    enum jb_code code = read_number(column, field, "", 1, JB_ACCELERATOR_CEILING, empty, error, &number);
    if (!code && number != floor(number))
        code = jb_error_set(error, JB_INPUT, "%s: '%.40s' is no whole number", column, field);
    if (!code)
        *ret = (uint32_t)number;
    return code;
}

static enum jb_code find_task(const char *name, struct jb_error *error, size_t *ret_task) {
    for (size_t i = 0; i < JB_COUNT(tasks); i++) {
        if (strcasecmp(name, tasks[i].name) == 0) {
            *ret_task = i;
            return JB_OK;
        }
    }
    char names[512] = "";
    for (size_t i = 0, at = 0; i < JB_COUNT(tasks) && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", tasks[i].name);
    return jb_error_set(error, JB_INPUT, "task: '%.40s' is none of %s", name, names);
}

static enum jb_code find_model(struct jb_job_maker *maker, const struct jb_row *row, struct jb_error *error,
                               struct jb_job *job) {
    double total, active;
    enum jb_code code = read_number("params_total_b", row->params_total_b, "", 1e-4, 1e6, 0, error, &total);
    if (!code)
        code = read_number("params_active_b", row->params_active_b, "", 1e-4, 1e6, 0, error, &active);
    if (!code && !*row->model_id && !(total > 0))
        code = jb_error_set(error, JB_INPUT, "model_id is empty");
    if (code)
        return code;
    struct jb_model_size size = {total * 1e9, active * 1e9};
    bool is_video = tasks[job->task].kind == TO_VIDEO;
    for (size_t i = 0; i < maker->memo_count; i++) {
        const struct memo *memo = &maker->memos[i];
        if (memo->is_picture == job->is_picture && memo->is_video == is_video &&
            memo->size.total == size.total && memo->size.active == size.active &&
            strcmp(memo->name, row->model_id) == 0) {
            job->model = memo->model;
            job->diffuser = memo->diffuser;
            return JB_OK;
        }
    }
    if (job->is_picture)
        code = jb_resolve_diffuser(maker->diffusers, row->model_id, is_video, &size, error, &job->diffuser);
    else
        code = jb_resolve_language(maker->catalogue, row->model_id, &size, error, &job->model);
    if (code)
        return jb_error_prefix(error, "model_id");
    if (strlen(row->model_id) < sizeof maker->memos[0].name) {
        struct memo *memo = &maker->memos[maker->memo_next];
        maker->memo_next = (maker->memo_next + 1) % MEMO_COUNT;
        if (maker->memo_count < MEMO_COUNT)
            maker->memo_count++;
        *memo = (struct memo){.size = size,
                              .is_picture = job->is_picture,
                              .is_video = is_video,
                              .model = job->model,
                              .diffuser = job->diffuser};
        strcpy(memo->name, row->model_id);
    }
    return JB_OK;
}

static enum jb_code find_precision(const struct jb_row *row, struct jb_error *error, enum jb_precision *ret) {
    static const char *const named[] = {"fp8", "mxfp4", "nvfp4", "awq", "gptq", "int4", "int8"};
    *ret = JB_BF16;
    if (*row->weight_precision) {
        enum jb_code code = jb_precision_parse(row->weight_precision, error, ret);
        return code ? jb_error_prefix(error, "weight_precision") : JB_OK;
    }
    for (size_t i = 0; i < JB_COUNT(named); i++) {
        if (strcasestr(row->model_id, named[i]))
            return jb_precision_parse(named[i], error, ret);
    }
    if (strcasestr(row->model_id, "gpt-oss"))
        *ret = JB_MXFP4;
    return JB_OK;
}

static enum jb_code find_deployment(struct jb_job_maker *maker, const struct jb_row *row,
                                    struct jb_error *error, struct jb_deployment *deployment) {
    uint32_t expert = 1;
    if (!*row->gpu)
        return jb_error_set(error, JB_INPUT, "gpu is empty");
    enum jb_code code = jb_accelerators_find(maker->accelerators, row->gpu, error, &deployment->accelerator);
    if (code)
        return jb_error_prefix(error, "gpu");
    code = read_count("n_gpus", row->n_gpus, 1, error, &deployment->accelerator_count);
    if (!code)
        code = read_count("ep", row->ep, 1, error, &expert);
    if (!code)
        code = read_count("dp", row->dp, 1, error, &deployment->data_parallel);
    if (!code)
        code = read_count("pp", row->pp, 1, error, &deployment->pipeline_parallel);
    if (!code)
        code = read_count("ring", row->ring, 1, error, &deployment->ring_parallel);
    if (!code)
        code = find_precision(row, error, &deployment->weights);
    deployment->is_expert_parallel = expert > 1;
    deployment->is_old_software = strcasecmp(row->dataset, "mlenergy-v2") == 0;
    deployment->memory_share = 1;
    return code;
}

static enum jb_code find_text(const struct jb_row *row, struct jb_error *error, struct jb_job *job) {
    const struct task *task = &tasks[job->task];
    double most = 0;
    enum jb_code code = read_number("avg_output_tokens", row->avg_output_tokens, "", 1, 1e9, NAN, error,
                                    &job->text.output_tokens);
    if (!code)
        code = read_number("max_num_seqs", row->max_num_seqs, row->max_batch, 1, 1e7, 0, error, &most);
    if (!code)
        code = read_number("avg_batch_size", row->avg_batch_size, row->avg_batch, 0, 1e7,
                           most > 0 ? most : NAN, error, &job->text.concurrency);
    if (code)
        return code;
    struct jb_deployment *deployment = &job->deployment;
    const struct jb_shape *shape = &job->model.shape;
    most = fmax(most, job->text.concurrency);
    job->is_vision = task->kind != TEXT;
    job->text.is_concurrency_known = true;
    if (task->unique > 0)
        job->text.repeated_share = 1 - 1 / fmax(1, ceil(OVERFULL * most / task->unique));
    /* Fp8 in blocks of 128 goes through DeepGEMM; models with latent attention are served with kernels of
     * FlashInfer, and those with one expert a token (Llama 4) have fp8 by channel. */
    deployment->passes_all_experts = deployment->weights == JB_FP8 && shape->experts_per_token > 1 &&
                                     !shape->is_latent && deployment->is_expert_parallel;
    /* Hosts with eight B200 served eight models at once, and kept up with neither long answers nor images
     * of any size. */
    bool is_heavy =
        job->task == GPQA || (task->kind == IMAGE_CHAT && most > SHARED && !job->model.image_tokens);
    bool is_shared = !deployment->is_old_software && deployment->accelerator_count == 1 &&
                     strstr(deployment->accelerator->name, "B200") && deployment->weights != JB_MXFP4;
    if (is_heavy && is_shared)
        deployment->host_step_s = NAN; /* as the constants say */
    return JB_OK;
}

static enum jb_code find_picture(const struct jb_row *row, struct jb_error *error, struct jb_job *job) {
    double width = 0, height = 0, frames = 0, steps = 0, batch = 1;
    char sides[2][16] = {"", ""};
    if (*row->resolution && sscanf(row->resolution, "%15[0-9]x%15[0-9]", sides[0], sides[1]) != 2)
        return jb_error_set(error, JB_INPUT, "resolution: '%.40s' is not WIDTHxHEIGHT", row->resolution);
    enum jb_code code = read_number("image_w", row->image_w, sides[0], 1, 65536, 0, error, &width);
    if (!code)
        code = read_number("image_h", row->image_h, sides[1], 1, 65536, 0, error, &height);
    if (!code)
        code = read_number("frames", row->frames, "", 1, 65536, 0, error, &frames);
    if (!code)
        code = read_number("steps", row->steps, "", 1, 10000, 0, error, &steps);
    if (!code)
        code = read_number("avg_batch_size", row->avg_batch_size, row->avg_batch, 1, 65536, 1, error, &batch);
    if (code)
        return code;
    job->picture = (struct jb_picture_work){.width = (uint32_t)width,
                                            .height = (uint32_t)height,
                                            .frames = (uint32_t)frames,
                                            .steps = (uint32_t)steps,
                                            .batch = (uint32_t)fmax(1, round(batch))};
    /* The pipelines of 2024 were run with guidance, whatever the model was made for. */
    if (job->deployment.is_old_software)
        job->picture.passes_per_step = 2;
    return JB_OK;
}

enum jb_code jb_job_make(struct jb_job_maker *maker, const struct jb_row *row, struct jb_error *error,
                         struct jb_job *ret_job) {
    struct jb_job job = {0};
    enum jb_code code = find_task(row->task, error, &job.task);
    if (code)
        return code;
    job.is_picture = tasks[job.task].kind == TO_IMAGE || tasks[job.task].kind == TO_VIDEO;
    code = find_deployment(maker, row, error, &job.deployment);
    if (!code)
        code = find_model(maker, row, error, &job);
    if (!code)
        code = job.is_picture ? find_picture(row, error, &job) : find_text(row, error, &job);
    if (!code)
        *ret_job = job;
    return code;
}

enum jb_code jb_job_estimate(const struct jb_energy_constants *constants, const struct jb_job *job,
                             struct jb_error *error, struct jb_energy *ret_energy) {
    struct jb_deployment deployment = job->deployment;
    if (job->is_picture)
        return jb_energy_of_picture(constants, &job->diffuser, &deployment, &job->picture, error, NULL,
                                    ret_energy);
    struct jb_text_work work = job->text;
    memcpy(&work.input_tokens, (const char *)constants + tasks[job->task].tokens, sizeof work.input_tokens);
    if (tasks[job->task].kind == IMAGE_CHAT)
        work.vision_tokens = job->model.image_tokens ? job->model.image_tokens : constants->image_tokens;
    if (tasks[job->task].kind == VIDEO_CHAT)
        work.vision_tokens = constants->video_tokens * (job->model.has_sound ? 3 : 1);
    if (isnan(deployment.host_step_s))
        deployment.host_step_s = constants->shared_host_s;
    return jb_energy_of_text(constants, &job->model.shape, &deployment, &work, error, NULL, ret_energy);
}
