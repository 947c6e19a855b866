# fdht: one Makefile, not recursive. `make` works with the defaults below; ./configure overrides them through config.mk.
#
#   make                    library, static archive, ./fdht
#   make check              installs what is missing, configures, builds, runs every test
#   make demo               the same for the demo
#   make results            the accuracy of every cell; hours, may be stopped and goes on
#   make install            DESTDIR= PREFIX=/usr/local; make uninstall takes it away again
#   make unit               the unit tests alone; make fuzz-tests, make cli-tests, make man-tests, make checks likewise
#   make fuzz               the fuzz targets with clang's libFuzzer, ASan and UBSan; make fuzz-smoke runs each FUZZ_SECONDS=60
#   make faults             whole commands whose memory, disk, descriptors, .. fail; make faults-smoke tries a few moments of each
#   make soak               memory over 100,000 clips and a thousand epochs; make tsan: threads under ThreadSanitizer
#   make check-slurm        training and inference under Slurm, on two virtual nodes
#   make check-neon         the kernels for aarch64 under qemu; make check-builds: other levels, clang, no AVX
#   make coverage           what the tests reach; make lint: cppcheck, clang-tidy, clang's analyzer
#   make dist               a tarball of the committed tree; make distcheck tries it
#   make check-rtl          the accelerator in SystemVerilog against the simulator, under verilator
#   make rtl-prices         gates and energy of the accelerator's parts by synthesis; writes tests/rtl/syn/prices.json, the machines and their page
#   make V=1                shows the commands
#   make bench              speed beside the dense model, on a quiet machine
#   make bench-peers        beside PyTorch, ONNX Runtime and oneDNN; make bench-xsmm: our small products beside libxsmm's
#   make unit-sanitized     the unit tests with clang, ASan and UBSan; make SANITIZE=address,undefined unit: with CC's, in a build folder of its own
VERSION := $(shell cat VERSION)
ABI := 0
-include config.mk

CC ?= cc
CXX ?= c++
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
PACKAGES ?= $(shell $(PKG_CONFIG) --exists hdf5-serial && echo hdf5-serial || echo hdf5) libpng zlib libcjson openblas $(OPTIONAL)
OPTIONAL = $(shell $(PKG_CONFIG) --exists libzip && echo libzip; \
    $(PKG_CONFIG) --exists libseccomp && echo libseccomp; \
    $(PKG_CONFIG) --exists libprotobuf-c && command -v protoc-c > /dev/null && echo libprotobuf-c; \
    $(PKG_CONFIG) --exists $(LIBAV) && echo $(LIBAV); $(PKG_CONFIG) --exists libjpeg && echo libjpeg)
LIBAV = libavformat libavcodec libavutil
EXTRA_LIBS ?= -llapacke
PKG_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS ?= $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)
PACKAGES := $(PACKAGES)
PKG_CFLAGS := $(PKG_CFLAGS)
PKG_LIBS := $(PKG_LIBS)
MACHINE := $(shell $(CC) -dumpmachine)

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man

comma := ,
Q := $(if $(V),,@)
say = $(if $(V),,@$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,echo '  $(1)';))
# VARIANT names the build folder of another set of flags; SANITIZE is one.
VARIANT ?= $(subst $(comma),-,$(SANITIZE))
B := build$(if $(VARIANT),/$(VARIANT))
PROGRAM := $(if $(VARIANT),$(B)/fdht,fdht)
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
# clang does not define what gcc does, and the sources ask for it.
SAN := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer \
    $(if $(findstring address,$(SANITIZE)),-D__SANITIZE_ADDRESS__))
# What a user's CFLAGS must not take away.
HOUSE_CFLAGS = -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread $(WARN) $(WERROR)
ALL_CFLAGS = $(HOUSE_CFLAGS) $(CFLAGS) $(EXTRA_CFLAGS) $(SAN) -Ilib -Iformats $(CPPFLAGS) $(PKG_CFLAGS)
ALL_LDFLAGS = $(CFLAGS) $(EXTRA_CFLAGS) $(SAN) $(LDFLAGS) -Wl,--as-needed
LIBS = $(PKG_LIBS) $(EXTRA_LIBS) -lm -pthread

