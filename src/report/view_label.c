/* Labels as text, JSON or CSV. */
#include "report/view.h"

#include "base/cleanup.h"

enum jb_code jb_view_labels(const struct jb_view *view, const struct jb_label_use *uses, size_t count,
                            struct jb_error *error) {
    static const struct jb_column columns[] = {
        {.key = "pattern", .title = "Pattern", .is_flexible = true},
        {.key = "key", .title = "Key"},
        {.key = "value", .title = "Value", .is_flexible = true},
        {.key = "account_count", .title = "Accounts", .align = JB_RIGHT},
    };
    _cleanup_(jb_table_free_cleanup) struct jb_table *table = jb_table_make(columns, JB_COUNT(columns));
    for (size_t i = 0; table && i < count; i++) {
        jb_table_text(table, uses[i].label->pattern, NULL);
        jb_table_text(table, uses[i].label->key, NULL);
        jb_table_text(table, uses[i].label->value, NULL);
        jb_table_integer(table, (int64_t)uses[i].account_count, NULL);
    }
    enum jb_code code = jb_table_check(table, error);
    if (code)
        return code;
    if (view->form == JB_FORM_CSV) {
        jb_table_write_csv(table, view->out);
    } else if (view->form == JB_FORM_JSON) {
        struct jb_json json = jb_json_make(view->out);
        jb_json_object(&json);
        jb_json_key(&json, "labels");
        jb_table_write_json(table, &json);
        jb_json_end(&json, '}');
        jb_buffer_add_char(view->out, '\n');
    } else if (count) {
        jb_table_write_text(table, &view->layout, view->out);
    } else {
        jb_buffer_add_string(view->out, "No labels are set.\n");
    }
    return JB_OK;
}
