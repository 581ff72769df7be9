# SPDX-License-Identifier: LGPL-2.1-or-later
#
# ./     one file for each command, and what they share
# shim/  `xl`: hyper-* goes to xl-hyper, everything else to the real xl
# exec/  hyper-exec alone, without libxl
# copy/  hyper-cp's end in dom0: reads what a guest sends as a tar

LIBPLUGIN := $(B)/libplugin.a
$(LIBPLUGIN): $(call objs,$(filter-out xl-plugin/main.c,$(wildcard \
	xl-plugin/*.c)))

$(B)/bin/xl-hyper: $(call objs,xl-plugin/main.c) $(LIBPLUGIN) $(LIBDOMAIN) \
		$(LIBIMAGE) $(LIBBASE)
	$(call link,$(DOMAIN_LIBS) $(IMAGE_LIBS))

# Static, since it stands before each `xl` and shall cost it nothing.
$(B)/bin/xl: $(call objs,$(wildcard xl-plugin/shim/*.c))
	$(call link,$(if $(SANITIZE),,-static-pie))

# All of it but main.c, for the unit tests.
LIBCOPY := $(B)/libcopy.a
$(LIBCOPY): $(call objs,$(filter-out %/main.c,$(wildcard \
	xl-plugin/copy/*.c)))

$(B)/bin/copy: $(call objs,xl-plugin/copy/main.c) $(LIBCOPY) $(LIBBASE)
	$(call link,$(call pkg-libs,libarchive jansson))

CFLAGS-xl-plugin/exec := -DHX_SBINDIR='"$(sbindir)"'

# Its objects stand before the library, whose table of commands and whose way to
# look after a pod they replace.
$(B)/bin/exec: $(call objs,$(wildcard xl-plugin/exec/*.c)) $(LIBPLUGIN) \
		$(LIBDOMAIN) $(LIBBASE)
	@mkdir -p $(@D)
	@echo "  LD      $@ (static)"
	@$(CC) $(filter-out -fsanitize=%,$(HX_CFLAGS)) -static-pie \
		-Wl,-z,relro,-z,now -Wl,--gc-sections -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -ljansson

PROGRAMS        += $(B)/bin/xl-hyper $(B)/bin/xl $(B)/bin/copy \
	$(if $(SANITIZE),,$(B)/bin/exec)
PKGLIB_PROGRAMS += copy exec
