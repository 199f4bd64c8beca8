/* Finds the model that a name means. */
#include "estimate/resolve.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#define NEAR_EDITS   2   /* more is another name */
#define CONTRADICTED 1.5 /* times that sizes may differ: tables round 2.6 to 2 */

/* Words that say how a model was tuned, packed or dated, not what its shape is. */
static bool is_ending(const char *word, size_t length) {
    static const char *const endings[] = {
        "instruct", "thinking", "think",     "chat",      "it",       "hf",     "base",  "fp8",
        "bf16",     "fp16",     "awq",       "gptq",      "int4",     "int8",   "nvfp4", "mxfp4",
        "w4a16",    "w8a8",     "gguf",      "preview",   "exp",      "latest", "meta",  "sft",
        "dpo",      "dynamic",  "diffusers", "quantized", "reasoning"};
    bool is_date = length >= 4;
    for (size_t i = 0; i < length; i++)
        is_date = is_date && isdigit((unsigned char)word[i]);
    for (size_t i = 0; i < JB_COUNT(endings) && !is_date; i++)
        is_date = strlen(endings[i]) == length && strncasecmp(word, endings[i], length) == 0;
    return is_date;
}

/* What stands behind the '/', in lower case, without endings and signs. */
static void reduce(const char *name, char ret[static JB_NAME_SIZE]) {
    size_t at = 0;
    for (const char *word = jb_name_short(name); *word;) {
        size_t length = strcspn(word, "-_ .:");
        /* A point between digits is part of a number: 2.5 is not 25. */
        while (word[length] == '.' && length && isdigit((unsigned char)word[length - 1]) &&
               isdigit((unsigned char)word[length + 1]))
            length += 1 + strcspn(word + length + 1, "-_ .:");
        if (length && !is_ending(word, length)) {
            for (size_t i = 0; i < length && at + 1 < JB_NAME_SIZE; i++)
                ret[at++] = (char)tolower((unsigned char)word[i]);
        }
        word += length;
        word += *word != '\0';
    }
    ret[at] = '\0';
}

static bool has_same_digits(const char *a, const char *b) {
    for (;; a++, b++) {
        while (*a && !isdigit((unsigned char)*a))
            a++;
        while (*b && !isdigit((unsigned char)*b))
            b++;
        if (*a != *b)
            return false;
        if (!*a)
            return true;
    }
}

/* How well a name of the tables answers a wanted one: 0 not at all … 3 exactly. */
static int likeness(const char *wanted, const char *wanted_reduced, const char *name, bool is_near) {
    char reduced[JB_NAME_SIZE];
    if (strcasecmp(wanted, name) == 0 || strcasecmp(wanted, jb_name_short(name)) == 0)
        return 3;
    if (!*wanted_reduced)
        return 0;
    reduce(name, reduced);
    if (strcmp(wanted_reduced, reduced) == 0)
        return 2;
    return is_near && has_same_digits(wanted_reduced, reduced) &&
           (jb_name_distance(wanted_reduced, reduced) <= NEAR_EDITS ||
            jb_name_distance(jb_name_short(wanted), jb_name_short(name)) <= NEAR_EDITS);
}

static double billions_at(const char *text, const char **ret_end) {
    char *end;
    double number = strtod(text, &end);
    bool is_size = end > text && (*end == 'b' || *end == 'B') && !isalnum((unsigned char)end[1]);
    *ret_end = end + 1;
    return is_size && number > 0 && number < 1e5 ? number : 0;
}

struct jb_model_size jb_model_size_of_name(const char *name) {
    struct jb_model_size size = {0};
    for (const char *at = jb_name_short(name); *at; at++) {
        const char *end;
        bool is_start = at == jb_name_short(name) || !isalnum((unsigned char)at[-1]);
        if (!is_start)
            continue;
        bool is_active = (*at == 'A' || *at == 'a') && isdigit((unsigned char)at[1]);
        if (!is_active && !isdigit((unsigned char)*at))
            continue;
        size_t digits = strspn(at, "0123456789");
        if (digits && digits < 4 && (at[digits] == 'x' || at[digits] == 'X')) {
            /* Attention is shared by all experts, of which two are used, as in Mixtral. */
            double count = strtod(at, NULL), each = billions_at(at + digits + 1, &end);
            size = (struct jb_model_size){0.83 * count * each * 1e9, fmin(count, 1.85) * each * 1e9};
            continue;
        }
        double billions = billions_at(at + is_active, &end);
        if (billions > 0 && is_active)
            size.active = billions * 1e9;
        else if (billions > 0 && !(size.total > 0))
            size.total = billions * 1e9;
    }
    if (!(size.active > 0) || size.active > size.total)
        size.active = size.total;
    return size;
}

