/* The format `flows`: what its fields mean, and which notation a file is in. */
#include "import/flows.h"

#include "base/csv.h"
#include "base/decimal.h"
#include "base/json.h"
#include "base/text.h"
#include "base/time.h"

#include <string.h>

const char *const jb_flow_field_names[JB_FIELD_COUNT] = {
    [JB_FIELD_START] = "start",
    [JB_FIELD_END] = "end",
    [JB_FIELD_FROM] = "from",
    [JB_FIELD_TO] = "to",
    [JB_FIELD_COMMODITY] = "commodity",
    [JB_FIELD_AMOUNT] = "amount",
    [JB_FIELD_UNIT] = "unit",
    [JB_FIELD_METHOD] = "method",
    [JB_FIELD_UNCERTAINTY] = "uncertainty_ppm",
    [JB_FIELD_BATCH] = "batch",
};

bool jb_flow_field_is_needed(enum jb_flow_field field) {
    return field == JB_FIELD_START || field == JB_FIELD_END || field == JB_FIELD_FROM ||
           field == JB_FIELD_TO || field == JB_FIELD_AMOUNT;
}

/* Units that amounts may be given in, and how many of the commodity's own units one of them is. */
static const struct unit {
    jb_commodity commodity;
    const char *name;
    int64_t size;
} units[] = {
    {JB_ENERGY, "uJ", 1},
    {JB_ENERGY, "mJ", 1000},
    {JB_ENERGY, "J", 1000000},
    {JB_ENERGY, "kJ", 1000000000},
    {JB_ENERGY, "MJ", 1000000000000},
    {JB_ENERGY, "GJ", 1000000000000000},
    {JB_ENERGY, "Wh", 3600000000},
    {JB_ENERGY, "kWh", 3600000000000},
    {JB_ENERGY, "MWh", 3600000000000000},
    {JB_EMBODIED, "ugCO2e", 1},
    {JB_EMBODIED, "mgCO2e", 1000},
    {JB_EMBODIED, "gCO2e", 1000000},
    {JB_EMBODIED, "kgCO2e", 1000000000},
    {JB_EMBODIED, "tCO2e", 1000000000000},
    {JB_WATER, "ul", 1},
    {JB_WATER, "ml", 1000},
    {JB_WATER, "l", 1000000},
    {JB_WATER, "m3", 1000000000},
};

/* 0 when the commodity is not counted in that unit. */
static int64_t unit_size(jb_commodity commodity, const char *name) {
    char own[JB_COMMODITY_SIZE];
    if (strcmp(name, jb_commodity_unit(commodity, own)) == 0)
        return 1;
    if (jb_commodity_is_money(commodity))
        return strcmp(name, jb_commodity_format(commodity, own)) == 0 ? 1000000 : 0;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].commodity == commodity && strcmp(units[i].name, name) == 0)
            return units[i].size;
    }
    return 0;
}

static const char *known_units(jb_commodity commodity) {
    return commodity == JB_ENERGY     ? "uJ, mJ, J, kJ, MJ, GJ, Wh, kWh or MWh"
           : commodity == JB_EMBODIED ? "ugCO2e, mgCO2e, gCO2e, kgCO2e or tCO2e"
           : commodity == JB_WATER    ? "ul, ml, l or m3"
                                      : "the currency, or u and the currency for millionths of it";
}

static const char *text_of(const struct jb_flow_texts *row, enum jb_flow_field field) {
    return row->texts[field] ? row->texts[field] : "";
}

/* The field's name before what its parser said. */
static enum jb_code blame(struct jb_error *error, enum jb_flow_field field) {
    return jb_error_prefix(error, "%s", jb_flow_field_names[field]);
}

static enum jb_code parse_amount(const struct jb_flow_texts *row, struct jb_error *error,
                                 struct jb_flow *flow) {
    const char *amount = text_of(row, JB_FIELD_AMOUNT), *unit = text_of(row, JB_FIELD_UNIT);
    int64_t size = *unit ? unit_size(flow->commodity, unit) : 1;
    char name[JB_COMMODITY_SIZE];
    if (size == 0) {
        jb_error_set(error, JB_INPUT, "'%.40s' is no unit of %s; write %s", unit,
                     jb_commodity_format(flow->commodity, name), known_units(flow->commodity));
        return blame(error, JB_FIELD_UNIT);
    }
    enum jb_code code = size == 1 ? jb_int64_parse(amount, error, &flow->amount)
                                  : jb_decimal_parse(amount, size, error, &flow->amount);
    /* −2^63 has no counterpart that could take it back. */
    if (!code && flow->amount == INT64_MIN)
        code = jb_error_set(error, JB_INPUT, "'%.60s' is out of range", amount);
    return code ? blame(error, JB_FIELD_AMOUNT) : JB_OK;
}

