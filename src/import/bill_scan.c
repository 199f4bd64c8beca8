/* Files of bills: opened, their formats found, their columns mapped, and scanned, those of one format
 * together. */
#include "import/bill_scan.h"

#include "base/clock.h"
#include "base/time.h"
#include "import/bill_json.h"
#include "import/bill_refuse.h"
#include "import/input.h"
#include "types/commodity.h"
#include "types/flow.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SLOT_CEILING (JB_BILL_FIELD_COUNT + JB_BILL_LABEL_CEILING)
static_assert(SLOT_CEILING <= JB_SCAN_SLOT_CEILING, "fields and labels are slots of a scan");

struct slot {
    struct jb_scan_slot base; /* first: its functions get it */
    int64_t zone_ns;
    const char *label; /* key of the tag; NULL: no label */
};

struct jb_bill_slots {
    struct slot items[SLOT_CEILING];
    const struct jb_scan_slot *bases[SLOT_CEILING];
    size_t count;
};

/* One file while it is scanned. */
struct file {
    const char *path, *name;
    struct jb_stream *stream; /* until a source takes it over */
    struct jb_scan_source *source;
    struct jb_bill_json *json;
    struct jb_bill_opening opening;
    uint32_t fields[SLOT_CEILING];
    struct jb_bill_json_cell cells[SLOT_CEILING];
    bool is_by_month, is_repeated, is_watched;
    struct stat status;
};

struct opened {
    struct file *items;
    size_t count;
};

void jb_bill_scans_free(struct jb_bill_scans *scans) {
    if (!scans)
        return;
    for (size_t i = 0; i < scans->count; i++) {
        jb_scan_table_free(scans->items[i].table);
        free(scans->items[i].slots);
        free(scans->items[i].names);
        free(scans->items[i].is_by_month);
    }
    free(scans->items);
    *scans = (struct jb_bill_scans){0};
}

static void close_files(struct opened *opened) {
    for (size_t i = 0; i < opened->count; i++) {
        jb_bill_json_free(opened->items[i].json);
        jb_scan_source_free(opened->items[i].source);
        jb_stream_free(opened->items[i].stream);
    }
    free(opened->items);
}

/* ---- slots ---- */

static enum jb_code make_start(const struct jb_scan_slot *base, const char *text, struct jb_error *error,
                               int64_t *ret_ns) {
    return jb_bill_time_parse(text, ((const struct slot *)base)->zone_ns, error, ret_ns);
}

/* Up to the end of the bucket: the scan rounds down. */
static enum jb_code make_end(const struct jb_scan_slot *base, const char *text, struct jb_error *error,
                             int64_t *ret_ns) {
    int64_t ns;
    enum jb_code code = make_start(base, text, error, &ns);
    if (!code && __builtin_add_overflow(ns, base->bucket_ns - 1, &ns))
        return jb_error_set(error, JB_INPUT, "'%.60s' is out of range", text);
    if (!code)
        *ret_ns = ns;
    return code;
}

static enum jb_code make_month(const struct jb_scan_slot *base, const char *text, struct jb_error *error,
                               struct jb_buffer *ret_text) {
    (void)base;
    return jb_bill_month_parse(text, error, ret_text);
}

static enum jb_code make_machine(const struct jb_scan_slot *base, const char *text, struct jb_error *error,
                                 struct jb_buffer *ret_text) {
    (void)base;
    jb_bill_machine_parse(text, ret_text);
    return jb_buffer_check(ret_text, error);
}

static enum jb_code make_capacity(const struct jb_scan_slot *base, const char *text, struct jb_error *error,
                                  struct jb_buffer *ret_text) {
    (void)base;
    jb_bill_capacity_parse(text, ret_text);
    return jb_buffer_check(ret_text, error);
}

static enum jb_code make_term(const struct jb_scan_slot *base, const char *text, struct jb_error *error,
                              struct jb_buffer *ret_text) {
    jb_bill_term_parse(text, true, ((const struct slot *)base)->zone_ns, ret_text);
    return jb_buffer_check(ret_text, error);
}

