//! `classify_arrow`: columns of commands come in through the Arrow C data interface, without copying their strings, and
//! columns of verdicts go out through it.

use crate::text::Name;
use crate::verdict::{Brief, Facts};
use crate::{classifier, error, many};
use arrow_array::builder::{BooleanBuilder, Int8Builder, ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, LargeBinaryArray, RecordBatch, RecordBatchIterator,
    StructArray, make_array,
};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use shmon_core::verdict::VerdictRef;
use shmon_core::{Classifier, Scratch};
use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";
/// Commands that a thread takes at a time.
const SHARE: usize = 1024;

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn raise(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// A column of texts of any kind, borrowed from whoever made it.
enum Texts {
    Small(BinaryArray),
    Large(LargeBinaryArray),
    View(BinaryViewArray),
    /// Each value once, and which one every row has.
    Dictionary {
        values: Box<Texts>,
        keys: Vec<usize>,
        array: ArrayRef,
    },
}

impl Texts {
    fn of(array: &ArrayRef) -> PyResult<Texts> {
        Ok(match array.data_type() {
            DataType::Utf8 => Texts::Small(BinaryArray::from(array.as_string::<i32>().clone())),
            DataType::LargeUtf8 => Texts::Large(LargeBinaryArray::from(array.as_string::<i64>().clone())),
            DataType::Binary => Texts::Small(array.as_binary::<i32>().clone()),
            DataType::LargeBinary => Texts::Large(array.as_binary::<i64>().clone()),
            DataType::Utf8View => Texts::View(array.as_string_view().clone().to_binary_view()),
            DataType::BinaryView => Texts::View(array.as_binary_view().clone()),
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                let values = Box::new(Texts::of(dictionary.values())?);
                Texts::Dictionary { values, keys: dictionary.normalized_keys(), array: array.clone() }
            }
            other => {
                return Err(PyTypeError::new_err(format!(
                    "a column of commands holds strings or binaries, not {other}"
                )));
            }
        })
    }

    fn get(&self, row: usize) -> Option<&[u8]> {
        match self {
            Texts::Small(array) => array.is_valid(row).then(|| array.value(row)),
            Texts::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Texts::View(array) => array.is_valid(row).then(|| array.value(row)),
            Texts::Dictionary { values, keys, array } => {
                array.is_valid(row).then(|| values.get(*keys.get(row)?)).flatten()
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Texts::Small(array) => array.len(),
            Texts::Large(array) => array.len(),
            Texts::View(array) => array.len(),
            Texts::Dictionary { array, .. } => array.len(),
        }
    }
}

/// The verdicts of a share of the rows.
#[derive(Default)]
struct Share {
    /// `None` where the command is null.
    briefs: Vec<Option<Brief>>,
    /// The ids of the rules that matched, one after the other, and where each ends.
    ids: String,
    ends: Vec<usize>,
    /// The number of ids up to and with each row.
    counts: Vec<usize>,
}

impl Share {
    fn add(&mut self, verdict: &VerdictRef<'_>) {
        let first = self.ends.len();
        for finding in verdict.findings() {
            let id = finding.rule_id();
            // A rule that matched several programs of the line is named once.
            if !(first..self.ends.len()).any(|index| self.id(index) == id) {
                self.ids.push_str(id);
                self.ends.push(self.ids.len());
            }
        }
        self.briefs.push(Some(Brief::of(verdict)));
        self.counts.push(self.ends.len());
    }

    fn add_null(&mut self) {
        self.briefs.push(None);
        self.counts.push(self.ends.len());
    }

    fn id(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.ids[start..self.ends[index]]
    }
}

fn fields() -> Fields {
    let rule = Field::new("item", DataType::Utf8, true);
    Fields::from(vec![
        Field::new("level", DataType::Utf8, true),
        Field::new("severity", DataType::Int8, true),
        Field::new("excluded", DataType::Boolean, true),
        Field::new("sensitive", DataType::Boolean, true),
        Field::new("partial", DataType::Boolean, true),
        Field::new("rules", DataType::List(Arc::new(rule)), true),
    ])
}

/// How long Ctrl-C may wait until it is looked for. A share takes a millisecond or seconds, by its commands.
const GLANCE: Duration = Duration::from_millis(50);

/// Classifies a column on up to `threads` threads, without holding the interpreter.
fn classify(
    py: Python<'_>,
    classifier: &Classifier,
    texts: &Texts,
    threads: usize,
    facts: &Facts,
) -> PyResult<StructArray> {
    let shares = texts.len().div_ceil(SHARE);
    let done: Vec<Mutex<Share>> = (0..shares).map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let context = facts.context();
    // One share; false when there is none left.
    let work = |scratch: &mut Scratch| {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(place) = done.get(index) else { return false };
        let mut share = Share::default();
        for row in index * SHARE..texts.len().min((index + 1) * SHARE) {
            match texts.get(row) {
                Some(command) => share.add(&classifier.classify_into(command, &context, scratch)),
                None => share.add_null(),
            }
        }
        *place.lock().unwrap_or_else(PoisonError::into_inner) = share;
        true
    };
    py.detach(|| {
        std::thread::scope(|scope| {
            for _ in 1..threads.min(shares) {
                let help = || {
                    let mut scratch = Scratch::default();
                    while work(&mut scratch) {}
                };
                // A thread that can't be started isn't needed: the others take its share.
                if std::thread::Builder::new().spawn_scoped(scope, help).is_err() {
                    break;
                }
            }
            let mut scratch = Scratch::default();
            let mut looked = Instant::now();
            while work(&mut scratch) {
                if looked.elapsed() < GLANCE {
                    continue;
                }
                if let Some(stop) = Python::attach(|py| py.check_signals().err()) {
                    // The others find no more work.
                    next.store(shares, Ordering::Relaxed);
                    return Err(stop);
                }
                looked = Instant::now();
            }
            Ok(())
        })
    })?;
    let shares = done.into_iter().map(|share| share.into_inner().unwrap_or_else(PoisonError::into_inner));
    Ok(columns(shares))
}

/// Puts the shares together.
fn columns(shares: impl Iterator<Item = Share>) -> StructArray {
    let mut level = StringBuilder::new();
    let mut severity = Int8Builder::new();
    let mut flags: [BooleanBuilder; 3] = Default::default();
    let mut rules = ListBuilder::new(StringBuilder::new());
    for share in shares {
        let mut first = 0;
        for (brief, &end) in share.briefs.iter().zip(&share.counts) {
            level.append_option(brief.map(|b| b.level.as_str()));
            severity.append_option(brief.map(|b| b.level as i8));
            let values = brief.map(|b| [b.excluded(), b.sensitive(), b.partial()]);
            for (place, flag) in flags.iter_mut().enumerate() {
                flag.append_option(values.map(|v| v[place]));
            }
            for index in first..end {
                rules.values().append_value(share.id(index));
            }
            rules.append(brief.is_some());
            first = end;
        }
    }
    let [mut excluded, mut sensitive, mut partial] = flags;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(level.finish()),
        Arc::new(severity.finish()),
        Arc::new(excluded.finish()),
        Arc::new(sensitive.finish()),
        Arc::new(partial.finish()),
        Arc::new(rules.finish()),
    ];
    StructArray::new(fields(), columns, None)
}

