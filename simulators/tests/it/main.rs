//! The simulators, driven over HTTP as the rest of the system drives them.

#![allow(clippy::unwrap_used)]

mod admin;
mod callbacks;
mod cancelling;
mod changes;
mod control;
mod echoes;
mod faults;
mod fulfilling;
mod inventory_client;
mod order_stock;
mod published_schema;
mod refunds;
mod second_system;
mod set_quantities;
mod shipments;
mod staff;
mod stage;
mod webhooks;