static enum jb_code make_term_of(const struct jb_scan_slot *base, const char *text, struct jb_error *error,
                                 struct jb_buffer *ret_text) {
    jb_bill_term_parse(text, false, ((const struct slot *)base)->zone_ns, ret_text);
    return jb_buffer_check(ret_text, error);
}

static enum jb_code make_label(const struct jb_scan_slot *base, const char *text, struct jb_error *error,
                               struct jb_buffer *ret_text) {
    enum jb_code code = jb_bill_tag_parse(text, ((const struct slot *)base)->label, error, ret_text);
    return code ? code : jb_buffer_check(ret_text, error);
}

static struct jb_bill_slots *make_slots(const struct jb_bill_files *files,
                                        const struct jb_bill_format *format) {
    struct jb_bill_slots *slots = calloc(1, sizeof *slots);
    size_t count = slots ? JB_BILL_FIELD_COUNT + files->label_count : 0;
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = &slots->items[i];
        *slot = (struct slot){.base.kind = JB_SCAN_TEXT, .zone_ns = format->zone_ns};
        switch (i) {
        case JB_BILL_START:
        case JB_BILL_END:
            slot->base.kind = JB_SCAN_TIME;
            slot->base.bucket_ns = files->bucket_ns;
            slot->base.is_required = i == JB_BILL_START;
            slot->base.make_time = i == JB_BILL_START ? make_start : make_end;
            break;
        case JB_BILL_PERIOD:
            slot->base.make_text = make_month;
            break;
        case JB_BILL_MACHINE:
        case JB_BILL_MACHINE_2:
            slot->base.make_text = make_machine;
            break;
        case JB_BILL_CAPACITY:
            slot->base.make_text = make_capacity;
            break;
        case JB_BILL_TERM:
            slot->base.make_text = make_term;
            break;
        case JB_BILL_TERM_OF:
            slot->base.make_text = make_term_of;
            break;
        case JB_BILL_QUANTITY:
        case JB_BILL_COST:
        case JB_BILL_CREDITS:
            slot->base.kind = JB_SCAN_DECIMAL;
            slot->base.decimals = JB_BILL_DECIMALS;
            slot->base.may_round = true;
            break;
        default:
            if (i >= JB_BILL_FIELD_COUNT)
                slot->label = files->labels[i - JB_BILL_FIELD_COUNT];
            break;
        }
        slots->bases[slots->count++] = &slot->base;
    }
    return slots;
}

/* What a key can be wrong by: rows end after they start, within what a book takes, in a currency. */
struct check {
    struct jb_scan_check base;
    const char *currency;
};

static enum jb_code check_key(const struct jb_scan_check *base, size_t input, const char *const *texts,
                              const int64_t *times_ns, struct jb_error *error, size_t *ret_slot) {
    const char *currency = texts[JB_BILL_CURRENCY];
    int64_t start_ns = times_ns[JB_BILL_START], end_ns = times_ns[JB_BILL_END];
    (void)input;
    *ret_slot = JB_BILL_START;
    if (start_ns < JB_BOOK_FIRST_NS || start_ns > JB_BOOK_LAST_NS - 32 * JB_DAY_NS)
        return jb_error_set(error, JB_INPUT, "not within the years that a book takes, 1678 to 2261");
    *ret_slot = JB_BILL_END;
    if (end_ns != JB_SCAN_NO_TIME && (end_ns < start_ns || end_ns > JB_BOOK_LAST_NS))
        return jb_error_set(error, JB_INPUT, "ends before it starts; expected a time after it");
    *ret_slot = JB_BILL_CURRENCY;
    jb_commodity commodity;
    if (!*currency)
        currency = ((const struct check *)base)->currency;
    if (jb_commodity_parse(currency, NULL, &commodity) || !jb_commodity_is_money(commodity))
        return jb_error_set(error, JB_INPUT, "'%.20s' is no currency; expected three letters such as EUR%s",
                            currency, *currency ? "" : " (--currency is for bills that have none)");
    return JB_OK;
}

/* ---- files ---- */

