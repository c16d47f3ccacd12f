# pgcdc: every committed change of a Postgres database, somewhere else.
#
#   make          build bin/pgcdc-*           make check    all tests, as CI runs them
#   make demo     the main job, in a minute   make install  DESTDIR= PREFIX=/usr/local UNITDIR=
#                 (DEMO=kafka: to a broker)
#   make deps     install what is missing     make lint     style and static analysis
#   make check-all  every test on every major from 13 to 18
#   make unit     the tests inside a process  make asan     all tests under ASan and UBSan
#   make valgrind the unit tests under it     make cover    line coverage of all tests
#   make fuzz     each target for FUZZ_SECONDS (60)
#   make fault    SEEDS (200) random schedules of faults, from FIRST (1)
#   make fault-kafka  the same with Kafka behind the line, and fault-group with Kafka before it
#   make fault-kills  one with SEEDS SIGKILLs of the producer
#   make fault-dump   the same with dumps of the tables beside the line
#   make bench    figures against pg_recvlogical, bench-kafka with Kafka behind it against kcat,
#                 bench-dump against COPY; let nothing else run meanwhile

VERSION = 0.1.0
PREFIX ?= /usr/local
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
DATADIR = $(PREFIX)/share/pgcdc
DOCDIR = $(PREFIX)/share/doc/pgcdc
UNITDIR ?= $(PREFIX)/lib/systemd/system
FUZZ_SECONDS ?= 60
SEEDS ?= 200
FIRST ?= 1
MAJORS = 13 14 15 16 17 18

# Each program links only the libraries of its row.
PROGRAMS = pgcdc-read pgcdc-dump pgcdc-translate pgcdc-kafka pgcdc-file pgcdc-run
LIBS_pgcdc-read = libpq
LIBS_pgcdc-dump = libpq libxxhash
LIBS_pgcdc-translate = libpq jansson
LIBS_pgcdc-kafka = rdkafka jansson
LIBS_pgcdc-file =
LIBS_pgcdc-run =

# A variant (SANITIZE=address,undefined or COVERAGE=1) has its own objects and programs.
comma := ,
VARIANT = $(subst $(comma),-,$(SANITIZE))$(if $(COVERAGE),coverage)
B = build/$(or $(VARIANT),plain)
BIN = $(if $(VARIANT),$(B)/bin,bin)

CC ?= cc
PKG_CONFIG ?= pkg-config
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wvla -Wconversion -Wno-sign-conversion -Wformat=2 -Wundef $(if $(CI),-Werror)
HARDEN = -fPIE -fstack-protector-strong -fcf-protection \
	$(if $(VARIANT),,-fstack-clash-protection -D_FORTIFY_SOURCE=2)
INSTRUMENT = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all) \
	$(if $(COVERAGE),--coverage)
CFLAGS ?= -g $(if $(VARIANT),-O1 -fno-omit-frame-pointer,-O2)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DPGCDC_VERSION='"$(VERSION)"' $(WARNINGS) $(HARDEN) \
	$(INSTRUMENT) -Isrc/lib $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(INSTRUMENT) $(LDFLAGS)
PQ_CFLAGS = $(shell $(PKG_CONFIG) --cflags libpq)
PQ_LIBS = $(shell $(PKG_CONFIG) --libs libpq)
JANSSON_LIBS = $(shell $(PKG_CONFIG) --libs jansson)
XXHASH_LIBS = $(shell $(PKG_CONFIG) --libs libxxhash)

