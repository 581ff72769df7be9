/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control channel between dom0 and pv-init: frames over a vchan.
 * docs/guest-abi.md tells the same at length, with pictures.
 *
 * The vchan is libxenvchan's (xen/io/libxenvchan.h): the guest is the server,
 * for domain 0, and publishes ring-ref and event-channel below
 * HX_CH_XENSTORE_DIR.  One client at a time: the pod's monitor.  When a client
 * has gone, the server gives up that vchan and publishes a new one, so that
 * nothing of an old connection is ever read by the next.
 *
 * Each direction is a sequence of frames: a header of HX_CH_HEADER_BYTES and
 * a payload of at most HX_CH_PAYLOAD_MAX bytes.  All numbers are little
 * endian.
 *
 *     offset  size
 *          0     4  payload: its bytes
 *          4     1  type: enum hx_ch_type
 *          5     1  stream: enum hx_ch_stream, else 0
 *          6     2  flags: HX_CH_FLAG_..., else 0
 *          8     8  session
 *         16     8  value: by type
 *
 * A session is a container of the pod (0 to 15: its index) or what dom0 has
 * opened: an exec, whose number dom0 draws at random, HX_CH_SESSION_MIN or
 * more.  A session has up to three streams.
 *
 * Streams carry absolute offsets, so that they outlive a connection:
 *
 *     DATA  offset, bytes     the sender keeps a copy of what it sends
 *     TAKEN offset            the receiver has all before it for good; the
 *                             sender drops its copy, and may send up to
 *                             offset + HX_CH_WINDOW
 *     END   offset            the stream ends here; acknowledged by a TAKEN
 *                             with the offset's top bit, HX_CH_TAKEN_END
 *
 * On a new connection a sender starts with the first TAKEN of a stream, from
 * the offset that it names: what was sent and not taken is sent again, what
 * was taken is not.  No receiver buffers more than HX_CH_WINDOW bytes for a
 * stream, and nobody stops reading frames because one stream stalls.  The
 * outputs of a session begin as after TAKEN 0 on the connection on which it
 * was opened; a TAKEN that names no more than an earlier one is no error.
 *
 * A type that a receiver does not know is skipped, as are flags, and what a
 * payload has more than it knows.
 */
#ifndef HX_CHANNEL_ABI_H
#define HX_CHANNEL_ABI_H

#include <stddef.h>
#include <stdint.h>

/* Relative to /local/domain/ID; below it ring-ref and event-channel. */
#define HX_CH_XENSTORE_DIR "data/hyper/channel"

/* Sizes of the rings, as the server makes them: powers of two. */
#define HX_CH_RING_TO_GUEST_BYTES 32768u
#define HX_CH_RING_TO_DOM0_BYTES  65536u

#define HX_CH_VERSION_MIN 1 /* the oldest that we speak */
#define HX_CH_VERSION     1 /* the newest */

#define HX_CH_HEADER_BYTES 24u
#define HX_CH_PAYLOAD_MAX  16384u
#define HX_CH_FRAME_MAX    (HX_CH_HEADER_BYTES + HX_CH_PAYLOAD_MAX)

/* Bytes of a stream that are sent and not yet taken. */
#define HX_CH_WINDOW 65536u

#define HX_CH_SESSION_MIN  0x10000u
#define HX_CH_SESSIONS_MAX 64u /* execs at a time; one more is refused */
/* The request of an OPEN, all its frames together. */
#define HX_CH_REQUEST_MAX (1u << 20)

enum hx_ch_stream { HX_CH_STDIN, HX_CH_STDOUT, HX_CH_STDERR, HX_CH_STREAMS };

/* OPEN: the request goes on in the next OPEN of this session. */
#define HX_CH_FLAG_MORE 1u
/* SIGNAL: to the whole process group. */
#define HX_CH_FLAG_GROUP 2u

/* TAKEN: the END was taken, too. */
#define HX_CH_TAKEN_END (UINT64_C(1) << 63)

