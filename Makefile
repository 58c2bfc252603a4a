# fsyncstorm: `make run` shows it at work, `make test` tests it, `make help` lists the rest.
#
# Variables: CC, prefix and DESTDIR (of make install), BUILD (where objects go), SAN (e.g. address,undefined),
# INSTRUMENT=0 (counters compiled out), FAST_TESTS=1 (long tests do a sample), JOBS (parallel compiles).

CC      ?= gcc
ifeq ($(origin CC),default)
CC      := gcc
endif
BUILD   ?= build
SAN     ?=
INSTRUMENT ?= 1
OPT     ?= -O2
JOBS    ?= $(shell nproc)

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
CFLAGS  := $(OPT) -g -std=gnu11 $(WARN) -D_GNU_SOURCE -DFSS_INSTRUMENT=$(INSTRUMENT) -Iengine -Iworkloads -I. \
           -I$(BUILD)/made
LDLIBS  := -lisal -lxxhash -lhwloc -luring -lpfm -lblkid -lmount -lzstd -ljansson -lfuse3 -linih -ldw -lpthread -lm
ifneq ($(SAN),)
CFLAGS  += -fsanitize=$(SAN) -fno-omit-frame-pointer
LDFLAGS += -fsanitize=$(SAN)
else
LDLIBS  := -ljemalloc $(LDLIBS)
endif

