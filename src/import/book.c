/* Books what files hold, in two passes over them: the first checks and counts, the second books. */
#include "import/book.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/strings.h"
#include "base/time.h"
#include "import/input.h"
#include "import/order.h"
#include "store/rules.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* Flows with the batch JB_ROLLUP_IDENTITY stand for flows that were pruned. Those of one start become a batch
 * that is named after what is in it; until all of them are read it is known by this, which no batch may open
 * with, the number of the file and the start. */
#define ROLLUP_START  "\001"
#define BATCH_CEILING ((size_t)1 << 26)
#define FLOW_CEILING  ((size_t)1 << 26) /* flows of one batch */
#define EDGE_CEILING  ((size_t)1 << 28)

/* Several flows as one number, whatever their order; the second is that of the flows taken back. */
struct digest {
    uint64_t count, sum, sum_reversed;
};

struct batch {
    struct digest digest;   /* in the file that it belongs to */
    struct digest repeated; /* in the file being read, when that is another one */
    size_t input;           /* the file that it belongs to: the first that names it */
    uint64_t line;          /* of its first negative amount; 0 none */
    bool is_in_book;        /* nothing to do */
    char *name;             /* its identity when that is not what it is known by; else NULL */
    uint32_t base;          /* a reversal: the batch it takes back when the files have it; else STRING_NONE */
    struct digest base_digest; /* a reversal: of what it takes back when only the book has it */
    uint64_t seen;             /* second pass: flows met so far */
    struct jb_flow *flows;     /* second pass: until it is booked */
    size_t flow_capacity;
};

struct importer {
    struct jb_import_sink sink; /* first: records come in through it */
    struct jb_ledger *ledger;
    const struct jb_import_request *request;
    struct jb_inputs inputs;
    size_t input; /* being read */
    struct jb_strings *identities;
    struct batch *batches; /* by id of the identity */
    size_t batch_capacity;
    struct jb_order_edge *edges;
    size_t edge_count, edge_capacity;
    uint32_t last_batch; /* of the record before, for the edges */
    int64_t last_start_ns;
    uint32_t *order;
    size_t next; /* in order: to be booked next */
    struct jb_import_result result;
};

static void batch_free(struct batch *batch) {
    free(batch->flows);
    free(batch->name);
}

static void importer_free(struct importer *importer) {
    jb_ledger_close(importer->ledger);
    size_t count = importer->identities ? jb_strings_count(importer->identities) : 0;
    for (size_t b = 0; importer->batches && b < count && b < importer->batch_capacity; b++)
        batch_free(&importer->batches[b]);
    free(importer->batches);
    free(importer->edges);
    free(importer->order);
    jb_strings_free(importer->identities);
    jb_inputs_free(&importer->inputs);
}

static void digest_add(struct digest *digest, const struct jb_flow *flow, const char *from, const char *to) {
    uint64_t hash = jb_hash_bytes(from, strlen(from));
    hash = jb_hash_uint64(hash ^ jb_hash_bytes(to, strlen(to)) * 3);
    hash = jb_hash_uint64(hash ^ (uint64_t)flow->start_ns);
    hash = jb_hash_uint64(hash ^ (uint64_t)flow->end_ns);
    hash = jb_hash_uint64(hash ^ ((uint64_t)flow->commodity << 32 | flow->uncertainty_ppm));
    hash = jb_hash_uint64(hash ^ (uint64_t)flow->method);
    digest->count++;
    digest->sum += jb_hash_uint64(hash ^ (uint64_t)flow->amount);
    digest->sum_reversed += jb_hash_uint64(hash ^ -(uint64_t)flow->amount);
}

static bool digest_equal(const struct digest *a, const struct digest *b) {
    return a->count == b->count && a->sum == b->sum;
}

static bool digest_takes_back(const struct digest *reversal, const struct digest *base) {
    return reversal->count == base->count && reversal->sum == base->sum_reversed;
}

/* By what the batch of a record is known here. scratch: holds it when it has to be made. */
static const char *key_of(const struct importer *importer, const struct jb_import_record *record,
                          char scratch[static 64]) {
    if (strcmp(record->batch, JB_ROLLUP_IDENTITY) == 0) {
        snprintf(scratch, 64, ROLLUP_START "%zu %" PRId64, importer->input, record->flow.start_ns);
        return scratch;
    }
    return *record->batch ? record->batch : importer->inputs.items[importer->input].identity;
}

static const char *name_of(const struct importer *importer, uint32_t id) {
    const char *name = importer->batches[id].name;
    return name ? name : jb_strings_text(importer->identities, id);
}

/* ---- first pass: check and count ---- */