/*
 * What a frame means.  D: dom0 sends it, G: the guest.
 *
 *   HELLO    D G  the first frame of each side.  Payload: magic
 *                 HX_CH_MAGIC, 4 bytes; oldest and newest version that the
 *                 sender speaks, 2 bytes each.  The newest that both speak is
 *                 spoken; without one the side that sees it first sends BYE
 *                 and closes.  The guest answers dom0's HELLO with its own
 *                 and then, for each session that it has, with what a RESUME
 *                 would tell.
 *   BYE      D G  the sender closes; payload: a sentence, UTF-8
 *   DATA     D G  payload: bytes of `stream`; value: offset of the first.
 *                 stdin D, stdout and stderr G
 *   END      D G  value: length of the stream
 *   TAKEN    D G  value: see above
 *   OPEN     D    a new session.  Payload: a JSON object (below).  Answered by
 *                 OPENED, or by ENDED alone
 *   OPENED   G    the process runs.  value: its process id in the container's
 *                 PID namespace, or 0; the session's next frame is TAKEN of
 *                 stdin if it has a stdin, open or ended
 *   ENDED    G    the session's process has ended; value: its exit code, 0 to
 *                 255, as in guest-abi.h; payload: a sentence when it did not
 *                 come to run (125 to 127), else empty.  Sent when all DATA
 *                 and END of its outputs were sent, and again on each new
 *                 connection until CLOSE
 *   RESUME   D    after a new connection: is this session there?  Answered by
 *                 OPENED and TAKEN of stdin, and ENDED if so; else by GONE.
 *                 A session that nobody has resumed HX_CH_ORPHAN_MS after a
 *                 connection is closed as by CLOSE
 *   GONE     G    there is no such session; payload: a sentence
 *   CLOSE    D    the session is forgotten: its stdin ends, its output is
 *                 dropped (a terminal hangs up), its process goes on.  Not
 *                 answered.  Skipped for a container
 *   SIGNAL   D    value: 1 to 64, to the session's process
 *   RESIZE   D    value: rows << 16 | columns of the session's terminal
 *   CLOCK    D    value: Unix time in nanoseconds; the guest's clock is set
 *                 when it is off by more than 100 ms
 *   SEED     D    payload: at most 512 random bytes for the kernel's pool
 *   STATS    D G  session: a number of dom0's choice, returned.  Payload of
 *                 the answer: HX_CH_STAT_COUNT values of 8 bytes each for
 *                 container `value`, in enum hx_ch_stat's order
 *   HEALTH   G    what the last probe of a container's health found.  value:
 *                 the probe's number, from 1 on; payload: struct hx_ch_health.
 *                 Not answered.  The guest keeps the last one and sends it
 *                 again on each new connection: a number that is not higher
 *                 than the last is no news, and what was not sent in time is
 *                 left out
 *
 * The request of an OPEN (fields without a default are required):
 *
 *   { "container": 0,          index; ignored with "vm"
 *     "vm": false,             beside pv-init, at container 0's root
 *     "args": ["sh"],          at least one
 *     "env": ["A=b"],          added to the container's, over its values
 *     "user": "",              Docker's six forms; absent or "": the
 *                              container's
 *     "cwd": "/",              absent or "": the container's
 *     "tty": false, "rows": 24, "columns": 80,
 *     "stdin": true,           false: /dev/null, and no stream
 *     "privileged": false,
 *     "detach": false }        no streams at all; ENDED comes all the same
 *
 * In place of "args" it may ask for what pv-init does itself, as root of the
 * container, with the streams of a process and without a terminal; then
 * "env", "user", "cwd", "tty" and "privileged" are not looked at:
 *
 *     "get": "/path",          stdout: a tar of it (archive.h), as docker cp
 *     "follow": false            has it; "path" may be a link and is followed
 *
 *     "put": "/path",          stdin: a tar that goes there;
 *     "top": "name",             what its names begin with; absent: "put" is
 *     "keep_owner": false        a folder, and names stay as they are
 *
 *     "processes": true        stdout: the container's processes, one a line
 *                              (processes.h)
 *
 * What goes wrong is a sentence on stderr, and exit code 1.
 */
enum hx_ch_type {
    HX_CH_HELLO = 1,
    HX_CH_BYE = 2,
    HX_CH_DATA = 3,
    HX_CH_END = 4,
    HX_CH_TAKEN = 5,
    HX_CH_OPEN = 6,
    HX_CH_OPENED = 7,
    HX_CH_ENDED = 8,
    HX_CH_RESUME = 9,
    HX_CH_GONE = 10,
    HX_CH_CLOSE = 11,
    HX_CH_SIGNAL = 12,
    HX_CH_RESIZE = 13,
    HX_CH_CLOCK = 14,
    HX_CH_SEED = 15,
    HX_CH_STATS = 16,
    HX_CH_HEALTH = 17,
    HX_CH_ATTACH = 128 /* below */
};

/*
 * Between commands and the monitor: RUN/UUID/control, a SOCK_SEQPACKET socket
 * with one frame in each message.  There is no HELLO.  A command owns the
 * sessions that it has OPENed or RESUMEd, until CLOSE or the socket's end;
 * frames for another's are answered by GONE, as is an OPEN too many.  When the
 * monitor loses the guest it closes all sockets: commands connect again, at
 * once or to the next monitor, and RESUME what they had; what they send waits
 * until the guest is there.
 *
 * ATTACH, which the guest never sees: the command wants to use stdin, SIGNAL
 * and RESIZE of the container whose index is in `session`.  Answered by TAKEN
 * of its stdin; or by GONE when it has none or it has ended, and then SIGNAL
 * and RESIZE work all the same.  Several commands may write: each may send
 * HX_CH_WINDOW bytes beyond what TAKEN has told it, `value` of its DATA and
 * END is ignored.  One END ends the stdin for all.
 *
 * STATS: `session` is the command's number for it.  CLOCK: the guest's clock
 * is set now, for a command that has unpaused it; value is ignored.
 */

#define HX_CH_MAGIC       UINT32_C(0x68637868) /* "hxch" */
#define HX_CH_HELLO_BYTES 8u

#define HX_CH_ORPHAN_MS 60000u

