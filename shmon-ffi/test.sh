#!/bin/bash
# Builds libshmon and runs its C tests every way: gcc and clang, C11 and C++17, shared and static, plain, under
# valgrind, under ASan/UBSan, and from eight threads under TSan (helgrind knows no futexes and atomics, so it reports
# races where there are none). What isn't installed is skipped visibly.
#   SHMON_PROFILE=dev (default) or release
set -euo pipefail
cd "$(dirname "$0")/.."
export PROFILE=${SHMON_PROFILE:-dev}
target=${CARGO_TARGET_DIR:-$PWD/target}
work=$target/c-test
rm -rf "$work"
mkdir -p "$work"

say() { printf '%s\n' "-- $*"; }
skip() { printf '%s\n' "SKIPPED: $*"; }
have() { command -v "$1" >/dev/null; }

say "header"
# Of the whole workspace, as ./test.sh has built it.
cargo test --quiet --workspace --exclude shmon-py --test header >"$work/header.log" 2>&1 || { cat "$work/header.log"; exit 1; }

say "library with the panic test, and the classify-only library"
make --no-print-directory -s -C shmon-ffi FEATURES=test-panic OUT="$work/lib"
make --no-print-directory -s -C shmon-ffi CLASSIFY_ONLY=1 OUT="$work/lib-classify"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
flags=(-Wall -Wextra -Werror -pedantic -g -Ishmon-ffi/include -DSHMON_TEST_PANIC "-DSHMON_EXPECTED_VERSION=\"$version\"")
system=(-lpthread -ldl -lm)
tests=(classify errors misuse rules threads monitor reentry)

# build COMPILER LANGUAGE NAME OUTPUT [FLAG…]
build() {
    local compiler=$1 language=$2 name=$3 output=$4
    shift 4
    case $language in
        c11) "$compiler" -std=c11 -D_POSIX_C_SOURCE=200809L "${flags[@]}" -o "$output" "shmon-ffi/tests/c/$name.c" "$@" ;;
        c++17) "$compiler" -std=c++17 "${flags[@]}" -o "$output" -x c++ "shmon-ffi/tests/c/${name%.cpp}".c* -x none "$@" ;;
    esac
}

# run PROGRAM [WRAPPER…]: a fresh home, quiet unless it fails
run() {
    local program=$1
    shift
    local home
    home=$(mktemp -d "$work/home.XXXXXX")
    if ! SHMON_HOME=$home LD_LIBRARY_PATH=$work/lib timeout 300 "$@" "$program" "$home" >"$program.log" 2>&1; then
        cat "$program.log"
        echo "FAILED: $* $program"
        exit 1
    fi
}

shared=("-L$work/lib" -lshmon)
# An archive of debug code is large: what a program doesn't use is left out of it.
static=("$work/lib/libshmon.a" -Wl,--gc-sections)
for compiler in gcc clang; do
    have "$compiler" || { skip "$compiler isn't installed"; continue; }
    cxx=g++
    [ "$compiler" = gcc ] || cxx=clang++
    for name in "${tests[@]}"; do
        say "$compiler $name: C11, C++17, shared and static"
        build "$compiler" c11 "$name" "$work/$compiler-$name" "${shared[@]}" "${system[@]}"
        run "$work/$compiler-$name"
        build "$cxx" c++17 "$name" "$work/$cxx-$name" "${shared[@]}" "${system[@]}"
        run "$work/$cxx-$name"
        build "$compiler" c11 "$name" "$work/$compiler-$name-static" "${static[@]}" "${system[@]}"
        run "$work/$compiler-$name-static"
    done
    for name in "${tests[@]}"; do
        say "$compiler $name: ASan and UBSan"
        build "$compiler" c11 "$name" "$work/$compiler-$name-asan" -fsanitize=address,undefined \
            -fno-sanitize-recover=all "${static[@]}" "${system[@]}"
        run "$work/$compiler-$name-asan"
    done
done