static enum jb_code scan_record(struct jb_import_sink *sink, const struct jb_import_record *record,
                                struct jb_error *error) {
    struct importer *importer = (struct importer *)sink;
    uint32_t id;
    char scratch[64];
    size_t known = jb_strings_count(importer->identities);
    enum jb_code code =
        jb_strings_intern(importer->identities, key_of(importer, record, scratch), error, &id);
    if (!code)
        code = jb_array_reserve(&importer->batches, &importer->batch_capacity, (size_t)id + 1, BATCH_CEILING,
                                "batches in one import", error);
    if (code)
        return code;
    struct batch *batch = &importer->batches[id];
    if (id >= known)
        *batch = (struct batch){.input = importer->input, .base = JB_STRING_NONE};
    if (batch->input != importer->input) {
        digest_add(&batch->repeated, &record->flow, record->from, record->to);
        return JB_OK;
    }
    digest_add(&batch->digest, &record->flow, record->from, record->to);
    jb_progress_add(importer->request->progress, 1);
    if (record->flow.amount < 0 && !batch->line)
        batch->line = record->line;
    struct jb_import_result *result = &importer->result;
    if (result->flow_count == 0 || record->flow.start_ns < result->first_ns)
        result->first_ns = record->flow.start_ns;
    if (result->flow_count == 0 || record->flow.end_ns > result->last_ns)
        result->last_ns = record->flow.end_ns;
    result->flow_count++;
    /* Flows that start together are read back in the order of booking: keep that of the file. */
    if (importer->last_batch != JB_STRING_NONE && importer->last_batch != id &&
        importer->last_start_ns == record->flow.start_ns) {
        code = jb_array_reserve(&importer->edges, &importer->edge_capacity, importer->edge_count + 1,
                                EDGE_CEILING, "changes between batches", error);
        if (code)
            return code;
        importer->edges[importer->edge_count++] =
            (struct jb_order_edge){.before = importer->last_batch, .after = id};
    }
    importer->last_batch = id;
    importer->last_start_ns = record->flow.start_ns;
    return JB_OK;
}

/* A batch that several files name must be the same in all of them: it is then taken once. */
static enum jb_code check_repeated(struct importer *importer, struct jb_error *error) {
    for (uint32_t b = 0; b < jb_strings_count(importer->identities); b++) {
        struct batch *batch = &importer->batches[b];
        if (batch->repeated.count && !digest_equal(&batch->repeated, &batch->digest))
            return jb_error_set(error, JB_INPUT,
                                "batch '%.120s' has %" PRIu64 " flows in %s and %" PRIu64
                                " others in %s; put all of its flows into one file",
                                jb_strings_text(importer->identities, b), batch->digest.count,
                                importer->inputs.items[batch->input].name, batch->repeated.count,
                                importer->inputs.items[importer->input].name);
        batch->repeated = (struct digest){0};
    }
    return JB_OK;
}

static enum jb_code read_inputs(struct importer *importer, struct jb_error *error) {
    enum jb_code code = JB_OK;
    for (importer->input = 0; !code && importer->input < importer->inputs.count; importer->input++) {
        struct jb_input *input = &importer->inputs.items[importer->input];
        _cleanup_fclose_ FILE *file = NULL;
        if (!input->format)
            continue;
        importer->last_batch = JB_STRING_NONE;
        code = jb_input_open(input, error, &file);
        if (!code)
            code = input->format->parse(file, input->name, &importer->sink, error);
        if (code == JB_NO_DATA)
            code = JB_OK;
        if (!code)
            code = check_repeated(importer, error);
    }
    return code;
}

/* ---- between the passes: against the book ---- */

static bool is_reversal(const char *identity) {
    return strncmp(identity, JB_REVERSAL_START, strlen(JB_REVERSAL_START)) == 0;
}

/* Digests what the book has of the batches that are wanted; roll-ups are wanted by their start. */
static enum jb_code digest_book(struct importer *importer, struct jb_strings *wanted, struct digest *digests,
                                struct jb_error *error) {
    struct jb_store *store = jb_ledger_store(importer->ledger);
    struct jb_flow_cursor *cursor;
    struct jb_query all = JB_QUERY_ALL;
    struct jb_flow flow;
    const char *identity;
    enum jb_code code = store->ops->flows_open(store, &all, error, &cursor);
    if (code)
        return code;
    while ((code = store->ops->flows_next(cursor, error, &flow, &identity)) == JB_OK) {
        char start[24];
        bool is_rollup = strcmp(identity, JB_ROLLUP_IDENTITY) == 0;
        snprintf(start, sizeof start, ROLLUP_START "%" PRId64, flow.start_ns);
        uint32_t id = jb_strings_find(wanted, is_rollup ? start : identity);
        if (id != JB_STRING_NONE)
            digest_add(&digests[id], &flow, jb_ledger_path(importer->ledger, flow.from),
                       jb_ledger_path(importer->ledger, flow.to));
    }
    store->ops->flows_close(cursor);
    return code == JB_NO_DATA ? JB_OK : code;
}

