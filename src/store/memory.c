/* A book in memory, for tests and for verbs that need none on disk: exact, simple, gone at the end. */
#include "store/memory_book.h"

#include "base/array.h"
#include "base/clock.h"

#include <assert.h>
#include <string.h>

#define ENTRY_CEILING ((size_t)1 << 30)
#define SMALL_CEILING ((size_t)1 << 24)

static struct jb_memory_book *named_books; /* those that have a name; a process has few */

static void free_book(struct jb_memory_book *book) {
    if (!book)
        return;
    for (size_t i = 0; i < book->host_count; i++)
        free(book->hosts[i].positions);
    for (size_t i = 0; i < book->series_count; i++)
        free(book->series[i].steps);
    jb_strings_free(book->accounts);
    jb_strings_free(book->identities);
    jb_routes_free(&book->routes);
    free(book->entries);
    free(book->batches);
    free(book->hosts);
    free(book->gaps);
    free(book->labels);
    for (size_t i = 0; i < book->document_count; i++)
        free(book->documents[i].bytes);
    free(book->documents);
    free(book->series);
    free(book->locks);
    free(book->name);
    free(book);
}
JB_DEFINE_CLEANUP(struct jb_memory_book, free_book);

static enum jb_code make_book(const char *name, struct jb_error *error, struct jb_memory_book **ret_book) {
    _cleanup_(free_book_cleanup) struct jb_memory_book *book = calloc(1, sizeof *book);
    if (!book || !(book->name = strdup(name)))
        return jb_error_set(error, JB_MEMORY, "no memory for a book");
    book->pruned_ns = INT64_MIN;
    enum jb_code code = jb_strings_make(SMALL_CEILING, error, &book->accounts);
    if (!code)
        code = jb_strings_make(ENTRY_CEILING, error, &book->identities);
    if (!code)
        *ret_book = JB_TAKE(book);
    return code;
}

/* location "": a book of its own. Any other name: handles of one process share it while one is open. */
static enum jb_code memory_open(const char *location, enum jb_store_mode mode, struct jb_error *error,
                                struct jb_store **ret_store) {
    struct jb_memory_book *book = NULL;
    for (book = named_books; book && strcmp(book->name, location) != 0; book = book->next)
        ;
    struct jb_memory_store *store = calloc(1, sizeof *store);
    if (!store)
        return jb_error_set(error, JB_MEMORY, "no memory for a book");
    if (!book || !location[0]) {
        enum jb_code code = make_book(location, error, &book);
        if (code) {
            free(store);
            return code;
        }
        if (location[0]) {
            book->next = named_books;
            named_books = book;
        }
    }
    book->handles++;
    *store = (struct jb_memory_store){.base = {.ops = &jb_store_memory}, .mode = mode, .book = book};
    *ret_store = &store->base;
    return JB_OK;
}

static void memory_close(struct jb_store *store) {
    if (!store)
        return;
    struct jb_memory_book *book = jb_memory_book_of(store);
    for (size_t i = book->lock_count; i-- > 0;) {
        if (book->locks[i].holder == store)
            book->locks[i] = book->locks[--book->lock_count];
    }
    if (--book->handles == 0) {
        for (struct jb_memory_book **link = &named_books; *link; link = &(*link)->next) {
            if (*link == book) {
                *link = book->next;
                break;
            }
        }
        free_book(book);
    }
    free(store);
}

enum jb_code jb_memory_refuse_write(struct jb_store *store, struct jb_error *error) {
    if (((struct jb_memory_store *)store)->mode != JB_STORE_READ)
        return JB_OK;
    return jb_error_set(error, JB_PERMISSION, "the book was opened for reading only");
}

static enum jb_code memory_account_id(struct jb_store *store, const char *path, bool create,
                                      struct jb_error *error, jb_account_id *ret_id) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    uint32_t known = jb_strings_find(book->accounts, path);
    if (known != JB_STRING_NONE) {
        *ret_id = known;
        return JB_OK;
    }
    enum jb_code code = jb_account_validate(path, error);
    if (code)
        return code;
    if (!create || ((struct jb_memory_store *)store)->mode == JB_STORE_READ)
        return jb_error_set(error, JB_NO_DATA, "there is no account '%s' in the book", path);
    return jb_strings_intern(book->accounts, path, error, ret_id);
}

