//! Keeps the library mapped: bash calls into it through function pointers even after `enable -d`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
