# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One makefile for everything; each folder says what it holds in module.mk.
# `make help` lists the targets.

prefix     ?= /usr/local
sbindir    ?= $(prefix)/sbin
libdir     ?= $(prefix)/lib
pkglibdir  ?= $(libdir)/xl-hyper
mandir     ?= $(prefix)/share/man
completiondir ?= $(prefix)/share/bash-completion/completions
sysconfdir ?= /etc
systemddir ?= $(libdir)/systemd/system
DESTDIR    ?=

VERSION := 0.1.0

CC         ?= gcc
AR         ?= ar
PKG_CONFIG ?= pkg-config
INSTALL    ?= install

# SANITIZE=address,undefined (or thread) builds into a folder of its own.
SANITIZE ?=
comma := ,
B := build$(if $(SANITIZE),/san-$(subst $(comma),-,$(SANITIZE)))

CFLAGS   ?= -O2 -g
# No -Werror with sanitizers: gcc then warns of what cannot happen.
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wvla -Wformat=2 -Wundef -Wpointer-arith \
	-Wwrite-strings $(if $(SANITIZE),,$(if $(CI),-Werror))
HARDEN   := -fstack-protector-strong -fno-strict-aliasing \
	$(if $(SANITIZE),,-D_FORTIFY_SOURCE=2) -fPIE
SANFLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
	-fno-sanitize-recover=all)
HX_CPPFLAGS := -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-DHX_VERSION='"$(VERSION)"' -DHX_PKGLIBDIR='"$(pkglibdir)"' \
	-DHX_SYSCONFDIR='"$(sysconfdir)"' $(CPPFLAGS)
HX_CFLAGS   := -std=gnu11 $(WARNINGS) $(HARDEN) $(SANFLAGS) $(CFLAGS)
HX_LDFLAGS  := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SANFLAGS) $(LDFLAGS)

.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:

# $(call pkg,NAMES): compile and link flags; an unknown package stops make
# with its name and the way to get it.
pkg-missing = $(error the library '$(1)' is missing ($(PKG_CONFIG) knows no \
	$(1)); run ./scripts/setup, or install its Debian package '$(2)')
pkg-check = $(if $(shell $(PKG_CONFIG) --exists $(1) && echo y),,$(call \
	pkg-missing,$(1),$(2)))
pkg-libs   = $(shell $(PKG_CONFIG) --libs $(1))
pkg-cflags = $(shell $(PKG_CONFIG) --cflags $(1))

# Defined before the includes: prerequisites are expanded as they are read.
objs = $(patsubst %.c,$(B)/obj/%.o,$(1))

include image/module.mk
include domain-builder/module.mk
include pv-init/module.mk
include xl-plugin/module.mk
include tests/module.mk

# What is missing is said here, in so many words, and not by the linker.
NO_BUILD_GOALS := clean help format lint man uninstall hyperkernel
TEST_GOALS     := check check-asan unit
ifneq ($(filter-out $(NO_BUILD_GOALS),$(or $(MAKECMDGOALS),all)),)
$(call pkg-check,jansson,libjansson-dev)
$(call pkg-check,libarchive,libarchive-dev)
$(call pkg-check,libsquashfs1,libsquashfs-dev)
$(call pkg-check,libzstd,libzstd-dev)
$(call pkg-check,zlib,zlib1g-dev)
$(call pkg-check,libcurl,libcurl4-openssl-dev)
$(call pkg-check,libcrypto,libssl-dev)
$(call pkg-check,ext2fs,libext2fs-dev)
$(call pkg-check,uuid,uuid-dev)
$(call pkg-check,libseccomp,libseccomp-dev)
$(call pkg-check,xenlight,libxen-dev)
$(call pkg-check,xenstore,libxen-dev)
endif
ifneq ($(filter $(TEST_GOALS),$(MAKECMDGOALS)),)
$(call pkg-check,cmocka,libcmocka-dev)
endif

# -- compiling ---------------------------------------------------------------

# A change of compiler or flags rebuilds.
FLAGS_NOW := $(CC) $(HX_CPPFLAGS) $(HX_CFLAGS) $(HX_LDFLAGS)
$(B)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || \
		echo '$(subst ','\'',$(FLAGS_NOW))' > $@

$(B)/obj/%.o: %.c $(B)/.flags
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(HX_CPPFLAGS) $(HX_CFLAGS) $(CFLAGS-$(<)) $(CFLAGS-$(<D)) \
		-MMD -MP -c -o $@ $<

$(B)/%.a:
	@mkdir -p $(@D)
	@echo "  AR      $@"
	@rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

