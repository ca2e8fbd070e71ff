#!/usr/bin/env bash
# Puts other versions of bash, from Debian's other suites, into target/shells/bash-VERSION/bash: the conformance tests run in each that
# they find there. Without a mirror nothing is fetched, and the tests say what they skip.
set -euo pipefail
cd "$(dirname "$0")/../.."
shells=${CARGO_TARGET_DIR:-$PWD/target}/shells
# The mirror that this system's own packages come from.
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -E '/debian/?$' | head -n 1)}
[[ -n $mirror ]] || { echo "other shells: apt names no mirror of Debian"; exit 0; }
[[ $(dpkg --print-architecture 2>/dev/null) == amd64 ]] || { echo "other shells: only fetched on Debian, amd64"; exit 0; }

# Arguments: suite, and whether its own C library is needed (it is newer than this system's).
fetch() {
  local suite=$1 own=$2 root=$shells/$1 index=$shells/$1.index package file
  local packages=(bash)
  [[ $own == own ]] && packages+=(libc6 libtinfo6)
  mkdir -p "$root"
  curl -fsSL --max-time 120 "${mirror%/}/dists/$suite/main/binary-amd64/Packages.xz" | xz -dc >"$index"
  for package in "${packages[@]}"; do
    file=$(awk -v p="Package: $package" '$0 == p { found = 1 } found && /^Filename: / { print $2; exit }' "$index")
    curl -fsSL --max-time 120 -o "$root/$package.deb" "${mirror%/}/$file"
    dpkg-deb -x "$root/$package.deb" "$root"
  done
  rm -f "$index" "$root"/*.deb
  local program=$root/bin/bash loader=() version
  [[ -e $program ]] || program=$root/usr/bin/bash
  if [[ $own == own ]]; then
    loader=("$root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu" --argv0 bash)
  fi
  # shellcheck disable=SC2016 # the variable belongs to the shell that is asked
  version=$(${loader[@]+"${loader[@]}"} "$program" -c 'echo "${BASH_VERSINFO[0]}.${BASH_VERSINFO[1]}"')
  [[ -n $version ]] || return 1
  mkdir -p "$shells/bash-$version"
  { printf '#!/bin/sh\nexec'; printf " '%s'" ${loader[@]+"${loader[@]}"} "$program"; printf ' "$@"\n'; } >"$shells/bash-$version/bash"
  chmod +x "$shells/bash-$version/bash"
  echo "bash $version, from Debian $suite"
}

mkdir -p "$shells"
for suite in "bullseye system" "sid own"; do
  # shellcheck disable=SC2086 # two words
  [[ -e $shells/${suite% *}.done ]] || { fetch $suite && touch "$shells/${suite% *}.done"; } || echo "other shells: Debian ${suite% *} could not be fetched"
done