for cxx in g++ clang++; do
    have "$cxx" || continue
    say "$cxx: the C++ wrapper, under ASan"
    build "$cxx" c++17 wrapper.cpp "$work/$cxx-wrapper" -fsanitize=address,undefined -fno-sanitize-recover=all \
        "${static[@]}" "${system[@]}"
    run "$work/$cxx-wrapper"
done

if have clang; then
    # The library's own code isn't instrumented, but its locks and the memory that it hands out are seen.
    say "threads: TSan"
    build clang c11 threads "$work/threads-tsan" -fsanitize=thread "${shared[@]}" "${system[@]}"
    TSAN_OPTIONS=halt_on_error=1 run "$work/threads-tsan" setarch "$(uname -m)" -R
fi

say "allocations: none in the steady state"
wraps=(malloc calloc realloc posix_memalign aligned_alloc)
build gcc c11 allocations "$work/allocations" "${wraps[@]/#/-Wl,--wrap=}" "${static[@]}" "${system[@]}"
run "$work/allocations"

if have valgrind; then
    for name in "${tests[@]}"; do
        say "$name: valgrind"
        run "$work/gcc-$name" valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,possible \
            --errors-for-leak-kinds=definite,possible \
            --suppressions=shmon-ffi/tests/c/valgrind.supp
    done
else
    skip "valgrind isn't installed"
fi

say "examples: the log reader, under ASan and plain; the sudo plugin in a real sudo"
collect=(shmon-ffi/examples/c/collect.c shmon-ffi/examples/c/collect_audit.c shmon-ffi/examples/c/collect_syslog.c)
cc -std=c11 -D_GNU_SOURCE "${flags[@]}" -fsanitize=address,undefined -fno-sanitize-recover=all -o "$work/collect-asan" \
    "${collect[@]}" "${static[@]}" "${system[@]}"
cc -std=c11 -D_GNU_SOURCE "${flags[@]}" -O2 -o "$work/collect" "${collect[@]}" "${static[@]}" "${system[@]}"
shmon-ffi/tests/collect.sh "$work/collect-asan" "$work/home.collect-asan"
shmon-ffi/tests/collect.sh "$work/collect" "$work/home.collect"
example() {
    local out
    out=$("$1" 'rm -rf /srv' 'make')
    [ "$out" = $'critical rm -rf /srv\nlow      make' ] || { echo "FAILED: $1 said: $out"; exit 1; }
}
examples=(classify shmon-collect)
[ ! -e /usr/include/sudo_plugin.h ] || examples+=(shmon_sudo.so)
make --no-print-directory -s -C shmon-ffi FEATURES=test-panic OUT="$work/lib" "${examples[@]/#/$work/lib/examples/}"
example "$work/lib/examples/classify"