/// The commands: the array itself, or the column `name` of a record batch.
fn commands(array: &ArrayRef, name: &str) -> PyResult<Texts> {
    let Some(batch) = array.as_struct_opt() else { return Texts::of(array) };
    match batch.column_by_name(name) {
        Some(column) => Texts::of(column),
        None => Err(error::invalid(format!(
            "there is no column '{name}': name one of {}",
            batch.column_names().join(", ")
        ))),
    }
}

/// Takes an array over from the two capsules of `__arrow_c_array__`.
fn import(capsules: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let (schema, array): (Bound<'_, PyCapsule>, Bound<'_, PyCapsule>) = capsules.extract()?;
    let schema = schema.pointer_checked(Some(SCHEMA))?.cast::<FFI_ArrowSchema>();
    let array = array.pointer_checked(Some(ARRAY))?.cast::<FFI_ArrowArray>();
    // SAFETY: capsules of these names hold these structures (the Arrow PyCapsule interface), live while the capsules
    // do, and whoever moves the array out marks it as released, which `from_raw` does. What they describe is as valid
    // as their maker promises.
    unsafe { adopt(FFI_ArrowArray::from_raw(array.as_ptr()), schema.as_ref()) }
}

/// # Safety
/// Both were made by a producer that keeps to the Arrow C data interface.
unsafe fn adopt(array: FFI_ArrowArray, schema: &FFI_ArrowSchema) -> PyResult<ArrayRef> {
    // SAFETY: as the caller promises.
    Ok(make_array(unsafe { from_ffi(array, schema) }.map_err(raise)?))
}