# bench/fio_engine.c alone is compiled against fio's own headers: make fio-engine.
ALL_C   := $(filter-out workloads/bench/fio_engine.c,$(wildcard engine/*/*.c workloads/*/*.c))
TEST_C  := $(filter %_test.c,$(ALL_C))
LIB_C   := $(filter-out %_test.c workloads/cmd/main.c,$(ALL_C))
LIB_S   := $(wildcard engine/*/*.S)
LIB_O   := $(LIB_C:%.c=$(BUILD)/%.o) $(LIB_S:%.S=$(BUILD)/%.o)
TESTS   := $(TEST_C:%.c=$(BUILD)/%)
SCRIPTS := $(wildcard analysis/*_test.py scripts/*_test)
BIN     := $(BUILD)/fsyncstorm
TIME    ?= 60
VERSION := 1.0
prefix  ?= /usr/local
SUBMAKE := $(MAKE) --no-print-directory

.PHONY: all build run test test-all check asan tsan analyze bench-self profile-race plots readme bench-guard
.PHONY: bench-cut bench-race
.PHONY: install deb fio-engine fuzz databases mutants vm ground-truth clean help tests libs
all: build

build: $(BIN) ## build everything but the tests

run: ## the main job: bench, race, crash and replay of both designs (installs what is missing)
	@scripts/deps run
	@$(SUBMAKE) -j$(JOBS) -s build
	@FSYNCSTORM=$(BIN) scripts/run

test: ## build and run every test program; the last line is the totals (installs what is missing)
	@scripts/deps
	@$(SUBMAKE) -j$(JOBS) -s build tests
	@$(SUBMAKE) -s fio-engine || echo "without it fio_engine_test is skipped"
	@$(SUBMAKE) -j$(JOBS) -s CC=clang BUILD=$(BUILD)/clang build || \
	echo "without it a part of replay_test is skipped"
	@FSYNCSTORM=$(BIN) scripts/run-tests $(BUILD)/test-logs $(TESTS) $(SCRIPTS)

test-all: ## make test, databases, sanitizers, analysis, fuzzers, virtual machine: what CI has no time for
	@$(SUBMAKE) test
	@$(SUBMAKE) databases
	@$(SUBMAKE) check asan tsan analyze fuzz
	@$(SUBMAKE) vm
	@$(SUBMAKE) mutants
	@echo "test-all: all of it passed"

check: ## no warning under gcc and clang, floors kept, rules that a grep can hold
	@scripts/floors
	@scripts/check
	@$(SUBMAKE) -j$(JOBS) -s CC=gcc build tests
	@scripts/floors --link $(BUILD)
	@$(SUBMAKE) -j$(JOBS) -s CC=clang BUILD=$(BUILD)/clang build tests
	@$(SUBMAKE) -j$(JOBS) -s CC=gcc INSTRUMENT=0 BUILD=$(BUILD)/bare build
	@echo "check: clean"

databases: ## PostgreSQL, etcd and redis under load, watched: what each syncs, how long it takes and why (root)
	@scripts/deps all
	@$(SUBMAKE) -j$(JOBS) -s build
	@FSYNCSTORM=$(BIN) scripts/watched-databases

asan: ## every test under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(SUBMAKE) -j$(JOBS) -s CC=clang SAN=address,undefined BUILD=$(BUILD)/asan build tests
	@FAST_TESTS=1 TEST_LIMIT=600 FSYNCSTORM=$(BUILD)/asan/fsyncstorm \
	ASAN_OPTIONS=detect_stack_use_after_return=0 \
	LSAN_OPTIONS=suppressions=$(CURDIR)/scripts/lsan.supp:print_suppressions=0 \
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	scripts/run-tests $(BUILD)/asan/test-logs $(TESTS:$(BUILD)/%=$(BUILD)/asan/%)

tsan: ## every test of the threads back end under ThreadSanitizer (fibers skip themselves)
	@$(SUBMAKE) -j$(JOBS) -s CC=clang SAN=thread BUILD=$(BUILD)/tsan build tests
	@FAST_TESTS=1 TEST_LIMIT=600 FSYNCSTORM=$(BUILD)/tsan/fsyncstorm TSAN_OPTIONS=halt_on_error=1 \
	scripts/run-tests $(BUILD)/tsan/test-logs $(TESTS:$(BUILD)/%=$(BUILD)/tsan/%)

fuzz: ## TIME=60: each fuzz target for so many seconds, from the inputs that are kept; what was covered and found
	@scripts/deps
	@$(SUBMAKE) -j$(JOBS) -s CC=clang SAN=address,undefined,fuzzer-no-link BUILD=$(BUILD)/fuzz $(BUILD)/fuzz/fuzzer
	@scripts/fuzz $(BUILD)/fuzz $(TIME)

mutants: ## small mistakes, planted one at a time: how many do hunts see, and tests? (ONLY="a,b": these; resumes)
	@scripts/deps
	@$(SUBMAKE) -j$(JOBS) -s build
	@scripts/mutants --build $(BUILD) $(if $(ONLY),--only $(ONLY))

analyze: $(BUILD)/made/scene/shipped.inc ## static analysis: clang's analyzer over every file, cppcheck
	@scripts/analyze $(CFLAGS) -- $(ALL_C)

bench-self: ## what it must reach: each figure beside its bound
	@$(SUBMAKE) -j$(JOBS) -s build
	@$(SUBMAKE) -j$(JOBS) -s INSTRUMENT=0 BUILD=$(BUILD)/bare build
	@scripts/bench-self $(BIN) $(BUILD)/bare/fsyncstorm

bench-race: ## what finding races must reach: each figure beside its bound (ONLY="protocol seed": these groups)
	@$(SUBMAKE) -j$(JOBS) -s build
	@scripts/bench-race $(BIN) $(foreach group,$(ONLY),--only $(group))

bench-cut: ## what power cuts on real file systems must reach, each figure beside its bound (ONLY=alarms: 20,000 states)
	@$(SUBMAKE) -j$(JOBS) -s build
	@$(BIN) bench-cut --dir $(BUILD) --json $(BUILD)/bench-cut.json $(foreach group,$(ONLY),--only $(group))

profile-race: ## where a schedule of the full pipeline goes: the costliest functions, layer by layer
	@$(SUBMAKE) -j$(JOBS) -s build
	@scripts/profile-race $(BIN)

# fio has an allocator of its own.
PIC_LIBS = $(filter-out -ljemalloc,$(LDLIBS))
fio-engine: ## build/fsyncstorm-fio.so: fio itself drives a design (fetches the source of the installed fio)
	@scripts/deps
	@$(SUBMAKE) -j$(JOBS) -s OPT="$(OPT) -fPIC" BUILD=$(BUILD)/pic LDLIBS="$(PIC_LIBS)" libs
	@CC="$(CC)" scripts/fio-engine $(BUILD)/fsyncstorm-fio.so $(BUILD)/fio $(BUILD)/pic -- $(PIC_LIBS)

plots: ## redraw the plots and reports of all committed results, and the README's part of them
	@scripts/deps
	@/usr/bin/python3 analysis plots --readme README.md \
	$$(git ls-files 'results/*/run.json' ':(glob)results/*.story.json')

readme: ## write the README's table of designs anew
	@$(SUBMAKE) -j$(JOBS) -s build
	@scripts/readme $(BIN)

install: build ## into $(prefix) (/usr/local), below DESTDIR: the program, its jobs and analysis, man pages, completion
	@VERSION=$(VERSION) scripts/install $(BIN) "$(DESTDIR)" "$(prefix)"

deb: build ## build/fsyncstorm_VERSION_ARCH.deb: a Debian package of what make install installs
	@VERSION=$(VERSION) scripts/deb $(BIN) $(BUILD)

bench-guard: ## BASE=<commit>: is this tree slower than that one? both built, compared in one interleaved run
	@scripts/deps
	@scripts/bench-guard "$(BASE)"

VM_TESTS = machine/place_test rt/rt_test dev/uring_test dev/file_test dev/facts_test
vm: ## two NUMA nodes and an NVMe drive in QEMU: tests and short benches there, results in build/vm
	@$(SUBMAKE) -j$(JOBS) -s build $(addprefix $(BUILD)/engine/,$(VM_TESTS))
	@BUILD=$(BUILD) scripts/vm

ground-truth: ## the seed's race in a real kernel: Debian's btrfs with and without one line, under power cuts in QEMU
	@$(SUBMAKE) -j$(JOBS) -s build
	@BUILD=$(BUILD) scripts/ground-truth

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

tests: $(TESTS)

# Each room is a library, the topmost first in $(house). A test is linked with its own room and those below it, and no
# more; but tests of rt borrow a picker, since a controlled run has to have one.
borrow-engine/rt := $(BUILD)/engine/pick.a
house   :=
define library
house   := $(BUILD)/$1.a $(house)
$(BUILD)/$1.a: $(filter $(BUILD)/$1/%,$(LIB_O))
	@rm -f $$@
	ar rcs $$@ $$^
$(BUILD)/$1/%_test: $(BUILD)/$1/%_test.o $(borrow-$1) $(BUILD)/$1.a $(house)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) -lcmocka
endef
$(foreach room,$(shell scripts/floors --list),$(eval $(call library,$(room))))

libs: $(house)

$(BIN): $(BUILD)/workloads/cmd/main.o $(house)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The fuzz targets under libFuzzer, which has the main(): make fuzz.
$(BUILD)/fuzzer: $(BUILD)/workloads/fuzz/libfuzzer.o $(house)
	$(CC) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

# The scenarios that come with the program: one C string each, by name.
$(BUILD)/made/scene/shipped.inc: $(sort $(wildcard workloads/scenarios/*.scn)) workloads/scenarios
	@mkdir -p $(@D)
	@for f in $(filter %.scn,$^); do \
	printf '{ "%s",\n' "$$(basename $$f .scn)"; sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $$f; echo '},'; done > $@.new
	@mv $@.new $@
$(BUILD)/workloads/scene/shipped.o: $(BUILD)/made/scene/shipped.inc

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

# The commit is a part of a run's recipe: this file changes when the commit does, and only then.
$(BUILD)/commit.h: FORCE
	@mkdir -p $(@D)
	@commit=$$(git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown); \
	printf '#define FSS_COMMIT "%s"\n#define FSS_VERSION "$(VERSION)"\n' "$$commit" > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(BUILD)/workloads/recipe/env.o: CFLAGS += -include $(BUILD)/commit.h
$(BUILD)/workloads/recipe/env.o: $(BUILD)/commit.h
.PHONY: FORCE

.PRECIOUS: $(BUILD)/%.o
-include $(LIB_O:.o=.d) $(TEST_C:%.c=$(BUILD)/%.d) $(BUILD)/workloads/cmd/main.d