/* Names batches of roll-ups after what is in them. Their starts go to wanted. */
static enum jb_code name_rollups(struct importer *importer, struct jb_strings *wanted,
                                 struct jb_error *error) {
    size_t count = jb_strings_count(importer->identities);
    _cleanup_(jb_strings_free_cleanup) struct jb_strings *names = NULL;
    enum jb_code code = jb_strings_make(BATCH_CEILING, error, &names);
    for (uint32_t b = 0; !code && b < count; b++) {
        const char *key = jb_strings_text(importer->identities, b);
        char start[JB_TIME_SIZE], wanted_start[24];
        uint32_t id;
        size_t known = jb_strings_count(names);
        if (strncmp(key, ROLLUP_START, strlen(ROLLUP_START)) != 0)
            continue;
        int64_t start_ns = strtoll(strchr(key, ' ') + 1, NULL, 10);
        struct batch *batch = &importer->batches[b];
        if (asprintf(&batch->name, "%s %s %016" PRIx64, JB_ROLLUP_IDENTITY, jb_time_format(start_ns, start),
                     batch->digest.sum) < 0) {
            batch->name = NULL;
            return jb_error_set(error, JB_MEMORY, "no memory for a batch's name");
        }
        code = jb_strings_intern(names, batch->name, error, &id);
        if (!code && id < known)
            batch->is_in_book = true; /* another file has the very same */
        snprintf(wanted_start, sizeof wanted_start, ROLLUP_START "%" PRId64, start_ns);
        if (!code)
            code = jb_strings_intern(wanted, wanted_start, error, &id);
    }
    return code;
}

/* Roll-ups of the book itself that come back to it are in it already. */
static enum jb_code compare_rollups(struct importer *importer, struct jb_error *error) {
    _cleanup_(jb_strings_free_cleanup) struct jb_strings *wanted = NULL;
    _cleanup_free_ struct digest *digests = NULL;
    enum jb_code code = jb_strings_make(BATCH_CEILING, error, &wanted);
    if (!code)
        code = name_rollups(importer, wanted, error);
    if (code || jb_strings_count(wanted) == 0 || !importer->ledger)
        return code;
    digests = calloc(jb_strings_count(wanted), sizeof *digests);
    if (!digests)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu roll-ups", jb_strings_count(wanted));
    code = digest_book(importer, wanted, digests, error);
    for (uint32_t b = 0; !code && b < jb_strings_count(importer->identities); b++) {
        const char *key = jb_strings_text(importer->identities, b);
        char start[24];
        if (strncmp(key, ROLLUP_START, strlen(ROLLUP_START)) != 0)
            continue;
        snprintf(start, sizeof start, ROLLUP_START "%s", strchr(key, ' ') + 1);
        if (digest_equal(&importer->batches[b].digest, &digests[jb_strings_find(wanted, start)]))
            importer->batches[b].is_in_book = true;
    }
    return code;
}

static enum jb_code compare_with_book(struct importer *importer, struct jb_error *error) {
    struct jb_store *store = importer->ledger ? jb_ledger_store(importer->ledger) : NULL;
    for (uint32_t b = 0; b < jb_strings_count(importer->identities); b++) {
        struct batch *batch = &importer->batches[b];
        const char *identity = name_of(importer, b);
        struct jb_batch_info info = {0};
        enum jb_code code = store ? store->ops->batch_info(store, identity, error, &info) : JB_NO_DATA;
        importer->result.batch_count++;
        if (batch->is_in_book)
            continue;
        if (code == JB_NO_DATA) {
            importer->result.new_batch_count++;
            importer->result.new_flow_count += batch->digest.count;
            continue;
        }
        if (code)
            return code;
        batch->is_in_book = true;
        /* 0: its flows were rolled up; what they were cannot be compared any more. */
        if (info.flow_count && batch->digest.count > info.flow_count)
            return jb_error_set(
                error, JB_INPUT,
                "batch '%.120s' has %" PRIu64 " flows in %s, but the book has it with %" PRIu64
                "; give the other flows a batch of their own",
                identity, batch->digest.count, importer->inputs.items[batch->input].name, info.flow_count);
        if (batch->digest.count < info.flow_count)
            importer->result.rest_flow_count += batch->digest.count;
    }
    return JB_OK;
}

