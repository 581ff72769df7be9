# SPDX-License-Identifier: LGPL-2.1-or-later
#
# ./        pod spec + disks -> a running domain, and its whole life
# hotplug/  the helper that libxl runs for each vif and vbd

LIBDOMAIN := $(B)/libdomain.a

$(LIBDOMAIN): $(call objs,$(wildcard domain-builder/*.c))

# One libxl source serves Xen 4.13 to 4.20.
CFLAGS-domain-builder := -DLIBXL_API_VERSION=0x041300
CFLAGS-tests/unit     := -DLIBXL_API_VERSION=0x041300

DOMAIN_LIBS = $(call pkg-libs,xenlight xlutil xencontrol xenstore xentoollog \
	xenforeignmemory ext2fs com_err jansson) -luuid

$(B)/bin/hotplug: $(call objs,$(wildcard domain-builder/hotplug/*.c)) \
		$(LIBBASE)
	$(call link,$(call pkg-libs,xenstore))

PROGRAMS        += $(B)/bin/hotplug
PKGLIB_PROGRAMS += hotplug
