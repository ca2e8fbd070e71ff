//! The native part of the Python package `shmon`; the package itself is `python/shmon`.
//!
//! Every class is frozen and every call into the library is pure or locked, so the module needs no global lock on
//! free-threaded builds.

mod argument;
mod arrow;
mod classifier;
mod error;
mod finding;
mod invocation;
mod level;
mod many;
mod monitor;
mod pickle;
mod report;
mod row;
mod session;
mod stats;
mod store;
mod text;
mod verdict;
mod when;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _shmon {
    #[pymodule_export]
    use crate::arrow::{ArrowBatch, ArrowTable, classify_arrow};
    #[pymodule_export]
    use crate::classifier::{Classifier, classify, classify_many};
    #[pymodule_export]
    use crate::finding::Finding;
    #[pymodule_export]
    use crate::invocation::{Invocation, Unresolved};
    #[pymodule_export]
    use crate::many::{Verdicts, VerdictsIter};
    #[pymodule_export]
    use crate::monitor::{Monitor, Recorded};
    #[pymodule_export]
    use crate::pickle::_restore;
    #[pymodule_export]
    use crate::report::{Problem, Report};
    #[pymodule_export]
    use crate::row::Row;
    #[pymodule_export]
    use crate::session::{Session, Sessions};
    #[pymodule_export]
    use crate::stats::{Count, Stats};
    #[pymodule_export]
    use crate::store::{Lines, Rows, Store};
    #[pymodule_export]
    use crate::verdict::Verdict;
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
