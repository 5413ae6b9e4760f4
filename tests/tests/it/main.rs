//! The integration tests: real servers, one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod alerts;
mod allocations_api;
mod allocations_race;
mod answers;
mod approvals;
mod architecture;
mod attention_api;
mod audit_api;
mod bulk_answers;
mod cli;
mod commands;
mod console;
mod containers;
mod demo;
mod events;
mod fixed_names;
mod histories;
mod intake;
mod integration_api;
mod inventory_api;
mod inventory_service;
mod lanes;
mod line;
mod malformed;
mod openapi;
mod order_api;
mod order_edits;
mod order_search;
mod order_story;
mod outages;
mod outbox;
mod overview_api;
mod paths;
mod promises;
mod proof;
mod records;
mod returns;
mod rules;
mod stock;
mod stock_counts;
mod users_api;
mod warehouses_api;
mod world;
