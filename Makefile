# lorac -- `make` builds ./lorac and the library; `make help` lists the rest.
# Settings first; nothing below them needs to change to build or install.

CC      ?= cc
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build/release
PKG_CONFIG ?= pkg-config
# V=1 shows whole command lines.
V       ?=
Q        = $(if $(V),,@)
say      = $(if $(V),,@echo '  $(1)	$(2)')

VERSION  = 0.1.0
PACKAGES = jansson libpcre2-8 libutf8proc yaml-0.1 sqlite3
# The program alone: what `lorac chat` edits lines with.
CLI_PACKAGES = libedit

# ------------------------------------------------------------------------------------------------
# The layers, lowest first: the one place that orders them (scripts/layers and the tests read it).
LAYERS = base tensor format text metric op plan kernel model gen train tune lib cli

WARN = -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla \
       -Wwrite-strings -Wundef
# No -ffast-math and no -march=native: a NaN has to be seen, and a binary has to run elsewhere.
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc -Iinclude -DLORAC_VERSION='"$(VERSION)"' \
             $(WARN) -ffp-contract=off -fvisibility=hidden -fPIC -pthread -MMD -MP \
             $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null) $(CFLAGS) $(SAN)
CLI_LIBS   = $(shell $(PKG_CONFIG) --libs $(CLI_PACKAGES) 2>/dev/null)
ALL_LIBS   = $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -lm -pthread
CMOCKA     = $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)

# Kernels under kernel/cpu/isa/ are compiled once for each instruction set.
MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)
ISAS = generic
ISA_generic = -O3 -DISA=generic -DISA_ID=0
ifneq ($(filter x86_64%,$(MACHINE)),)
ISAS += avx2 avx512 avx512vnni
ISA_avx2   = -O3 -mavx2 -mfma -mf16c -mprfchw -DISA=avx2 -DISA_ID=1
ISA_avx512 = -O3 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mprfchw -mprefer-vector-width=512 \
             -DISA=avx512 -DISA_ID=2
ISA_avx512vnni = $(subst ISA=avx512,ISA=avx512vnni,$(ISA_avx512)) -mavx512vnni
endif
ifneq ($(filter aarch64%,$(MACHINE)),)
ISAS += neon
ISA_neon = -O3 -DISA=neon -DISA_ID=3
endif

ISA_SRC   := $(wildcard src/kernel/cpu/isa/*.c)
layer_src  = $(filter-out $(ISA_SRC),$(wildcard src/$(1)/*.c src/$(1)/*/*.c))
obj        = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(1))
ISA_OBJ   := $(foreach i,$(ISAS),$(patsubst src/%.c,$(BUILD)/obj/%.$(i).o,$(ISA_SRC)))
layer_obj  = $(call obj,$(call layer_src,$(1))) $(if $(filter kernel,$(1)),$(ISA_OBJ))
layer_lib  = $(BUILD)/lib/$(1).a

# Style and script of the report, as text in the program.
REPORT   = src/lib/report
ASSETS   = $(BUILD)/obj/lib/report/assets.o
layer_obj += $(if $(filter lib,$(1)),$(ASSETS))

LIB_LAYERS = $(filter-out cli,$(LAYERS))
LIB_OBJ   := $(foreach l,$(LIB_LAYERS),$(call layer_obj,$(l)))
CLI_OBJ   := $(call layer_obj,cli)

.PHONY: all help tests check check-long check-arm asan mutate fuzz bench size demo deps install uninstall format layers clean
.SECONDARY:
all: $(BUILD)/lorac $(BUILD)/liblorac.a $(BUILD)/liblorac.so $(BUILD)/embed
ifeq ($(BUILD),build/release)
all: lorac
	@echo "Built ./lorac. It is a good idea to run 'make check' once; 'make demo' shows what it does."
endif

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

lorac: $(BUILD)/lorac
	@cp -f $< $@

