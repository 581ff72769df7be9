# SPDX-License-Identifier: LGPL-2.1-or-later
#
# ./     one file for each command, and what they share
# shim/  `xl`: hyper-* goes to xl-hyper, everything else to the real xl
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

PROGRAMS        += $(B)/bin/xl-hyper $(B)/bin/xl $(B)/bin/copy
PKGLIB_PROGRAMS += copy
