# SPDX-License-Identifier: LGPL-2.1-or-later
#
# PID 1 of the domain: static, since nothing else is in its ramdisk; and the
# kernel under it.

PVINIT_SRCS := $(wildcard pv-init/*.c)

# No Xen library: pv-init speaks xenstore's wire protocol itself (xenstore.h).
PVINIT_LIBS = -ljansson

# A library of all but main.c, for the unit tests.
LIBPVINIT := $(B)/libpvinit.a
$(LIBPVINIT): $(call objs,$(filter-out pv-init/main.c,$(PVINIT_SRCS)))

$(B)/bin/pv-init: $(call objs,$(PVINIT_SRCS))
	@mkdir -p $(@D)
	@echo "  LD      $@ (static)"
	@$(CC) $(filter-out -fsanitize=%,$(HX_CFLAGS)) -static-pie \
		-Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--build-id=none -o $@ $(filter %.o,$^) \
		$(PVINIT_LIBS)

# The base ramdisk: pv-init as /init, and what the kernel needs before it.
$(B)/initrd.cpio: $(B)/bin/pv-init scripts/make-initrd
	@echo "  CPIO    $@"
	@scripts/make-initrd $< $@

hyperkernel: ## Build the HyperKernel (cached by the hash of its inputs)
	@scripts/build-hyperkernel

PROGRAMS += $(if $(SANITIZE),,$(B)/bin/pv-init)
.PHONY: hyperkernel
