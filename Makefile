# SPDX-License-Identifier: GPL-2.0-or-later
#
# btmm: Back to My Mac (RFC 6281) for Linux. "make help" lists the targets.
# Kbuild is the kernel's; it is read only from scripts/lab.d/build-module.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:

BUILD := $(CURDIR)/build
PREFIX ?= /usr
DESTDIR ?=

# Kernels to build for: all that are there, or KVER="version..."
KERNELS := $(shell scripts/lab.d/kernels | cut -d' ' -f1)
KVER ?= $(KERNELS)
MODULES = $(foreach k,$(KVER),$(BUILD)/modules/$(k)/autotunnel.ko)
MODULE_SOURCES := $(wildcard Kbuild) $(shell find kernel include -not -name '.*' 2>/dev/null)

USERSPACE = $(if $(wildcard userspace/Makefile),$(MAKE) -C userspace BUILD=$(BUILD) PREFIX=$(PREFIX) DESTDIR=$(DESTDIR),true)

.PHONY: all
all: modules userspace ## build everything (the default)

.PHONY: help
help: ## list the targets
	@echo 'Targets:'
	@sed -n 's/^\([a-z_-]*\):.*## \(.*\)/\1|\2/p' Makefile | \
		while IFS='|' read -r t d; do printf '  %-16s %s\n' "$$t" "$$d"; done
	@echo 'Variables: KVER="version..." (kernels to build for), DESTDIR, PREFIX,'
	@echo '  T=area or T=selftests/area/test.t, K="uml-debug 6.1 6.12", LONG=1 (make check)'

.PHONY: modules
modules: $(MODULES) ## build autotunnel.ko for every kernel there is
ifeq ($(strip $(KVER)),)
	@echo 'no kernel headers are installed: no module is built (scripts/setup)'
endif

# Which build of that version: another configuration is another kernel, to which a module
# of before loads and does harm.
KERNEL_BUILDS := $(foreach k,$(KVER),$(BUILD)/modules/$(k)/kernel)
.PHONY: FORCE
$(KERNEL_BUILDS) &: FORCE
	@scripts/lab.d/kernels --note $(BUILD)/modules

$(BUILD)/modules/%/autotunnel.ko: $(MODULE_SOURCES) $(BUILD)/modules/%/kernel
	@echo "  MODULE  $*"
	@scripts/lab.d/build-module $* $(if $(W),W=$(W)) $(if $(C),C=$(C)) $(if $(V),V=$(V))

# What `make torture` drives the module with, and where uml-debug says which of its
# code was run.
TORTURE = $(BUILD)/torture/nlfuzz $(foreach k,$(KVER),$(BUILD)/torture/$(k)/at-torture.ko \
	$(if $(filter %-uml-debug,$(k)),$(BUILD)/torture/$(k)/autotunnel.ko))

.PHONY: torture-build
torture-build: $(TORTURE)

$(BUILD)/torture/%/at-torture.ko: $(wildcard selftests/torture/module/*) $(BUILD)/modules/%/kernel
	@echo "  MODULE  at-torture $*"
	@scripts/lab.d/build-module --torture $*

$(BUILD)/torture/%/autotunnel.ko: $(MODULE_SOURCES) $(BUILD)/modules/%/kernel
	@echo "  MODULE  kcov $*"
	@scripts/lab.d/build-module --kcov $*

$(BUILD)/torture/nlfuzz: $(wildcard selftests/torture/nlfuzz*.[ch]) include/uapi/linux/autotunnel.h
	@mkdir -p $(@D)
	@echo "  CC      $(@F)"
	@gcc -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wshadow -Iinclude/uapi -o $@ $(filter %.c,$^)

# What tests enter name spaces with
IN_NETNS = $(BUILD)/tests-bin/in-netns
$(IN_NETNS): selftests/lib/in-netns.c
	@mkdir -p $(@D)
	@echo "  CC      $(@F)"
	@gcc -std=gnu11 -O2 -static -Wall -Wextra -Werror -Wshadow -o $@ $<

.PHONY: userspace
userspace: $(IN_NETNS) ## build programs into build/bin
	@+$(USERSPACE) all

.PHONY: lab-build
lab-build: modules userspace torture-build

.PHONY: install
install: userspace ## install programs, manual pages and the uapi header (DESTDIR=)
	@+$(USERSPACE) install
	install -d $(DESTDIR)$(PREFIX)/include/linux
	install -m 644 include/uapi/linux/autotunnel.h $(DESTDIR)$(PREFIX)/include/linux/

.PHONY: modules_install
modules_install: modules ## install the modules (DESTDIR=) for installed kernels
	@for k in $(filter $(notdir $(wildcard /lib/modules/*)),$(KVER)); do \
		install -d $(DESTDIR)/lib/modules/$$k/updates && \
		install -m 644 build/modules/$$k/autotunnel.ko $(DESTDIR)/lib/modules/$$k/updates/ || exit 1; \
		echo "  INSTALL $(DESTDIR)/lib/modules/$$k/updates/autotunnel.ko"; \
		if [ -z "$(DESTDIR)" ]; then depmod $$k; fi; \
	done

.PHONY: check
check: ## unit, lint and selftests in the lab; T=area or test, K=kernels, LONG=1
	@scripts/setup --quiet
	@+scripts/check $(T)

.PHONY: lint
lint: ## static checks: sparse, W=1, checkpatch, shellcheck, compiler warnings
	@+scripts/lint

.PHONY: unit
unit: ## userspace unit tests, with address and undefined-behaviour sanitizers
	@+$(USERSPACE) SAN=1 unit

.PHONY: fuzz
fuzz: ## what reads from strangers, for libFuzzer (clang-14); scripts/fuzz runs it
	@+$(USERSPACE) fuzz

.PHONY: coverage
coverage: ## how many lines of userspace/lib the unit tests run
	@find build/obj-cov -name '*.gcda' -delete 2>/dev/null || true
	@+$(USERSPACE) COV=1 unit >build/coverage.log 2>&1 || { tail -n 30 build/coverage.log; exit 1; }
	@scripts/coverage build/obj-cov --least 90

.PHONY: demo
demo: ## hosts that find each other, a download that survives two moves, on a stock 6.12 kernel
	@scripts/setup --quiet
	@scripts/lab -k $(or $(K),6.12) -- selftests/demo/run

.PHONY: bench
bench: ## the tunnel beside WireGuard and others, 20 minutes; build/bench/tunnel.json
	@scripts/setup --quiet
	@scripts/bench

.PHONY: torture
torture: ## what it withstands, for half an hour; BTMM_TORTURE_MINUTES, LONG=1 for a night
	@scripts/setup --quiet
	@+scripts/torture $(if $(LONG),--long) $(T)

.PHONY: bench-dns
bench-dns: ## btmm-dnsd beside the BIND it stands in front of, natively; build/bench/dns.json
	@scripts/setup --quiet
	@+$(USERSPACE) all bench
	@scripts/lab -k uml --prepare
	@scripts/bench-dns

.PHONY: bench-idle
bench-idle: ## packets and CPU time per hour of a host that does nothing; build/bench/idle.json
	@scripts/setup --quiet
	@scripts/lab -k uml --prepare
	@scripts/bench-idle

.PHONY: bench-scale
bench-scale: ## thousands of peers: kernel beside WireGuard, charon, btmmd; build/bench/scale.json
	@scripts/setup --quiet
	@scripts/lab -k uml --prepare
	@scripts/bench-scale

.PHONY: clean
clean: ## remove what was built
	rm -rf build

.PHONY: distclean
distclean: clean ## also remove the lab's cache (root and kernels)
	scripts/lab.d/clean-cache