# $(call link,LIBRARIES): objects and archives of the prerequisites, in order.
define link
@mkdir -p $(@D)
@echo "  LD      $@"
@$(CC) $(HX_CFLAGS) $(HX_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(1)
endef

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# -- targets -----------------------------------------------------------------

all: all-programs $(B)/initrd.cpio hyperkernel ## Build everything, HyperKernel too

all-programs: $(PROGRAMS) ## Build the programs, without the kernel

check: unit ## Run unit and golden tests (HX_ONLY=name for one)

check-asan: ## The same under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory SANITIZE=address,undefined unit

lab: all ## Start the lab and run its tests (HX_ONLY=name for one)
	@tests/lab/run $(HX_ONLY)

bench: all ## Run the benchmarks; tables, and build/bench/NAME.json
	@tests/bench/run $(HX_ONLY)

bench-image: all-programs ## Only that of images: no lab; SIZES and RUNS to be short
	@tests/bench/run image

# Our `xl` stands beside Xen's own and never in its place: below /usr, where
# distributions have theirs, there is none; elsewhere an xl that does not know
# xl-hyper is not ours, and is neither replaced nor removed.
SHIM := $(strip $(if $(filter-out / /usr,$(abspath $(prefix))),\
	$(DESTDIR)$(sbindir)/xl))
SHIM_FREE = [ ! -e $(SHIM) ] || grep -q xl-hyper $(SHIM)

install: all ## Install below DESTDIR and prefix
	$(INSTALL) -d $(DESTDIR)$(sbindir) $(DESTDIR)$(pkglibdir) \
		$(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man5 \
		$(DESTDIR)$(completiondir)
	$(INSTALL) -m 755 $(B)/bin/xl-hyper $(DESTDIR)$(sbindir)
	$(if $(SHIM),if $(SHIM_FREE); then \
		$(INSTALL) -m 755 $(B)/bin/xl $(SHIM); else \
		echo "$(SHIM) is Xen's and stays; use xl-hyper or hyper"; fi)
	ln -sf xl-hyper $(DESTDIR)$(sbindir)/hyper
	$(INSTALL) -m 755 $(addprefix $(B)/bin/,$(PKGLIB_PROGRAMS)) \
		$(DESTDIR)$(pkglibdir)
	$(INSTALL) -m 644 $(B)/initrd.cpio $(DESTDIR)$(pkglibdir)/initrd.cpio
	$(INSTALL) -m 644 $(SECCOMP_FILES) $(DESTDIR)$(pkglibdir)
	$(INSTALL) -m 644 build/hyperkernel/vmlinux \
		$(DESTDIR)$(pkglibdir)/vmlinux
	$(INSTALL) -m 644 $(wildcard docs/man/*.1) $(DESTDIR)$(mandir)/man1
	$(if $(wildcard docs/man/*.5),$(INSTALL) -m 644 \
		$(wildcard docs/man/*.5) $(DESTDIR)$(mandir)/man5)
	$(INSTALL) -m 644 xl-plugin/completion/xl-hyper.bash \
		$(DESTDIR)$(completiondir)/xl-hyper
	ln -sf xl-hyper $(DESTDIR)$(completiondir)/hyper
	$(INSTALL) -d $(DESTDIR)$(systemddir) $(DESTDIR)$(sysconfdir)/init.d
	sed 's|@sbindir@|$(sbindir)|' scripts/init/xl-hyper.service \
		> $(DESTDIR)$(systemddir)/xl-hyper.service
	sed 's|@sbindir@|$(sbindir)|' scripts/init/xl-hyper \
		> $(DESTDIR)$(sysconfdir)/init.d/xl-hyper
	chmod 644 $(DESTDIR)$(systemddir)/xl-hyper.service
	chmod 755 $(DESTDIR)$(sysconfdir)/init.d/xl-hyper
	$(if $(SHIM),ln -sf xl-hyper $(DESTDIR)$(completiondir)/xl)

uninstall: ## Remove what install put there; images and pods stay
	rm -f $(addprefix $(DESTDIR)$(sbindir)/,xl-hyper hyper)
	$(if $(SHIM),if $(SHIM_FREE); then rm -f $(SHIM); fi)
	rm -rf $(DESTDIR)$(pkglibdir)
	rm -f $(DESTDIR)$(systemddir)/xl-hyper.service \
		$(DESTDIR)$(sysconfdir)/init.d/xl-hyper
	rm -f $(addprefix $(DESTDIR)$(mandir)/man1/,$(notdir \
		$(wildcard docs/man/*.1)))
	rm -f $(addprefix $(DESTDIR)$(mandir)/man5/,$(notdir \
		$(wildcard docs/man/*.5)))
	rm -f $(addprefix $(DESTDIR)$(completiondir)/,xl-hyper hyper \
		$(if $(SHIM),xl))

man: ## Check the manual pages
	@for page in docs/man/*.[15]; do \
		echo "  MAN     $$page"; \
		man --warnings -l -E UTF-8 -Tutf8 "$$page" 2>&1 >/dev/null | \
			{ ! grep . ; } || exit 1; \
	done

lint: ## Format, clang-tidy, cppcheck, shellcheck, include directions
	@scripts/lint

format: ## Rewrite the C files in the house style
	@git ls-files -co --exclude-standard '*.[ch]' | xargs clang-format -i

clean: ## Remove build/
	rm -rf build

help: ## Print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST)

FORCE:
.PHONY: all all-programs check check-asan lab bench bench-image install uninstall man \
	lint format clean help FORCE