/// A stream of arrays, taken over from the capsule of `__arrow_c_stream__`.
struct Stream {
    inner: FFI_ArrowArrayStream,
    schema: FFI_ArrowSchema,
}

impl Stream {
    fn open(capsule: &Bound<'_, PyAny>) -> PyResult<Stream> {
        let pointer = capsule.cast::<PyCapsule>()?.pointer_checked(Some(STREAM))?;
        // SAFETY: a capsule of this name holds this structure, and moving it out marks it as released.
        let inner = unsafe { FFI_ArrowArrayStream::from_raw(pointer.cast().as_ptr()) };
        let get = inner.get_schema().ok_or_else(|| PyValueError::new_err("the stream was read already"))?;
        let mut stream = Stream { inner, schema: FFI_ArrowSchema::empty() };
        // SAFETY: the producer's function on its own stream, and a place for its answer.
        match unsafe { get(&raw mut stream.inner, &raw mut stream.schema) } {
            0 => Ok(stream),
            code => Err(stream.failure(code)),
        }
    }

    /// The next array; `None` at the end. The producer may need the interpreter on another thread, so it is let go of.
    fn next(&mut self, py: Python<'_>) -> PyResult<Option<ArrayRef>> {
        let Some(get) = self.inner.get_next() else { return Ok(None) };
        let mut array = FFI_ArrowArray::empty();
        let (stream, place) = (&mut self.inner, &mut array);
        // SAFETY: the producer's function on its own stream, and a place for its answer.
        let code = py.detach(|| unsafe { get(stream, place) });
        if code != 0 {
            return Err(self.failure(code));
        }
        // A released array is the stream's end.
        if array.is_released() {
            return Ok(None);
        }
        // SAFETY: the producer's, as the interface says.
        unsafe { adopt(array, &self.schema) }.map(Some)
    }

    fn failure(&mut self, code: i32) -> PyErr {
        // SAFETY: the producer's function on its own stream.
        let text = self.inner.get_last_error().map(|tell| unsafe { tell(&raw mut self.inner) });
        let text = text.filter(|text| !text.is_null()).map(|text| {
            // SAFETY: not null, ends with NUL, and lives until the next call on the stream.
            unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
        });
        PyValueError::new_err(text.unwrap_or_else(|| format!("the stream failed with error {code}")))
    }
}

/// Classifies a column of commands that comes through the Arrow C data interface, on all cores, without copying it.
///
/// `data` is anything with `__arrow_c_array__` or `__arrow_c_stream__`: an array, record batch, table or reader of
/// pyarrow, a polars series or frame, a pandas 3 series or frame, a DuckDB relation. Of data with several columns `column`
/// names the commands'. Columns are of strings or binaries, also large ones, views and dictionaries.
///
/// The answer has one row for each command, with the columns `level` (its name), `severity` (0 to 3), `excluded`,
/// `sensitive`, `partial` and `rules` (ids of the rules that matched, the leading one first); all are null where the
/// command is. It has `__arrow_c_stream__`, and for a single array or batch `__arrow_c_array__` too, so
/// `pyarrow.record_batch`, `pyarrow.table`, `polars.DataFrame`, `pandas.DataFrame.from_arrow` and DuckDB take it.
///
/// >>> import shmon
/// >>> import pyarrow as pa  # doctest: +SKIP
/// >>> pa.record_batch(shmon.classify_arrow(pa.array(["ls", None])))["level"].to_pylist()  # doctest: +SKIP
/// ['low', None]
#[pyfunction]
#[pyo3(signature = (data, column="command", *, threads=None, dialect="bash", user=None, root=None, ssh=None))]
#[expect(clippy::too_many_arguments, reason = "each is a keyword in Python")]
pub(crate) fn classify_arrow<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    column: &str,
    threads: Option<&Bound<'_, PyAny>>,
    dialect: &str,
    user: Option<Name>,
    root: Option<bool>,
    ssh: Option<bool>,
) -> PyResult<Bound<'py, PyAny>> {
    let facts = classifier::facts(dialect, user, root, ssh)?;
    rate(py, classifier::builtin(), data, column, threads, &facts)
}

