/* Reads the table of diffusion models, finds one by name, and counts the tokens of a picture. */
#include "estimate/diffuser.h"

#include "estimate/facts.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#define FILE_NAME "models/diffusion.csv"

enum column {
    NAME,
    DENOISER,
    VIDEO,
    PARAMETERS_M,
    PASSED_M,
    TEXT_M,
    LAYERS,
    HIDDEN,
    HEADS,
    TEXT_TOKENS,
    VAE_STRIDE,
    VAE_STRIDE_TIME,
    PATCH,
    PATCH_TIME,
    TRAFFIC,
    SECOND_ATTENTION,
    REFERENCE_TFLOP,
    WIDTH,
    HEIGHT,
    FRAMES,
    STEPS,
    GUIDED,
    SOURCE,
    COLUMN_COUNT,
};
static const char *const columns[COLUMN_COUNT] = {
    "model",  "denoiser",   "video",   "parameters_m",     "passed_m",        "text_m",
    "layers", "hidden",     "heads",   "text_tokens",      "vae_stride",      "vae_stride_time",
    "patch",  "patch_time", "traffic", "second_attention", "reference_tflop", "width",
    "height", "frames",     "steps",   "guided",           "source"};

struct jb_diffusers {
    struct jb_diffuser *items;
    size_t count;
};

void jb_diffusers_free(struct jb_diffusers *diffusers) {
    if (!diffusers)
        return;
    free(diffusers->items);
    free(diffusers);
}

size_t jb_diffusers_count(const struct jb_diffusers *diffusers) {
    return diffusers->count;
}

const struct jb_diffuser *jb_diffusers_item(const struct jb_diffusers *diffusers, size_t index) {
    return index < diffusers->count ? &diffusers->items[index] : NULL;
}

static enum jb_code read_numbers(const struct jb_facts *table, size_t row, struct jb_error *error,
                                 struct jb_diffuser *ret) {
    const struct {
        enum column column;
        double floor, scale;
        double *target;
    } numbers[] = {
        {PARAMETERS_M, 1, 1e6, &ret->parameters},
        {PASSED_M, 0, 1e6, &ret->passed},
        {TEXT_M, 0, 1e6, &ret->text_parameters},
        {TRAFFIC, 0, 1, &ret->traffic},
        {SECOND_ATTENTION, 0, 1, &ret->second_attention},
        {REFERENCE_TFLOP, 0, 1e12, &ret->reference_operations},
    };
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < JB_COUNT(numbers); i++) {
        code =
            jb_facts_number(table, row, numbers[i].column, numbers[i].floor, NAN, error, numbers[i].target);
        if (!code)
            *numbers[i].target *= numbers[i].scale;
    }
    return code;
}

static enum jb_code read_wholes(const struct jb_facts *table, size_t row, struct jb_error *error,
                                struct jb_diffuser *ret) {
    uint32_t is_video = 0, is_guided = 0;
    const struct {
        enum column column;
        uint32_t least, most;
        uint32_t *target;
    } wholes[] = {
        {VIDEO, 0, 1, &is_video},
        {LAYERS, 1, 4096, &ret->layer_count},
        {HIDDEN, 1, 65536, &ret->hidden},
        {HEADS, 1, 1024, &ret->head_count},
        {TEXT_TOKENS, 0, 65536, &ret->text_tokens},
        {VAE_STRIDE, 1, 256, &ret->vae_stride},
        {VAE_STRIDE_TIME, 1, 64, &ret->vae_stride_time},
        {PATCH, 1, 64, &ret->patch},
        {PATCH_TIME, 1, 64, &ret->patch_time},
        {WIDTH, 1, 65536, &ret->default_width},
        {HEIGHT, 1, 65536, &ret->default_height},
        {FRAMES, 1, 65536, &ret->default_frames},
        {STEPS, 1, 10000, &ret->default_steps},
        {GUIDED, 0, 1, &is_guided},
    };
    for (size_t i = 0; i < JB_COUNT(wholes); i++) {
        double number;
        enum jb_code code =
            jb_facts_number(table, row, wholes[i].column, wholes[i].least, NAN, error, &number);
        if (!code && (number > wholes[i].most || number != floor(number)))
            code = jb_facts_fault(table, row, wholes[i].column, "is no whole number in range", error);
        if (code)
            return code;
        *wholes[i].target = (uint32_t)number;
    }
    ret->is_video = is_video == 1;
    ret->is_guided = is_guided == 1;
    return JB_OK;
}

