#!/usr/bin/env bash
# Makes a machine with git and rustup able to build Plimsoll: installs what the
# build needs from the system's packages, and builds HiGHS once into a cache
# that every cargo profile, clone and CI run then links.
#
#   . tools/setup.sh              bash: sets the variables in this shell
#   eval "$(tools/setup.sh)"      any other shell
#
# PLIMSOLL_CACHE moves the cache (default: plimsoll in the user's cache folder).
# When there is nothing to do this takes some milliseconds.

# Sourced: work in a child, so that its options and functions stay out of the
# caller's shell, and take only the exports from it.
if [[ ${BASH_SOURCE[0]} != "$0" ]]; then
  plimsoll_exports=$(bash "${BASH_SOURCE[0]}") || return
  eval "$plimsoll_exports"
  unset plimsoll_exports
  return
fi

set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'plimsoll setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null; }

need_rust() {
  path_before=$PATH
  has cargo || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin # as in a shell older than the installation
  has cargo || die "cargo is missing: install Rust with rustup (https://rustup.rs), then run this again"
}

# Where bindgen looks for libclang. libclang-cpp is another library.
has_libclang() {
  [[ -n ${LIBCLANG_PATH:-} ]] && return
  local lib
  for lib in /usr/lib/llvm*/lib/libclang[.-]*so* /usr/lib/*-linux-gnu/libclang[.-]*so* \
    /usr/lib64/libclang[.-]*so* /usr/lib/libclang[.-]*so* /usr/local/lib/libclang[.-]*so* \
    /Library/Developer/CommandLineTools/usr/lib/libclang.dylib \
    /Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib/libclang.dylib \
    /usr/local/opt/llvm/lib/libclang.dylib; do
    [[ -e $lib && $lib != *libclang-cpp* ]] && return
  done
  return 1
}

# Prints the needs that are not met, one a line.
missing_tools() {
  has c++ || has g++ || has clang++ || echo c++
  has pkg-config || echo pkg-config
  has_libclang || echo libclang
  highs_is_built || has cmake || echo cmake
  highs_is_built || has make || echo make
}

# The name of the package that meets a need, for a package manager.
package_for() {
  case $1/$2 in
    apt-get/c++) echo g++ ;;
    apt-get/libclang) echo libclang-dev ;;
    dnf/c++) echo gcc-c++ ;;
    dnf/pkg-config) echo pkgconf-pkg-config ;;
    dnf/libclang) echo clang-devel ;;
    brew/pkg-config) echo pkgconf ;;
    *) echo "$2" ;;
  esac
}

# Runs as root, its output into the log, shown only when it fails.
as_root() {
  local sudo=()
  if [[ $EUID != 0 ]]; then
    has sudo || die "not root and no sudo: please run: $*"
    sudo=(sudo)
  fi
  # ${sudo[@]+…}: an empty array counts as unset in the bash 3.2 of macOS.
  logged "$cache/packages.log" ${sudo[@]+"${sudo[@]}"} "$@"
}

logged() {
  local log=$1
  shift
  mkdir -p "$cache"
  "$@" </dev/null >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    die "failed: $* (all of it: $log)"
  }
}

install_tools() {
  local missing manager='' tool packages=()
  missing=$(missing_tools)
  [[ -z $missing ]] && return
  for tool in apt-get dnf brew; do
    if has $tool; then manager=$tool && break; fi
  done
  [[ -n $manager ]] || die "please install these, then run this again: ${missing//$'\n'/ }"
  if [[ $manager == brew && $missing =~ c\+\+|libclang|make$ ]]; then
    die "Apple's compiler is missing: run xcode-select --install, then this again"
  fi
  for tool in $missing; do packages+=("$(package_for $manager "$tool")"); done

  say "installing ${packages[*]} with $manager, to compile HiGHS and to read its C header"
  case $manager in
    apt-get)
      as_root apt-get update
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"
      ;;
    dnf) as_root dnf install -y "${packages[@]}" ;;
    brew) logged "$cache/packages.log" brew install "${packages[@]}" ;;
  esac
  missing=$(missing_tools)
  [[ -z $missing ]] || die "still missing after that: ${missing//$'\n'/ }"
}

highs_is_built() { [[ -e $highs/lib/pkgconfig/highs.pc ]]; }

# HiGHS's sources are inside the highs-sys crate, so nothing else is downloaded.
highs_source() {
  local crate
  crate=$(cargo metadata --locked --format-version 1 |
    grep -o '"manifest_path":"[^"]*/highs-sys-[^"]*/Cargo.toml"' | sed -n '1s|.*:"\(.*\)/Cargo.toml"|\1|p')
  echo "$crate/HiGHS"
}

compile_highs() {
  local source=$1 work=$2 log=$3
  # The options of highs-sys's own build script.
  logged "$log" cmake -S "$source" -B "$work/build" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$highs" -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=FALSE \
    -DBUILD_SHARED_LIBS=OFF -DBUILD_CXX_EXE=OFF -DBUILD_EXAMPLES=OFF -DBUILD_TESTING=OFF \
    -DFAST_BUILD=ON -DZLIB=OFF
  logged "$log" cmake --build "$work/build" -j "$(nproc 2>/dev/null || sysctl -n hw.ncpu)"
  # The installed files name the last prefix, but lie under $work until they are complete.
  logged "$log" env DESTDIR="$work/root" cmake --install "$work/build"
}

build_highs() {
  highs_is_built && return
  mkdir -p "$cache"
  # One builder at a time where there is flock; elsewhere the last step keeps it correct.
  exec 9>"$highs.lock"
  if has flock; then flock 9; fi
  highs_is_built && return

  local source pc runtime=-lstdc++ log=$highs.log
  source=$(highs_source)
  work=$(mktemp -d "$cache/building.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  say "building HiGHS $version once, about three minutes on two cores (log: $log)"
  compile_highs "$source" "$work" "$log"

  # A static library does not say that it needs the C++ run time.
  if [[ $(uname) == Darwin ]]; then runtime=-lc++; fi
  pc=$work/root$highs/lib/pkgconfig/highs.pc
  sed "s/^Libs:.*/& $runtime/" "$pc" >"$pc.new"
  mv "$pc.new" "$pc"
  rm -rf "$highs"
  mv "$work/root$highs" "$highs" # whole or not at all
}

print_exports() {
  local path=$highs/lib/pkgconfig
  case :${PKG_CONFIG_PATH:-}: in
    *":$path:"*) path=$PKG_CONFIG_PATH ;;
    *) path=$path${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH} ;;
  esac
  printf 'export PKG_CONFIG_PATH=%q\n' "$path"
  [[ $PATH == "$path_before" ]] || printf 'export PATH=%q\n' "$PATH"
}

cache=${PLIMSOLL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plimsoll}
[[ $cache == /* ]] || cache=$PWD/$cache
version=$(sed -n '/^name = "highs-sys"$/{n;s/^version = "\(.*\)"$/\1/p;}' Cargo.lock)
[[ -n $version ]] || die "Cargo.lock does not name highs-sys"
highs=$cache/highs-$version

need_rust
install_tools
build_highs
print_exports