/* Reversals of batches in the files find these, however long their names are; an edge then keeps the order.
 */
static enum jb_code find_bases_in_files(struct importer *importer, struct jb_error *error) {
    size_t count = jb_strings_count(importer->identities);
    for (uint32_t b = 0; b < count; b++) {
        char reversal[JB_IDENTITY_SIZE];
        jb_reversal_identity(name_of(importer, b), reversal);
        uint32_t id = jb_strings_find(importer->identities, reversal);
        if (id == JB_STRING_NONE || importer->batches[id].is_in_book)
            continue;
        importer->batches[id].base = b;
        enum jb_code code =
            jb_array_reserve(&importer->edges, &importer->edge_capacity, importer->edge_count + 1,
                             EDGE_CEILING, "changes between batches", error);
        if (code)
            return code;
        importer->edges[importer->edge_count++] = (struct jb_order_edge){.before = b, .after = id};
    }
    return JB_OK;
}

/* Whether what a batch takes back has to be looked for in the book. */
static bool is_base_in_book(const struct importer *importer, uint32_t id) {
    const struct batch *batch = &importer->batches[id];
    return !batch->is_in_book && batch->base == JB_STRING_NONE && is_reversal(name_of(importer, id));
}

/* Finds what each new reversal takes back: in the files, else in the book. */
static enum jb_code find_bases(struct importer *importer, struct jb_error *error) {
    _cleanup_(jb_strings_free_cleanup) struct jb_strings *wanted = NULL;
    _cleanup_free_ struct digest *digests = NULL;
    size_t count = jb_strings_count(importer->identities);
    uint32_t id;
    enum jb_code code = find_bases_in_files(importer, error);
    if (!code)
        code = jb_strings_make(BATCH_CEILING, error, &wanted);
    for (uint32_t b = 0; !code && b < count; b++) {
        if (is_base_in_book(importer, b))
            code = jb_strings_intern(wanted, name_of(importer, b) + strlen(JB_REVERSAL_START), error, &id);
    }
    if (code || jb_strings_count(wanted) == 0)
        return code;
    digests = calloc(jb_strings_count(wanted), sizeof *digests);
    if (!digests)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu batches", jb_strings_count(wanted));
    if (importer->ledger)
        code = digest_book(importer, wanted, digests, error);
    for (uint32_t b = 0; !code && b < count; b++) {
        if (is_base_in_book(importer, b))
            importer->batches[b].base_digest =
                digests[jb_strings_find(wanted, name_of(importer, b) + strlen(JB_REVERSAL_START))];
    }
    return code;
}

static enum jb_code check_signs(struct importer *importer, struct jb_error *error) {
    for (uint32_t b = 0; b < jb_strings_count(importer->identities); b++) {
        struct batch *batch = &importer->batches[b];
        const char *identity = name_of(importer, b);
        const char *name = importer->inputs.items[batch->input].name;
        if (batch->is_in_book)
            continue;
        if (!is_reversal(identity)) {
            if (batch->line)
                return jb_error_set(error, JB_INPUT,
                                    "%s, line %" PRIu64 ", amount: negative; only a batch '%s…' takes back",
                                    name, batch->line, JB_REVERSAL_START);
            continue;
        }
        const char *base = identity + strlen(JB_REVERSAL_START);
        const struct digest *digest =
            batch->base != JB_STRING_NONE ? &importer->batches[batch->base].digest : &batch->base_digest;
        if (digest->count == 0)
            return jb_error_set(error, JB_INPUT,
                                "%s: batch '%.120s' takes back a batch that is neither in the files nor in "
                                "the book; import '%.120s' first",
                                name, identity, base);
        if (!digest_takes_back(&batch->digest, digest))
            return jb_error_set(error, JB_INPUT,
                                "%s: batch '%.120s' does not take back exactly what '%.120s' booked", name,
                                identity, base);
    }
    return JB_OK;
}

/* ---- second pass: book ---- */

static enum jb_code book_batch(struct importer *importer, uint32_t id, struct jb_error *error) {
    struct batch *batch = &importer->batches[id];
    const char *identity = name_of(importer, id);
    bool is_new;
    enum jb_code code;
    if (is_reversal(identity))
        code = jb_ledger_reverse(importer->ledger,
                                 batch->base == JB_STRING_NONE ? identity + strlen(JB_REVERSAL_START)
                                                               : name_of(importer, batch->base),
                                 error, &is_new);
    else
        code = jb_ledger_append(importer->ledger,
                                &(struct jb_batch){.identity = identity,
                                                   .flows = batch->flows,
                                                   .flow_count = batch->digest.count,
                                                   .progress = importer->request->progress},
                                error, &is_new);
    free(batch->flows);
    batch->flows = NULL;
    return code;
}

