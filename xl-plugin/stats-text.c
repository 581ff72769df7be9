/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/stats-text.h"

#include <stdio.h>
#include <string.h>

#include "xl-plugin/output.h"
#include "xl-plugin/sizes.h"
#include "xl-plugin/times.h"

const struct hx_column hx_stats_columns[] = {
    { "NAME", 0, 12 }, { "CPU %", 0, 0 },   { "MEM USAGE / LIMIT", 0, 0 },
    { "MEM %", 1, 0 }, { "NET I/O", 3, 0 }, { "BLOCK I/O", 2, 0 },
    { "PIDS", 4, 0 },  { NULL, 0, 0 },
};

double hx_stats_cpu(const struct hx_stats_sample *before,
                    const struct hx_stats_sample *now)
{
    if (!before || !before->domain.running || !now->domain.running ||
        now->at_ns <= before->at_ns ||
        now->domain.cpu_ns < before->domain.cpu_ns)
        return -1;
    return 100.0 * (double)(now->domain.cpu_ns - before->domain.cpu_ns) /
           (double)(now->at_ns - before->at_ns);
}

uint64_t hx_stats_memory(const struct hx_stats_sample *now)
{
    uint64_t said = now->guest.memory_bytes, has = now->domain.mem_kib << 10;

    if (!now->domain.running || !now->guest.answered || said == HX_STAT_UNKNOWN)
        return HX_STAT_UNKNOWN;
    return said < has ? said : has;
}

static double memory_percent(const struct hx_stats_sample *now)
{
    uint64_t used = hx_stats_memory(now);

    return used == HX_STAT_UNKNOWN || now->domain.mem_kib == 0
               ? -1
               : 100.0 * (double)used / (double)(now->domain.mem_kib << 10);
}

static void print_percent(double percent, char text[16])
{
    if (percent < 0)
        strcpy(text, "-");
    else
        snprintf(text, 16, "%.2f%%", percent);
}

/* Binary units, as docker has them for memory. */
static void print_mib(uint64_t bytes, char text[16])
{
    if (bytes == HX_STAT_UNKNOWN)
        strcpy(text, "-");
    else if (bytes < UINT64_C(1) << 30)
        snprintf(text, 16, "%.4gMiB", (double)bytes / (1 << 20));
    else
        snprintf(text, 16, "%.4gGiB", (double)bytes / (1 << 30));
}

static void print_pair(uint64_t one, uint64_t other, char text[48])
{
    char left[HX_SIZE_TEXT], right[HX_SIZE_TEXT];

    hx_size_print(one, left);
    hx_size_print(other, right);
    snprintf(text, 48, "%s / %s", left, right);
}

int hx_stats_row(struct hx_table *table, const char *name,
                 const struct hx_stats_sample *before,
                 const struct hx_stats_sample *now)
{
    const struct hx_device_stats *devices = &now->devices;
    char cpu[16], used[16], limit[16], memory[48], percent[16], net[48],
        block[48], pids[24] = "-";
    const char *cells[] = { name, cpu, memory, percent, net, block, pids };
    const char *ended[] = { name, "-", "-", "-", "-", "-", "-" };

    if (!now->domain.running)
        return hx_table_add(table, ended);
    print_percent(hx_stats_cpu(before, now), cpu);
    print_mib(hx_stats_memory(now), used);
    print_mib(now->domain.mem_kib << 10, limit);
    snprintf(memory, sizeof(memory), "%s / %s", used, limit);
    print_percent(memory_percent(now), percent);
    print_pair(devices->received_bytes, devices->sent_bytes, net);
    print_pair(devices->read_bytes, devices->written_bytes, block);
    if (now->guest.answered && now->guest.pids != HX_STAT_UNKNOWN)
        snprintf(pids, sizeof(pids), "%llu",
                 (unsigned long long)now->guest.pids);
    return hx_table_add(table, cells);
}

static json_t *number(bool known, uint64_t value)
{
    return known && value <= INT64_MAX ? json_integer((json_int_t)value)
                                       : json_null();
}

static json_t *percent(double value)
{
    return value < 0 ? json_null() : json_real(value);
}

json_t *hx_stats_json(const struct hx_pod *pod,
                      const struct hx_stats_sample *before,
                      const struct hx_stats_sample *now, int64_t time_ms)
{
    const struct hx_device_stats *devices = &now->devices;
    bool runs = now->domain.running;
    char time[HX_TIME_TEXT];

    hx_time_print_rfc3339(time_ms, time);
    return json_pack(
        "{s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o}",
        "Time", time, "ID", pod->uuid, "Name", hx_json_text(pod->spec.name),
        "Running", runs, "CPUPerc", percent(hx_stats_cpu(before, now)),
        "CPUNanoseconds", number(runs, now->domain.cpu_ns), "MemUsage",
        number(runs, hx_stats_memory(now)), "MemLimit",
        number(runs, now->domain.mem_kib << 10), "MemPerc",
        percent(runs ? memory_percent(now) : -1), "NetReceived",
        number(runs, devices->received_bytes), "NetSent",
        number(runs, devices->sent_bytes), "BlockRead",
        number(runs, devices->read_bytes), "BlockWritten",
        number(runs, devices->written_bytes), "PIDs",
        number(runs && now->guest.answered, now->guest.pids));
}
