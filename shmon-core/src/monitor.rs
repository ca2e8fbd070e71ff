//! Everything tied together: classify, store, log, notify.
