//! The native part of the Python package `shmon`.

use pyo3::prelude::*;

/// The level of a command: `low`, `medium`, `high` or `critical`.
#[pyfunction]
fn level(command: &str) -> &'static str {
    shmon_core::Classifier::builtin().classify(command).level.as_str()
}

#[pymodule]
fn _shmon(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(level, module)?)
}
