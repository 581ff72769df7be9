# SPDX-License-Identifier: LGPL-2.1-or-later
#
# ./        pod spec + disks -> a running domain, and its whole life
# hotplug/  the helper that libxl runs for each vif and vbd
# monitor/  one small process for each pod
# reap/     what it becomes when the pod has ended
# seccomp/  makes a seccomp profile into a program for the guest's kernel

LIBDOMAIN := $(B)/libdomain.a

# The helper's parsing is in the library too, for the unit tests.
$(LIBDOMAIN): $(call objs,$(wildcard domain-builder/*.c) \
	domain-builder/hotplug/request.c)

# One libxl source serves Xen 4.13 to 4.20.
CFLAGS-domain-builder := -DLIBXL_API_VERSION=0x041300
CFLAGS-tests/unit     := -DLIBXL_API_VERSION=0x041300

DOMAIN_LIBS = $(call pkg-libs,xenlight xlutil xencontrol xenstore xentoollog \
	xenforeignmemory ext2fs com_err jansson uuid)

# Static: libxl runs it for each disk and vif, and the dynamic linker would
# take most of its time.
$(B)/bin/hotplug: $(call objs,$(wildcard domain-builder/hotplug/*.c) \
		domain-builder/netdev.c) $(LIBBASE)
	@mkdir -p $(@D)
	@echo "  LD      $@ (static)"
	@$(CC) $(filter-out -fsanitize=%,$(HX_CFLAGS)) -static-pie \
		-Wl,-z,relro,-z,now -Wl,--gc-sections -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -lxenstore -lxentoolcore

# All of the monitor but main.c, for the unit tests.
LIBMONITOR := $(B)/libmonitor.a
$(LIBMONITOR): $(call objs,$(filter-out %/main.c,$(wildcard \
	domain-builder/monitor/*.c)))

# Static too: a pod's start waits for it, and pods are many.
$(B)/bin/monitor: $(call objs,domain-builder/monitor/main.c) $(LIBMONITOR) \
		$(LIBDOMAIN) $(LIBBASE)
	@mkdir -p $(@D)
	@echo "  LD      $@ (static)"
	@$(CC) $(filter-out -fsanitize=%,$(HX_CFLAGS)) -static-pie \
		-Wl,-z,relro,-z,now -Wl,--gc-sections -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) -lxenvchan -lxenstore -lxenctrl -lxencall \
		-lxenforeignmemory -lxendevicemodel -lxengnttab -lxenevtchn \
		-lxentoollog -lxentoolcore -ljansson

$(B)/bin/reap: $(call objs,domain-builder/reap/main.c) $(LIBDOMAIN) \
		$(LIBIMAGE) $(LIBBASE)
	$(call link,$(DOMAIN_LIBS) $(IMAGE_LIBS))

# All of it but main.c, for the unit tests.
LIBSECCOMP  := $(B)/libhxseccomp.a
SECCOMP_LIBS = $(call pkg-libs,libseccomp jansson)
$(LIBSECCOMP): $(call objs,domain-builder/seccomp/profile.c)

$(B)/bin/seccomp: $(call objs,domain-builder/seccomp/main.c) $(LIBSECCOMP) \
		$(LIBDOMAIN) $(LIBBASE)
	$(call link,$(SECCOMP_LIBS))

# The default profile, and what the program makes of it with Docker's
# capabilities: compiling it would be a good part of a launch.
SECCOMP_FILES := $(B)/bin/seccomp-default.json $(B)/bin/seccomp-default.program
$(B)/bin/seccomp-default.json: domain-builder/seccomp/default.json
	@mkdir -p $(@D)
	@cp $< $@

$(B)/bin/seccomp-default.program: $(B)/bin/seccomp-default.json $(B)/bin/seccomp
	@echo "  SECCOMP $@"
	@$(B)/bin/seccomp $< a80425fb > $@

PROGRAMS        += $(if $(SANITIZE),,$(B)/bin/hotplug $(B)/bin/monitor) \
	$(B)/bin/reap $(B)/bin/seccomp $(SECCOMP_FILES)
PKGLIB_PROGRAMS += hotplug monitor reap seccomp
