# The commands of people and CI for this repository. `make` alone prints the list.

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
# The seed of the faults in torture and soak: a number or `random`. The report contains it.
SEED ?= random
ARGS ?=
RELEASE := .build/release
HEROPROC := $(RELEASE)/heroproc
# The released programs. heroproc expects hpshim in its own directory.
PRODUCTS := heroproc hpshim heroproc-server
# The number of tests in parallel. Without a limit hundreds of them compete for two cores.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 10
# All test targets.
SUITES := $(notdir $(wildcard Tests/*Tests))

.PHONY: help deps build tarball deb image package-deps up down test test-slow check lint fmt bench bench-deps sim fuzz torture soak screenshots clean

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

deps: ## install missing packages (Debian, Ubuntu)
	@.ci/deps

# Only release builds know their commit, so that a new commit does not compile development builds again.
build tarball deb image: export HEROPROC_COMMIT = $(shell git describe --always --dirty --exclude '*' 2>/dev/null)
build: deps ## build the release programs heroproc, hpshim and heroproc-server
	@for product in $(PRODUCTS); do $(SWIFT) build -c release --product "$$product"; done

deb: build ## pack them as a Debian package in .build/packages
	@$(SWIFT) build -c release --product hpman
	.ci/package deb $(RELEASE) .build/packages

image: build ## make a container image with heroproc as the first process (needs root and buildah)
	@$(SWIFT) build -c release --product hpman
	.ci/package image $(RELEASE) .build/packages

package-deps: ## install what image and the tests of packages need
	@missing=()
	command -v debootstrap >/dev/null || missing+=(debootstrap)
	command -v lintian >/dev/null || missing+=(lintian)
	command -v buildah >/dev/null || missing+=(buildah)
	if (($${#missing[@]} == 0)); then exit; fi
	if [[ $$(id -u) == 0 ]]; then root=(); else root=(sudo); fi
	"$${root[@]}" .ci/deps --install "$${missing[@]}"

tarball: build ## pack the programs, manual pages, completions and units into .build/packages
	@$(SWIFT) build -c release --product hpman
	.ci/package tarball $(RELEASE) .build/packages

up: build ## start the services of services.d, show their status and the address of the dashboard
	@$(HEROPROC) apply --dir services.d
	$(HEROPROC) status
	token=~/.local/state/heroproc-demo/dashboard.token
	if [[ -s $$token ]]; then echo "Dashboard: http://127.0.0.1:18070/#token=$$(<"$$token")"; fi

down: ## stop all these services and show their status
	@if [[ ! -x $(HEROPROC) ]]; then echo "nothing is built here, so no service was started from here"; exit 0; fi
	$(HEROPROC) down --all
	# status exits 1 when a service is not in its declared state; here it is only printed
	$(HEROPROC) status || [[ $$? == 1 ]]

test: deps ## run the unit, simulation and end-to-end tests
	@# the end-to-end tests run the real programs
	$(SWIFT) build --build-tests
	@.ci/test $(SUITES)

# Suites that delay other programs of the machine while they run.
SLOW_SUITES := '^EndToEndTests\.LockedMemoryTests/'
# Suites that use programs which `make test` does not install: a browser and Prometheus.
SLOW_SUITES += '^HeroServerTests\.(Browser|Prometheus)Tests/'

test-slow: deps ## run tests that delay other programs, or need a browser, Prometheus or chroots
	@.ci/deps --slow
	$(SWIFT) build --build-tests
	HP_SLOW=1 $(SWIFT) test --skip-build $(addprefix --filter ,$(SLOW_SUITES))
	.ci/test-packages .build/debug

check: deps lint ## check format, vocabulary, commit subjects, imports and warnings
	@HEROPROC_STRICT=1 $(SWIFT) build --build-tests --explicit-target-dependency-import-check error

lint: ## check only format, vocabulary and commit subjects
	@.ci/words
	.ci/commits
	$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Tests

fmt: ## format all sources in place
	@$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests

bench: build ## measure heroproc and the installed peers: make bench ARGS=--write
	@for product in hpbenchload hpbench; do $(SWIFT) build -c release --product "$$product"; done
	bench=($(RELEASE)/hpbench $(ARGS))
	if [[ $$(id -u) == 0 && $$(stat -f -c %T /run) != tmpfs ]]; then
	    # On a usual system /run is in memory. In a container it may not be, so the benchmark gets its own tmpfs.
	    mkdir -p /run/heroproc
	    mounted='mount -t tmpfs tmpfs /run/heroproc && exec "$$@"'
	    exec unshare --mount sh -c "$$mounted" sh "$${bench[@]}"
	fi
	exec "$${bench[@]}"

bench-deps: ## install the peers for bench, without starting or enabling them
	@missing=()
	command -v s6-svscan >/dev/null || missing+=(s6)
	command -v runsvdir >/dev/null || missing+=(runit)
	command -v supervisord >/dev/null || missing+=(supervisor)
	if (($${#missing[@]} == 0)); then exit; fi
	if [[ $$(id -u) == 0 ]]; then root=(); else root=(sudo); fi
	"$${root[@]}" .ci/deps --install "$${missing[@]}"
	# The package would start a daemon at the next boot.
	if [[ " $${missing[*]} " == *" supervisor "* ]]; then
	    if command -v systemctl >/dev/null; then "$${root[@]}" systemctl disable -q supervisor.service || true; fi
	    if command -v update-rc.d >/dev/null; then "$${root[@]}" update-rc.d supervisor disable || true; fi
	fi

sim: deps ## simulate seeds and check random plans: make sim SEEDS=100000 PLANS=1000000
	@$(SWIFT) run -c release hpsim --plans $(PLANS)
	$(SWIFT) run -c release hpsim --seeds $(SEEDS)

# libFuzzer needs every module compiled with its options, and has its own main function. So this is a separate build.
FUZZ := .build/fuzz
FUZZ_FLAGS := -O -wmo -parse-as-library -sanitize=fuzzer,address -swift-version 6 -I $(FUZZ) -I Sources/CLibYAML \
	$(addprefix -enable-upcoming-feature ,ExistentialAny MemberImportVisibility InternalImportsByDefault)

fuzz: deps ## fuzz the manifest reader, guided by coverage and by seeds: make fuzz MINUTES=60 SEEDS=1000000
	@mkdir -p $(FUZZ)/corpus
	for module in HeroSchedule HeroPattern HeroModel HeroJSON HeroManifest HeroRandom HeroFuzz; do
	    $(SWIFT)c $(FUZZ_FLAGS) -module-name $$module -emit-module -emit-module-path $(FUZZ)/$$module.swiftmodule \
	        -emit-object -o $(FUZZ)/$$module.o $$(find Sources -path "*/$$module/*.swift")
	done
	$(SWIFT)c $(FUZZ_FLAGS) -module-name LibFuzzer -use-ld=lld -o $(FUZZ)/libfuzzer Tests/LibFuzzer/LibFuzzer.swift $(FUZZ)/*.o -lyaml
	find Tests/HeroManifestTests services.d -name '*.yaml' -size -8k | while read -r file; do
	    cp "$$file" "$(FUZZ)/corpus/$${file//\//-}"
	done
	# New inputs are added to the corpus. An input that breaks an invariant is written to crash-*.
	ASAN_OPTIONS=detect_leaks=0 $(FUZZ)/libfuzzer -max_total_time=$$(($(MINUTES) * 60)) -max_len=8192 -timeout=10 \
	    -print_final_stats=1 -verbosity=0 -artifact_prefix=$(FUZZ)/ $(FUZZ)/corpus
	$(SWIFT) run -c release hpfuzz --seeds $(SEEDS)

# The parts of torture: test suites that report rows (HP_REPORT) for its table. PARTS="Torture Failpoint" selects some.
SYSTEM_PARTS := EvidenceChecker Torture MixedLoad PIDReuse Failpoint CrashLoop ProbeCommand ResourceLimit Dependency \
	ProcessTree LogFault LogFollow LogStream ManifestSave EquivalentManifest DatabaseRebuild DatabaseCorruption SwapRace \
	Concurrency ReconcilerMonitor OutOfMemory
STORE_PARTS := PowerLoss FullDisk Quarantine MigrationFault
SHIM_PARTS := Start FullDiskRecord Strict
PARTS ?= $(SYSTEM_PARTS) $(STORE_PARTS) $(SHIM_PARTS)
TORTURES = $(patsubst %,'^EndToEndTests\.%Tests/',$(filter $(SYSTEM_PARTS),$(PARTS))) \
	$(patsubst %,'^HeroStoreTests\.%Tests/',$(filter $(STORE_PARTS),$(PARTS))) \
	$(patsubst %,'^HPShimTests\.%Tests/',$(filter $(SHIM_PARTS),$(PARTS)))
UNKNOWN_PARTS = $(filter-out $(SYSTEM_PARTS) $(STORE_PARTS) $(SHIM_PARTS),$(PARTS))
# Prints the rows of all parts as one table, with the column names first.
TABLE := { grep '^row' "$$report" || true; grep -v '^row' "$$report" || true; } | column -t -s $$'\t'; rm -f "$$report"

torture: build ## test crashes, faults, scarcity and attacks: make torture KILLS=1000 SEED=7 PARTS="Torture PIDReuse"
	@[[ -z "$(UNKNOWN_PARTS)" ]] || { echo "make torture: unknown part $(UNKNOWN_PARTS)" >&2; exit 2; }
	# the released programs contain no failpoint; debug information is not part of them
	bare=$$(mktemp)
	trap 'rm -f "$$bare"' EXIT
	for product in $(PRODUCTS); do
	    strip --strip-debug -o "$$bare" $(RELEASE)/$$product
	    if grep -aqE 'HEROPROC_(FP|TEST_DISABLE)|FP[-_](ST|DB)[-_]1|hero_failpoint' "$$bare"; then
	        echo "$(RELEASE)/$$product contains failpoints"
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

soak: deps ## run 200 services with faults and check that nothing grows: make soak MINUTES=30
	$(SWIFT) build --build-tests
	report=$$(mktemp)
	failed=0
	HP_SOAK=$(MINUTES) HP_SEED=$(SEED) HP_REPORT="$$report" nice $(SWIFT) test --skip-build --filter '^EndToEndTests\.SoakTests/' || failed=1
	$(TABLE)
	exit $$failed

screenshots: build ## make the pictures of docs/how-to/dashboard.md with a headless browser
	@.ci/deps --slow
	python3 -B Tests/Browser/screenshots.py "$$PWD/$(HEROPROC)" docs/how-to/images

clean: ## remove the build directory (not running services or their state)
	@rm -rf .build
