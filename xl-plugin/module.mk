# SPDX-License-Identifier: LGPL-2.1-or-later
#
# ./     one file for each command, and what they share
# shim/  `xl`: hyper-* goes to xl-hyper, everything else to the real xl

LIBPLUGIN := $(B)/libplugin.a
$(LIBPLUGIN): $(call objs,$(filter-out xl-plugin/main.c,$(wildcard \
	xl-plugin/*.c)))

$(B)/bin/xl-hyper: $(call objs,xl-plugin/main.c) $(LIBPLUGIN) $(LIBDOMAIN) \
		$(LIBIMAGE) $(LIBBASE)
	$(call link,$(DOMAIN_LIBS) $(IMAGE_LIBS))

# Static, since it stands before each `xl` and shall cost it nothing.
$(B)/bin/xl: $(call objs,$(wildcard xl-plugin/shim/*.c))
	$(call link,$(if $(SANITIZE),,-static-pie))

PROGRAMS += $(B)/bin/xl-hyper $(B)/bin/xl
