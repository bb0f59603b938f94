#!/bin/sh
# check_arm.sh -- the tests on AArch64, where there is no such machine: cross-compiled, run by QEMU's user emulation.
#
#     TESTS="op kernel" scripts/check_arm.sh      the folders under test/ to run; all of them without TESTS
#
# A cross compiler and an emulator that are installed are used. What is missing, and the arm64 libraries, come from
# the Debian archive into build/cross (120 MB once, 600 MB unpacked): apt works in a folder of its own, so nothing
# is installed, nothing of the system's changes and it need not be root. What is built goes to build/arm.
#
# Says what it ran; exits with 1 when a test fails, when a tile does not stay in registers, or when it cannot run.
set -u
cd "$(dirname "$0")/.." || exit 1
cross=$PWD/build/cross out=build/arm
root=$cross/root tools=$cross/tools
packages="libc6-dev libjansson-dev libpcre2-dev libutf8proc-dev libyaml-dev libsqlite3-dev libedit-dev libcmocka-dev"

cannot() { echo "check-arm: cannot run: $*" >&2; exit 1; }

emulator() { command -v qemu-aarch64-static || command -v qemu-aarch64; }
compiler() { command -v aarch64-linux-gnu-gcc; }

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -o "Dir::State::lists=$cross/lists" -o "Dir::Cache=$cross/cache" \
        -o "Dir::State::status=$cross/status" -o "Dir::State::extended_states=$cross/extended" \
        -o "APT::Architectures::=$(dpkg --print-architecture)" -o APT::Architectures::=arm64 \
        -o "APT::Sandbox::User=$(id -un)" -o Debug::NoLocking=1 "$@"
}

# The packages named, with all they depend on, unpacked: what runs here to tools, what is linked with to root.
fetch() {
    for c in apt-get dpkg; do
        command -v $c >/dev/null || cannot "$c is missing, and this needs: aarch64-linux-gnu-gcc, qemu-aarch64," \
            "and for arm64 in $root: $packages"
    done
    echo "fetching into build/cross: $*"
    mkdir -p "$cross/lists/partial" "$cross/cache/archives/partial" "$tools" "$root/usr/lib"
    ln -s usr/lib "$root/lib" # archives differ in which of the two they hold
    : >"$cross/status"
    apt update >"$cross/log" 2>&1 &&
        apt install -y --no-install-recommends --download-only "$@" >>"$cross/log" 2>&1 ||
        { tail -5 "$cross/log" >&2; cannot "the packages cannot be fetched (build/cross/log)"; }
    for p in "$cross"/cache/archives/*.deb; do
        case $p in
        *_arm64.deb) dpkg -x "$p" "$root" ;;
        */libc6_*) continue ;; # this machine's own is the one that its programs need
        *) dpkg -x "$p" "$tools" ;;
        esac || cannot "$p cannot be unpacked"
    done
    rm -rf "$cross/cache"
    # Links that start at / would point out of the folder.
    find "$root" -type l -lname '/*' | while read -r l; do ln -sfn "$root$(readlink "$l")" "$l"; done
    echo "$packages" >"$cross/complete"
}

case $(uname -m) in aarch64 | arm64) cannot "this is such a machine: make check runs the tests on it" ;; esac
PATH=$PATH:$tools/usr/bin
if [ "$(cat "$cross/complete" 2>/dev/null)" != "$packages" ]; then # new, or from when fewer were needed
    rm -rf "$cross" # before asking for a compiler, which may be the one in there
    wanted=$(for p in $packages; do printf '%s:arm64 ' "$p"; done)
    compiler >/dev/null || wanted="$wanted gcc-aarch64-linux-gnu"
    emulator >/dev/null || wanted="$wanted qemu-user-static"
    # shellcheck disable=SC2086
    fetch $wanted
fi
compiler >/dev/null || cannot "there is no aarch64-linux-gnu-gcc"
qemu=$(emulator) || cannot "there is no qemu-aarch64"
command -v pkg-config >/dev/null || cannot "there is no pkg-config"
echo "compiler  $(compiler): $(aarch64-linux-gnu-gcc -dumpfullversion)"
echo "emulator  $qemu: $("$qemu" --version | sed -n '1s/.*version //p')"

# The fetched tools find their libraries beside them.
with_tools() { LD_LIBRARY_PATH=$tools/usr/lib/$(uname -m)-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$@"; }
PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$root/usr/lib/aarch64-linux-gnu/pkgconfig
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR
with_tools make --no-print-directory -s say= BUILD=$out CC="aarch64-linux-gnu-gcc --sysroot=$root" \
    AR=aarch64-linux-gnu-ar all tests || cannot "it does not build"

. test/report.sh

# Accumulators that go through memory in a tile's loop would cost more than they multiply.
spills() {
    for o in micro micro_i16; do
        with_tools aarch64-linux-gnu-objdump -d --no-show-raw-insn $out/obj/kernel/cpu/isa/$o.neon.o || return
    done | awk '/^[0-9a-f]+ <micro_/ { tile = $2; tiles++ } /^[0-9a-f]+ <[^m]/ { tile = "" }
                tile && /[ \t]q[0-9]+,.*\[(sp|x29)/ { print tile, $0; bad++ }
                END { print tiles + 0, "tiles"; exit bad > 0 || tiles != 48 }'
}
spills >"$log" 2>&1
report 'NEON tiles stay in registers' $(($? == 0)) 0 $?

for folder in ${TESTS:-$(ls test)}; do
    for source in test/"$folder"/test_*.c; do
        [ -e "$source" ] || continue
        name=${source#test/} name=${name%.c}
        CMOCKA_MESSAGE_OUTPUT=TAP timeout 1800 "$qemu" -L "$root" "$out/test/$name" >"$log" 2>&1
        status=$?
        report "$name" "$(grep -c '^ok ' "$log")" "$(grep '^not ok ' "$log" | grep -vc '# SKIP')" $status
    done
done
echo "AArch64, emulated: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