static const char *memory_account_path(struct jb_store *store, jb_account_id id) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    return id < jb_strings_count(book->accounts) ? jb_strings_text(book->accounts, id) : NULL;
}

static size_t memory_account_count(struct jb_store *store) {
    return jb_strings_count(jb_memory_book_of(store)->accounts);
}

static int compare_positions(const void *left, const void *right) {
    return strcmp(((const struct jb_position *)left)->counter, ((const struct jb_position *)right)->counter);
}

/* The host's positions after the batch: malloc'd, ordered by counter; of one counter the last one given. */
static enum jb_code merge_positions(const struct jb_memory_host *host, const struct jb_batch *batch,
                                    struct jb_error *error, struct jb_position **ret_positions,
                                    size_t *ret_count) {
    size_t kept = host && !batch->replace_positions ? host->count : 0, count = 0;
    struct jb_position *merged = calloc(kept + batch->position_count + 1, sizeof *merged);
    if (!merged)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu positions", kept + batch->position_count);
    if (kept)
        memcpy(merged, host->positions, kept * sizeof *merged);
    count = kept;
    for (size_t i = 0; i < batch->position_count; i++) {
        struct jb_position *found =
            bsearch(&batch->positions[i], merged, count, sizeof *merged, compare_positions);
        if (!found) {
            size_t place = count++;
            while (place > 0 && strcmp(merged[place - 1].counter, batch->positions[i].counter) > 0) {
                merged[place] = merged[place - 1];
                place--;
            }
            found = &merged[place];
        }
        *found = batch->positions[i];
    }
    *ret_positions = merged;
    *ret_count = count;
    return JB_OK;
}

static struct jb_memory_host *find_host(struct jb_memory_book *book, const char *name) {
    for (size_t i = 0; i < book->host_count; i++) {
        if (strcmp(book->hosts[i].host, name) == 0)
            return &book->hosts[i];
    }
    return NULL;
}

/* Takes merged over; there is room for one more host. */
static void set_host(struct jb_memory_book *book, const struct jb_batch *batch, struct jb_position *merged,
                     size_t count) {
    struct jb_memory_host *host = find_host(book, batch->host);
    if (!host) {
        host = &book->hosts[book->host_count++];
        *host = (struct jb_memory_host){0};
        memcpy(host->host, batch->host, strlen(batch->host) + 1);
    }
    memset(host->boot_id, 0, sizeof host->boot_id);
    if (batch->boot_id)
        memcpy(host->boot_id, batch->boot_id, strlen(batch->boot_id) + 1);
    free(host->positions);
    host->positions = merged;
    host->count = count;
}

/* Room for all of the batch, so that what follows cannot fail. */
static enum jb_code reserve(struct jb_memory_book *book, const struct jb_batch *batch,
                            struct jb_error *error) {
    enum jb_code code =
        jb_array_reserve(&book->entries, &book->entry_capacity, book->entry_count + batch->flow_count,
                         ENTRY_CEILING, "flows", error);
    if (!code)
        code = jb_array_reserve(&book->batches, &book->batch_capacity, book->batch_count + 1, ENTRY_CEILING,
                                "batches", error);
    if (!code)
        code = jb_array_reserve(&book->hosts, &book->host_capacity, book->host_count + 1, SMALL_CEILING,
                                "hosts", error);
    if (!code)
        code = jb_array_reserve(&book->gaps, &book->gap_capacity, book->gap_count + batch->gap_count,
                                SMALL_CEILING, "gaps", error);
    return code;
}