if [ -e /usr/include/sudo_plugin.h ]; then
    cc -std=c11 -D_GNU_SOURCE "${flags[@]}" -shared -fPIC -o "$work/shmon_sudo.so" shmon-ffi/examples/c/sudo_shmon.c \
        "${static[@]}" "${system[@]}" -Wl,--exclude-libs,ALL
    if [ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null; then
        # In a place whose folders all belong to root, which sudo asks for.
        place=$(mktemp -d /run/shmon-test.XXXXXX)
        trap 'rm -rf "$place"' EXIT
        shmon-ffi/tests/sudo.sh "$work/lib/examples/shmon_sudo.so" "$place"
    else
        skip "the sudo plugin is built, but only root can give sudo a configuration of its own"
    fi
else
    skip "sudo_plugin.h isn't installed"
fi

say "exports and soname"
if have readelf; then
    readelf -d "$work/lib/libshmon.so" | grep 'SONAME.*\[libshmon\.so\.' >/dev/null
    exported=$(readelf --dyn-syms --wide "$work/lib/libshmon.so" | awk '$7 != "UND" && $5 == "GLOBAL" {print $8}')
    foreign=$(grep -v -E '^(shmon_[a-z_]+@@SHMON_|SHMON_)' <<<"$exported" || true)
    [ -z "$foreign" ] || { echo "exported without a version or by accident: $foreign"; exit 1; }
    declared=$(grep -o -E '\bshmon_[a-z_]+\(' shmon-ffi/include/shmon.h | tr -d '(' | sort -u |
        grep -v -x -E 'shmon_[a-z]+_init|shmon_text_of')
    missing=$(comm -23 <(echo "$declared") <(sed -n 's/^\(shmon_[a-z_]*\)@@.*/\1/p' <<<"$exported" | sort -u))
    [ -z "$missing" ] || { echo "declared but not exported: $missing"; exit 1; }
fi
grep -q -a 'SQLite format 3' "$work/lib/libshmon.a" || { echo "the check below would find nothing"; exit 1; }
if grep -q -a 'SQLite format 3' "$work/lib-classify/libshmon.so"; then
    echo "the classify-only library has SQLite in it"
    exit 1
fi

say "installation: pkg-config, CMake, the example"
make --no-print-directory -s -C shmon-ffi install CLASSIFY_ONLY=1 PREFIX="$work/prefix" >"$work/install.log"
prefix=$work/prefix
export LD_LIBRARY_PATH=$prefix/lib
if have pkg-config; then
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
    # shellcheck disable=SC2046
    cc -Wall -Wextra -Werror shmon-ffi/examples/c/classify.c $(pkg-config --cflags --libs shmon) -o "$work/example"
    example "$work/example"
    # shellcheck disable=SC2046
    cc shmon-ffi/examples/c/classify.c $(pkg-config --cflags shmon) "$prefix/lib/libshmon.a" \
        $(pkg-config --static --libs-only-l shmon | sed 's/-lshmon//') -o "$work/example-static"
    example "$work/example-static"
else
    skip "pkg-config isn't installed"
fi
if have cmake; then
    mkdir -p "$work/cmake"
    cat >"$work/cmake/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.16)
project(example C)
find_package(shmon $version REQUIRED)
add_executable(shared $PWD/shmon-ffi/examples/c/classify.c)
target_link_libraries(shared shmon::shmon)
add_executable(static $PWD/shmon-ffi/examples/c/classify.c)
target_link_libraries(static shmon::static)
END
    cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/cmake.log"
    cmake --build "$work/cmake/build" >>"$work/cmake.log"
    example "$work/cmake/build/shared"
    example "$work/cmake/build/static"
else
    skip "cmake isn't installed"
fi
# Into a folder that a package is made of: what is installed speaks of the final place.
stage=$work/stage
make --no-print-directory -s -C shmon-ffi install CLASSIFY_ONLY=1 PREFIX=/usr LIBDIR=/usr/lib/multi DESTDIR="$stage" >>"$work/install.log"
grep -q -x 'prefix=/usr' "$stage/usr/lib/multi/pkgconfig/shmon.pc" && grep -q -x 'libdir=/usr/lib/multi' "$stage/usr/lib/multi/pkgconfig/shmon.pc" ||
    { echo "shmon.pc speaks of another place"; exit 1; }
! grep -r -I -q -F "$stage" "$stage" || { echo "the stage's own path was installed"; exit 1; }
[ "$(readlink -f "$stage/usr/lib/multi/libshmon.so")" = "$(readlink -f "$stage")/usr/lib/multi/libshmon.so.$version" ] ||
    { echo "libshmon.so leads elsewhere"; exit 1; }
make --no-print-directory -s -C shmon-ffi uninstall PREFIX=/usr LIBDIR=/usr/lib/multi DESTDIR="$stage"
[ -z "$(find "$stage" -type f -o -type l)" ] || { echo "uninstall left files: $(find "$stage" -type f)"; exit 1; }
make --no-print-directory -s -C shmon-ffi uninstall PREFIX="$work/prefix"
[ -z "$(find "$prefix" -type f -o -type l)" ] || { echo "uninstall left files: $(find "$prefix" -type f)"; exit 1; }

rm -rf "$work"/home.*
say "C: all passed"
