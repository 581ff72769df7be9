/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/stop.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int stopped;

static void change(int to)
{
    pthread_mutex_lock(&mutex);
    stopped = to;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

void hx_stop_set(void)
{
    change(1);
}

void hx_stop_clear(void)
{
    change(0);
}

int hx_stop_is_set(void)
{
    int is_set;

    pthread_mutex_lock(&mutex);
    is_set = stopped;
    pthread_mutex_unlock(&mutex);
    return is_set;
}

int hx_stop_error(struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_INTERRUPTED,
                      "stopped, since another download failed");
}

int hx_stop_wait(int64_t ms, struct hx_err *err)
{
    struct timespec until;
    int is_set, r = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&mutex);
    while (!stopped && r == 0)
        r = pthread_cond_clockwait(&changed, &mutex, CLOCK_MONOTONIC, &until);
    is_set = stopped;
    pthread_mutex_unlock(&mutex);
    return is_set ? hx_stop_error(err) : 0;
}
