# SPDX-License-Identifier: LGPL-2.1-or-later
#
# unit/    cmocka programs, one for each tests/unit/test_*.c, and scripts that
#          say the same words, tests/unit/test_*.sh
# golden/  expected outputs that the unit tests compare with
# fuzz/    libFuzzer targets, one for each tests/fuzz/fuzz_*.c

UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard \
	tests/unit/test_*.c))
# What tests share; each takes what it needs.
LIBUNIT := $(B)/libunit.a
$(LIBUNIT): $(call objs,$(filter-out $(wildcard tests/unit/test_*.c), \
	$(wildcard tests/unit/*.c)))

# Fixtures put literals where the structs own their strings.
CFLAGS-tests/unit += -Wno-write-strings

# A test names the functions it replaces: `/* wrap: open stat */`.
wraps = $(addprefix -Wl$(comma)--wrap=,$(shell sed -n \
	's|^/\* wrap: \(.*\) \*/$$|\1|p' $(1)))

$(B)/tests/%: $(B)/obj/tests/unit/%.o $(LIBUNIT) $(LIBPLUGIN) \
		$(LIBMONITOR) $(LIBSECCOMP) $(LIBDOMAIN) $(LIBMKROOT) $(LIBMKLAYER) $(LIBWALLS) \
		$(LIBPULL) $(LIBIMAGE) $(LIBPVINIT) $(LIBCOPY) $(LIBBASE)
	$(call link,$(call wraps,tests/unit/$*.c) $(DOMAIN_LIBS) $(IMAGE_LIBS) \
		$(PULL_LIBS) $(MKROOT_LIBS) $(MKLAYER_LIBS) $(SECCOMP_LIBS) $(call pkg-libs,cmocka))

# pv-init has its own contract and no base library; only its tests link it.
unit: $(UNIT_TESTS) $(PROGRAMS)
	@tests/unit/run $(B) $(HX_ONLY)

.PHONY: unit fuzz
fuzz: ## Build the fuzz targets and run each for FUZZ_SECONDS (default 60)
	@tests/fuzz/run $(or $(FUZZ_SECONDS),60) $(HX_ONLY)

# Built by tests/fuzz/run, with a folder, a compiler and flags of its own.
$(B)/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(LIBMONITOR) $(LIBDOMAIN) \
		$(LIBMKROOT) $(LIBMKLAYER) $(LIBPULL) $(LIBIMAGE) $(LIBPVINIT) $(LIBBASE)
	$(call link,-fsanitize=fuzzer $(DOMAIN_LIBS) $(PULL_LIBS) $(MKROOT_LIBS) \
		$(MKLAYER_LIBS))

# lab/     in dom0, by tests/lab/run; registers.c runs in it and in guests
# hostile/  a guest that lies, in pv-init's place, for the lab's tests
$(B)/bin/hostile-guest: $(call objs,tests/hostile/main.c) $(LIBPVINIT)
	@mkdir -p $(@D)
	@echo "  LD      $@ (static)"
	@$(CC) $(filter-out -fsanitize=%,$(HX_CFLAGS)) -static-pie -o $@ \
		$(filter %.o,$^) $(filter %.a,$^) $(PVINIT_LIBS)

$(B)/bin/registers: $(call objs,tests/lab/registers.c)
	@mkdir -p $(@D)
	@echo "  LD      $@ (static)"
	@$(CC) -static -o $@ $<

$(B)/hostile.cpio: $(B)/bin/hostile-guest scripts/make-initrd
	@echo "  CPIO    $@"
	@scripts/make-initrd $< $@