static enum jb_code parse_uncertainty(const char *text, struct jb_error *error, uint32_t *ret) {
    uint64_t value;
    *ret = JB_UNCERTAINTY_UNKNOWN;
    if (!*text)
        return JB_OK;
    enum jb_code code = jb_uint64_parse(text, error, &value);
    if (!code && value >= JB_UNCERTAINTY_UNKNOWN)
        code = jb_error_set(error, JB_INPUT, "'%.60s' is out of range; leave it empty when it is not known",
                            text);
    if (code)
        return blame(error, JB_FIELD_UNCERTAINTY);
    *ret = (uint32_t)value;
    return JB_OK;
}

static enum jb_code check_batch(const char *batch, struct jb_error *error) {
    size_t length = strlen(batch);
    if (length > 255)
        return jb_error_set(error, JB_INPUT, "batch: longer than 255 bytes");
    for (size_t i = 0; i < length;) {
        unsigned char c = (unsigned char)batch[i];
        size_t width = jb_utf8_length(batch + i, length - i);
        if (width == 0 || c < 0x20 || c == 0x7f)
            return jb_error_set(error, JB_INPUT, "batch: '%.60s' has a control character or is not UTF-8",
                                batch);
        i += width;
    }
    return JB_OK;
}

static enum jb_code parse_period(const struct jb_flow_texts *row, struct jb_error *error,
                                 struct jb_flow *flow) {
    if (jb_time_parse(text_of(row, JB_FIELD_START), error, &flow->start_ns))
        return blame(error, JB_FIELD_START);
    if (jb_time_parse(text_of(row, JB_FIELD_END), error, &flow->end_ns))
        return blame(error, JB_FIELD_END);
    if (flow->start_ns >= flow->end_ns)
        return jb_error_set(error, JB_INPUT, "end: '%.60s' is not after the start '%.60s'",
                            text_of(row, JB_FIELD_END), text_of(row, JB_FIELD_START));
    return JB_OK;
}

enum jb_code jb_flow_texts_parse(const struct jb_flow_texts *row, struct jb_error *error,
                                 struct jb_import_record *ret_record) {
    struct jb_import_record record = {
        .from = text_of(row, JB_FIELD_FROM),
        .to = text_of(row, JB_FIELD_TO),
        .batch = text_of(row, JB_FIELD_BATCH),
        .flow = {.from = JB_ACCOUNT_NONE,
                 .to = JB_ACCOUNT_NONE,
                 .commodity = JB_ENERGY,
                 .method = JB_DECLARED},
    };
    for (enum jb_flow_field i = 0; i < JB_FIELD_COUNT; i++) {
        if (jb_flow_field_is_needed(i) && !*text_of(row, i))
            return jb_error_set(error, JB_INPUT, "%s: empty; every flow needs one", jb_flow_field_names[i]);
    }
    enum jb_code code = parse_period(row, error, &record.flow);
    if (code)
        return code;
    if (jb_account_validate(record.from, error))
        return blame(error, JB_FIELD_FROM);
    if (jb_account_validate(record.to, error))
        return blame(error, JB_FIELD_TO);
    if (strcmp(record.from, record.to) == 0)
        return jb_error_set(error, JB_INPUT, "to: '%.120s' is the account that it comes from", record.to);
    if (*text_of(row, JB_FIELD_COMMODITY) &&
        jb_commodity_parse(text_of(row, JB_FIELD_COMMODITY), error, &record.flow.commodity))
        return blame(error, JB_FIELD_COMMODITY);
    if (*text_of(row, JB_FIELD_METHOD) &&
        jb_method_parse(text_of(row, JB_FIELD_METHOD), error, &record.flow.method))
        return blame(error, JB_FIELD_METHOD);
    code = parse_amount(row, error, &record.flow);
    if (!code)
        code = parse_uncertainty(text_of(row, JB_FIELD_UNCERTAINTY), error, &record.flow.uncertainty_ppm);
    if (!code)
        code = check_batch(record.batch, error);
    if (!code)
        *ret_record = record;
    return code;
}

/* Short texts of a record's numbers, in the order of the fields. */
struct written {
    char start[JB_TIME_SIZE], end[JB_TIME_SIZE], commodity[JB_COMMODITY_SIZE], amount[JB_INT128_SIZE],
        unit[JB_COMMODITY_SIZE], uncertainty[16];
    const char *texts[JB_FIELD_COUNT];
};

