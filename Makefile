# fsyncstorm: `make run` shows it at work, `make test` tests it, `make help` lists the rest.
#
# Variables: CC, BUILD (where objects go), SAN (e.g. address,undefined), INSTRUMENT=0 (counters
# compiled out), FAST_TESTS=1.

CC      ?= gcc
BUILD   ?= build
SAN     ?=
INSTRUMENT ?= 1
OPT     ?= -O2

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
CFLAGS  := $(OPT) -g -std=gnu11 $(WARN) -D_GNU_SOURCE -DFSS_INSTRUMENT=$(INSTRUMENT) -Iengine -Iworkloads -I.
LDLIBS  := -lhwloc -lpfm -lzstd -ljansson -linih -lpthread -lm
ifneq ($(SAN),)
CFLAGS  += -fsanitize=$(SAN) -fno-omit-frame-pointer
LDFLAGS += -fsanitize=$(SAN)
else
LDLIBS  := -ljemalloc $(LDLIBS)
endif

LIB_C   := $(filter-out %_test.c workloads/main.c,$(wildcard engine/*/*.c workloads/*.c))
LIB_S   := $(wildcard engine/*/*.S)
TEST_C  := $(wildcard engine/*/*_test.c workloads/*_test.c)
LIB_O   := $(LIB_C:%.c=$(BUILD)/%.o) $(LIB_S:%.S=$(BUILD)/%.o)
TESTS   := $(TEST_C:%.c=$(BUILD)/%)
BIN     := $(BUILD)/fsyncstorm

.PHONY: all build
all: build

build: $(BIN) ## build everything

$(BIN): $(BUILD)/workloads/main.o $(LIB_O)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(TESTS): $(BUILD)/%_test: $(BUILD)/%_test.o $(LIB_O)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

.PRECIOUS: $(BUILD)/%.o
-include $(LIB_O:.o=.d) $(TEST_C:%.c=$(BUILD)/%.d) $(BUILD)/workloads/main.d