static enum jb_code open_path(const char *path, struct jb_error *error, struct stat *ret_status,
                              struct jb_stream **ret_stream) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, ret_status) != 0) {
        int errnum = errno;
        if (descriptor >= 0)
            close(descriptor);
        return jb_error_set_errno(error, errnum, "%s", path);
    }
    if (S_ISDIR(ret_status->st_mode)) {
        close(descriptor);
        return jb_error_set(error, JB_INPUT, "%s: a folder; name the files in it", path);
    }
    return jb_stream_open(descriptor, path, error, ret_stream);
}

static enum jb_code look(const struct jb_bill_files *files, struct jb_stream *stream, struct jb_error *error,
                         struct jb_bill_opening *ret_opening) {
    const char *bytes;
    size_t length;
    enum jb_code code = jb_stream_peek(stream, JB_STREAM_PEEK, error, &bytes, &length);
    if (code)
        return code;
    const struct jb_bill_format *wanted = files->map ? jb_bill_map_format(files->map) : files->format;
    *ret_opening = jb_bill_look(bytes, length, wanted);
    /* Columns that a map names and the table lacks are told of when the table is mapped. */
    if (files->map && !ret_opening->is_empty && !ret_opening->is_utf16) {
        char separator = jb_bill_map_separator(files->map);
        ret_opening->format = wanted;
        ret_opening->separator = separator ? separator : ret_opening->separator;
    }
    return JB_OK;
}

enum jb_code jb_bill_probe(const struct jb_bill_files *files, size_t number, struct jb_error *error,
                           struct jb_bill_opening *ret_opening) {
    _cleanup_(jb_stream_free_cleanup) struct jb_stream *opened = NULL;
    struct jb_stream *stream = files->streams ? files->streams[number] : NULL;
    struct stat status;
    if (jb_input_is_repeated(files->paths, number))
        return JB_NO_DATA;
    if (!stream) {
        enum jb_code code = open_path(files->paths[number], error, &status, &opened);
        if (code)
            return code;
        stream = opened;
    }
    return look(files, stream, error, ret_opening);
}

/* Whether two files hold the same, packed or not. */
static bool is_same_text(const char *left, const char *right) {
    enum { CHUNK = 65536 };
    _cleanup_(jb_stream_free_cleanup) struct jb_stream *a = NULL;
    _cleanup_(jb_stream_free_cleanup) struct jb_stream *b = NULL;
    _cleanup_free_ char *buffer = malloc(2 * CHUNK);
    struct stat status;
    size_t length, other;
    if (!buffer || open_path(left, NULL, &status, &a) || open_path(right, NULL, &status, &b))
        return false;
    for (;;) {
        if (jb_stream_read(a, buffer, CHUNK, NULL, &length) ||
            jb_stream_read(b, buffer + CHUNK, CHUNK, NULL, &other) || length != other ||
            memcmp(buffer, buffer + CHUNK, length) != 0)
            return false;
        if (length == 0)
            return true;
    }
}

/* Length of the name without the ending of what is packed. */
static size_t stem(const char *path) {
    static const char *const endings[] = {".gz", ".zst", ".zstd"};
    size_t length = strlen(path);
    for (size_t i = 0; i < JB_COUNT(endings); i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strcmp(path + length - ending, endings[i]) == 0)
            return length - ending;
    }
    return length;
}

/* The same file, a copy of it, or the same one packed beside it, as a glob over a folder finds them. */
static bool is_same_file(const struct file *a, const struct file *b) {
    if (!S_ISREG(a->status.st_mode) || !S_ISREG(b->status.st_mode))
        return false;
    if (a->status.st_dev == b->status.st_dev && a->status.st_ino == b->status.st_ino)
        return true;
    size_t length = stem(a->path);
    bool is_twin = length == stem(b->path) && strncmp(a->path, b->path, length) == 0;
    return (is_twin || a->status.st_size == b->status.st_size) && is_same_text(a->path, b->path);
}

