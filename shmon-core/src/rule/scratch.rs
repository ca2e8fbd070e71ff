//! Buffers of the evaluation.

use super::options::Arguments;
use super::present::Present;
use super::set::Hit;
use super::strtest::Pairs;
use super::view::Slot;

/// Reused from command to command.
#[derive(Debug, Default)]
pub(crate) struct RuleScratch {
    /// The rules that matched the last command.
    pub(crate) hits: Vec<Hit>,
    /// Rules to ask.
    pub(crate) woken: Vec<u32>,
    /// What was found out about the command.
    pub(crate) facts: Facts,
}

/// What conditions are asked about, each found out once.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The arguments of the invocation at hand.
    pub(crate) arguments: Arguments,
    /// Its features.
    pub(crate) present: Present,
    /// The pairs of bytes of its words.
    pub(crate) pairs: Pairs,
    pub(crate) slots: Slots,
}

/// What one layer says about the programs of the command, found when its rules were asked, and the hashes of their names.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    layer: usize,
    slots: Vec<(Slot, u32)>,
}

impl Slots {
    /// Begins the list of a layer.
    #[inline]
    pub(crate) fn begin(&mut self, layer: usize) {
        self.layer = layer;
        self.slots.clear();
    }

    #[inline]
    pub(crate) fn push(&mut self, slot: Slot, hash: u32) {
        self.slots.push((slot, hash));
    }

    /// The list of the last layer.
    #[inline]
    pub(crate) fn last(&self) -> &[(Slot, u32)] {
        &self.slots
    }

    /// The list of a layer; `None` where that was not asked last.
    #[inline]
    pub(crate) fn all(&self, layer: usize) -> Option<&[(Slot, u32)]> {
        (self.layer == layer).then_some(&self.slots)
    }

    /// What the layer says about the program of an invocation; `None` where that was not asked last.
    #[inline]
    pub(crate) fn of(&self, layer: usize, invocation: usize) -> Option<Slot> {
        self.all(layer)?.get(invocation).map(|&(slot, _)| slot)
    }
}
