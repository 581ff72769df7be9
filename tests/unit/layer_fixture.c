/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/layer_fixture.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/base/file.h"
#include "tests/unit/unit.h"

#define BLOCK 512

/* -- tar ------------------------------------------------------------------ */

struct block {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[8];
    char uname[32];
    char gname[32];
    char major[8];
    char minor[8];
    char prefix[155];
    char unused[12];
};

static void add(struct hx_buf *buf, const void *data, size_t len)
{
    assert_int_equal(hx_buf_add(buf, data, len), 0);
}

static void pad(struct hx_buf *tar)
{
    static const char zeros[BLOCK];

    if (tar->len % BLOCK)
        add(tar, zeros, BLOCK - tar->len % BLOCK);
}

static void put_number(char *field, size_t size, int64_t number)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%0*llo", (int)size - 1,
                       (unsigned long long)number);

    if (number >= 0 && (size_t)len < size) {
        memcpy(field, text, size);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        size_t shift = 8 * (size - 1 - i);

        field[i] = shift >= 64 ? (char)(number < 0 ? 0xff : 0)
                               : (char)((uint64_t)number >> shift);
    }
    field[0] = (char)(number < 0 ? 0xff : field[0] | 0x80);
}

static void put_text(char *field, size_t size, const char *text)
{
    if (text)
        memcpy(field, text, strnlen(text, size));
}

void tar_header(struct hx_buf *tar, const struct tar_entry *entry)
{
    struct block block = { 0 };
    const unsigned char *bytes = (const unsigned char *)&block;
    unsigned sum = 0;

    put_text(block.name, sizeof(block.name), entry->name);
    put_number(block.mode, sizeof(block.mode),
               entry->mode ? entry->mode : 0644);
    put_number(block.uid, sizeof(block.uid), entry->uid);
    put_number(block.gid, sizeof(block.gid), entry->gid);
    put_number(block.size, sizeof(block.size), entry->size);
    put_number(block.mtime, sizeof(block.mtime), entry->mtime);
    block.type = !entry->type ? '0' : entry->type == 'o' ? '\0' : entry->type;
    put_text(block.link, sizeof(block.link), entry->link);
    if (entry->type != 'o')
        memcpy(block.magic, entry->gnu ? "ustar  " : "ustar\00000", 8);
    put_number(block.major, sizeof(block.major), entry->major);
    put_number(block.minor, sizeof(block.minor), entry->minor);
    put_text(block.prefix, sizeof(block.prefix), entry->prefix);
    memset(block.checksum, ' ', sizeof(block.checksum));
    for (size_t i = 0; i < sizeof(block); i++)
        sum += bytes[i];
    snprintf(block.checksum, sizeof(block.checksum), "%06o", sum);
    add(tar, &block, sizeof(block));
}

void tar_bytes(struct hx_buf *tar, const void *data, size_t len)
{
    add(tar, data, len);
    pad(tar);
}

/* "LEN KEY=VALUE\n", where LEN counts its own digits. */
static void add_record(struct hx_buf *buf, const char *key, const void *value,
                       size_t len)
{
    size_t rest = 1 + strlen(key) + 1 + len + 1, total = rest + 1;
    char digits[32];

    while (rest + (size_t)snprintf(digits, sizeof(digits), "%zu", total) !=
           total)
        total++;
    assert_int_equal(hx_buf_addf(buf, "%zu %s=", total, key), 0);
    add(buf, value, len);
    add(buf, "\n", 1);
}

static void add_pax(struct hx_buf *tar, char type, const struct hx_buf *records)
{
    tar_header(tar, &(struct tar_entry){ .name = "PaxHeaders/x",
                                         .type = type,
                                         .size = (int64_t)records->len });
    tar_bytes(tar, records->data, records->len);
}

void tar_pax(struct hx_buf *tar, char type, const char *const *records)
{
    struct hx_buf buf = HX_BUF_INIT(4 << 20);

    for (; *records; records++) {
        const char *value = strchr(*records, '=') + 1;
        char *key = strndup(*records, (size_t)(value - *records) - 1);

        add_record(&buf, key, value, strlen(value));
        free(key);
    }
    add_pax(tar, type, &buf);
    hx_buf_release(&buf);
}

void tar_pax_binary(struct hx_buf *tar, const char *key, const void *value,
                    size_t len)
{
    struct hx_buf buf = HX_BUF_INIT(4 << 20);

    add_record(&buf, key, value, len);
    add_pax(tar, 'x', &buf);
    hx_buf_release(&buf);
}