static enum jb_code append_alone(struct jb_store *store, const struct jb_batch *batch, struct jb_error *error,
                                 bool *ret_new) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    enum jb_code code = jb_memory_refuse_write(store, error);
    if (!code)
        code = jb_batch_check(batch, jb_strings_count(book->accounts), error);
    if (code)
        return code;
    if (jb_strings_find(book->identities, batch->identity) != JB_STRING_NONE) {
        *ret_new = false;
        return JB_OK;
    }
    _cleanup_free_ size_t *order = NULL;
    struct jb_position *merged = NULL;
    size_t merged_count = 0;
    code = jb_batch_order(batch, error, &order);
    if (!code)
        code = reserve(book, batch, error);
    size_t end = book->entry_count;
    for (size_t i = 0; !code && i < batch->flow_count; i++) {
        const struct jb_flow *flow = &batch->flows[order ? order[i] : i];
        struct jb_route route = jb_route_of_flow(flow);
        struct jb_entry *entry = &book->entries[end++];
        *entry = (struct jb_entry){.start_ns = flow->start_ns,
                                   .end_ns = flow->end_ns,
                                   .amount = flow->amount,
                                   .count = 1,
                                   .batch = (uint32_t)book->batch_count};
        code = jb_routes_intern(&book->routes, &route, error, &entry->route);
    }
    if (!code && batch->host)
        code = merge_positions(find_host(book, batch->host), batch, error, &merged, &merged_count);
    uint32_t identity;
    if (!code)
        code = jb_strings_intern(book->identities, batch->identity, error, &identity);
    if (code) {
        free(merged);
        return code;
    }
    assert(identity == book->batch_count);
    book->batches[book->batch_count++] =
        (struct jb_memory_batch){.booked_ns = jb_clock_system.realtime_ns(&jb_clock_system),
                                 .flow_count = batch->flow_count,
                                 .left_count = batch->flow_count};
    book->entry_count = end;
    for (size_t i = 0; i < batch->gap_count; i++)
        book->gaps[book->gap_count++] = batch->gaps[i];
    if (batch->host)
        set_host(book, batch, merged, merged_count);
    *ret_new = true;
    return JB_OK;
}

static enum jb_code find_batch(struct jb_memory_book *book, const char *identity, struct jb_error *error,
                               uint32_t *ret_index) {
    uint32_t index = jb_strings_find(book->identities, identity);
    if (index == JB_STRING_NONE)
        return jb_error_set(error, JB_NO_DATA, "there is no batch '%.255s' in the book", identity);
    *ret_index = index;
    return JB_OK;
}

static enum jb_code check_whole(const struct jb_memory_book *book, uint32_t index, struct jb_error *error) {
    if (book->batches[index].left_count == book->batches[index].flow_count)
        return JB_OK;
    return jb_error_set(error, JB_UNSUPPORTED,
                        "batch '%.255s' cannot be taken back: its flows were rolled up and dropped",
                        jb_strings_text(book->identities, index));
}

static enum jb_code memory_reverse(struct jb_store *store, const char *identity, struct jb_error *error,
                                   bool *ret_new) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    uint32_t index = 0;
    enum jb_code code = jb_memory_refuse_write(store, error);
    if (!code)
        code = find_batch(book, identity, error, &index);
    if (code)
        return code;
    char reversal[JB_IDENTITY_SIZE];
    jb_reversal_identity(identity, reversal);
    const struct jb_memory_batch *info = &book->batches[index];
    if (jb_strings_find(book->identities, reversal) != JB_STRING_NONE) {
        *ret_new = false;
        return JB_OK;
    }
    code = check_whole(book, index, error);
    if (code)
        return code;
    _cleanup_free_ struct jb_flow *flows = calloc(info->flow_count + 1, sizeof *flows);
    if (!flows)
        return jb_error_set(error, JB_MEMORY, "no memory for %llu flows",
                            (unsigned long long)info->flow_count);
    size_t count = 0;
    for (size_t i = 0; i < book->entry_count; i++) {
        const struct jb_entry *entry = &book->entries[i];
        if (entry->batch != index)
            continue;
        const struct jb_route *route = &book->routes.items[entry->route];
        flows[count++] = (struct jb_flow){.start_ns = entry->start_ns,
                                          .end_ns = entry->end_ns,
                                          .from = route->from,
                                          .to = route->to,
                                          .amount = (int64_t)-entry->amount,
                                          .commodity = route->commodity,
                                          .method = (enum jb_method)route->method,
                                          .uncertainty_ppm = route->uncertainty_ppm};
    }
    assert(count == info->flow_count);
    struct jb_batch batch = {.identity = reversal, .flows = flows, .flow_count = count};
    return append_alone(store, &batch, error, ret_new);
}