static enum jb_code open_file(const struct jb_bill_files *files, size_t number, struct file *file,
                              struct jb_error *error) {
    enum jb_code code = JB_OK;
    file->name = strcmp(file->path, "-") == 0 ? "standard input" : file->path;
    if (files->streams && files->streams[number]) {
        file->stream = JB_TAKE(files->streams[number]);
        file->is_watched = true;
    } else {
        code = open_path(file->path, error, &file->status, &file->stream);
    }
    if (!code)
        code = look(files, file->stream, error, &file->opening);
    if (code)
        return code;
    return file->opening.format && !file->opening.is_parquet
               ? JB_OK
               : jb_bill_refuse(files, file->name, &file->opening, error);
}

/* ---- columns ---- */

/* Column of a heading, whatever stands between its letters. */
static uint32_t find_column(const struct jb_scan_source *source, const char *heading) {
    size_t width = jb_scan_source_width(source);
    for (size_t i = 0; i < width; i++) {
        if (jb_bill_heading_is(jb_scan_source_heading(source, i), heading))
            return (uint32_t)i;
    }
    return JB_SCAN_NO_FIELD;
}

static uint32_t find_field(const struct jb_scan_source *source, const struct jb_bill_format *format,
                           enum jb_bill_field field) {
    for (const struct jb_bill_column *column = format->columns; column->heading; column++) {
        uint32_t found = column->field == field ? find_column(source, column->heading) : JB_SCAN_NO_FIELD;
        if (found != JB_SCAN_NO_FIELD)
            return found;
    }
    return JB_SCAN_NO_FIELD;
}

/* Takes the first two headings of one place in their lists that are both there; when no two are, the first of
 * the leading field alone. */
static void find_pair(const struct jb_scan_source *source, const struct jb_bill_format *format,
                      enum jb_bill_field leading, enum jb_bill_field other, uint32_t *fields) {
    fields[other] = JB_SCAN_NO_FIELD;
    for (size_t n = 0;; n++) {
        const char *first = jb_bill_heading_at(format, leading, n),
                   *second = jb_bill_heading_at(format, other, n);
        uint32_t a = first ? find_column(source, first) : JB_SCAN_NO_FIELD,
                 b = second ? find_column(source, second) : JB_SCAN_NO_FIELD;
        if (a != JB_SCAN_NO_FIELD && b != JB_SCAN_NO_FIELD) {
            fields[leading] = a;
            fields[other] = b;
            return;
        }
        if (!first)
            return;
    }
}

/* A column is read once, for the first field that it is taken for. */
static void drop_repeated(uint32_t *fields) {
    static const enum jb_bill_field pairs[][2] = {
        {JB_BILL_SERVICE_3, JB_BILL_SERVICE_2}, {JB_BILL_SERVICE_3, JB_BILL_SERVICE},
        {JB_BILL_SERVICE_2, JB_BILL_SERVICE},   {JB_BILL_ITEM_3, JB_BILL_ITEM_2},
        {JB_BILL_ITEM_3, JB_BILL_ITEM},         {JB_BILL_ITEM_2, JB_BILL_ITEM},
        {JB_BILL_MACHINE_2, JB_BILL_MACHINE},
    };
    for (size_t i = 0; i < JB_COUNT(pairs); i++) {
        if (fields[pairs[i][0]] == fields[pairs[i][1]])
            fields[pairs[i][0]] = JB_SCAN_NO_FIELD;
    }
}

/* A label's own column ("resourceTags/user:team", exactly), else the cell of all tags. *ret_is_own: which. */
static uint32_t find_label(const struct jb_scan_source *source, const struct jb_bill_format *format,
                           const char *key, bool *ret_is_own) {
    char heading[256];
    snprintf(heading, sizeof heading, "%s%s", format->tag_prefix ? format->tag_prefix : "", key);
    uint32_t found = jb_scan_source_find(source, heading);
    *ret_is_own = found != JB_SCAN_NO_FIELD && format->tag_prefix;
    return *ret_is_own ? found : find_field(source, format, JB_BILL_TAGS);
}

/* What a map names has to be there: without, what was used would be unknown, and nobody would know why. */
static bool is_mapped(const struct jb_bill_files *files, enum jb_bill_field field) {
    const struct jb_bill_column *column = files->map ? jb_bill_map_format(files->map)->columns : NULL;
    for (; column && column->heading; column++) {
        if (column->field == field)
            return true;
    }
    return false;
}