/* Books every batch that is complete and whose turn it is. */
static enum jb_code book_ready(struct importer *importer, struct jb_error *error) {
    size_t count = jb_strings_count(importer->identities);
    for (; importer->next < count; importer->next++) {
        uint32_t id = importer->order[importer->next];
        struct batch *batch = &importer->batches[id];
        if (batch->is_in_book)
            continue;
        if (batch->seen < batch->digest.count)
            return JB_OK;
        enum jb_code code = book_batch(importer, id, error);
        if (code)
            return code;
    }
    return JB_OK;
}

static enum jb_code book_record(struct jb_import_sink *sink, const struct jb_import_record *record,
                                struct jb_error *error) {
    struct importer *importer = (struct importer *)sink;
    char scratch[64];
    uint32_t id = jb_strings_find(importer->identities, key_of(importer, record, scratch));
    struct batch *batch = id == JB_STRING_NONE ? NULL : &importer->batches[id];
    if (batch && batch->input != importer->input)
        return JB_OK;
    if (!batch || batch->seen >= batch->digest.count)
        return jb_error_set(error, JB_INPUT, "%s, line %" PRIu64 ": the file changed while it was read",
                            importer->inputs.items[importer->input].name, record->line);
    if (batch->is_in_book)
        return JB_OK;
    const char *identity = name_of(importer, id);
    if (!is_reversal(identity)) {
        struct jb_flow flow = record->flow;
        enum jb_code code = jb_ledger_account(importer->ledger, record->from, error, &flow.from);
        if (!code)
            code = jb_ledger_account(importer->ledger, record->to, error, &flow.to);
        if (!code)
            code = jb_array_reserve(&batch->flows, &batch->flow_capacity, batch->seen + 1, FLOW_CEILING,
                                    "flows in one batch", error);
        if (code)
            return code;
        batch->flows[batch->seen] = flow;
    }
    if (++batch->seen < batch->digest.count)
        return JB_OK;
    return book_ready(importer, error);
}

/* Everything that can be wrong with the files, alone and against the book. */
static enum jb_code check_inputs(struct importer *importer, struct jb_error *error) {
    const struct jb_import_request *request = importer->request;
    enum jb_code code = jb_strings_make(BATCH_CEILING, error, &importer->identities);
    if (!code)
        code = jb_inputs_open(request->format, request->paths, request->path_count, request->files,
                              request->progress, error, &importer->inputs);
    jb_progress_begin(request->progress, "checking", "flows", 0);
    importer->sink.record = scan_record;
    if (!code)
        code = read_inputs(importer, error);
    if (code)
        return code;
    code = jb_ledger_open(request->book, request->is_dry_run ? JB_STORE_READ : JB_STORE_WRITE, error,
                          &importer->ledger);
    if (code && code != JB_NO_DATA) /* no book yet: like an empty one */
        return code;
    code = compare_rollups(importer, error);
    if (!code)
        code = compare_with_book(importer, error);
    if (!code)
        code = find_bases(importer, error);
    return code ? code : check_signs(importer, error);
}

static enum jb_code book_inputs(struct importer *importer, struct jb_error *error) {
    size_t batch_count = jb_strings_count(importer->identities);
    enum jb_code code = JB_OK;
    if (!importer->ledger)
        code = jb_ledger_open(importer->request->book, JB_STORE_CREATE, error, &importer->ledger);
    if (!code)
        code = jb_order_make(batch_count, importer->edges, importer->edge_count, error, &importer->order);
    if (code)
        return code;
    jb_progress_begin(importer->request->progress, "booking", "flows", importer->result.new_flow_count);
    jb_ledger_hold(importer->ledger);
    importer->sink.record = book_record;
    code = read_inputs(importer, error);
    if (!code)
        code = book_ready(importer, error); /* what stands behind the last new batch is in the book already */
    if (!code && importer->next < batch_count)
        code = jb_error_set(error, JB_INPUT, "a file changed while it was read; import it again");
    return jb_ledger_release(importer->ledger, code, error);
}

enum jb_code jb_import_book(const struct jb_import_request *request, struct jb_error *error,
                            struct jb_import_result *ret_result) {
    struct importer importer = {.request = request};
    enum jb_code code = check_inputs(&importer, error);
    if (!code && !request->is_dry_run && importer.result.new_batch_count)
        code = book_inputs(&importer, error);
    if (!code)
        *ret_result = importer.result;
    importer_free(&importer);
    return code;
}