/* What is replaced is checked first, so that only memory can be wanting then. */
static enum jb_code memory_append(struct jb_store *store, const struct jb_batch *batch,
                                  struct jb_error *error, bool *ret_new) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    bool is_new = false, is_reversal_new;
    enum jb_code code = JB_OK;
    for (size_t i = 0; !code && i < batch->replace_count; i++) {
        uint32_t index = 0;
        code = find_batch(book, batch->replaces[i], error, &index);
        if (!code)
            code = check_whole(book, index, error);
    }
    if (!code)
        code = append_alone(store, batch, error, &is_new);
    for (size_t i = 0; !code && is_new && i < batch->replace_count; i++)
        code = memory_reverse(store, batch->replaces[i], error, &is_reversal_new);
    if (!code)
        *ret_new = is_new;
    return code;
}

static void free_hosts(struct jb_memory_host *hosts, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(hosts[i].positions);
    free(hosts);
}

static enum jb_code copy_hosts(const struct jb_memory_book *book, struct jb_error *error,
                               struct jb_memory_host **ret_hosts) {
    struct jb_memory_host *hosts = calloc(book->host_count + 1, sizeof *hosts);
    bool is_whole = hosts != NULL;
    for (size_t i = 0; is_whole && i < book->host_count; i++) {
        size_t size = book->hosts[i].count * sizeof *hosts[i].positions;
        hosts[i] = book->hosts[i];
        hosts[i].positions = malloc(size + 1);
        is_whole = hosts[i].positions != NULL;
        if (is_whole && size)
            memcpy(hosts[i].positions, book->hosts[i].positions, size);
    }
    if (is_whole) {
        *ret_hosts = hosts;
        return JB_OK;
    }
    if (hosts)
        free_hosts(hosts, book->host_count);
    return jb_error_set(error, JB_MEMORY, "no memory for a transaction");
}

static enum jb_code memory_begin(struct jb_store *base, struct jb_error *error) {
    struct jb_memory_store *store = (struct jb_memory_store *)base;
    struct jb_memory_book *book = store->book;
    struct jb_memory_mark mark = {.entry_count = book->entry_count,
                                  .batch_count = book->batch_count,
                                  .route_count = book->routes.count,
                                  .gap_count = book->gap_count,
                                  .document_count = book->document_count,
                                  .host_count = book->host_count,
                                  .label_count = book->label_count,
                                  .labels = malloc(book->label_count * sizeof *book->labels + 1)};
    assert(!store->is_within);
    enum jb_code code = jb_memory_refuse_write(base, error);
    if (!code && !mark.labels)
        code = jb_error_set(error, JB_MEMORY, "no memory for a transaction");
    if (!code)
        code = copy_hosts(book, error, &mark.hosts);
    if (code) {
        free(mark.labels);
        return code;
    }
    if (mark.label_count)
        memcpy(mark.labels, book->labels, mark.label_count * sizeof *mark.labels);
    store->mark = mark;
    store->is_within = true;
    return JB_OK;
}

/* The names of the first batches in a set of their own: sets of names only grow. */
static enum jb_code names_of_first(const struct jb_memory_book *book, size_t count, struct jb_error *error,
                                   struct jb_strings **ret_names) {
    _cleanup_(jb_strings_free_cleanup) struct jb_strings *names = NULL;
    uint32_t id;
    enum jb_code code = jb_strings_make(ENTRY_CEILING, error, &names);
    for (uint32_t i = 0; !code && i < count; i++)
        code = jb_strings_intern(names, jb_strings_text(book->identities, i), error, &id);
    if (!code)
        *ret_names = JB_TAKE(names);
    return code;
}

