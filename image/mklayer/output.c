/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/mklayer/output.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define PACKED_BYTES 65536
#define GZIP         (MAX_WBITS + 16) /* zlib's way to say so */
#define MEMORY_LEVEL 8                /* zlib's default */

struct hx_output_state {
    EVP_MD_CTX *hash; /* of the tar */
    z_stream gzip;
    int fd;
    int failed; /* an errno, or 0 */
    unsigned char packed[PACKED_BYTES];
    off_t at; /* in the file */
};

static int write_packed(struct hx_output_state *state, size_t len)
{
    const unsigned char *from = state->packed;

    while (len) {
        ssize_t n = pwrite(state->fd, from, len, state->at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        from += n;
        state->at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* All of the input; with Z_FINISH the end of the stream, too. */
static int pack(struct hx_output_state *state, const void *data, size_t len,
                int flush)
{
    z_stream *gzip = &state->gzip;

    gzip->next_in = (unsigned char *)data;
    gzip->avail_in = (uInt)len;
    do {
        gzip->next_out = state->packed;
        gzip->avail_out = sizeof(state->packed);
        deflate(gzip, flush);
        if (write_packed(state, sizeof(state->packed) - gzip->avail_out) < 0)
            return -1;
    } while (gzip->avail_out == 0);
    return 0;
}

static la_ssize_t take(struct archive *tar, void *opaque, const void *data,
                       size_t len)
{
    struct hx_output_state *state = opaque;
    size_t part = len < 1u << 30 ? len : 1u << 30;

    if (EVP_DigestUpdate(state->hash, data, part) == 1 &&
        pack(state, data, part, Z_NO_FLUSH) == 0)
        return (la_ssize_t)part;
    state->failed = errno ? errno : EIO;
    archive_set_error(tar, state->failed, "writing the layer");
    return -1;
}

static int start(struct hx_output *output, int fd)
{
    struct hx_output_state *state = output->state;

    state->fd = fd;
    state->hash = EVP_MD_CTX_new();
    if (!state->hash ||
        EVP_DigestInit_ex(state->hash, EVP_sha256(), NULL) != 1 ||
        deflateInit2(&state->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP,
                     MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return -1;
    output->tar = archive_write_new();
    /* Names are bytes; extended attributes as Docker writes them; the last
     * block is as long as it is. */
    if (!output->tar ||
        archive_write_set_format_pax_restricted(output->tar) != ARCHIVE_OK ||
        archive_write_set_options(output->tar,
                                  "hdrcharset=BINARY,xattrheader=SCHILY") !=
            ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(output->tar, 1) != ARCHIVE_OK ||
        archive_write_open(output->tar, state, NULL, take, NULL) != ARCHIVE_OK)
        return -1;
    return 0;
}

int hx_output_open(int fd, struct hx_output **output_r, struct hx_err *err)
{
    struct hx_output *output = calloc(1, sizeof(*output));

    if (output)
        output->state = calloc(1, sizeof(*output->state));
    if (!output || !output->state || start(output, fd) < 0) {
        hx_output_free(output);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "the layer");
    }
    *output_r = output;
    return 0;
}

int hx_output_failed(const struct hx_output *output, struct hx_err *err)
{
    const char *text = archive_error_string(output->tar);

    if (output->state->failed)
        return hx_err_sys(err, HX_ERR_SYSTEM, output->state->failed,
                          "writing the layer");
    if (archive_errno(output->tar) == ENOMEM)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "the layer");
    return hx_err_set(err, HX_ERR_UNSUPPORTED,
                      "the layer cannot be written as a tar: %s",
                      text ? text : "no reason given");
}

int hx_output_finish(struct hx_output *output, char diff_id_r[HX_DIFF_ID_TEXT],
                     struct hx_err *err)
{
    struct hx_output_state *state = output->state;
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    int n;

    if (archive_write_close(output->tar) != ARCHIVE_OK)
        return hx_output_failed(output, err);
    if (pack(state, NULL, 0, Z_FINISH) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing the layer");
    if (EVP_DigestFinal_ex(state->hash, sum, &len) != 1 || len != 32)
        return hx_err_set(err, HX_ERR_SYSTEM, "the layer cannot be hashed");
    n = snprintf(diff_id_r, HX_DIFF_ID_TEXT, "sha256:");
    for (unsigned i = 0; i < len; i++)
        n += snprintf(diff_id_r + n, HX_DIFF_ID_TEXT - (size_t)n, "%02x",
                      sum[i]);
    return 0;
}

void hx_output_free(struct hx_output *output)
{
    if (!output)
        return;
    archive_write_free(output->tar);
    if (output->state) {
        deflateEnd(&output->state->gzip);
        EVP_MD_CTX_free(output->state->hash);
    }
    free(output->state);
    free(output);
}
