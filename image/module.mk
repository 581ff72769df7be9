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

# ISA-L unpacks gzip three times as fast as zlib, which serves where it is not.
MKROOT_GZIP := $(shell $(PKG_CONFIG) --exists libisal && echo libisal || \
	echo zlib)
MKROOT_SOURCES := $(filter-out %/main.c \
	%/inflate_$(if $(filter libisal,$(MKROOT_GZIP)),zlib,isal).c, \
	$(wildcard image/mkroot/*.c))
$(LIBMKROOT): $(call objs,$(MKROOT_SOURCES))

BASE_LIBS   = $(call pkg-libs,jansson)
IMAGE_LIBS  = $(call pkg-libs,libcurl libarchive libcrypto jansson)
MKROOT_LIBS = $(call pkg-libs,libsquashfs1 libarchive libcrypto libzstd \
	$(MKROOT_GZIP) jansson) -lpthread

$(B)/bin/mkroot: $(call objs,image/mkroot/main.c) $(LIBMKROOT) $(LIBBASE)
	$(call link,$(MKROOT_LIBS))

PROGRAMS        += $(B)/bin/mkroot
PKGLIB_PROGRAMS += mkroot
