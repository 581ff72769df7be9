/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/quit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void hx_quit(int status)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    exit(status);
#endif
    if (fflush(NULL) == EOF && status == 0)
        status = 1;
    _exit(status);
}