static enum jb_code read_row(const struct jb_facts *table, size_t row, struct jb_error *error,
                             struct jb_diffuser *ret) {
    static const char *const kinds[] = {"transformer", "linear", "unet"};
    const char *kind = jb_facts_text(table, row, DENOISER);
    size_t found = 0;
    while (found < JB_COUNT(kinds) && strcmp(kind, kinds[found]) != 0)
        found++;
    if (found == JB_COUNT(kinds))
        return jb_facts_fault(table, row, DENOISER, "is none of transformer, linear, unet", error);
    ret->denoiser = (enum jb_denoiser)found;
    enum jb_code code = jb_facts_copy(table, row, NAME, sizeof ret->name, error, ret->name);
    if (!code)
        code = read_numbers(table, row, error, ret);
    if (!code)
        code = read_wholes(table, row, error, ret);
    if (!code && ret->denoiser == JB_DENOISER_UNET && !(ret->reference_operations > 0))
        code = jb_facts_fault(table, row, REFERENCE_TFLOP, "must be known of a UNet", error);
    return code;
}

enum jb_code jb_diffusers_read(const char *data_path, struct jb_error *error,
                               struct jb_diffusers **ret_diffusers) {
    _cleanup_(jb_facts_free_cleanup) struct jb_facts *table = NULL;
    enum jb_code code = jb_facts_read(data_path, FILE_NAME, columns, COLUMN_COUNT, error, &table);
    if (code)
        return code;
    _cleanup_(jb_diffusers_free_cleanup) struct jb_diffusers *made = calloc(1, sizeof *made);
    if (made)
        made->items = calloc(jb_facts_count(table) + 1, sizeof *made->items);
    if (!made || !made->items)
        return jb_error_set(error, JB_MEMORY, "no memory for the diffusion models");
    for (; !code && made->count < jb_facts_count(table); made->count++)
        code = read_row(table, made->count, error, &made->items[made->count]);
    if (!code)
        *ret_diffusers = JB_TAKE(made);
    return code;
}

enum jb_code jb_diffusers_find(const struct jb_diffusers *diffusers, const char *name, struct jb_error *error,
                               const struct jb_diffuser **ret_diffuser) {
    static const char suffix[] = "diffusers";
    struct jb_near_names near = {0};
    char plain[JB_NAME_SIZE];
    size_t length = strlen(name);
    if (length >= sizeof plain)
        return jb_error_set(error, JB_USAGE, "'%.60s…': no model has so long a name", name);
    strcpy(plain, name);
    if (length > sizeof suffix && strcasecmp(plain + length - strlen(suffix), suffix) == 0)
        plain[length - sizeof suffix] = '\0';
    for (size_t i = 0; i < diffusers->count; i++) {
        if (jb_near_offer(&near, plain, diffusers->items[i].name) == 0) {
            *ret_diffuser = &diffusers->items[i];
            return JB_OK;
        }
    }
    if (!near.names[0])
        return jb_error_set(error, JB_USAGE, "'%.60s': the table of diffusion models is empty", name);
    return jb_error_set(error, JB_USAGE, "no diffusion model '%.60s'; near: %s%s%s%s%s", name, near.names[0],
                        near.names[1] ? ", " : "", near.names[1] ? near.names[1] : "",
                        near.names[2] ? ", " : "", near.names[2] ? near.names[2] : "");
}

double jb_diffuser_tokens(const struct jb_diffuser *d, uint32_t width, uint32_t height, uint32_t frames) {
    double side = (double)d->vae_stride * d->patch;
    double latents = floor((frames - 1.0) / d->vae_stride_time) + 1;
    return ceil(latents / d->patch_time) * fmax(1, floor(width / side)) * fmax(1, floor(height / side));
}
