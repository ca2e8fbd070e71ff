//! Compiles the built-in rules with the library's own compiler into plain data.

use std::fmt::Write as _;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;
use std::process::exit;

#[path = "src/rule/compiler/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports)]
mod compiler;
#[path = "src/error.rs"]
#[allow(dead_code, unreachable_pub, unused_imports)]
mod error;
#[path = "src/hash.rs"]
#[allow(dead_code, unreachable_pub, unused_imports)]
mod hash;
#[path = "src/lang.rs"]
#[allow(dead_code, unreachable_pub, unused_imports)]
mod lang;
#[path = "src/level.rs"]
#[allow(dead_code, unreachable_pub, unused_imports)]
mod level;

use error::{Error, ErrorKind, Result};
use lang::{Lang, Text};
use level::Level;

fn main() {
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=src/rule/compiler");
    println!("cargo::rerun-if-changed=src/hash.rs");
    println!("cargo::rerun-if-changed=build.rs");
    if let Err(message) = generate() {
        eprintln!("{message}");
        exit(1);
    }
}

/// Another one for every change of the rules, the compiler or the version.
fn build_id(rules: &[compiler::Source]) -> std::result::Result<String, String> {
    let mut hash = std::hash::DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hash);
    rules.iter().for_each(|source| (&source.name, &source.text).hash(&mut hash));
    let folder = Path::new("src/rule/compiler");
    let files = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<_> = files.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.push("src/hash.rs".into());
    files.sort();
    for file in files {
        std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?.hash(&mut hash);
    }
    Ok(format!("{:016x}", hash.finish()))
}

fn generate() -> std::result::Result<(), String> {
    let dir = Path::new("rules");
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .map_err(|e| format!("rules: {e}"))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    let mut sources = Vec::new();
    for name in names {
        let text = std::fs::read_to_string(dir.join(&name)).map_err(|e| format!("rules/{name}: {e}"))?;
        sources.push(compiler::Source { name: format!("rules/{name}"), text });
    }
    let compiled = compiler::compile(&sources, &compiler::Base::default(), None).map_err(|problems| {
        problems.iter().map(|p| format!("shmon-core/{p}")).collect::<Vec<_>>().join("\n")
    })?;
    let out = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    let out = Path::new(&out);
    let mut code = format!(
        "/// This build's compiler and rules.\npub(super) const BUILD: &str = \"{}\";\n",
        build_id(&sources)?
    );
    code.push_str(
        "static WORDS: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!(\"OUT_DIR\"), \"/builtin.words\")));\n\
         static BYTES: &[u8] = include_bytes!(concat!(env!(\"OUT_DIR\"), \"/builtin.bytes\"));\n",
    );
    // As the target keeps them: half a million numbers as source text are slow to compile, and slower to lint.
    let big = std::env::var("CARGO_CFG_TARGET_ENDIAN").is_ok_and(|endian| endian == "big");
    let word = |word: &u32| if big { word.to_be_bytes() } else { word.to_le_bytes() };
    let words: Vec<u8> = compiled.blob.words.iter().flat_map(word).collect();
    let save =
        |name: &str, data: &[u8]| std::fs::write(out.join(name), data).map_err(|e| format!("{name}: {e}"));
    save("builtin.words", &words)?;
    save("builtin.bytes", &compiled.blob.bytes)?;
    save("shared.rs", shared(&sources).as_bytes())?;
    save("builtin.rs", code.as_bytes())
}

/// The lists and program specifications of all rule files, which users' rules may use too, as statics: a process with
/// rules of its user reads no TOML but theirs.
fn shared(sources: &[compiler::Source]) -> String {
    let files: Vec<_> = sources.iter().filter_map(|source| compiler::source::parse(source).ok()).collect();
    let mut code = String::from("static LISTS: &[(&str, &[&str])] = &[\n");
    for (name, list) in files.iter().flat_map(|file| &file.lists) {
        let _ = writeln!(code, "({name:?}, &{list:?}),");
    }
    code.push_str("];\nstatic PROGRAMS: &[(&[&str], &[&str], Style)] = &[\n");
    for spec in files.iter().flat_map(|file| &file.program) {
        let spec = spec.get_ref();
        let _ = writeln!(code, "(&{:?}, &{:?}, Style::{:?}),", spec.name.0, spec.values, spec.style);
    }
    code.push_str("];\n");
    code
}