# Kernels for one instruction set are compiled with its flags, only where the compiler knows them.
ISA_SRC := $(wildcard lib/kernels/*_avx2.c lib/kernels/*_avx512.c lib/kernels/*_neon.c)
ISA_HERE := $(if $(filter x86_64% i%86%,$(MACHINE)),lib/kernels/%_avx2.c lib/kernels/%_avx512.c) \
    $(if $(filter aarch64%,$(MACHINE)),lib/kernels/%_neon.c)
# NAME_tmpl.c is included by NAME_f32.c and NAME_f64.c (lib/base/real.h).
LIB_SRC := $(filter-out %_tmpl.c $(filter-out $(ISA_HERE),$(ISA_SRC)),$(wildcard lib/*/*.c formats/*.c formats/*/*.c))
CLI_SRC := $(wildcard cli/*.c cli/*/*.c)
UNIT_SRC := $(wildcard tests/unit/*/test_*.c)
HEADERS := $(wildcard lib/fdht/*.h formats/fdht/*.h)
RTL := $(wildcard lib/sim/rtl/*.sv) lib/sim/rtl/README.md
MAN := $(wildcard man/*.[1-8])
# The built-in machines of the accelerator model are JSON files, compiled in as text.
MACHINES := $(wildcard formats/json/machines/*.json)
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o) $(B)/formats/json/machines.o $(if $(filter libprotobuf-c,$(PACKAGES)),$(B)/gen/onnx.pb-c.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
DEMO_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard demo/*.c))
UNIT := $(UNIT_SRC:tests/unit/%.c=$(B)/tests/%)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ := $(FUZZ_SRC:tests/%.c=$(B)/%)
SO := $(B)/libfdht.so.$(VERSION)
EXPORTS := lib/libfdht.map

all: $(B)/libfdht.a $(SO) $(PROGRAM)

# Objects depend on their flags: a changed flag builds anew, an unchanged one does not.
FLAGS = $(strip $(CC) $(ALL_CFLAGS) $(LDFLAGS) $(PACKAGES) $(VERSION) $(MPI_CFLAGS))
$(B)/flags: FORCE
	@mkdir -p $(B); echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@
FORCE:

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,cc $<)$(CC) $(ALL_CFLAGS) $(INCLUDES) $(ISA) $(KERNEL) $(CFLAGS_$(subst /,_,$*)) -MMD -MP -c $< -o $@

$(B)/%.o: $(B)/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,cc $<)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(B)/formats/json/machines.c: formats/json/machines.awk $(MACHINES)
	@mkdir -p $(@D)
	$(call say,awk $@)awk -f $^ > $@

# The kernels: files of their own for every level (CONTRIBUTING.md).
$(B)/lib/kernels/vector_%.o $(B)/lib/kernels/elementwise_%.o: KERNEL = $(KERNEL_CFLAGS) $(KERNEL_PLAIN)
# -g1: to track the variables of unrolled tiles would take as long as compiling them.
KERNEL_CFLAGS := -O3 -ffp-contract=fast -fno-trapping-math -Wno-psabi -g1
# A compiler takes ten minutes and more for UBSan's checks of unrolled tiles, and a minute for ASan's as calls.
KERNEL_PLAIN := $(if $(findstring address,$(SANITIZE)),-fno-sanitize=undefined $(if $(findstring Free Software Foundation,$(shell $(CC) --version)),--param asan-instrumentation-with-call-threshold=0,-mllvm -asan-instrumentation-with-call-threshold=0))
# Where a kernel branches says nothing of the input.
KERNEL_PLAIN += $(if $(findstring fuzzer,$(SANITIZE)),-fno-sanitize=fuzzer-no-link)
# Counted, they would be other code, a hundred times as slow; tests/unit/kernels holds each to plain loops.
KERNEL_PLAIN += $(if $(findstring --coverage,$(CFLAGS)),-fno-profile-arcs -fno-test-coverage)
# Copies and sums that decide how fast a matrix is decomposed.
CFLAGS_lib_decomp_view = -O3
CFLAGS_lib_decomp_measure = -O3
CFLAGS_lib_decomp_pass = -O3
CFLAGS_lib_accel_fixed = -O3
CFLAGS_lib_base_error = -DFDHT_VERSION='"$(VERSION)"'
CFLAGS_cli_frame_help = -DFDHT_VERSION='"$(VERSION)"' -DFDHT_BUILD='"$(strip $(CFLAGS) $(EXTRA_CFLAGS) $(SAN)), $(MACHINE)"'
# MPI, where ./configure --with-mpi found it: for the command alone.
CFLAGS_cli_frame_ranks = $(MPI_CFLAGS)
# Optional libraries: what is built without one says so when it is asked for.
CFLAGS_formats_arrays_zip = $(if $(filter libzip,$(PACKAGES)),-DFDHT_HAVE_LIBZIP)
CFLAGS_formats_files_child = $(if $(filter libseccomp,$(PACKAGES)),-DFDHT_HAVE_LIBSECCOMP)
CFLAGS_formats_arrays_onnx = $(if $(filter libprotobuf-c,$(PACKAGES)),-DFDHT_HAVE_PROTOBUF_C -isystem $(B)/gen)
CFLAGS_formats_clips_libav = $(if $(filter libavformat,$(PACKAGES)),-DFDHT_HAVE_LIBAV)
CFLAGS_formats_clips_unread = $(CFLAGS_formats_clips_libav)
CFLAGS_formats_image_jpeg = $(if $(filter libjpeg,$(PACKAGES)),-DFDHT_HAVE_JPEG)
# Loops over pixels.
CFLAGS_formats_clips_yuv = -O3
# Folders whose own headers the command and the unit tests see.
$(CLI_OBJ): INCLUDES = -Icli
$(B)/tests/unit/%.o: INCLUDES = -Icli -Itests/unit
$(B)/lib/kernels/%_avx2.o: ISA = -mavx2 -mfma
$(B)/lib/kernels/%_avx512.o: ISA = -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512

# The reader of ONNX' messages, made by protoc-c.
$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h &: formats/arrays/%.proto
	@mkdir -p $(@D)
	$(call say,protoc-c $<)protoc-c --c_out=$(@D) --proto_path=$(<D) $<
$(B)/gen/%.o: $(B)/gen/%.c $(B)/flags
	$(call say,cc $<)$(CC) $(ALL_CFLAGS) -w -I$(B)/gen -c $< -o $@
$(if $(filter libprotobuf-c,$(PACKAGES)),$(B)/formats/arrays/onnx.o: $(B)/gen/onnx.pb-c.h)

$(B)/libfdht.a: $(LIB_OBJ)
	$(call say,ar $@)rm -f $@ && $(AR) rcs $@ $^

$(SO): $(LIB_OBJ) $(EXPORTS)
	$(call say,ld $@)$(CC) -shared -Wl,-soname,libfdht.so.$(ABI) -Wl,--version-script=$(EXPORTS) $(ALL_LDFLAGS) -o $@ $(LIB_OBJ) $(LIBS)
	$Qln -sf libfdht.so.$(VERSION) $(B)/libfdht.so.$(ABI)
	$Qln -sf libfdht.so.$(ABI) $(B)/libfdht.so

$(PROGRAM): $(CLI_OBJ) $(SO)
	$(call say,ld $@)$(CC) $(ALL_LDFLAGS) -o $@ $(CLI_OBJ) -L$(B) -lfdht -Wl,-rpath,'$$ORIGIN:$$ORIGIN/build' $(MPI_LIBS) $(LIBS)

# The demo's clip renderer: libpng and nothing of ours.
$(B)/demo/render: $(DEMO_OBJ)
	$(call say,ld $@)$(CC) $(ALL_LDFLAGS) -o $@ $(DEMO_OBJ) $(LIBS)

$(B)/tests/%: $(B)/tests/unit/%.o $(B)/libfdht.a
	@mkdir -p $(@D)
	$(call say,ld $@)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(B)/libfdht.a -lcmocka $(if $(filter $(CLI_OBJ),$^),$(MPI_LIBS)) $(LIBS)
# The test of memory counts what the library allocates.
$(B)/tests/nn/test_memory: ALL_LDFLAGS += -Wl,--wrap=aligned_alloc,--wrap=free
# A machine more: its file is all that it takes.
$(B)/tests/json/machines.c: formats/json/machines.awk $(MACHINES) tests/data/machine.json
	@mkdir -p $(@D)
	$(call say,awk $@)awk -f $^ > $@
$(B)/tests/json/test_hardware: $(B)/tests/json/machines.o
# A test of the framework brings commands of its own.
$(filter $(B)/tests/cli/%,$(UNIT)): $(filter-out $(B)/cli/main.o,$(CLI_OBJ))

# Fuzz targets as tests of their own, and the same targets with libFuzzer (tests/fuzz/fuzz.h).
FUZZ_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/fuzz/mutate*.c) tests/fuzz/readers.c tests/fuzz/seeds.c tests/fuzz/sound.c)
# What tries files for them has no sanitizer (tests/fuzz/taster.c): it is always of the plain build. In heap.c a memset is no calloc.
TASTER := build/fuzz/taster
CFLAGS_tests_fuzz_heap = -fno-builtin -fvisibility=default
CFLAGS_tests_fuzz_sound = -DTASTER='"$(abspath $(TASTER))"'
ifeq ($(VARIANT),)
$(TASTER): build/tests/fuzz/taster.o build/tests/fuzz/heap.o build/libfdht.a
	@mkdir -p $(@D)
	$(call say,ld $@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
else
$(TASTER): FORCE
	@env -u MAKEFLAGS -u CC -u CFLAGS -u WERROR -u SANITIZE -u VARIANT $(MAKE) -s $@
endif
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/driver.o $(FUZZ_OBJ) $(B)/libfdht.a | $(TASTER)
	@mkdir -p $(@D)
	$(call say,ld $@)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(B)/libfdht.a $(if $(filter $(CLI_OBJ),$^),$(MPI_LIBS)) $(LIBS)
$(B)/libfuzzer/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/libfuzzer.o $(FUZZ_OBJ) $(B)/libfdht.a | $(TASTER)
	@mkdir -p $(@D)
	$(call say,ld $@)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(B)/libfdht.a $(if $(filter $(CLI_OBJ),$^),$(MPI_LIBS)) $(LIBS)
OF_CLI := fuzz_options fuzz_words fuzz_cell
$(OF_CLI:%=$(B)/fuzz/%) $(OF_CLI:%=$(B)/libfuzzer/%): $(filter-out $(B)/cli/main.o,$(CLI_OBJ))
$(OF_CLI:%=$(B)/tests/fuzz/%.o): INCLUDES = -Icli

# ---- tests: every tier prints TAP, tests/tools/tap runs and counts it ----

# A refused allocation is tested, too; libhdf5's own leaks are not ours.
SAN_ENV = $(if $(SANITIZE),ASAN_OPTIONS=allocator_may_return_null=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 \
    TSAN_OPTIONS=suppressions=$(abspath tests/tools/tsan.supp):print_suppressions=0 LSAN_OPTIONS=suppressions=$(abspath tests/tools/lsan.supp):print_suppressions=0)
TEST_ENV = FDHT=$(abspath $(PROGRAM)) RENDER=$(abspath $(B)/demo/render) BUILD=$(abspath $(B)) CC='$(CC)' CXX='$(CXX)' OPENBLAS_NUM_THREADS=1 $(SAN_ENV)
TAP = $(TEST_ENV) tests/tools/tap
CLI_TESTS := $(filter-out %/lib.sh %/run.sh,$(wildcard tests/cli/*.sh))
CHECKS := $(wildcard tests/tools/check-*) tests/tools/selftest
MAN_TESTS := tests/man/run.sh

unit: $(UNIT) $(FUZZ)
	$(if $(UNIT),@$(TAP) $(UNIT))
fuzz-tests: $(FUZZ)
	$(if $(FUZZ),@$(TAP) $(FUZZ))
# libFuzzer comes with clang; its build has a folder of its own.
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
libfuzzer: $(FUZZ:$(B)/fuzz/%=$(B)/libfuzzer/%)
FUZZ_BUILD = $(MAKE) --no-print-directory CC='$(FUZZ_CC)' CFLAGS='-O1 -g' WERROR= SANITIZE=fuzzer-no-link,address,undefined
fuzz:
	+@$(FUZZ_BUILD) libfuzzer
# The unit tests under clang's ASan and UBSan, made of the same objects.
unit-sanitized:
	+@$(FUZZ_BUILD) unit
fuzz-smoke: fuzz
	@TAP_TIMEOUT=86400 FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_TARGETS='$(FUZZ_TARGETS)' $(TAP) tests/fuzz/smoke
# Whole commands that meet faults: the library that is loaded in front of them, and its scripts.
FAULT_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out %/careless.c,$(wildcard tests/faults/*.c)))
$(FAULT_OBJ): INCLUDES = -fvisibility=default
$(B)/faults/server.so: $(FAULT_OBJ)
	@mkdir -p $(@D)
	$(call say,ld $@)$(CC) $(ALL_LDFLAGS) -shared -o $@ $(FAULT_OBJ) -ldl -pthread
FAULT_TESTS := $(filter-out %.c %.h %.sh,$(wildcard tests/faults/*))
faults: all $(B)/faults/server.so
	@TAP_TIMEOUT=86400 $(TAP) $(FAULT_TESTS)
faults-smoke: all $(B)/faults/server.so
	@TAP_TIMEOUT=1800 FAULT_SAMPLES=2 FAULT_KILLS=2 FAULT_COMMANDS=pack $(TAP) $(filter-out %/inputs,$(FAULT_TESTS))
soak: all
	@TAP_TIMEOUT=86400 $(TAP) tests/faults/soak.sh && cat $(B)/soak.txt
# The threads of the library, and commands that use them, under ThreadSanitizer.
TSAN_UNIT := base/test_base clips/test_source clips/test_video train/test_trainer train/test_order nn/test_runner decomp/test_slab dataset/test_training
tsan-here: all $(TSAN_UNIT:%=$(B)/tests/%)
	@$(TAP) $(TSAN_UNIT:%=$(B)/tests/%) tests/faults/threads.sh
tsan:
	@$(MAKE) --no-print-directory CFLAGS='-O1 -g' SANITIZE=thread tsan-here
cli-tests: all $(B)/demo/render
	@$(TAP) $(CLI_TESTS)
man-tests: all
	@$(TAP) $(MAN_TESTS)
checks: all
	@$(TAP) $(CHECKS)
# Two virtual nodes of Slurm on this machine; skips without Slurm, munge or MPI, or where it is not root.
check-slurm: all
	@$(TAP) tests/tools/slurm
# The Debian packages, built, looked at by lintian and tried; skips without debhelper and lintian.
check-debian:
	@TAP_TIMEOUT=1800 $(TAP) tests/tools/debian
# The kernels for aarch64, cross-compiled and emulated; skips without the compiler and qemu.
.PHONY: rtl-prices
SYN_LIBRARY ?= /usr/share/qflow/tech/osu018/osu018_stdcells.lib
rtl-prices:
	@bash .ci/deps syn
	python3 tests/rtl/syn/prices.py lib/sim/rtl $(SYN_LIBRARY) build/syn tests/rtl/syn/prices.json formats/json/machines
	python3 tests/tools/hw_page.py formats/json/machines man/fdht-hw.5 --write

check-neon:
	@NEON_FETCH=1 $(TAP) tests/tools/neon
# cppcheck, clang-tidy and clang's analyzer; LINT=cppcheck is half a minute of processor time, all of them half an hour.
LINT ?= cppcheck tidy scan
lint:
	@.ci/deps lint
	@LINT_TOOLS='$(LINT)' LINT_FILES='$(LINT_FILES)' TAP_TIMEOUT=86400 $(TAP) tests/tools/lint
# What the tests reach, built with gcc --coverage in a folder of its own.
coverage:
	@.ci/deps coverage
	@tests/tools/coverage
# Other levels of x86-64, another compiler, other machines.
check-builds:
	@.ci/deps builds
	@BUILDS='$(BUILDS)' UNIT_SET='$(UNIT_SET)' tests/tools/builds
# The accelerator in SystemVerilog, every access against the simulator; skips without verilator. RTL_PROGRAMS, RTL_STEPS.
.PHONY: check-rtl
check-rtl: all $(B)/libfdht.a
	@TAP_TIMEOUT=3600 TAP_JOBS=1 $(TAP) tests/rtl/check tests/rtl/mutants
# The program OUT with sources SRC in place of the library's (tests/rtl/mutants, tests/cli/wrong_model.sh).
.PHONY: mutant
mutant: $(CLI_OBJ) $(B)/libfdht.a
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -include stdlib.h -o $(OUT) $(CLI_OBJ) $(SRC) $(B)/libfdht.a $(MPI_LIBS) $(LIBS)
check-layers:
	@$(TAP) tests/tools/check-layers
check-all: all $(UNIT) $(FUZZ) $(B)/demo/render
	@$(TAP) $(CHECKS) $(UNIT) $(FUZZ) $(CLI_TESTS) $(MAN_TESTS)

# ---- benchmarks: figures count on a quiet machine only ----

$(B)/bench/%: $(B)/tests/bench/%.o $(B)/libfdht.a
	@mkdir -p $(@D)
	$(call say,ld $@)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(B)/libfdht.a $(LIBS)
$(B)/bench/weights-57600x1024.h5: $(B)/bench/compress
	$< make $@ 57600 256
# Videos through the command beside ffmpeg's pipe: clips a second, processor time a clip.
bench-clips: all
	tests/bench/clips.py $(CURDIR)/$(PROGRAM)

bench-compress: all $(B)/bench/compress $(B)/bench/weights-57600x1024.h5
	$(B)/bench/compress run $(abspath $(PROGRAM)) $(B)/bench/weights-57600x1024.h5

# libxsmm's small products beside ours, where libxsmm is installed (Debian: libxsmm-dev).
$(B)/bench/xsmm: LIBS += -lxsmm $(shell $(PKG_CONFIG) --libs openblas) -ldl -lrt
bench-xsmm:
	@$(PKG_CONFIG) --exists libxsmm || { echo 'bench-xsmm: libxsmm is not installed (Debian: libxsmm-dev)' >&2; exit 1; }
	@$(MAKE) --no-print-directory $(B)/bench/xsmm
	$(B)/bench/xsmm

# PyTorch, ONNX Runtime and oneDNN beside fdht; the system's Python, because Debian's python3-torch lives there.
PEERS_PYTHON ?= /usr/bin/python3
bench-peers: all
	@for set in torch onnx; do .ci/deps $$set || echo "bench-peers: goes on without the peers of set '$$set'" >&2; done
	@FDHT=$(abspath $(PROGRAM)) BUILD=$(abspath $(B)) CC='$(CC)' timeout 350 $(PEERS_PYTHON) tests/bench/peers.py

bench: all
	OPENBLAS_NUM_THREADS=1 $(PROGRAM:fdht=./fdht) bench

# What a newcomer runs: find what is missing, configure once, then the real target with config.mk read.
JOBS = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
READY = test -f config.mk || { $(MAKE) --no-print-directory configure && ./configure --with-mpi=auto; }
check:
	@.ci/deps build check
	+@$(READY)
	@$(MAKE) --no-print-directory $(JOBS) check-all

demo:
	@.ci/deps build demo
	+@$(READY)
	@$(MAKE) --no-print-directory $(JOBS) demo-run
demo-run: all $(B)/demo/render
	@FDHT=$(abspath $(PROGRAM)) RENDER=$(abspath $(B)/demo/render) demo/run.sh
# SETTING, SEEDS, EPOCHS, CELLS, CLIPS, THREADS: demo/results/run says what they are.
results: all $(B)/demo/render
	@FDHT=$(abspath $(PROGRAM)) RENDER=$(abspath $(B)/demo/render) demo/results/run

configure: configure.ac
	autoconf

# ---- install ----

# The installed program finds the library beside it, wherever PREFIX is; RUNPATH= leaves that to the system's loader.
RUNPATH ?= $$ORIGIN/../lib
$(B)/install/fdht: $(CLI_OBJ) $(SO)
	@mkdir -p $(@D)
	$(call say,ld $@)$(CC) $(ALL_LDFLAGS) -o $@ $(CLI_OBJ) -L$(B) -lfdht $(if $(RUNPATH),-Wl$(comma)-rpath$(comma)'$(RUNPATH)') $(MPI_LIBS) $(LIBS)

PC_VARS = -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
    -e 's|@VERSION@|$(VERSION)|' -e 's|@PACKAGES@|$(PACKAGES)|' -e 's|@EXTRA_LIBS@|$(EXTRA_LIBS)|'
COMPLETIONS = bash-completion/completions/fdht zsh/site-functions/_fdht fish/vendor_completions.d/fdht.fish
I = $(DESTDIR)

install: all $(B)/install/fdht
	install -d '$I$(BINDIR)' '$I$(LIBDIR)/pkgconfig' '$I$(INCLUDEDIR)/fdht' '$I$(MANDIR)/man1' '$I$(MANDIR)/man3' '$I$(MANDIR)/man5' \
	    '$I$(MANDIR)/man7' \
	    '$I$(DATADIR)/fdht/rtl' $(patsubst %,'$I$(DATADIR)/%',$(dir $(COMPLETIONS)))
	install -m 755 $(B)/install/fdht '$I$(BINDIR)/fdht'
	install -m 755 $(SO) '$I$(LIBDIR)/libfdht.so.$(VERSION)'
	ln -sf libfdht.so.$(VERSION) '$I$(LIBDIR)/libfdht.so.$(ABI)'
	ln -sf libfdht.so.$(ABI) '$I$(LIBDIR)/libfdht.so'
	install -m 644 $(B)/libfdht.a '$I$(LIBDIR)/libfdht.a'
	install -m 644 $(HEADERS) '$I$(INCLUDEDIR)/fdht/'
	sed $(PC_VARS) fdht.pc.in > '$I$(LIBDIR)/pkgconfig/fdht.pc'
	install -m 644 $(RTL) '$I$(DATADIR)/fdht/rtl/'
	for m in $(MAN); do install -m 644 $$m '$I$(MANDIR)'/man$${m##*.}/ || exit 1; done
	$(PROGRAM:fdht=./fdht) completion bash > '$I$(DATADIR)/$(word 1,$(COMPLETIONS))'
	$(PROGRAM:fdht=./fdht) completion zsh > '$I$(DATADIR)/$(word 2,$(COMPLETIONS))'
	$(PROGRAM:fdht=./fdht) completion fish > '$I$(DATADIR)/$(word 3,$(COMPLETIONS))'

# Folders that may have been there before stay, but in a staging folder those without a file go, too.
EMPTIED = $(DATADIR)/fdht/rtl $(BINDIR) $(LIBDIR)/pkgconfig $(LIBDIR) $(INCLUDEDIR) $(patsubst %,$(MANDIR)/man%,1 3 5 7) $(patsubst %/,$(DATADIR)/%,$(dir $(COMPLETIONS)))
uninstall:
	rm -f '$I$(BINDIR)/fdht' '$I$(LIBDIR)/libfdht.a' '$I$(LIBDIR)/pkgconfig/fdht.pc' \
	    $(patsubst %,'$I$(LIBDIR)/libfdht.so%',.$(VERSION) .$(ABI)) '$I$(LIBDIR)/libfdht.so' \
	    $(patsubst %,'$I$(INCLUDEDIR)/fdht/%',$(notdir $(HEADERS))) \
	    $(patsubst %,'$I$(DATADIR)/fdht/rtl/%',$(notdir $(RTL))) \
	    $(foreach m,$(MAN),'$I$(MANDIR)/man$(subst .,,$(suffix $m))/$(notdir $m)') \
	    $(patsubst %,'$I$(DATADIR)/%',$(COMPLETIONS))
	-rmdir '$I$(INCLUDEDIR)/fdht'
	$(if $I,cd '$I' && for d in $(EMPTIED); do rmdir -p --ignore-fail-on-non-empty ".$$d" 2> /dev/null; done; true)

# A tarball of the committed tree (DIST_TREE names another commit) and configure; the same commit gives the same bytes.
DIST_TREE ?= HEAD
dist: configure
	umask 022; git -c tar.umask=022 archive --format=tar --prefix=fdht-$(VERSION)/ --add-file=configure $(DIST_TREE) | \
	    gzip -9n > fdht-$(VERSION).tar.gz.new && mv fdht-$(VERSION).tar.gz.new fdht-$(VERSION).tar.gz
# That tarball unpacked, built without git, tested, installed and taken away again.
distcheck: dist
	@TAP_TIMEOUT=86400 $(TAP) tests/tools/dist

clean:
	rm -rf build fdht
distclean: clean
	rm -rf config.mk config.log config.status configure configure~ autom4te.cache

.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: faults faults-smoke soak tsan tsan-here
.PHONY: all bench bench-clips bench-compress bench-peers bench-xsmm demo demo-run results unit fuzz fuzz-smoke fuzz-tests libfuzzer unit-sanitized cli-tests man-tests checks check-layers check-debian check-neon check-slurm distcheck check-builds coverage lint check-all check install uninstall dist clean distclean FORCE
-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(DEMO_OBJ:.o=.d) $(UNIT_SRC:%.c=$(B)/%.d) $(FUZZ_SRC:%.c=$(B)/%.d) $(FUZZ_OBJ:.o=.d) $(FAULT_OBJ:.o=.d) $(wildcard $(B)/tests/bench/*.d)