$(BUILD)/lorac: $(CLI_OBJ) $(BUILD)/liblorac.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(CLI_OBJ) $(BUILD)/liblorac.a $(CLI_LIBS) $(ALL_LIBS)
$(BUILD)/liblorac.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $(LIB_OBJ)
$(BUILD)/liblorac.so: $(LIB_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -shared -Wl,-soname,liblorac.so.0 -o $@ $(LIB_OBJ) $(ALL_LIBS)
$(BUILD)/embed: examples/embed.c $(BUILD)/liblorac.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/liblorac.a $(ALL_LIBS)

$(BUILD)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(BUILD)/gen/assets.c: $(REPORT)/style.css $(REPORT)/script.js
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q){ echo '#include "lib/report/assets.h"'; for f in style:css script:js; do echo "const char report_$${f%:*}[] ="; \
	    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/"&\\n"/' $(REPORT)/$${f%:*}.$${f#*:}; echo ';'; done; } >$@
$(ASSETS): $(BUILD)/gen/assets.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
define isa_rule
$(BUILD)/obj/%.$(1).o: src/%.c
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$$(Q)$(CC) $(ALL_CFLAGS) $(ISA_$(1)) -c -o $$@ $$<
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i))))

# One archive a layer, so that a test of a layer is linked with the layers below it and no other.
define layer_rule
$(BUILD)/lib/$(1).a: $(call layer_obj,$(1))
	@mkdir -p $$(@D); rm -f $$@
	@$(AR) rcs $$@ $(call layer_obj,$(1))
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))

# ------------------------------------------------------------------------------------------------
# Tests: test/LAYER/test_*.c is one program, linked with LAYER and what is below it. test/grad/ is
# linked with op and plan compiled in double precision. test/run.sh runs them all and counts.
upto = $(shell for l in $(LAYERS); do echo $$l; [ $$l = $(1) ] && break; done)
reverse = $(if $(1),$(call reverse,$(wordlist 2,999,$(1))) $(firstword $(1)))
TEST_SRC := $(wildcard $(foreach l,$(LIB_LAYERS),test/$(l)/test_*.c))
TEST_BIN := $(patsubst test/%.c,$(BUILD)/test/%,$(TEST_SRC))
GRAD_SRC := $(wildcard test/grad/test_*.c)
GRAD_BIN := $(patsubst test/%.c,$(BUILD)/test/%,$(GRAD_SRC))

define test_rule
$(BUILD)/test/$(1)/%: test/$(1)/%.c $(foreach l,$(call upto,$(1)),$(call layer_lib,$(l)))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$(CC) $(ALL_CFLAGS) -Itest $(LDFLAGS) -o $$@ $$< $(foreach l,$(call reverse,$(call upto,$(1))),$(call layer_lib,$(l))) $(CMOCKA) $(ALL_LIBS)
endef
$(foreach l,$(LIB_LAYERS),$(eval $(call test_rule,$(l))))

F64_OBJ := $(patsubst src/%.c,$(BUILD)/f64/%.o,$(foreach l,op plan,$(call layer_src,$(l))))
$(BUILD)/f64/%.o: src/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -DREAL=double -c -o $@ $<
$(BUILD)/test/grad/%: test/grad/%.c $(F64_OBJ) $(foreach l,text format tensor base,$(call layer_lib,$(l)))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -DREAL=double -Itest $(LDFLAGS) -o $@ $< $(F64_OBJ) $(foreach l,text format tensor base,$(call layer_lib,$(l))) $(CMOCKA) $(ALL_LIBS)

tests: $(TEST_BIN) $(GRAD_BIN)

check: all tests ## build everything and run the tests (about two minutes on 2 cores)
	@BUILD=$(BUILD) ./test/run.sh

check-long: all tests ## also what is slow or needs the large reference data
	@BUILD=$(BUILD) LORAC_LONG=1 ./test/run.sh

check-arm: ## the tests on an emulated AArch64 (ten minutes; fetches what it needs, 120 MB)
	@TESTS='$(TESTS)' ./scripts/check_arm.sh

layers: ## does every #include point down?
	@./scripts/layers.sh "$(LAYERS)"

asan: ## the tests under the address and undefined-behaviour sanitizers
	@$(MAKE) BUILD=build/asan CFLAGS='-O1 -g -fno-omit-frame-pointer' \
	    SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' check