pub(crate) fn rate<'py>(
    py: Python<'py>,
    classifier: &Classifier,
    data: &Bound<'py, PyAny>,
    column: &str,
    threads: Option<&Bound<'_, PyAny>>,
    facts: &Facts,
) -> PyResult<Bound<'py, PyAny>> {
    let threads = many::threads(threads)?;
    let rate = |array: &ArrayRef| -> PyResult<StructArray> {
        let texts = commands(array, column)?;
        classify(py, classifier, &texts, threads, facts)
    };
    if data.hasattr("__arrow_c_array__")? {
        let array = rate(&import(&data.call_method0("__arrow_c_array__")?)?)?;
        let batch = PyClassInitializer::from(ArrowTable { batches: vec![array] }).add_subclass(ArrowBatch);
        return Ok(Bound::new(py, batch)?.into_any());
    }
    if !data.hasattr("__arrow_c_stream__")? {
        let name = data.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "{name} has neither __arrow_c_array__ nor __arrow_c_stream__: pass data of pyarrow, polars, pandas or DuckDB"
        )));
    }
    let mut batches = Vec::new();
    let mut stream = Stream::open(&data.call_method0("__arrow_c_stream__")?)?;
    while let Some(array) = stream.next(py)? {
        batches.push(rate(&array)?);
        py.check_signals()?;
    }
    Ok(Bound::new(py, ArrowTable { batches })?.into_any())
}

fn schema_capsule(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(Schema::new(fields())).map_err(raise)?;
    PyCapsule::new_with_value(py, schema, SCHEMA)
}

/// The verdicts of a stream, in as many batches as that had.
#[pyclass(frozen, subclass, module = "shmon")]
pub(crate) struct ArrowTable {
    batches: Vec<StructArray>,
}

#[pymethods]
impl ArrowTable {
    /// The schema, as the Arrow PyCapsule interface says.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py)
    }

    /// The batches, as the Arrow PyCapsule interface says.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A consumer must be ready for another schema than the one that it would like.
        let _ = requested_schema;
        let batches: Vec<_> = self.batches.iter().map(|array| Ok(RecordBatch::from(array))).collect();
        let reader = RecordBatchIterator::new(batches, Arc::new(Schema::new(fields())));
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
    }

    fn __len__(&self) -> usize {
        self.batches.iter().map(Array::len).sum()
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(format!("<shmon.{} of {} commands>", slf.get_type().name()?, slf.get().__len__()))
    }
}

/// The verdicts of one array or record batch, as a record batch that other libraries take without copying it: a table of
/// one batch.
#[pyclass(frozen, extends = ArrowTable, module = "shmon")]
pub(crate) struct ArrowBatch;

#[pymethods]
impl ArrowBatch {
    /// Schema and array, as the Arrow PyCapsule interface says.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        slf: &Bound<'py, Self>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let _ = requested_schema;
        let py = slf.py();
        let [array] = slf.as_super().get().batches.as_slice() else {
            return Err(PyValueError::new_err("a batch has one array"));
        };
        let (array, _) = to_ffi(&array.to_data()).map_err(raise)?;
        PyTuple::new(py, [schema_capsule(py)?, PyCapsule::new_with_value(py, array, ARRAY)?])
    }
}
