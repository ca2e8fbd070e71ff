//! How `shmon` is linked. A process that classifies one command spends most of its time in the dynamic linker and in page
//! faults, so there is nothing to relocate, and one library less to load.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    let is = |key: &str, value: &str| std::env::var(key).is_ok_and(|v| v == value);
    let native = std::env::var("HOST") == std::env::var("TARGET");
    if !(native && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu")) {
        return;
    }
    // At a fixed address: 80 page faults and some ten thousand relocations less in every process. What that gives up is
    // the random address of the program itself; stack, heap and libraries keep theirs.
    println!("cargo::rustc-link-arg-bins=-no-pie");
    // The unwinder from GCC's archive instead of libgcc_s.so; named before std names the shared one, it is taken.
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let said = Command::new(compiler).arg("-print-file-name=libgcc_eh.a").output();
    let archive = said.ok().and_then(|out| String::from_utf8(out.stdout).ok()).unwrap_or_default();
    // Without a folder it is the name alone: there is no such file.
    if let Some(folder) = Path::new(archive.trim()).parent().filter(|folder| folder.is_absolute()) {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}
