/* Orders batches so that what the file says about their order holds. */
#include "import/order.h"

#include "base/cleanup.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static int compare_edges(const void *a, const void *b) {
    const struct jb_order_edge *x = a, *y = b;
    if (x->before != y->before)
        return x->before < y->before ? -1 : 1;
    return (x->after > y->after) - (x->after < y->after);
}

/* A binary heap of batch numbers, the smallest on top. */
struct heap {
    uint32_t *items;
    size_t count;
};

static void heap_push(struct heap *heap, uint32_t item) {
    size_t at = heap->count++;
    while (at > 0 && heap->items[(at - 1) / 2] > item) {
        heap->items[at] = heap->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->items[at] = item;
}

static uint32_t heap_pop(struct heap *heap) {
    uint32_t top = heap->items[0], last = heap->items[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && heap->items[child + 1] < heap->items[child])
            child++;
        if (heap->items[child] >= last)
            break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = last;
    return top;
}

enum jb_code jb_order_make(size_t batch_count, struct jb_order_edge *edges, size_t edge_count,
                           struct jb_error *error, uint32_t **ret_order) {
    _cleanup_free_ uint32_t *order = calloc(batch_count + 1, sizeof *order);
    _cleanup_free_ uint32_t *waiting_for = calloc(batch_count + 1, sizeof *waiting_for);
    _cleanup_free_ size_t *edges_of = calloc(batch_count + 1, sizeof *edges_of);
    _cleanup_free_ bool *is_placed = calloc(batch_count + 1, sizeof *is_placed);
    _cleanup_free_ uint32_t *items = calloc(batch_count + 1, sizeof *items);
    if (!order || !waiting_for || !edges_of || !is_placed || !items)
        return jb_error_set(error, JB_MEMORY, "no memory to order %zu batches", batch_count);
    if (edge_count)
        qsort(edges, edge_count, sizeof *edges, compare_edges);
    for (size_t e = 0; e < edge_count; e++) {
        assert(edges[e].before < batch_count && edges[e].after < batch_count);
        waiting_for[edges[e].after]++;
        edges_of[edges[e].before + 1] = e + 1;
    }
    for (size_t b = 0; b < batch_count; b++) {
        if (edges_of[b + 1] < edges_of[b])
            edges_of[b + 1] = edges_of[b];
    }
    struct heap ready = {.items = items};
    size_t placed = 0, next_unplaced = 0;
    for (size_t b = 0; b < batch_count; b++) {
        if (waiting_for[b] == 0)
            heap_push(&ready, (uint32_t)b);
    }
    while (placed < batch_count) {
        while (is_placed[next_unplaced])
            next_unplaced++;
        /* Nothing is ready when edges run in a circle: break it. */
        uint32_t batch = ready.count ? heap_pop(&ready) : (uint32_t)next_unplaced;
        if (is_placed[batch])
            continue;
        is_placed[batch] = true;
        order[placed++] = batch;
        for (size_t e = edges_of[batch]; e < edges_of[batch + 1]; e++) {
            uint32_t after = edges[e].after;
            if (--waiting_for[after] == 0 && !is_placed[after])
                heap_push(&ready, after);
        }
    }
    *ret_order = JB_TAKE(order);
    return JB_OK;
}
