//! Speaks to a warehouse (WMS): hand-overs out, signed callbacks in.
//!
//! | module | what it is |
//! |---|---|
//! | [`callback`] | the signature of a callback, and what it says |
//! | [`client`] | hands over, asks, recalls; error classes |
//! | [`Dialect`] | how a system speaks: everything that differs between two stands behind it |
//! | [`parcel`] | what both speak of: lines, states, addresses |
//!
//! **Invariant:** nothing here decides about an order or repeats a call by itself; of every failed
//! call it says whether it may have worked.
#![warn(missing_docs)]

pub mod callback;
pub mod client;
mod dialect;
mod fulfilments;
pub mod parcel;
mod wire;

pub use dialect::Dialect;
