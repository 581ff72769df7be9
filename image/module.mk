# SPDX-License-Identifier: LGPL-2.1-or-later
#
# base/    the shared bottom layer
# ./       references, the store, starting pull: what xl-hyper links
# pull/    the program that talks to registries and reads archives: all that
#          uses libcurl, libcrypto or libarchive's outer tar is in here, so
#          that a launch of a cached image loads none of them
# mkroot/  the converter, layers -> root disk: a program of its own, because
#          it parses hostile bytes and because of libsquashfs's licence
# mklayer/ what a pod has written -> a layer: as hostile, and as confined
# walls/   what confines these two, and what else they share

LIBBASE  := $(B)/libbase.a
LIBIMAGE := $(B)/libimage.a
LIBPULL  := $(B)/libpull.a
LIBMKROOT := $(B)/libmkroot.a
LIBMKLAYER := $(B)/libmklayer.a
LIBWALLS := $(B)/libwalls.a

$(LIBBASE): $(call objs,$(wildcard image/base/*.c))
$(LIBIMAGE): $(call objs,$(wildcard image/*.c))
$(LIBPULL): $(call objs,$(filter-out %/main.c,$(wildcard image/pull/*.c)))

# ISA-L unpacks gzip three times as fast as zlib, which serves where it is not.
MKROOT_GZIP ?= $(shell $(PKG_CONFIG) --exists libisal && echo libisal || \
	echo zlib)
MKROOT_SOURCES := $(filter-out %/main.c \
	%/inflate_$(if $(filter libisal,$(MKROOT_GZIP)),zlib,isal).c, \
	$(wildcard image/mkroot/*.c))
$(LIBMKROOT): $(call objs,$(MKROOT_SOURCES))
$(LIBMKLAYER): $(call objs,$(filter-out %/main.c,$(wildcard image/mklayer/*.c)))
$(LIBWALLS): $(call objs,$(wildcard image/walls/*.c))

BASE_LIBS   = $(call pkg-libs,jansson)
IMAGE_LIBS  = $(call pkg-libs,jansson)
PULL_LIBS   = $(call pkg-libs,libcurl libarchive zlib libcrypto jansson) -lpthread
MKROOT_LIBS = $(call pkg-libs,libsquashfs1 libcrypto libzstd $(MKROOT_GZIP) \
	jansson) -lpthread
MKLAYER_LIBS = $(call pkg-libs,ext2fs com_err libarchive zlib libcrypto jansson)

$(B)/bin/mkroot: $(call objs,image/mkroot/main.c) $(LIBMKROOT) $(LIBWALLS) \
		$(LIBBASE)
	$(call link,$(MKROOT_LIBS))

$(B)/bin/mklayer: $(call objs,image/mklayer/main.c) $(LIBMKLAYER) $(LIBWALLS) \
		$(LIBBASE)
	$(call link,$(MKLAYER_LIBS))

$(B)/bin/pull: $(call objs,image/pull/main.c) $(LIBPULL) $(LIBIMAGE) $(LIBBASE)
	$(call link,$(PULL_LIBS))

PROGRAMS        += $(B)/bin/mkroot $(B)/bin/mklayer $(B)/bin/pull
PKGLIB_PROGRAMS += mkroot mklayer pull
