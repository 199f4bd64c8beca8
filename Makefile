# The front door: one word for each thing there is to do; `make help` lists them. Meson and Ninja do the work.
BUILD := build
PREFIX := /usr/local
DESTDIR :=
FUZZ_SECONDS := 60
SCAN_CASES := 100000
SOAK := 1h

# tools/setup installs what is missing; NO_SETUP=1 leaves the machine as it is.
setup_run := $(if $(NO_SETUP),true,tools/setup --for run)
setup_check := $(if $(NO_SETUP),true,tools/setup --for check)
setup_all := $(if $(NO_SETUP),true,tools/setup --for all)

.PHONY: all build run check bench install setup fuzz differential soak tidy format format-check coverage asan clean help

all: build

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@$(setup_run)
	@meson setup $(BUILD) -Dtests=false -Dprefix='$(PREFIX)' >/dev/null || \
	    { cat $(BUILD)/meson-logs/meson-log.txt; exit 1; }

run:
	@$(setup_run)
	@$(MAKE) --no-print-directory build
	@tools/demo $(BUILD)/src/cli/joulebook

check:
	@$(setup_check)
	@tools/check

bench:
	@$(setup_run)
	@tools/bench $(BENCH)

install: build
	@meson configure $(BUILD) -Dprefix='$(PREFIX)'
	@DESTDIR='$(DESTDIR)' meson install -C $(BUILD)

setup:
	@tools/setup --for all

fuzz:
	@$(setup_check)
	@tools/check --only fuzz --fuzz-seconds $(FUZZ_SECONDS)

differential:
	@$(setup_check)
	@test -f build-check/differential/build.ninja || meson setup build-check/differential >/dev/null
	@ninja -C build-check/differential --quiet src/base-scan_differential_test
	@JB_SCAN_CASES=$(SCAN_CASES) build-check/differential/src/base-scan_differential_test

soak:
	@$(setup_run)
	@$(MAKE) --no-print-directory build
	@tools/soak $(BUILD)/src/cli/joulebook $(SOAK)

tidy:
	@$(setup_all)
	@tools/tidy

format:
	@tools/format

format-check:
	@tools/format --check

coverage:
	@$(setup_all)
	@tools/coverage

asan:
	@$(setup_check)
	@tools/check --only sanitized

clean:
	@rm -rf $(BUILD) build-check

help:
	@echo 'make               build into build/ (BUILD=…)'
	@echo 'make run           build, meter this machine for ten seconds, show the balance and the statements'
	@echo 'make check         every test, on gcc and clang, with sanitizers and a short fuzz'
	@echo 'make bench         the measurements, with ratios (BENCH=NAME for one)'
	@echo 'make install       into PREFIX=/usr/local, below DESTDIR'
	@echo 'make setup         install the Debian packages that all of this needs'
	@echo 'make fuzz          fuzz each parser for FUZZ_SECONDS=60'
	@echo 'make differential  SCAN_CASES=100000 random tables: every way of scanning against a slow, obvious reader'
	@echo 'make soak          meter under load for SOAK=1h; the book must balance and memory stay level'
	@echo 'make asan          build with ASan and UBSan and run the suite'
	@echo 'make coverage      line and branch coverage, as text and HTML'
	@echo 'make tidy          clang-tidy'
	@echo 'make format        clang-format; format-check only looks'
	@echo 'make clean         remove what was built'