void tar_gnu_long(struct hx_buf *tar, char type, const char *text)
{
    tar_header(tar, &(struct tar_entry){ .name = "././@LongLink",
                                         .type = type,
                                         .size = (int64_t)strlen(text) + 1,
                                         .gnu = 1 });
    tar_bytes(tar, text, strlen(text) + 1);
}

void tar_end(struct hx_buf *tar)
{
    static const char zeros[2 * BLOCK];

    add(tar, zeros, sizeof(zeros));
}

/* -- text to tar ---------------------------------------------------------- */

struct line {
    struct tar_entry entry;
    char *name;
    char *link;
    struct hx_buf content;
    struct hx_buf pax;
};

/* Undoes "\xHH"; the result is the caller's. */
static char *unescape(const char *text, size_t len, size_t *len_r)
{
    char *out = malloc(len + 1);
    size_t n = 0;

    assert_non_null(out);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\') {
            unsigned byte;

            assert_int_equal(sscanf(text + i, "\\x%2x", &byte), 1);
            out[n++] = (char)byte;
            i += 3;
        } else {
            out[n++] = text[i];
        }
    }
    out[n] = '\0';
    if (len_r)
        *len_r = n;
    return out;
}

static void set_content(struct line *line, const char *word, size_t len)
{
    size_t n;
    char *text;

    if (word[0] == '*') {
        size_t count = strtoul(word + 1, NULL, 10);

        for (size_t i = 0; i < count; i++) {
            char byte = (char)(i * 2654435761U >> 13);

            add(&line->content, &byte, 1);
        }
        return;
    }
    text = unescape(word, len, &n);
    add(&line->content, text, n);
    free(text);
}

static void set_xattr(struct line *line, const char *word, size_t len)
{
    const char *value = memchr(word, '=', len);
    char key[300];
    char *text;
    size_t n;

    assert_non_null(value);
    snprintf(key, sizeof(key), "SCHILY.xattr.%.*s", (int)(value - word), word);
    value++;
    text = unescape(value, len - (size_t)(value - word), &n);
    add_record(&line->pax, key, text, n);
    free(text);
}

static void parse_word(struct line *line, const char *word, size_t len,
                       int *link_next)
{
    long long a, b;

    if (*link_next) {
        line->link = unescape(word, len, NULL);
        *link_next = 0;
    } else if (!strncmp(word, "-> ", 3) || !strncmp(word, "=> ", 3)) {
        *link_next = 1;
    } else if (word[0] == '=') {
        set_content(line, word + 1, len - 1);
    } else if (word[0] == '@') {
        line->entry.mode = strtol(word + 1, NULL, 8);
    } else if (sscanf(word, "#%lld:%lld", &a, &b) == 2) {
        line->entry.uid = a;
        line->entry.gid = b;
    } else if (sscanf(word, "~%lld", &a) == 1) {
        line->entry.mtime = a;
    } else if (word[0] == '+') {
        set_xattr(line, word + 1, len - 1);
    } else if (sscanf(word, "%lld:%lld", &a, &b) == 2) {
        line->entry.major = a;
        line->entry.minor = b;
    } else {
        fail_msg("the test's line has a strange word: %s", word);
    }
}

static void set_type(struct line *line, char type)
{
    static const char letters[] = "dflhcbp", flags[] = "5021346";
    const char *at = strchr(letters, type);

    assert_non_null(at);
    line->entry.type = flags[at - letters];
    line->entry.mode = type == 'd' ? 0755 : type == 'l' ? 0777 : 0644;
}

static void write_line(struct hx_buf *tar, struct line *line)
{
    const char *name = line->name ? line->name : "";

    if (strlen(name) > 100)
        add_record(&line->pax, "path", name, strlen(name));
    if (line->link && strlen(line->link) > 100)
        add_record(&line->pax, "linkpath", line->link, strlen(line->link));
    if (line->pax.len)
        add_pax(tar, 'x', &line->pax);
    line->entry.name = name;
    line->entry.link = line->link;
    line->entry.size = (int64_t)line->content.len;
    tar_header(tar, &line->entry);
    tar_bytes(tar, line->content.data, line->content.len);
}

