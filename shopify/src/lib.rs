//! Speaks Shopify: webhooks in, the Admin GraphQL API out.
//!
//! | module | what it is |
//! |---|---|
//! | [`webhook`] | the signature of a webhook, and what its topic means to us |
//! | [`wire`] | an order's body, read into facts and a customer |
//! | [`admin`] | the Admin API client: fulfilments, cancellation, error classes |
//! | [`gid`] | the API's global ids |
//!
//! **Invariant:** nothing here decides about an order or repeats a call by itself; it verifies,
//! reads, asks, and says of every failed call whether it may have worked.
#![warn(missing_docs)]

pub mod admin;
pub mod gid;
pub mod webhook;
pub mod wire;
