# fdht: one Makefile, not recursive. `make` builds with the defaults below; ./configure overrides them through config.mk.
VERSION := $(shell cat VERSION)
ABI := 0
-include config.mk

PREFIX ?= /usr/local
CC ?= cc
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
PACKAGES ?= hdf5 libpng zlib libcjson openblas
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)

B := build
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread $(WARN) $(CFLAGS) $(EXTRA_CFLAGS) \
    -Ilib -Iformats $(PKG_CFLAGS)
LIBS = $(PKG_LIBS) -lm -pthread

LIB_SRC := $(wildcard lib/*/*.c formats/*.c formats/*/*.c)
CLI_SRC := $(wildcard cli/*.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
UNIT := $(UNIT_SRC:tests/unit/%.c=$(B)/tests/%)

all: $(B)/libfdht.a $(B)/libfdht.so.$(VERSION) fdht

$(B)/flags: FORCE
	@mkdir -p $(B); echo '$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(VERSION)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(VERSION)' > $@
FORCE:

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CFLAGS_$(subst /,_,$*)) -MMD -MP -c $< -o $@

CFLAGS_lib_base_error = -DFDHT_VERSION='"$(VERSION)"'
CFLAGS_cli_help = -DFDHT_VERSION='"$(VERSION)"' -DFDHT_BUILD='"$(CC) $(CFLAGS)"'

$(B)/libfdht.a: $(LIB_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

$(B)/libfdht.so.$(VERSION): $(LIB_OBJ)
	$(CC) -shared -Wl,-soname,libfdht.so.$(ABI) $(CFLAGS) $(EXTRA_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
	ln -sf libfdht.so.$(VERSION) $(B)/libfdht.so.$(ABI)
	ln -sf libfdht.so.$(ABI) $(B)/libfdht.so

fdht: $(CLI_OBJ) $(B)/libfdht.so.$(VERSION)
	$(CC) $(CFLAGS) $(EXTRA_CFLAGS) $(LDFLAGS) -o $@ $(CLI_OBJ) -L$(B) -lfdht -Wl,-rpath,'$$ORIGIN/build' $(LIBS)

$(B)/tests/%: $(B)/tests/unit/%.o $(B)/libfdht.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(EXTRA_CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

unit: $(UNIT)
	@for t in $(UNIT); do OPENBLAS_NUM_THREADS=1 timeout 300 $$t || exit 1; done

clean:
	rm -rf $(B) fdht

.SECONDARY:
.PHONY: all unit clean FORCE
-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(UNIT_SRC:%.c=$(B)/%.d)