static void return_to_mark(struct jb_memory_book *book, struct jb_memory_mark *mark,
                           struct jb_strings *names) {
    jb_strings_free(book->identities);
    book->identities = names;
    book->entry_count = mark->entry_count;
    book->batch_count = mark->batch_count;
    jb_routes_truncate(&book->routes, mark->route_count);
    book->gap_count = mark->gap_count;
    while (book->document_count > mark->document_count)
        free(book->documents[--book->document_count].bytes);
    free_hosts(book->hosts, book->host_count);
    book->hosts = JB_TAKE(mark->hosts);
    book->host_count = mark->host_count;
    book->host_capacity = mark->host_count;
    free(book->labels);
    book->labels = JB_TAKE(mark->labels);
    book->label_count = book->label_capacity = mark->label_count;
}

static enum jb_code memory_end(struct jb_store *base, enum jb_code code, struct jb_error *error) {
    struct jb_memory_store *store = (struct jb_memory_store *)base;
    struct jb_strings *names = NULL;
    assert(store->is_within);
    store->is_within = false;
    if (code && names_of_first(store->book, store->mark.batch_count, error, &names) == JB_OK)
        return_to_mark(store->book, &store->mark, names);
    if (store->mark.hosts)
        free_hosts(store->mark.hosts, store->mark.host_count);
    free(store->mark.labels);
    store->mark = (struct jb_memory_mark){0};
    return code;
}

static enum jb_code memory_batch_info(struct jb_store *store, const char *identity, struct jb_error *error,
                                      struct jb_batch_info *ret_info) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    uint32_t index = 0;
    enum jb_code code = find_batch(book, identity, error, &index);
    if (code)
        return code;
    char reversal[JB_IDENTITY_SIZE];
    jb_reversal_identity(identity, reversal);
    *ret_info =
        (struct jb_batch_info){.booked_ns = book->batches[index].booked_ns,
                               .flow_count = book->batches[index].left_count,
                               .reversed = jb_strings_find(book->identities, reversal) != JB_STRING_NONE};
    memcpy(ret_info->identity, identity, strlen(identity) + 1);
    return JB_OK;
}

static int compare_infos(const void *left, const void *right) {
    return strcmp(((const struct jb_batch_info *)left)->identity,
                  ((const struct jb_batch_info *)right)->identity);
}

static enum jb_code memory_batches(struct jb_store *store, const char *prefix, struct jb_error *error,
                                   struct jb_batch_info **ret_infos, size_t *ret_count) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    _cleanup_free_ struct jb_batch_info *infos = NULL;
    size_t length = strlen(prefix), count = 0, capacity = 0;
    enum jb_code code = JB_OK;
    assert(length > 0 && prefix[length - 1] == ' ');
    for (uint32_t i = 0; !code && i < book->batch_count; i++) {
        const char *identity = jb_strings_text(book->identities, i);
        if (strncmp(identity, prefix, length) != 0)
            continue;
        code = jb_array_reserve(&infos, &capacity, count + 1, ENTRY_CEILING, "batches", error);
        if (!code)
            code = memory_batch_info(store, identity, error, &infos[count++]);
    }
    if (code)
        return code;
    if (count)
        qsort(infos, count, sizeof *infos, compare_infos);
    *ret_infos = JB_TAKE(infos);
    *ret_count = count;
    return JB_OK;
}

static enum jb_code memory_positions(struct jb_store *store, const char *host, struct jb_error *error,
                                     struct jb_position **ret_positions, size_t *ret_count,
                                     char ret_boot_id[static JB_BOOT_SIZE]) {
    const struct jb_memory_host *found = find_host(jb_memory_book_of(store), host);
    if (!found || !found->count)
        return jb_error_set(error, JB_NO_DATA, "the book has no counter positions of host '%.63s'", host);
    struct jb_position *positions = calloc(found->count, sizeof *positions);
    if (!positions)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu positions", found->count);
    memcpy(positions, found->positions, found->count * sizeof *positions);
    memcpy(ret_boot_id, found->boot_id, JB_BOOT_SIZE);
    *ret_positions = positions;
    *ret_count = found->count;
    return JB_OK;
}