# Each folder's objects but main.o make an archive, which programs and tests link.
objects = $(patsubst src/%.c,$(B)/%.o,$(wildcard src/$(1)/*.c))

all: deps-build programs
programs: $(PROGRAMS:%=$(BIN)/%) $(if $(VARIANT),$(BIN)/pgcdc)

define program
$(call objects,$(1)): EXTRA_CFLAGS = -Isrc/$(1) $(if $(LIBS_$(1)),$$(shell $(PKG_CONFIG) --cflags $(LIBS_$(1))))
$$(BIN)/$(1): $(B)/$(1)/main.o $(B)/$(1).a $(B)/lib.a
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $(if $(LIBS_$(1)),$$(shell $(PKG_CONFIG) --libs $(LIBS_$(1))))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# Programs that do not connect leave the library's connect.o out.
$(call objects,lib): EXTRA_CFLAGS = $(PQ_CFLAGS)

.SECONDEXPANSION:
$(B)/%.a: $$(filter-out $$(B)/$$*/main.o,$$(call objects,$$*))
	rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(EXTRA_CFLAGS) -MMD -MP -c -o $@ $<

# The front door of a variant is the same script, beside the variant's programs.
$(B)/bin/pgcdc: bin/pgcdc
	@mkdir -p $(@D)
	ln -sf ../../../bin/pgcdc $@

# Tools of the tests: unit tests, the fault workload and its checker, the benchmark's, and what
# asks a Kafka broker.
UNIT = $(patsubst test/unit/%.c,$(B)/unit/%,$(wildcard test/unit/*_test.c))
# Tests and fuzz targets of these programs say so in their names; the others are of the library,
# pgcdc-read and pgcdc-run.
programs_of = $(or $(strip $(foreach p,dump kafka translate,$(if \
	$(findstring $(p),$(notdir $(1))),pgcdc-$(p)))),pgcdc-read pgcdc-run)
$(B)/unit/%: test/unit/%.c $(wildcard test/unit/*.h test/fuzz/*.[ch]) \
		$(B)/pgcdc-read.a $(B)/pgcdc-dump.a $(B)/pgcdc-translate.a $(B)/pgcdc-kafka.a $(B)/pgcdc-run.a $(B)/lib.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(addprefix -Isrc/,$(call programs_of,$@)) -Itest/unit $(PQ_CFLAGS) $(ALL_LDFLAGS) \
		-o $@ $< $(patsubst %,$(B)/%.a,$(call programs_of,$@) lib) $(PQ_LIBS) $(JANSSON_LIBS) $(XXHASH_LIBS)

tools: $(B)/bench/measure $(B)/bench/latency $(addprefix $(B)/fault/,workload check compare seam disk.so) $(B)/kafka/admin
$(B)/bench/%: test/bench/%.c $(B)/lib.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^

# The checker of the fault tests parses lines with jansson, not with our own scanner.
FAULT_MAINS = workload check compare seam disk
FAULT_SOURCES = $(filter-out $(FAULT_MAINS:%=test/fault/%.c),$(wildcard test/fault/*.c))
$(B)/fault/disk.so: test/fault/disk.c test/fault/prng.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -fPIC -shared $(WARNINGS) -o $@ $<
$(B)/fault/%: test/fault/%.c $(FAULT_SOURCES) $(wildcard test/fault/*.h)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(PQ_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(FAULT_SOURCES) $(PQ_LIBS) \
		$(JANSSON_LIBS)

$(B)/kafka/admin: $(wildcard test/kafka/*.[ch])
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.c,$^) $(shell $(PKG_CONFIG) --libs rdkafka)

deps: deps-build deps-check
deps-build:
	@test/services/deps build
deps-check:
	@test/services/deps check

check: deps-check programs $(UNIT) tools
	@test/run $(UNIT:%=--unit %) $(wildcard test/*.bats)
# All files on all majors: an hour.
check-all: deps-check programs $(UNIT) tools
	@PGCDC_TEST_FILE_TIMEOUT=3600 test/run --all $(UNIT:%=--unit %) $(wildcard test/*.bats)
unit: programs $(UNIT)
	@test/run $(UNIT:%=--unit %)
asan: deps-check
	$(MAKE) SANITIZE=address,undefined programs
	PGCDC_BIN=build/address-undefined/bin $(MAKE) SANITIZE=address,undefined check
valgrind: $(UNIT)
	@for t in $(UNIT); do valgrind -q --error-exitcode=99 --leak-check=full $$t >$(B)/valgrind.log || \
		{ cat $(B)/valgrind.log; exit 1; }; done
cover: deps-check
	$(MAKE) COVERAGE=1 CFLAGS='-g -O0' programs
	-PGCDC_BIN=build/coverage/bin $(MAKE) COVERAGE=1 CFLAGS='-g -O0' check
	lcov -q -c -d build/coverage -b . -o build/coverage/info --no-external
	lcov --list build/coverage/info

FUZZ = $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/fuzz_*.c))
fuzz_sources = $(wildcard src/lib/*.c) \
	$(filter-out %/main.c,$(wildcard $(patsubst %,src/%/*.c,$(call programs_of,$(1)))))
fuzz: deps-check $(FUZZ:%=build/fuzz/%)
	@for f in $(FUZZ); do mkdir -p build/fuzz/corpus/$$f test/data/fuzz/$${f#fuzz_} && \
		build/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -max_len=65536 \
		-artifact_prefix=build/fuzz/ build/fuzz/corpus/$$f test/data/fuzz/$${f#fuzz_} || exit 1; done
build/fuzz/%: test/fuzz/%.c $(wildcard test/fuzz/*.h src/*/*.[ch])
	@mkdir -p $(@D)
	clang -std=gnu11 -D_GNU_SOURCE -DPGCDC_VERSION='"fuzz"' -g -O1 -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -Isrc/lib $(addprefix -Isrc/,$(call programs_of,$@)) -Itest/fuzz \
		$(PQ_CFLAGS) -o $@ $< $(call fuzz_sources,$@) $(PQ_LIBS) $(JANSSON_LIBS) $(XXHASH_LIBS) \
		$(if $(findstring kafka,$@),$(shell $(PKG_CONFIG) --libs rdkafka))

fault: deps-check programs tools
	test/fault/runs --seeds $(SEEDS) --first $(FIRST) --majors "debian $(MAJORS)"
fault-kafka: deps-check programs tools
	test/fault/runs --schedule topic --seeds $(SEEDS) --first $(FIRST) --majors "debian $(MAJORS)"
fault-kills: deps-check programs tools
	test/fault/topic --seed $(FIRST) --kills $(SEEDS)
fault-group: deps-check programs tools
	test/fault/runs --schedule group --seeds $(SEEDS) --first $(FIRST)
fault-dump: deps-check programs tools
	test/fault/runs --schedule dump --seeds $(SEEDS) --first $(FIRST) --majors "debian $(MAJORS)"
bench: deps-check programs tools
	test/bench/run
bench-kafka: deps-check programs tools
	rm -f build/bench-kafka.json
	test/bench/kafka build/bench-kafka.json
bench-dump: deps-check programs tools
	rm -f build/bench-dump.json
	test/bench/dump build/bench-dump.json
demo: deps-build programs $(if $(filter kafka,$(DEMO)),deps-check tools)
	test/demo$(if $(filter kafka,$(DEMO)),-kafka)

C_FILES = $(wildcard src/*/*.[ch] test/*/*.[ch])
SHELL_FILES = bin/pgcdc .ci/run $(wildcard test/*.bash test/*/*.bash) \
	$(shell grep -lE '^\#!.*(ba)?sh$$' test/* test/*/* 2>/dev/null)
lint: deps-check
	clang-format --dry-run -Werror $(C_FILES)
	cppcheck -q --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --std=c11 -D_GNU_SOURCE -Isrc/lib -Isrc/pgcdc-read -Isrc/pgcdc-run \
		-D'json_array_foreach(a,i,v)=while (next(a, &i, &v))' \
		-D'json_object_foreach(o,k,v)=while (next(o, &k, &v))' src
	$(MAKE) CC=clang CI=1 B=build/clang BIN=build/clang/bin programs
	$(MAKE) CC=gcc CI=1 B=build/analyzer BIN=build/analyzer/bin CFLAGS='-O2 -fanalyzer' programs
	shellcheck $(SHELL_FILES) test/*.bats
	mandoc -Tlint -Wwarning man/*.[1-8]
	mkdir -p build/systemd && sed 's|/usr/local/bin|$(CURDIR)/bin|' systemd/pgcdc@.service \
		>build/systemd/pgcdc@.service
	systemd-analyze verify --man=no build/systemd/pgcdc@.service
	systemd-analyze security --offline=true --no-pager --threshold=15 build/systemd/pgcdc@.service \
		>build/systemd/security || { cat build/systemd/security; exit 1; }
	codespell -L nd,te,nin README.md STYLE.md NEWS.md man src sql systemd bin/pgcdc test --skip='*/data/*'

PAGES = $(wildcard man/*.[1-8])
install: programs
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(DATADIR)/sql/migrations
	install -m 755 $(PROGRAMS:%=bin/%) $(DESTDIR)$(BINDIR)
	sed -e 's|^sqldir=.*|sqldir=$(DATADIR)/sql|' -e 's|^libdir=.*|libdir=$(DATADIR)|' \
		-e 's|^version=.*|version=$(VERSION)|' bin/pgcdc >$(DESTDIR)$(BINDIR)/pgcdc
	chmod 755 $(DESTDIR)$(BINDIR)/pgcdc
	install -m 644 sql/*.sql $(DESTDIR)$(DATADIR)/sql
	install -m 644 sql/migrations/*.sql $(DESTDIR)$(DATADIR)/sql/migrations
	for p in $(PAGES); do install -D -m 644 -t $(DESTDIR)$(MANDIR)/man$${p##*.} $$p; done
	install -D -m 644 -t $(DESTDIR)$(DOCDIR) systemd/*.env
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|/usr/local/bin|$(BINDIR)|' systemd/pgcdc@.service >$(DESTDIR)$(UNITDIR)/pgcdc@.service
	chmod 644 $(DESTDIR)$(UNITDIR)/pgcdc@.service
uninstall:
	rm -f $(PROGRAMS:%=$(DESTDIR)$(BINDIR)/%) $(DESTDIR)$(BINDIR)/pgcdc
	rm -rf $(DESTDIR)$(DATADIR) $(DESTDIR)$(DOCDIR)
	rm -f $(DESTDIR)$(UNITDIR)/pgcdc@.service
	for p in $(PAGES); do rm -f $(DESTDIR)$(MANDIR)/man$${p##*.}/$${p##*/}; done

clean:
	rm -rf build $(PROGRAMS:%=bin/%)

.PHONY: all check-all programs tools deps deps-build deps-check check unit asan valgrind cover fuzz fault \
	fault-kafka fault-kills fault-group fault-dump bench bench-kafka bench-dump demo lint install uninstall clean
.SECONDARY:

-include $(wildcard $(B)/*/*.d)
