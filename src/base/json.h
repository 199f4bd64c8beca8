/* A streaming JSON writer that keeps track of commas and nesting (reading is jansson's). */
#ifndef JB_BASE_JSON_H
#define JB_BASE_JSON_H

#include "base/buffer.h"
#include "base/decimal.h"

#include <stdbool.h>
#include <stdint.h>

#define JB_JSON_DEPTH 32

struct jb_json {
    struct jb_buffer *out;
    unsigned depth;
    bool has_items[JB_JSON_DEPTH];
    bool after_key;
};

struct jb_json jb_json_make(struct jb_buffer *out);
void jb_json_object(struct jb_json *json);            /* { */
void jb_json_array(struct jb_json *json);             /* [ */
void jb_json_end(struct jb_json *json, char bracket); /* '}' or ']' */
void jb_json_key(struct jb_json *json, const char *key);
void jb_json_string(struct jb_json *json,
                    const char *text); /* NULL writes null; invalid UTF-8 becomes U+FFFD */
void jb_json_integer(struct jb_json *json, int64_t value);  /* |value| must stay below 2^53 */
void jb_json_amount(struct jb_json *json, jb_int128 value); /* a decimal string: "123" */
void jb_json_number(struct jb_json *json, double value); /* shortest form that reads back; not finite: null */
void jb_json_boolean(struct jb_json *json, bool value);
void jb_json_null(struct jb_json *json);

#endif