static enum jb_code memory_gaps(struct jb_store *store, const struct jb_query *query, struct jb_error *error,
                                struct jb_gap **ret_gaps, size_t *ret_count) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    struct jb_gap *gaps = calloc(book->gap_count + 1, sizeof *gaps);
    if (!gaps)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu gaps", book->gap_count);
    size_t count = 0;
    for (size_t i = 0; i < book->gap_count; i++) {
        const struct jb_gap *gap = &book->gaps[i];
        if (jb_gap_is_seen(gap, jb_strings_text(book->accounts, gap->account), query))
            gaps[count++] = *gap;
    }
    jb_gaps_sort(gaps, count);
    *ret_gaps = gaps;
    *ret_count = count;
    return JB_OK;
}

static enum jb_code memory_label_set(struct jb_store *store, const struct jb_label *label,
                                     struct jb_error *error) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    enum jb_code code = jb_memory_refuse_write(store, error);
    if (!code)
        code = jb_label_check(label, error);
    if (!code)
        code = jb_array_reserve(&book->labels, &book->label_capacity, book->label_count + 1, SMALL_CEILING,
                                "labels", error);
    if (code)
        return code;
    for (size_t i = 0; i < book->label_count; i++) {
        if (strcmp(book->labels[i].pattern, label->pattern) == 0 &&
            strcmp(book->labels[i].key, label->key) == 0) {
            memmove(&book->labels[i], &book->labels[i + 1],
                    (book->label_count - i - 1) * sizeof *book->labels);
            book->label_count--;
            break;
        }
    }
    if (label->value[0])
        book->labels[book->label_count++] = *label;
    return JB_OK;
}

static enum jb_code memory_labels(struct jb_store *store, struct jb_error *error,
                                  struct jb_label **ret_labels, size_t *ret_count) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    struct jb_label *labels = calloc(book->label_count + 1, sizeof *labels);
    if (!labels)
        return jb_error_set(error, JB_MEMORY, "no memory for %zu labels", book->label_count);
    if (book->label_count)
        memcpy(labels, book->labels, book->label_count * sizeof *labels);
    *ret_labels = labels;
    *ret_count = book->label_count;
    return JB_OK;
}

static enum jb_code memory_lock(struct jb_store *store, const char *name, struct jb_error *error) {
    struct jb_memory_book *book = jb_memory_book_of(store);
    for (size_t i = 0; i < book->lock_count; i++) {
        if (strcmp(book->locks[i].name, name) != 0)
            continue;
        if (book->locks[i].holder == store)
            return JB_OK;
        return jb_error_set(error, JB_BUSY, "'%.255s' is held by process %ld already", name, (long)getpid());
    }
    if (name[0] == '\0' || strlen(name) >= sizeof book->locks->name)
        return jb_error_set(error, JB_USAGE, "lock name '%.40s' is not 1 to 255 bytes", name);
    enum jb_code code = jb_array_reserve(&book->locks, &book->lock_capacity, book->lock_count + 1,
                                         SMALL_CEILING, "locks", error);
    if (code)
        return code;
    struct jb_memory_lock *lock = &book->locks[book->lock_count++];
    lock->holder = store;
    memcpy(lock->name, name, strlen(name) + 1);
    return JB_OK;
}

const struct jb_store_ops jb_store_memory = {
    .scheme = "memory",
    .summary = "in memory, gone when the program ends",
    .open = memory_open,
    .close = memory_close,
    .account_id = memory_account_id,
    .account_path = memory_account_path,
    .account_count = memory_account_count,
    .begin = memory_begin,
    .end = memory_end,
    .append = memory_append,
    .reverse = memory_reverse,
    .batch_info = memory_batch_info,
    .batches = memory_batches,
    .flows_open = jb_memory_flows_open,
    .flows_next = jb_memory_flows_next,
    .flows_close = jb_memory_flows_close,
    .sums = jb_memory_sums,
    .slices = jb_memory_slices,
    .positions = memory_positions,
    .gaps = memory_gaps,
    .label_set = memory_label_set,
    .labels = memory_labels,
    .rollup = jb_memory_rollup,
    .series_put = jb_memory_series_put,
    .series_find = jb_memory_series_find,
    .series_list = jb_memory_series_list,
    .series_read = jb_memory_series_read,
    .series_drop = jb_memory_series_drop,
    .document_put = jb_memory_document_put,
    .document_get = jb_memory_document_get,
    .lock = memory_lock,
};
