//! How `shmon` is linked. A process that classifies one command spends most of its time in the dynamic linker and in page
//! faults, so there is nothing to load and nothing to relocate where this toolchain can do that: one file, for every Linux.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// What std asks the linker for by name, and the archives that hold it.
const LIBRARIES: [(&str, &[&str]); 7] = [
    ("gcc_s", &["gcc_eh", "gcc"]),
    ("util", &[]),
    ("rt", &[]),
    ("pthread", &[]),
    ("m", &["m"]),
    ("dl", &[]),
    // The unwinder and libc need each other.
    ("c", &["c", "gcc_eh", "gcc"]),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    println!("cargo::rustc-check-cfg=cfg(static_program)");
    let is = |key: &str, value: &str| std::env::var(key).is_ok_and(|v| v == value);
    let native = std::env::var("HOST") == std::env::var("TARGET");
    if !(native && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu")) {
        return;
    }
    // At a fixed address: some ten thousand relocations less in every process, and 80 page faults. What that gives up is the
    // random address of the program itself; stack, heap and mappings keep theirs.
    println!("cargo::rustc-link-arg-bins=-no-pie");
    let Some(folder) = scripts() else {
        println!(
            "cargo::warning=no static C library here: shmon is linked with the shared one, and starts more slowly"
        );
        return;
    };
    println!("cargo::rustc-link-arg-bins=-static");
    order();
    println!("cargo::rustc-link-arg-bins=-L{}", folder.display());
    println!("cargo::rustc-cfg=static_program");
}

/// The functions that a plain call runs lie together: else each is a page fault of its own. Not for a linker that somebody
/// chose, which may not read such a script.
fn order() {
    let script = PathBuf::from("link/start.ld");
    println!("cargo::rerun-if-changed={}", script.display());
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if flags.contains("linker") || flags.contains("fuse-ld") || std::env::var_os("RUSTC_LINKER").is_some() {
        return;
    }
    if let Ok(script) = script.canonicalize() {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
    }
}

/// A folder in which every library that std names is a linker script for its archives: std itself asks for shared ones, and
/// `-C target-feature=+crt-static` would be for every crate of the build, its shared libraries too. `None` where an archive
/// is missing.
fn scripts() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("OUT_DIR")?).join("static");
    std::fs::create_dir_all(&folder).ok()?;
    for (name, archives) in LIBRARIES {
        let mut script = String::new();
        for archive in archives {
            write!(script, " {}", archive_path(archive)?.display()).ok()?;
        }
        let script = if script.is_empty() { String::new() } else { format!("GROUP ({script} )\n") };
        std::fs::write(folder.join(format!("lib{name}.so")), script).ok()?;
    }
    Some(folder)
}

/// Where the C compiler keeps an archive.
fn archive_path(name: &str) -> Option<PathBuf> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let said = Command::new(compiler).arg(format!("-print-file-name=lib{name}.a")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(said.stdout).ok()?.trim());
    // Without a folder it is the name alone: there is no such file.
    (path.is_absolute() && path.is_file()).then_some(path)
}
