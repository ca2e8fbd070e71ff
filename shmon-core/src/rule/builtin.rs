//! The built-in rules, compiled by the build script into plain data: nothing is read, checked or relocated at start.

use super::compiler::Base;
use super::compiler::schema::{OneOrMany, ProgramSpec, Style};
use super::set::Layer;
use super::view::View;
use std::borrow::Cow;

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
include!(concat!(env!("OUT_DIR"), "/shared.rs"));

/// Where a word may lie.
#[repr(C, align(4))]
struct Aligned<T: ?Sized>(T);

pub(super) fn layer() -> Layer {
    Layer::new(Cow::Borrowed(bytemuck::cast_slice(&WORDS.0)), Cow::Borrowed(BYTES))
}

/// What the user's rules may refer to: every list and every program specification of the built-in files, and the ids
/// that are taken.
pub(super) fn base(builtin: Option<View<'_>>) -> Base {
    let owned = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let ids = builtin.map(|view| (0..view.rules() as u32).map(|r| view.rule_id(r).to_owned()).collect());
    Base {
        lists: LISTS.iter().map(|(name, list)| ((*name).to_owned(), owned(list))).collect(),
        programs: PROGRAMS
            .iter()
            .map(|&(name, values, style)| ProgramSpec {
                name: OneOrMany(owned(name)),
                values: owned(values),
                style,
            })
            .collect(),
        ids: ids.unwrap_or_default(),
        plain: false,
    }
}
