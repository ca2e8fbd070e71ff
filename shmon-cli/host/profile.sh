# Written by `shmon init --system`: login shells read this; other bashes /etc/bash.bashrc.
if [ -n "${BASH_VERSION-}" ] && [ -n "${PS1-}" ] && [ -r @HOOKS@/hook.bash ]; then . @HOOKS@/hook.bash; fi
