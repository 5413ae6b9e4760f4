//! The simulators, driven over HTTP as the rest of the system drives them.

#![allow(clippy::unwrap_used)]

mod admin;
mod callbacks;
mod control;
mod faults;
mod fulfilling;
mod published_schema;
mod shipments;
mod stage;
mod webhooks;