static enum jb_code map_table(const struct jb_bill_files *files, struct file *file, struct slot *slots,
                              struct jb_error *error) {
    const struct jb_bill_format *format = file->opening.format;
    enum jb_code code =
        jb_scan_source_make(JB_TAKE(file->stream), file->opening.separator, error, &file->source);
    for (size_t f = 0; !code && f < JB_BILL_FIELD_COUNT; f++) {
        file->fields[f] = find_field(file->source, format, (enum jb_bill_field)f);
        bool is_needed = f == JB_BILL_START || f == JB_BILL_COST || is_mapped(files, (enum jb_bill_field)f);
        if (file->fields[f] == JB_SCAN_NO_FIELD && is_needed)
            return jb_bill_refuse_columns(file->name, format, file->source, (enum jb_bill_field)f, error);
    }
    if (!code)
        drop_repeated(file->fields);
    if (!code && format->is_paired) {
        find_pair(file->source, format, JB_BILL_QUANTITY, JB_BILL_UNIT, file->fields);
        find_pair(file->source, format, JB_BILL_TERM, JB_BILL_TERM_OF, file->fields);
    }
    for (size_t i = 0; !code && i < files->label_count; i++) {
        bool is_own;
        struct slot *slot = &slots[JB_BILL_FIELD_COUNT + i];
        file->fields[JB_BILL_FIELD_COUNT + i] = find_label(file->source, format, files->labels[i], &is_own);
        slot->base.make_text = is_own ? NULL : make_label;
    }
    if (!code)
        file->is_by_month = file->fields[JB_BILL_START] == file->fields[JB_BILL_PERIOD];
    return code;
}

static enum jb_code map_json(const struct jb_bill_files *files, struct file *file, struct slot *slots,
                             struct jb_error *error) {
    const struct jb_bill_format *format = file->opening.format;
    for (size_t f = 0; f < JB_BILL_FIELD_COUNT; f++) {
        for (size_t n = 0; n < JB_BILL_PATH_CEILING; n++)
            file->cells[f].paths[n] = jb_bill_heading_at(format, (enum jb_bill_field)f, n);
    }
    if (format->is_paired)
        file->cells[JB_BILL_QUANTITY].unit = &file->cells[JB_BILL_UNIT];
    for (size_t i = 0; i < files->label_count; i++) {
        file->cells[JB_BILL_FIELD_COUNT + i].paths[0] = "labels";
        slots[JB_BILL_FIELD_COUNT + i].base.make_text = make_label;
    }
    return jb_bill_json_make(file->stream, file->cells, JB_BILL_FIELD_COUNT + files->label_count, error,
                             &file->json);
}

/* ---- scans ---- */