mutate: ## one-line breakages, each of which has to turn the tests red
	@./scripts/mutate.sh

# Fuzzing needs clang; seconds for each target: make fuzz FUZZ_SECONDS=60. The corpora are replayed by `make check`.
FUZZ_SRC := $(wildcard fuzz/fuzz_*.c)
FUZZ_SECONDS ?= 60
fuzz: ## libFuzzer on every reader of files from outside (clang; FUZZ_SECONDS=60 each)
	@$(MAKE) BUILD=build/fuzz CC=clang CFLAGS='-O1 -g' SAN='-fsanitize=fuzzer-no-link,address,undefined' \
	    $(patsubst fuzz/%.c,build/fuzz/bin/%,$(FUZZ_SRC))
	@for f in $(patsubst fuzz/fuzz_%.c,%,$(FUZZ_SRC)); do mkdir -p build/fuzz/corpus/$$f; \
	    build/fuzz/bin/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 build/fuzz/corpus/$$f fuzz/corpus/$$f || exit 1; done
FUZZ_LIBS = $(foreach l,tune metric text format tensor base,$(call layer_lib,$(l)))
$(BUILD)/bin/fuzz_%: fuzz/fuzz_%.c $(FUZZ_LIBS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< $(FUZZ_LIBS) $(ALL_LIBS)
$(BUILD)/replay/%: fuzz/%.c fuzz/replay.c $(FUZZ_LIBS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< fuzz/replay.c $(FUZZ_LIBS) $(ALL_LIBS)
REPLAY_BIN := $(patsubst fuzz/%.c,$(BUILD)/replay/%,$(FUZZ_SRC))
tests: $(REPLAY_BIN)

BENCH_BIN := $(patsubst bench/%.c,$(BUILD)/bench/%,$(wildcard bench/*.c))
$(BUILD)/bench/%: bench/%.c $(BUILD)/liblorac.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/liblorac.a $(ALL_LIBS)
bench: all $(BENCH_BIN) ## this machine's peaks and how near the kernels and a training step come
	@for b in $(BENCH_BIN); do $$b || exit 1; done

size: ## lines of code by layer, longest files and functions
	@for l in $(LAYERS); do printf '%7d %s\n' $$(cat src/$$l/*.[ch] src/$$l/*/*.[ch] src/$$l/*/*/*.[ch] 2>/dev/null | wc -l) $$l; done
	@echo "longest files:"; wc -l $$(git ls-files 'src/*.[ch]') | sort -rn | sed -n 2,6p

deps: ## install what is missing (Debian packages)
	@./scripts/deps

demo: ## the main job on a real model, start to end
	@./scripts/deps
	@echo 'Building lorac'; $(MAKE) -s --no-print-directory -j$$(nproc) say= lorac
	@./scripts/demo

format: ## lay out the sources
	clang-format -i $$(git ls-files '*.c' '*.h')

install: all ## to $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 755 lorac $(DESTDIR)$(PREFIX)/bin/lorac
	install -m 644 include/lorac.h $(DESTDIR)$(PREFIX)/include/lorac.h
	install -m 644 $(BUILD)/liblorac.a $(DESTDIR)$(PREFIX)/lib/liblorac.a
	install -m 755 $(BUILD)/liblorac.so $(DESTDIR)$(PREFIX)/lib/liblorac.so.$(VERSION)
	ln -sf liblorac.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/liblorac.so.0
	ln -sf liblorac.so.0 $(DESTDIR)$(PREFIX)/lib/liblorac.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@PACKAGES@|$(PACKAGES)|' scripts/lorac.pc.in \
	    >$(DESTDIR)$(PREFIX)/lib/pkgconfig/lorac.pc
uninstall: ## what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/lorac $(DESTDIR)$(PREFIX)/include/lorac.h $(DESTDIR)$(PREFIX)/lib/liblorac.* \
	    $(DESTDIR)$(PREFIX)/lib/pkgconfig/lorac.pc

clean: ## remove what was built
	rm -rf build lorac

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
