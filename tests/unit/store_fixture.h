/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A store of its own, and images in it, for the tests of the store. */
#ifndef HX_TESTS_STORE_FIXTURE_H
#define HX_TESTS_STORE_FIXTURE_H

#include <time.h>

#include "image/image.h"
#include "image/store.h"

/* For cmocka's setup and teardown: *state is the store.  There is no `pull`. */
int store_setup(void **state);
int store_teardown(void **state);

/* 64 times one hex digit, and the digest of that; good for four calls. */
const char *store_hex(char c);
const char *store_digest(char c);

/* Writes a file; `name` is its path in the store. */
void store_put(struct hx_store *store, const char *name, const char *text);
/* Whether the store has FOLDER/NAME and what follows. */
int store_has(struct hx_store *store, const char *folder, const char *name,
              const char *suffix);

/* An image of id cccc..., disk dddd..., manifest mmmm... with layer llll...,
 * pulled at second 1000; for this machine, or for `arch`. */
void store_add_image(struct hx_store *store, char id, char disk, char manifest,
                     char layer);
void store_add_image_for(struct hx_store *store, char id, char disk,
                         char manifest, char layer, const char *arch);
/* A name of the image, given at second 2000, with the digest 9999... */
void store_add_ref(struct hx_store *store, const char *name, char id);
/* As if the image had been used then. */
void store_set_used(struct hx_store *store, char id, time_t at_s);

/* hx_image_get() that pulls nothing. */
int store_get(struct hx_store *store, const char *name, struct hx_image *image,
              struct hx_err *err);

#endif
