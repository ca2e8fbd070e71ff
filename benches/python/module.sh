# Sourced by run.sh and count.sh, from the repository's root: builds the module as it is published and the Rust side, and
# sets `faces`, `python` and `work`, a folder with the module that goes away.
python=${PYTHON:-python3} target=${CARGO_TARGET_DIR:-$PWD/target}
faces=$target/release/faces
# Together, so that both sides have the very same library in them.
cargo build --quiet --release -p shmon-benches --bin faces -p shmon-py --lib
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r shmon-py/python/shmon "$work/shmon"
cp "$target/release/lib_shmon.so" "$work/shmon/_shmon.abi3.so"
strip "$work/shmon/_shmon.abi3.so"
export PYTHONPATH=$work
