/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/etcfiles.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *hx_init_etcfile_name(enum hx_init_etcfile which)
{
    static const char *const names[] = {
        [HX_INIT_ETC_HOSTS] = "hosts",
        [HX_INIT_ETC_HOSTNAME] = "hostname",
        [HX_INIT_ETC_RESOLV_CONF] = "resolv.conf",
    };

    return names[which];
}

/* "web.example" is listed as "web.example web", as Docker does. */
static void print_own_names(FILE *out, const char *hostname)
{
    const char *dot = strchr(hostname, '.');

    fputs(hostname, out);
    if (dot)
        fprintf(out, " %.*s", (int)(dot - hostname), hostname);
    fputc('\n', out);
}

static void print_hosts(FILE *out, const struct hx_init_config *config)
{
    size_t i, j;

    fputs("127.0.0.1\tlocalhost\n"
          "::1\tlocalhost ip6-localhost ip6-loopback\n"
          "fe00::0\tip6-localnet\n"
          "ff00::0\tip6-mcastprefix\n"
          "ff02::1\tip6-allnodes\n"
          "ff02::2\tip6-allrouters\n",
          out);
    for (i = 0; i < config->host_count; i++) {
        const char **name;

        fprintf(out, "%s\t", config->hosts[i].address);
        for (name = config->hosts[i].names; *name; name++)
            fprintf(out, "%s%c", *name, name[1] ? ' ' : '\n');
    }
    for (i = 0; i < config->interface_count; i++) {
        const struct hx_init_interface *interface = &config->interfaces[i];

        for (j = 0; j < interface->address_count; j++) {
            char text[INET6_ADDRSTRLEN];

            inet_ntop(interface->addresses[j].family,
                      interface->addresses[j].bytes, text, sizeof(text));
            fprintf(out, "%s\t", text);
            print_own_names(out, config->hostname);
        }
    }
}

static void print_list(FILE *out, const char *word, const char *const *list)
{
    if (!list || !*list)
        return;
    fputs(word, out);
    for (; *list; list++)
        fprintf(out, " %s", *list);
    fputc('\n', out);
}

static void print_resolv_conf(FILE *out, const struct hx_init_config *config)
{
    const char **server;

    for (server = config->dns_servers; server && *server; server++)
        fprintf(out, "nameserver %s\n", *server);
    print_list(out, "search", config->dns_search);
    print_list(out, "options", config->dns_options);
}

char *hx_init_etcfile_text(enum hx_init_etcfile which,
                           const struct hx_init_config *config)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return NULL;
    if (which == HX_INIT_ETC_HOSTS)
        print_hosts(out, config);
    else if (which == HX_INIT_ETC_HOSTNAME)
        fprintf(out, "%s\n", config->hostname);
    else
        print_resolv_conf(out, config);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

int hx_init_etcfiles_write(const char *folder,
                           const struct hx_init_config *config,
                           struct hx_init_err *err)
{
    enum hx_init_etcfile which;

    if (hx_init_mkdir_p(folder) < 0)
        return hx_init_fail_sys(err, errno, "making %s", folder);
    for (which = 0; which < HX_INIT_ETC_FILES; which++) {
        _init_free_ char *text = hx_init_etcfile_text(which, config);
        char path[128];

        if (!text)
            return hx_init_fail_sys(err, ENOMEM, "writing /etc/%s",
                                    hx_init_etcfile_name(which));
        snprintf(path, sizeof(path), "%s/%s", folder,
                 hx_init_etcfile_name(which));
        if (hx_init_make_file(path, text, strlen(text), 0644, err) < 0)
            return -1;
    }
    return 0;
}