static bool is_contradicted(const struct jb_model_size *size, double total) {
    return size->total > 0 && (size->total > CONTRADICTED * total || total > CONTRADICTED * size->total);
}

/* The size that the caller gives, else the one in the name. */
static struct jb_model_size size_of(const char *name, const struct jb_model_size *given) {
    struct jb_model_size size = *given;
    if (!(size.total > 0))
        size = jb_model_size_of_name(name);
    if (!(size.active > 0) || size.active > size.total)
        size.active = size.total;
    return size;
}

enum jb_code jb_resolve_language(const struct jb_catalogue *catalogue, const char *name,
                                 const struct jb_model_size *given, struct jb_error *error,
                                 struct jb_resolved *ret_resolved) {
    char reduced[JB_NAME_SIZE];
    const struct jb_model *best = NULL;
    int best_likeness = 0;
    bool is_long = strlen(name) >= JB_NAME_SIZE;
    reduce(is_long ? "" : name, reduced);
    for (size_t i = 0; i < jb_catalogue_count(catalogue) && best_likeness < 3 && !is_long; i++) {
        const struct jb_model *model = jb_catalogue_item(catalogue, i);
        int like = likeness(name, reduced, model->name, !best);
        if (like > best_likeness) {
            best = model;
            best_likeness = like;
        }
    }
    if (best && !is_contradicted(given, (double)jb_architecture_count(&best->architecture).total)) {
        *ret_resolved = (struct jb_resolved){.shape = jb_shape_of_architecture(&best->architecture),
                                             .image_tokens = best->architecture.image_tokens,
                                             .has_sound = best->architecture.has_sound};
        return JB_OK;
    }
    struct jb_model_size size = size_of(name, given);
    if (size.total > 0) {
        struct jb_resolved resolved = {0};
        enum jb_code code = jb_shape_of_counts(size.total, size.active, error, &resolved.shape);
        if (!code)
            *ret_resolved = resolved;
        return code;
    }
    const struct jb_model *ignored;
    enum jb_code code = jb_catalogue_find(catalogue, name, error, &ignored);
    return code ? code : jb_error_set(error, JB_USAGE, "'%.60s': nothing says how large it is", name);
}

/* A transformer of that many parameters, as most are built. */
static struct jb_diffuser typical(double parameters, bool is_video) {
    double layers = fmax(4, round(28 * pow(parameters / 2e9, 0.25)));
    double width = fmax(64, 64 * round(sqrt(parameters / (18 * layers)) / 64));
    struct jb_diffuser diffuser = {
        .denoiser = JB_DENOISER_TRANSFORMER,
        .is_video = is_video,
        .is_typical = true,
        .parameters = parameters,
        .passed = 12 * layers * width * width,
        .text_parameters = 5e9,
        .layer_count = (uint32_t)layers,
        .hidden = (uint32_t)width,
        .head_count = (uint32_t)fmax(1, round(width / (is_video ? 128 : 72))),
        .text_tokens = 256,
        .vae_stride = 8,
        .vae_stride_time = is_video ? 4 : 1,
        .patch = 2,
        .patch_time = 1,
        .traffic = is_video ? 90 : 60,
        .default_width = is_video ? 832 : 1024,
        .default_height = is_video ? 480 : 1024,
        .default_frames = is_video ? 81 : 1,
        .default_steps = is_video ? 50 : 28,
        .is_guided = true,
    };
    return diffuser;
}

enum jb_code jb_resolve_diffuser(const struct jb_diffusers *diffusers, const char *name, bool is_video,
                                 const struct jb_model_size *given, struct jb_error *error,
                                 struct jb_diffuser *ret_diffuser) {
    char reduced[JB_NAME_SIZE];
    const struct jb_diffuser *best = NULL;
    int best_likeness = 0;
    bool is_long = strlen(name) >= JB_NAME_SIZE;
    reduce(is_long ? "" : name, reduced);
    for (size_t i = 0; i < jb_diffusers_count(diffusers) && best_likeness < 3 && !is_long; i++) {
        const struct jb_diffuser *diffuser = jb_diffusers_item(diffusers, i);
        int like = likeness(name, reduced, diffuser->name, !best);
        if (like > best_likeness) {
            best = diffuser;
            best_likeness = like;
        }
    }
    /* Tables count text encoders in or leave them out: the name says more than the size. */
    if (best) {
        *ret_diffuser = *best;
        return JB_OK;
    }
    struct jb_model_size size = size_of(name, given);
    if (size.total >= 1e6 && size.total <= 1e13) {
        *ret_diffuser = typical(size.total, is_video);
        return JB_OK;
    }
    const struct jb_diffuser *ignored;
    enum jb_code code = jb_diffusers_find(diffusers, name, error, &ignored);
    return code ? code : jb_error_set(error, JB_USAGE, "'%.60s': nothing says how large it is", name);
}
