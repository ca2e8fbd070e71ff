//! The built-in rules, compiled by the build script into plain data: nothing is read, checked or relocated at start.

use super::compiler::{Base, Source, source};
use super::set::{Layer, base_of};
use super::view::View;
use std::borrow::Cow;

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// Lists and program specifications, for the user's rules.
const SHARED: [(&str, &str); 2] = [
    ("lists.toml", include_str!("../../rules/lists.toml")),
    ("programs.toml", include_str!("../../rules/programs.toml")),
];

pub(super) fn layer() -> Layer {
    Layer::new(Cow::Borrowed(WORDS), Cow::Borrowed(BYTES))
}

/// What the user's rules may refer to.
pub(super) fn base(builtin: Option<View<'_>>) -> Base {
    let files: Vec<_> = SHARED
        .iter()
        .filter_map(|(name, text)| source::parse(&Source { name: (*name).into(), text: (*text).into() }).ok())
        .collect();
    base_of(&files, builtin)
}
