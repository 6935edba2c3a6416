# heroproc: everything a person or CI does here. Bare `make` prints the list.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
MAKEFLAGS += --no-print-directory

SWIFT ?= swift
export SWIFT
SEEDS ?= 1000
PLANS ?= 100000
KILLS ?= 100
MINUTES ?= 10
# Of the faults in torture and soak: a number, or `random`; it is reported either way.
SEED ?= random
ARGS ?=
RELEASE := .build/release
HEROPROC := $(RELEASE)/heroproc
# The programs that stand beside each other: heroproc looks for hpshim in its own folder.
PRODUCTS := heroproc hpshim
# So many tests run side by side; without a bound hundreds of them wait for each other's processes on two cores.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 10
# Every test target, so that none can be forgotten.
SUITES := $(notdir $(wildcard Tests/*Tests))

.PHONY: help deps build up down test check lint fmt bench bench-deps sim fuzz torture soak clean

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 19

deps: ## install what is missing (Debian, Ubuntu), silent when nothing is
	@.ci/deps

build: deps ## release binaries: .build/release/heroproc and hpshim
	@for product in $(PRODUCTS); do $(SWIFT) build -c release --product "$$product"; done

up: build ## bring services.d up and show what runs
	@$(HEROPROC) apply --dir services.d
	$(HEROPROC) status

down: ## take all of it down and show that nothing is left
	@if [[ ! -x $(HEROPROC) ]]; then echo "nothing was built here, so nothing runs from here"; exit 0; fi
	$(HEROPROC) down --all
	# status exits 1 when something is not as wanted; here it is only looked at
	$(HEROPROC) status || [[ $$? == 1 ]]

test: deps ## unit, simulation and end-to-end tests
	@# the end-to-end tests run the real programs, so these are built first
	$(SWIFT) build --build-tests
	@# one process for each suite: some of them reap children, watch descriptors or fill the thread pool
	@for suite in $(SUITES); do \
		echo "== $$suite"; \
		$(SWIFT) test --skip-build --filter "^$$suite\\." || exit 1; \
	done

check: deps lint ## what CI asks before the tests: format, imports, warnings as errors
	@HEROPROC_STRICT=1 $(SWIFT) build --build-tests --explicit-target-dependency-import-check error

lint: ## only the format
	@$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Tests

fmt: ## format all sources in place
	@$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests

bench: build ## the figures, beside those of the peers that are installed: make bench ARGS=--write
	@for product in hpbenchload hpbench; do $(SWIFT) build -c release --product "$$product"; done
	bench=($(RELEASE)/hpbench $(ARGS))
	if [[ $$(id -u) == 0 && $$(stat -f -c %T /run) != tmpfs ]]; then
	    # Everywhere but in bare containers /run is in memory; here it becomes so for this one program.
	    mkdir -p /run/heroproc
	    mounted='mount -t tmpfs tmpfs /run/heroproc && exec "$$@"'
	    exec unshare --mount sh -c "$$mounted" sh "$${bench[@]}"
	fi
	exec "$${bench[@]}"

bench-deps: ## install the peers that bench measures beside us; none of them is started or enabled
	@missing=()
	command -v s6-svscan >/dev/null || missing+=(s6)
	command -v runsvdir >/dev/null || missing+=(runit)
	command -v supervisord >/dev/null || missing+=(supervisor)
	if (($${#missing[@]} == 0)); then exit; fi
	if [[ $$(id -u) == 0 ]]; then root=(); else root=(sudo); fi
	"$${root[@]}" .ci/deps --install "$${missing[@]}"
	# Its package means to run a daemon from the next boot on.
	if [[ " $${missing[*]} " == *" supervisor "* ]]; then
	    if command -v systemctl >/dev/null; then "$${root[@]}" systemctl disable -q supervisor.service || true; fi
	    if command -v update-rc.d >/dev/null; then "$${root[@]}" update-rc.d supervisor disable || true; fi
	fi

sim: deps ## the simulation, and random plans: make sim SEEDS=100000 PLANS=1000000; a failure prints its seed
	@$(SWIFT) run -c release hpsim --plans $(PLANS)
	$(SWIFT) run -c release hpsim --seeds $(SEEDS)

# libFuzzer wants every module compiled for it and brings its own main: a build beside that of the package.
FUZZ := .build/fuzz
FUZZ_FLAGS := -O -wmo -parse-as-library -sanitize=fuzzer,address -swift-version 6 -I $(FUZZ) -I Sources/CLibYAML \
	$(addprefix -enable-upcoming-feature ,ExistentialAny MemberImportVisibility InternalImportsByDefault)

fuzz: deps ## texts that nobody means, found by coverage and made by seeds: make fuzz MINUTES=60 SEEDS=1000000
	@mkdir -p $(FUZZ)/corpus
	for module in HeroModel HeroManifest HeroFuzz; do
	    $(SWIFT)c $(FUZZ_FLAGS) -module-name $$module -emit-module -emit-module-path $(FUZZ)/$$module.swiftmodule \
	        -emit-object -o $(FUZZ)/$$module.o $$(find Sources/$$module -name '*.swift')
	done
	$(SWIFT)c $(FUZZ_FLAGS) -module-name LibFuzzer -use-ld=lld -o $(FUZZ)/libfuzzer Tests/LibFuzzer/LibFuzzer.swift $(FUZZ)/*.o -lyaml
	find Tests/HeroManifestTests services.d -name '*.yaml' -size -8k | while read -r file; do
	    cp "$$file" "$(FUZZ)/corpus/$${file//\//-}"
	done
	# What was found before is kept beside the files it began with; a text that breaks a promise is kept as crash-*.
	ASAN_OPTIONS=detect_leaks=0 $(FUZZ)/libfuzzer -max_total_time=$$(($(MINUTES) * 60)) -max_len=8192 -timeout=10 \
	    -print_final_stats=1 -verbosity=0 -artifact_prefix=$(FUZZ)/ $(FUZZ)/corpus
	$(SWIFT) run -c release hpfuzz --seeds $(SEEDS)

# What torture runs: another suite is added here, and its rows (HP_REPORT) are in the table. PARTS="Torture Failpoint" chooses.
HOUSE_PARTS := Verdict Torture Mixed Reuse Failpoint Storm ProbeCycle Room Dependency Tree LogFault LogFollow LogStream \
	SaveStyle SameMeaning Rebuild Corruption SwapRace Parallel Keep OutOfMemory
STORE_PARTS := PowerLoss FullDisk Quarantine MigrationFault
SHIM_PARTS := Start LastByte Strict
PARTS ?= $(HOUSE_PARTS) $(STORE_PARTS) $(SHIM_PARTS)
TORTURES = $(patsubst %,'^EndToEndTests\.%Tests/',$(filter $(HOUSE_PARTS),$(PARTS))) \
	$(patsubst %,'^HeroStoreTests\.%Tests/',$(filter $(STORE_PARTS),$(PARTS))) \
	$(patsubst %,'^HPShimTests\.%Tests/',$(filter $(SHIM_PARTS),$(PARTS)))
UNKNOWN_PARTS = $(filter-out $(HOUSE_PARTS) $(STORE_PARTS) $(SHIM_PARTS),$(PARTS))
# Prints what the parts have reported as one table, the names of its columns first.
TABLE := { grep '^row' "$$report" || true; grep -v '^row' "$$report" || true; } | column -t -s $$'\t'; rm -f "$$report"

torture: build ## kill -9 under load and at every failpoint, under scarcity and attack; the workload judges: make torture KILLS=1000 SEED=7 PARTS="Torture Reuse"
	@[[ -z "$(UNKNOWN_PARTS)" ]] || { echo "make torture: there is no part $(UNKNOWN_PARTS)" >&2; exit 2; }
	# what is released knows no failpoint; what a debugger is told of the sources is no part of the program
	bare=$$(mktemp)
	trap 'rm -f "$$bare"' EXIT
	for product in $(PRODUCTS); do
	    strip --strip-debug -o "$$bare" $(RELEASE)/$$product
	    if grep -aqE 'HEROPROC_(FP|TEST_DISABLE)|FP[-_](ST|DB)[-_]1|hero_failpoint' "$$bare"; then
	        echo "there are failpoints in $(RELEASE)/$$product"
	        exit 1
	    fi
	done
	$(SWIFT) build --build-tests
	report=$$(mktemp)
	failed=0
	for part in $(TORTURES); do
	    HP_TORTURE=$(KILLS) HP_SEED=$(SEED) HP_REPORT="$$report" nice $(SWIFT) test --skip-build --filter "$$part" || failed=1
	done
	$(TABLE)
	exit $$failed

soak: deps ## 200 services and faults without end, then nothing may have grown: make soak MINUTES=30
	$(SWIFT) build --build-tests
	report=$$(mktemp)
	failed=0
	HP_SOAK=$(MINUTES) HP_SEED=$(SEED) HP_REPORT="$$report" nice $(SWIFT) test --skip-build --filter '^EndToEndTests\.SoakTests/' || failed=1
	$(TABLE)
	exit $$failed

clean: ## remove what was built (not what runs, nor its state)
	@rm -rf .build