/* Scans together all files of the format of one that is not scanned yet. */
static enum jb_code scan_like(const struct jb_bill_files *files, struct opened *opened, size_t first,
                              struct jb_error *error, struct jb_bill_scan *ret_scan) {
    const struct jb_bill_format *format = opened->items[first].opening.format;
    struct slot own_slots[SLOT_CEILING];
    const char *names[SLOT_CEILING];
    _cleanup_free_ struct jb_bill_slots *slots = make_slots(files, format);
    _cleanup_free_ struct jb_scan_input *inputs = calloc(opened->count, sizeof *inputs);
    _cleanup_free_ const char **input_names = calloc(opened->count, sizeof *input_names);
    _cleanup_free_ bool *is_by_month = calloc(opened->count, sizeof *is_by_month);
    if (!slots || !inputs || !input_names || !is_by_month)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu files", opened->count);
    for (size_t i = 0; i < slots->count; i++)
        names[i] =
            i < JB_BILL_FIELD_COUNT ? jb_bill_field_name((enum jb_bill_field)i) : slots->items[i].label;
    size_t count = 0;
    bool by_input = false;
    enum jb_code code = JB_OK;
    for (size_t i = first; !code && i < opened->count; i++) {
        struct file *file = &opened->items[i];
        if (file->is_repeated || file->opening.format != format)
            continue;
        memcpy(own_slots, slots->items, sizeof own_slots);
        code = file->opening.is_json ? map_json(files, file, own_slots, error)
                                     : map_table(files, file, own_slots, error);
        if (code)
            break;
        if (count == 0)
            memcpy(slots->items, own_slots, sizeof own_slots);
        for (size_t s = JB_BILL_FIELD_COUNT; s < slots->count; s++) {
            if (own_slots[s].base.make_text != slots->items[s].base.make_text)
                return jb_error_set(error, JB_INPUT,
                                    "%s: has tags in other columns than %s; import them one by one",
                                    file->name, opened->items[first].name);
        }
        file->is_repeated = true; /* scanned */
        input_names[count] = file->name;
        is_by_month[count] = file->is_by_month;
        by_input = by_input || is_by_month[count] != is_by_month[0];
        inputs[count++] = (struct jb_scan_input){
            .source = file->source,
            .fields = file->source ? file->fields : NULL,
            .rows = file->json ? jb_bill_json_rows(file->json) : NULL,
            .names = file->json ? names : NULL,
        };
    }
    if (code)
        return code;
    struct check check = {.base = {.slots = 1U << JB_BILL_START | 1U << JB_BILL_END | 1U << JB_BILL_CURRENCY,
                                   .check = check_key},
                          .currency = *format->currency ? format->currency
                                      : files->currency ? files->currency
                                                        : ""};
    struct jb_scan_request request = {.slots = slots->bases,
                                      .slot_count = slots->count,
                                      .inputs = inputs,
                                      .input_count = count,
                                      .by_input = by_input,
                                      .check = &check.base,
                                      .bad_ceiling = files->bad_ceiling,
                                      .thread_count = files->thread_count};
    code = jb_scan_run(&request, error, &ret_scan->table);
    if (code)
        return code;
    ret_scan->format = format;
    ret_scan->slots = JB_TAKE(slots);
    ret_scan->names = JB_TAKE(input_names);
    ret_scan->is_by_month = JB_TAKE(is_by_month);
    ret_scan->input_count = count;
    return JB_OK;
}

/* Their bytes together are the total, unless one of them does not tell. Who opened one watches it. */
static void watch(const struct opened *opened, struct jb_progress *progress) {
    uint64_t total = 0;
    bool is_known = true;
    for (size_t i = 0; i < opened->count; i++) {
        const struct file *file = &opened->items[i];
        uint64_t size = file->is_repeated ? 0 : jb_stream_size(file->stream);
        is_known = is_known && (size || file->is_repeated);
        total += size;
        if (!file->is_repeated && !file->is_watched)
            jb_stream_watch(file->stream, progress, i + 1);
    }
    atomic_store_explicit(&progress->total, is_known ? total : 0, memory_order_relaxed);
}

enum jb_code jb_bill_scan(const struct jb_bill_files *files, struct jb_error *error,
                          struct jb_bill_scans *ret_scans) {
    __attribute__((cleanup(close_files))) struct opened opened = {
        .items = calloc(files->path_count + 1, sizeof *opened.items)};
    __attribute__((cleanup(jb_bill_scans_free))) struct jb_bill_scans scans = {
        .items = calloc(files->path_count + 1, sizeof *scans.items)};
    enum jb_code code = JB_OK;
    if (!opened.items || !scans.items)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu files", files->path_count);
    for (; !code && opened.count < files->path_count; opened.count++) {
        struct file *file = &opened.items[opened.count];
        file->path = files->paths[opened.count];
        file->is_repeated = jb_input_is_repeated(files->paths, opened.count);
        if (file->is_repeated)
            continue;
        code = open_file(files, opened.count, file, error);
        for (size_t i = 0; !code && i < opened.count; i++)
            file->is_repeated = file->is_repeated || is_same_file(&opened.items[i], file);
    }
    if (!code && files->progress)
        watch(&opened, files->progress);
    for (size_t i = 0; !code && i < opened.count; i++) {
        if (opened.items[i].is_repeated)
            continue;
        code = scan_like(files, &opened, i, error, &scans.items[scans.count]);
        scans.count += code == JB_OK;
    }
    if (code)
        return code;
    *ret_scans = scans;
    scans = (struct jb_bill_scans){0};
    return JB_OK;
}
