//! Shells inside shells: what each sees of the one around it, and what is forgotten when it ends.

use super::Dialect;
use super::analysis::{Range32, Span, Via, ViaKind};
use super::machine::{Flow, Machine};
use super::state::{Input, Val};

/// The scope of a subshell: lengths to which the environment is cut back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    vars: usize,
    exports: usize,
    export_all: bool,
    functions: usize,
    aliases: usize,
    base: usize,
    args: Range32,
    input: Input,
    descriptors: usize,
}

impl Machine<'_> {
    /// Analyses text that a shell of its own reads or gets as an argument.
    pub(super) fn child_shell(&mut self, text: Val, span: Span, via: Via, dialect: Dialect) {
        if text.range.is_empty() {
            return;
        }
        if !self.deeper(span) {
            return;
        }
        let origin = self.origin(text.range, span);
        let scope = self.open_scope();
        let (outer_dialect, frame) = (self.dialect, self.frame);
        self.dialect = dialect;
        self.frame = 0;
        let functions = std::mem::replace(&mut self.function_base, self.s.functions.len());
        let aliases = std::mem::replace(&mut self.alias_base, self.s.aliases.len());
        let elsewhere = matches!(via.kind, ViaKind::Remote | ViaKind::Container);
        let unseen = if elsewhere { self.s.vars.len() } else { self.environment.0 };
        let environment = std::mem::replace(&mut self.environment, (unseen, self.s.vars.len()));
        self.export_all = false;
        let loops = std::mem::take(&mut self.loops);
        self.with_via(via, |m| m.source(text.range, origin));
        self.function_base = functions;
        self.alias_base = aliases;
        self.environment = environment;
        self.loops = loops;
        self.frame = frame;
        self.dialect = outer_dialect;
        self.close_scope(scope);
        self.depth -= 1;
    }

    pub(super) fn with_via(&mut self, via: Via, run: impl FnOnce(&mut Self)) {
        self.s.via.push(via);
        run(self);
        self.s.via.pop();
    }

    /// Starts a subshell: what it changes is forgotten when it ends.
    pub(super) fn open_scope(&mut self) -> Scope {
        let scope = Scope {
            vars: self.s.vars.len(),
            exports: self.s.exports.len(),
            export_all: self.export_all,
            functions: self.s.functions.len(),
            aliases: self.s.aliases.len(),
            base: self.var_base,
            args: self.args,
            input: self.input,
            descriptors: self.s.descriptors.len(),
        };
        self.var_base = scope.vars;
        scope
    }

    pub(super) fn close_scope(&mut self, scope: Scope) {
        self.s.vars.truncate(scope.vars);
        self.s.exports.truncate(scope.exports);
        self.export_all = scope.export_all;
        self.s.functions.truncate(scope.functions);
        self.s.aliases.truncate(scope.aliases);
        self.var_base = scope.base;
        self.args = scope.args;
        self.input = scope.input;
        self.s.descriptors.truncate(scope.descriptors);
        if !self.budget_spent {
            self.flow = Flow::Next;
        }
    }
}
