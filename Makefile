# lorac -- `make` builds ./lorac and the library; `make help` lists the rest.
# Settings first; nothing below them needs to change to build or install.

CC      ?= cc
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build/release
PKG_CONFIG ?= pkg-config

VERSION  = 0.1.0
PACKAGES = jansson libpcre2-8 libutf8proc yaml-0.1

# ------------------------------------------------------------------------------------------------
# The layers, lowest first: the one place that orders them (scripts/layers and the tests read it).
LAYERS = base tensor format text op plan kernel model gen train lib cli

WARN = -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla \
       -Wwrite-strings -Wundef
# No -ffast-math and no -march=native: a NaN has to be seen, and a binary has to run elsewhere.
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc -Iinclude -DLORAC_VERSION='"$(VERSION)"' \
             $(WARN) -ffp-contract=off -fvisibility=hidden -fPIC -pthread -MMD -MP \
             $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null) $(CFLAGS) $(SAN)
ALL_LIBS   = $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -lm -pthread
CMOCKA     = $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)

# Kernels under kernel/cpu/isa/ are compiled once for each instruction set.
MACHINE := $(shell $(CC) -dumpmachine)
ISAS = generic
ISA_generic = -O3 -DISA=generic -DISA_ID=0
ifneq ($(filter x86_64%,$(MACHINE)),)
ISAS += avx2 avx512
ISA_avx2   = -O3 -mavx2 -mfma -mf16c -DISA=avx2 -DISA_ID=1
ISA_avx512 = -O3 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mprefer-vector-width=512 \
             -DISA=avx512 -DISA_ID=2
endif

ISA_SRC   := $(wildcard src/kernel/cpu/isa/*.c)
layer_src  = $(filter-out $(ISA_SRC),$(wildcard src/$(1)/*.c src/$(1)/*/*.c))
obj        = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(1))
ISA_OBJ   := $(foreach i,$(ISAS),$(patsubst src/%.c,$(BUILD)/obj/%.$(i).o,$(ISA_SRC)))
layer_obj  = $(call obj,$(call layer_src,$(1))) $(if $(filter kernel,$(1)),$(ISA_OBJ))
layer_lib  = $(BUILD)/lib/$(1).a

LIB_LAYERS = $(filter-out cli,$(LAYERS))
LIB_OBJ   := $(foreach l,$(LIB_LAYERS),$(call layer_obj,$(l)))
CLI_OBJ   := $(call layer_obj,cli)

.PHONY: all help check check-long asan mutate fuzz bench size demo deps install uninstall format layers clean
all: lorac $(BUILD)/liblorac.a $(BUILD)/liblorac.so $(BUILD)/embed
	@echo "Built ./lorac. It is a good idea to run 'make check' once; 'make demo' shows what it does."

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

lorac: $(BUILD)/lorac
	@cp -f $< $@

$(BUILD)/lorac: $(CLI_OBJ) $(BUILD)/liblorac.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(CLI_OBJ) $(BUILD)/liblorac.a $(ALL_LIBS)
$(BUILD)/liblorac.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $(LIB_OBJ)
$(BUILD)/liblorac.so: $(LIB_OBJ)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -shared -Wl,-soname,liblorac.so.0 -o $@ $(LIB_OBJ) $(ALL_LIBS)
$(BUILD)/embed: examples/embed.c $(BUILD)/liblorac.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/liblorac.a $(ALL_LIBS)

$(BUILD)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<
define isa_rule
$(BUILD)/obj/%.$(1).o: src/%.c
	@mkdir -p $$(@D)
	$(CC) $(ALL_CFLAGS) $(ISA_$(1)) -c -o $$@ $$<
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i))))

# One archive a layer, so that a test of a layer is linked with the layers below it and no other.
define layer_rule
$(BUILD)/lib/$(1).a: $(call layer_obj,$(1))
	@mkdir -p $$(@D); rm -f $$@
	@ar rcs $$@ $(call layer_obj,$(1))
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))

# ------------------------------------------------------------------------------------------------
# Tests: test/LAYER/test_*.c is one program, linked with LAYER and what is below it. test/grad/ is
# linked with op, plan and model compiled in double precision. test/run.sh runs them all and counts.
upto = $(shell for l in $(LAYERS); do echo $$l; [ $$l = $(1) ] && break; done)
reverse = $(if $(1),$(call reverse,$(wordlist 2,999,$(1))) $(firstword $(1)))
TEST_SRC := $(wildcard $(foreach l,$(LIB_LAYERS),test/$(l)/test_*.c))
TEST_BIN := $(patsubst test/%.c,$(BUILD)/test/%,$(TEST_SRC))
GRAD_SRC := $(wildcard test/grad/test_*.c)
GRAD_BIN := $(patsubst test/%.c,$(BUILD)/test/%,$(GRAD_SRC))

define test_rule
$(BUILD)/test/$(1)/%: test/$(1)/%.c $(foreach l,$(call upto,$(1)),$(call layer_lib,$(l)))
	@mkdir -p $$(@D)
	$(CC) $(ALL_CFLAGS) -Itest $(LDFLAGS) -o $$@ $$< $(foreach l,$(call reverse,$(call upto,$(1))),$(call layer_lib,$(l))) $(CMOCKA) $(ALL_LIBS)
endef
$(foreach l,$(LIB_LAYERS),$(eval $(call test_rule,$(l))))

F64_OBJ := $(patsubst src/%.c,$(BUILD)/f64/%.o,$(foreach l,op plan model,$(call layer_src,$(l))))
$(BUILD)/f64/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DREAL=double -c -o $@ $<
$(BUILD)/test/grad/%: test/grad/%.c $(F64_OBJ) $(foreach l,text format tensor base,$(call layer_lib,$(l)))
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DREAL=double -Itest $(LDFLAGS) -o $@ $< $(F64_OBJ) $(foreach l,text format tensor base,$(call layer_lib,$(l))) $(CMOCKA) $(ALL_LIBS)

tests: $(TEST_BIN) $(GRAD_BIN)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
