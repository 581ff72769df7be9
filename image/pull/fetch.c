/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/fetch.h"

#include <pthread.h>
#include <stdlib.h>

#include "image/base/cleanup.h"
#include "image/pull/stop.h"

#define STACK_BYTES ((size_t)512 << 10)

struct pool {
    const struct hx_fetch *fetch;
    pthread_mutex_t mutex;
    size_t next;
    int rc;
    struct hx_err err; /* of the first failure */
};

struct seat {
    struct pool *pool;
    void *worker;
    pthread_t thread;
    int has_thread;
};

/* The next blob, or NULL when there is none or one has failed. */
static const struct hx_descriptor *take_next(struct pool *pool)
{
    const struct hx_descriptor *blob = NULL;

    pthread_mutex_lock(&pool->mutex);
    if (pool->rc == 0 && pool->next < pool->fetch->count)
        blob = &pool->fetch->blobs[pool->next++];
    pthread_mutex_unlock(&pool->mutex);
    return blob;
}

static void note_failure(struct pool *pool, int rc, const struct hx_err *err)
{
    pthread_mutex_lock(&pool->mutex);
    if (pool->rc == 0) {
        pool->rc = rc;
        pool->err = *err;
        hx_stop_set();
    }
    pthread_mutex_unlock(&pool->mutex);
}

static void *work(void *opaque)
{
    const struct seat *seat = opaque;
    const struct hx_descriptor *blob;
    struct hx_err err = { 0 };

    while ((blob = take_next(seat->pool))) {
        int rc = seat->pool->fetch->get(seat->worker, blob, &err);

        if (rc < 0)
            note_failure(seat->pool, rc, &err);
    }
    return NULL;
}

/* As many as there can be: with fewer threads it only takes longer. */
static void start(struct seat *seats, size_t count)
{
    pthread_attr_t attr;

    if (pthread_attr_init(&attr) != 0)
        return;
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    for (size_t i = 1; i < count; i++)
        seats[i].has_thread =
            pthread_create(&seats[i].thread, &attr, work, &seats[i]) == 0;
    pthread_attr_destroy(&attr);
}

int hx_fetch_all(const struct hx_fetch *fetch, struct hx_err *err)
{
    struct pool pool = { .fetch = fetch, .mutex = PTHREAD_MUTEX_INITIALIZER };
    _cleanup_free_ struct seat *seats =
        calloc(fetch->worker_count, sizeof(*seats));

    if (!seats)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "downloading");
    for (size_t i = 0; i < fetch->worker_count; i++)
        seats[i] = (struct seat){ .pool = &pool, .worker = fetch->workers[i] };
    start(seats, fetch->worker_count);
    work(&seats[0]);
    for (size_t i = 1; i < fetch->worker_count; i++) {
        if (seats[i].has_thread)
            pthread_join(seats[i].thread, NULL);
    }
    pthread_mutex_destroy(&pool.mutex);
    hx_stop_clear();
    if (pool.rc < 0 && err)
        *err = pool.err;
    return pool.rc;
}
