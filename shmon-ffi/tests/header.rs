//! The committed header is the one that the sources give.

use std::path::Path;

#[test]
fn the_header_is_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = folder.join("include/shmon.h");
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).unwrap();
    let mut fresh = Vec::new();
    cbindgen::Builder::new().with_crate(folder).with_config(config).generate().unwrap().write(&mut fresh);
    // Rust's customary heading means little to a reader of C.
    let fresh = String::from_utf8(fresh).unwrap().replace("// # Safety\n", "// The caller promises:\n");
    if std::env::var_os("SHMON_BLESS").is_some() {
        std::fs::write(&header, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&header).unwrap_or_default();
    assert!(
        committed == fresh,
        "include/shmon.h is stale: SHMON_BLESS=1 cargo test -p shmon-ffi --test header"
    );
}
