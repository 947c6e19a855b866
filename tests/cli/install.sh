#!/bin/bash
# What a user gets: make install into a DESTDIR, a program built against it, uninstall; a mismatched library; configure's
# and .ci/deps' messages about what is missing.
. "$(dirname "$0")/lib.sh"
root=$PWD/root
inst() {
    make -s --no-print-directory -C "$TOP" "$1" DESTDIR="$root" PREFIX=/opt/fdht
}
mkdir -p "$root/opt/fdht/bin" "$root/opt/fdht/share/man/man1" && : > "$root/opt/fdht/bin/other" && : > "$root/opt/fdht/share/man/man1/other.1"
before=$(find "$root" | sort)
run inst install
[ "$status" = 0 ] && pass "make install" || fail "make install" "$(said)"
p=$root/opt/fdht
for f in bin/fdht lib/libfdht.so lib/libfdht.a lib/pkgconfig/fdht.pc include/fdht/error.h share/man/man1/fdht.1 \
    share/fdht/rtl/fdht_acc.sv share/bash-completion/completions/fdht share/zsh/site-functions/_fdht share/fish/vendor_completions.d/fdht.fish; do
    there "installed: $f" "$p/$f"
done
same "every page" "$(ls "$TOP"/man/*.[1-8] | wc -l)" "$(ls "$p"/share/man/man*/fdht* "$p"/share/man/man*/libfdht* | wc -l)"
works "the installed program runs from anywhere" env -i "$p/bin/fdht" --version
same "the library's link" "libfdht.so.$(cat "$TOP/VERSION")" "$(readlink "$p/lib/libfdht.so.0")"
has "the soname" "$(readelf -d "$p/lib/libfdht.so")" "soname: [libfdht.so.0]"
same "the pc file's version" "$(cat "$TOP/VERSION")" "$(PKG_CONFIG_PATH=$p/lib/pkgconfig pkg-config --modversion fdht)"

cat > user.c <<'END'
#include <fdht/error.h>
#include <stdio.h>
int main(void)
{
    return puts(fdht_strerror(FDHT_ENOMEM)) < 0;
}
END
flags=$(PKG_CONFIG_PATH=$p/lib/pkgconfig pkg-config --define-variable=prefix="$p" \
    --define-variable=libdir="$p/lib" --define-variable=includedir="$p/include" --cflags --libs fdht)
works "a program builds with pkg-config's flags" ${CC:-cc} -o user user.c $flags
works "and runs" env LD_LIBRARY_PATH="$p/lib" ./user
same "and prints" "out of memory" "$out"

for e in "$TOP"/examples/*.c; do
    name=$(basename "$e" .c)
    works "$name builds with pkg-config's flags" ${CC:-cc} -o "$name" "$e" $flags
done
works "an example trains" env LD_LIBRARY_PATH="$p/lib" ./train "$TOP/tests/data/bars.h5" m.h5
works "an example labels" env LD_LIBRARY_PATH="$p/lib" ./label m.h5 "$TOP/tests/data/bars.h5"
same "and so does the installed program" "$("$p/bin/fdht" infer m.h5 "$TOP/tests/data/bars.h5" | jq -r '.label')" "$(cut -f 2 "$OUT")"
there "installed: libfdht(3)" "$p/share/man/man3/libfdht.3"

echo 'const char *fdht_version(void); const char *fdht_version(void) { return "9.9.9"; }' |
    ${CC:-cc} -shared -fPIC -xc -o other.so -
fails "another library is refused" 1 \
    "fdht: libfdht is version 9.9.9, this program was built with $(cat "$TOP/VERSION")" \
    env LD_PRELOAD="$PWD/other.so" "$FDHT" --version

run inst uninstall
same "make uninstall leaves what was there before and nothing else" "$before" "$(find "$root" | sort)"

# configure: what it writes, and the package it names
if command -v autoconf > /dev/null; then
    mkdir conf && cp "$TOP"/{configure.ac,config.mk.in,VERSION} conf/ && mkdir -p conf/lib/fdht &&
        cp "$TOP/lib/fdht/operator.h" conf/lib/fdht/ && cd conf || exit 1
    works "autoconf" autoconf -Wall
    works "configure" ./configure -q --enable-werror --enable-sanitize --prefix=/opt/x
    has "configure: werror" "$(cat config.mk)" "WERROR := -Werror"
    has "configure: sanitize" "$(cat config.mk)" "SANITIZE := address,undefined"
    has "configure: prefix" "$(cat config.mk)" "PREFIX := /opt/x"
    same "configure writes no Makefile" "" "$(ls | grep -i makefile)"
    printf '#!/bin/sh\ncase "$*" in *png*) exit 1 ;; esac\nexec pkg-config "$@"\n' > ../pc && chmod +x ../pc
    run ./configure -q PKG_CONFIG="$PWD/../pc"
    same "a missing library: status" 1 "$status"
    has "a missing library: its package" "$err" "libpng not found: install the Debian package libpng-dev"
    cd ..
else
    skip "configure" "no autoconf here"
fi

# .ci/deps with a dpkg and an apt of our own: the package file says what is installed
mkdir fake && cd fake || exit 1
cat > dpkg-query <<'END'
#!/bin/sh
for last; do :; done
grep -qx "$last" installed && echo installed
END
cat > apt-get <<'END'
#!/bin/sh
echo "$*" >> asked
[ -e offline ] && exit 100
for last; do :; done
case "$*" in install*) echo "$last" >> installed ;; esac
END
cat > id <<'END'
#!/bin/sh
cat uid
END
chmod +x dpkg-query apt-get id
for tool in bash env grep cat mktemp rm tail; do ln -s "$(command -v $tool)" .; done
echo 0 > uid
printf '%s\n' libcmocka-dev g++ jq mandoc valgrind gnuplot-nox hdf5-tools > installed
works "deps: nothing is missing" env PATH="$PWD" "$TOP/.ci/deps" check
absent "deps: apt is not asked" asked
sed -i /jq/d installed
run env PATH="$PWD" "$TOP/.ci/deps" check
same "deps: installs" 0 "$status"
same "deps: says what" "Installing missing Debian packages: jq" "$err"
same "deps: asks apt for it" "install -y -q --no-install-recommends jq" "$(cat asked)"
sed -i /jq/d installed
echo 1000 > uid
run env PATH="$PWD" "$TOP/.ci/deps" check
same "deps: no root, no sudo" 1 "$status"
has "deps: says what to do" "$err" "As root: apt-get install jq"
echo 0 > uid && : > offline
run env PATH="$PWD" "$TOP/.ci/deps" check
same "deps: offline" 1 "$status"
has "deps: offline: says so" "$err" "Could not install: jq"
run env PATH="$PWD" "$TOP/.ci/deps" nonsense
same "deps: an unknown set" 2 "$status"
tap_end
