# SPDX-License-Identifier: LGPL-2.1-or-later
#
# base/    the shared bottom layer
# ./       references, registries, the store: what xl-hyper links
# mkroot/  the converter, layers -> root disk: a program of its own, because
#          it parses hostile bytes and because of libsquashfs's licence

LIBBASE  := $(B)/libbase.a
LIBIMAGE := $(B)/libimage.a
LIBMKROOT := $(B)/libmkroot.a

$(LIBBASE): $(call objs,$(wildcard image/base/*.c))
$(LIBIMAGE): $(call objs,$(wildcard image/*.c))
$(LIBMKROOT): $(call objs,$(filter-out %/main.c,$(wildcard image/mkroot/*.c)))

BASE_LIBS   = $(call pkg-libs,jansson)
IMAGE_LIBS  = $(call pkg-libs,libcurl libarchive libcrypto jansson)
MKROOT_LIBS = $(call pkg-libs,libsquashfs1 libarchive libcrypto jansson) \
	-lpthread

$(B)/bin/mkroot: $(call objs,image/mkroot/main.c) $(LIBMKROOT) $(LIBBASE)
	$(call link,$(MKROOT_LIBS))

PROGRAMS        += $(B)/bin/mkroot
PKGLIB_PROGRAMS += mkroot