static void tar_line(struct hx_buf *tar, const char *text, size_t len)
{
    struct line line = { .content = HX_BUF_INIT(64 << 20),
                         .pax = HX_BUF_INIT(1 << 20) };
    const char *end = text + len;
    int link_next = 0;

    set_type(&line, text[0]);
    for (text += 2; text < end;) {
        const char *space = memchr(text, ' ', (size_t)(end - text));
        size_t n = (size_t)((space ? space : end) - text);

        if (!line.name)
            line.name = unescape(text, n, NULL);
        else
            parse_word(&line, text, n, &link_next);
        text += n + (space != NULL);
    }
    write_line(tar, &line);
    free(line.name);
    free(line.link);
    hx_buf_release(&line.content);
    hx_buf_release(&line.pax);
}

void tar_text(struct hx_buf *tar, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");

        if (n)
            tar_line(tar, text, n);
        text += n + (text[n] == '\n');
    }
}

/* -- conversion ----------------------------------------------------------- */

void fixture_init(struct layer_fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->squash = (struct hx_squash_options){
        .compressor = "lz4",
        .block_bytes = 64 * 1024,
        .threads = 2,
    };
    fixture->disk_fd = -1;
}

void fixture_release(struct layer_fixture *fixture)
{
    for (size_t i = 0; i < fixture->count; i++)
        close(fixture->layers[i].fd);
    if (fixture->disk_fd >= 0)
        close(fixture->disk_fd);
}

static int make_file(const void *data, size_t len)
{
    int fd = memfd_create("hx-test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(hx_write_all(fd, data, len), 0);
    return fd;
}

void fixture_add_blob(struct layer_fixture *fixture, const void *blob,
                      size_t blob_len, const void *tar, size_t tar_len)
{
    struct hx_layer *layer = &fixture->layers[fixture->count++];
    unsigned char digest[EVP_MAX_MD_SIZE];

    assert_true(fixture->count <= FIXTURE_LAYERS_MAX);
    layer->fd = make_file(blob, blob_len);
    layer->blob_bytes = blob_len;
    assert_int_equal(EVP_Digest(tar, tar_len, digest, NULL, EVP_sha256(), NULL),
                     1);
    for (size_t i = 0; i < 32; i++)
        snprintf(layer->diff_id + 2 * i, 3, "%02x", digest[i]);
}

void fixture_add_tar(struct layer_fixture *fixture, struct hx_buf *tar)
{
    tar_end(tar);
    fixture_add_blob(fixture, tar->data, tar->len, tar->data, tar->len);
}

void fixture_add_text(struct layer_fixture *fixture, const char *text)
{
    struct hx_buf tar = HX_BUF_INIT(256 << 20);

    tar_text(&tar, text);
    fixture_add_tar(fixture, &tar);
    hx_buf_release(&tar);
}

int fixture_convert(struct layer_fixture *fixture)
{
    struct hx_convert convert = {
        .layers = fixture->layers,
        .layer_count = fixture->count,
        .squash = fixture->squash,
    };

    if (fixture->disk_fd >= 0)
        close(fixture->disk_fd);
    fixture->disk_fd = make_file(NULL, 0);
    convert.output_fd = fixture->disk_fd;
    hx_err_clear(&fixture->err);
    return hx_convert_run(&convert, &fixture->result, &fixture->err);
}

void fixture_expect(struct layer_fixture *fixture, const char *expected)
{
    char *got;

    if (fixture_convert(fixture) < 0)
        fail_msg("%s", fixture->err.msg);
    got = fixture_read_disk(fixture);
    assert_string_equal(got, expected);
    free(got);
}

void fixture_expect_error(struct layer_fixture *fixture, enum hx_err_code code,
                          const char *words)
{
    int r = fixture_convert(fixture);

    if (r != -(int)code || !strstr(fixture->err.msg, words))
        fail_msg("got %d: '%s', and not %d: '%s'", r, fixture->err.msg,
                 -(int)code, words);
}

static void add_texts(struct layer_fixture *fixture, const char *const *texts)
{
    fixture_init(fixture);
    for (; *texts; texts++)
        fixture_add_text(fixture, *texts);
}

void expect_layers(const char *const *texts, const char *expected)
{
    struct layer_fixture fixture;

    add_texts(&fixture, texts);
    fixture_expect(&fixture, expected);
    fixture_release(&fixture);
}

void expect_layers_error(const char *const *texts, enum hx_err_code code,
                         const char *words)
{
    struct layer_fixture fixture;

    add_texts(&fixture, texts);
    fixture_expect_error(&fixture, code, words);
    fixture_release(&fixture);
}