static void write_fields(const struct jb_import_record *record, struct written *ret) {
    const struct jb_flow *flow = &record->flow;
    ret->uncertainty[0] = '\0';
    if (flow->uncertainty_ppm != JB_UNCERTAINTY_UNKNOWN)
        snprintf(ret->uncertainty, sizeof ret->uncertainty, "%u", flow->uncertainty_ppm);
    ret->texts[JB_FIELD_START] = jb_time_format(flow->start_ns, ret->start);
    ret->texts[JB_FIELD_END] = jb_time_format(flow->end_ns, ret->end);
    ret->texts[JB_FIELD_FROM] = record->from;
    ret->texts[JB_FIELD_TO] = record->to;
    ret->texts[JB_FIELD_COMMODITY] = jb_commodity_format(flow->commodity, ret->commodity);
    ret->texts[JB_FIELD_AMOUNT] = jb_int128_format(flow->amount, ret->amount);
    ret->texts[JB_FIELD_UNIT] = jb_commodity_unit(flow->commodity, ret->unit);
    ret->texts[JB_FIELD_METHOD] = jb_method_name(flow->method);
    ret->texts[JB_FIELD_UNCERTAINTY] = ret->uncertainty;
    ret->texts[JB_FIELD_BATCH] = record->batch;
}

void jb_flows_write_csv_heading(struct jb_buffer *out) {
    for (int i = 0; i < JB_FIELD_COUNT; i++)
        jb_buffer_printf(out, "%s%s", i ? "," : "", jb_flow_field_names[i]);
    jb_buffer_add_char(out, '\n');
}

void jb_flows_write_csv(const struct jb_import_record *record, struct jb_buffer *out) {
    struct written written;
    write_fields(record, &written);
    for (int i = 0; i < JB_FIELD_COUNT; i++) {
        jb_buffer_add_string(out, i ? "," : "");
        jb_csv_add(out, written.texts[i]);
    }
    jb_buffer_add_char(out, '\n');
}

void jb_flows_write_json(const struct jb_import_record *record, struct jb_buffer *out) {
    struct written written;
    struct jb_json json = jb_json_make(out);
    write_fields(record, &written);
    jb_json_object(&json);
    for (int i = 0; i < JB_FIELD_COUNT; i++) {
        jb_json_key(&json, jb_flow_field_names[i]);
        if (i == JB_FIELD_UNCERTAINTY && !*written.uncertainty)
            jb_json_null(&json);
        else if (i == JB_FIELD_UNCERTAINTY)
            jb_json_integer(&json, record->flow.uncertainty_ppm);
        else
            jb_json_string(&json, written.texts[i]);
    }
    jb_json_end(&json, '}');
    jb_buffer_add_char(out, '\n');
}

/* The first byte that is neither a UTF-8 mark nor white space; EOF when there is none. */
static int first_byte(const char *bytes, size_t length) {
    size_t i = length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (i < length && strchr(" \t\r\n", bytes[i]) && bytes[i])
        i++;
    return i < length ? (unsigned char)bytes[i] : EOF;
}

static bool probe(const char *bytes, size_t length) {
    int first = first_byte(bytes, length);
    if (first == '{')
        return memmem(bytes, length, "\"start\"", 7) && memmem(bytes, length, "\"amount\"", 8);
    /* A heading with the fields that every flow needs. */
    const char *end = memchr(bytes, '\n', length);
    size_t line = end ? (size_t)(end - bytes) : length;
    return memmem(bytes, line, "start", 5) && memmem(bytes, line, "amount", 6) &&
           memmem(bytes, line, "from", 4);
}

static enum jb_code parse(FILE *file, const char *name, struct jb_import_sink *sink, struct jb_error *error) {
    char opening[256];
    size_t length = fread(opening, 1, sizeof opening, file);
    if (ferror(file) || fseek(file, 0, SEEK_SET) != 0)
        return jb_error_set(error, JB_IO, "%s: cannot be read", name);
    int first = first_byte(opening, length);
    if (length == 0)
        return jb_error_set(error, JB_NO_DATA, "%s: empty", name);
    return first == '{' || first == '[' ? jb_flows_parse_json(file, name, sink, error)
                                        : jb_flows_parse_csv(file, name, sink, error);
}

const struct jb_import_ops jb_import_flows = {
    .name = "flows",
    .summary = "flows as `export` writes them: CSV or JSON lines",
    .probe = probe,
    .parse = parse,
};