/* Numbers of a container, from its cgroup; UINT64_MAX: not known. */
enum hx_ch_stat {
    HX_CH_STAT_CPU_US,        /* CPU time used */
    HX_CH_STAT_MEMORY_BYTES,  /* without the page cache that is inactive */
    HX_CH_STAT_MEMORY_LIMIT,  /* bytes; the domain's without a limit */
    HX_CH_STAT_PIDS,          /* processes and threads */
    HX_CH_STAT_IO_READ_BYTES, /* of the pod's disks */
    HX_CH_STAT_IO_WRITE_BYTES,
    HX_CH_STAT_NET_IN_BYTES, /* of the pod: its containers share it */
    HX_CH_STAT_NET_OUT_BYTES,
    HX_CH_STAT_OOM_KILLS,
    HX_CH_STAT_COUNT
};

/*
 * The payload of HEALTH:
 *
 *     offset  size
 *          0     1  status: enum hx_ch_health_status
 *          1     3  0
 *          4     4  streak: failed probes in a row that count
 *          8     4  exit code: 0 to 255; or HX_CH_HEALTH_NO_CODE: the probe
 *                   could not be started, or took too long and was killed
 *         12     4  0
 *         16     8  start, Unix time in nanoseconds by the guest's clock
 *         24     8  end
 *         32        what the probe has said, HX_CH_HEALTH_OUTPUT_MAX bytes at
 *                   most; any bytes
 */
#define HX_CH_HEALTH_BYTES      32u
#define HX_CH_HEALTH_OUTPUT_MAX 4096u
#define HX_CH_HEALTH_NO_CODE    (-1)

enum hx_ch_health_status {
    HX_CH_HEALTH_STARTING,  /* none has succeeded yet */
    HX_CH_HEALTH_HEALTHY,   /* the last one that counts has */
    HX_CH_HEALTH_UNHEALTHY, /* too many in a row have failed */
    HX_CH_HEALTH_STATUSES
};

struct hx_ch_health {
    enum hx_ch_health_status status;
    uint32_t streak;
    int32_t exit_code;
    uint64_t start_ns, end_ns;
};

struct hx_ch_frame {
    uint32_t payload; /* bytes */
    uint8_t type, stream;
    uint16_t flags;
    uint64_t session, value;
};

static inline void hx_ch_put(uint8_t *at, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(number >> 8 * i);
}

static inline uint64_t hx_ch_get(const uint8_t *at, unsigned bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < bytes; i++)
        number |= (uint64_t)at[i] << 8 * i;
    return number;
}

static inline void hx_ch_encode(const struct hx_ch_frame *frame,
                                uint8_t header_r[HX_CH_HEADER_BYTES])
{
    hx_ch_put(header_r, frame->payload, 4);
    header_r[4] = frame->type;
    header_r[5] = frame->stream;
    hx_ch_put(header_r + 6, frame->flags, 2);
    hx_ch_put(header_r + 8, frame->session, 8);
    hx_ch_put(header_r + 16, frame->value, 8);
}

/* 0, or -1: a payload over HX_CH_PAYLOAD_MAX or a stream that is none; the
 * connection is to be closed. */
static inline int hx_ch_decode(const uint8_t header[HX_CH_HEADER_BYTES],
                               struct hx_ch_frame *frame_r)
{
    frame_r->payload = (uint32_t)hx_ch_get(header, 4);
    frame_r->type = header[4];
    frame_r->stream = header[5];
    frame_r->flags = (uint16_t)hx_ch_get(header + 6, 2);
    frame_r->session = hx_ch_get(header + 8, 8);
    frame_r->value = hx_ch_get(header + 16, 8);
    return frame_r->payload <= HX_CH_PAYLOAD_MAX &&
                   frame_r->stream < HX_CH_STREAMS
               ? 0
               : -1;
}

static inline void hx_ch_health_encode(const struct hx_ch_health *health,
                                       uint8_t payload_r[HX_CH_HEALTH_BYTES])
{
    hx_ch_put(payload_r, health->status, 4);
    hx_ch_put(payload_r + 4, health->streak, 4);
    hx_ch_put(payload_r + 8, (uint32_t)health->exit_code, 8);
    hx_ch_put(payload_r + 16, health->start_ns, 8);
    hx_ch_put(payload_r + 24, health->end_ns, 8);
}

/* 0, or -1: too short, or a status or exit code that is none. */
static inline int hx_ch_health_decode(const uint8_t *payload, size_t len,
                                      struct hx_ch_health *health_r)
{
    if (len < HX_CH_HEALTH_BYTES || payload[0] >= HX_CH_HEALTH_STATUSES)
        return -1;
    health_r->status = (enum hx_ch_health_status)payload[0];
    health_r->streak = (uint32_t)hx_ch_get(payload + 4, 4);
    health_r->exit_code = (int32_t)hx_ch_get(payload + 8, 4);
    health_r->start_ns = hx_ch_get(payload + 16, 8);
    health_r->end_ns = hx_ch_get(payload + 24, 8);
    return health_r->exit_code < HX_CH_HEALTH_NO_CODE ||
                   health_r->exit_code > 255
               ? -1
               : 0;
}

#endif
