//! The tests of the whole: `tests/it` is one binary against real servers, `tests/shared` reads data
//! that is not part of the project, `histories` holds what earlier versions began.
//!
//! **Invariant:** no test sleeps; it waits for a condition, with a deadline. Nothing is shared with the
//! simulators but HTTP.
