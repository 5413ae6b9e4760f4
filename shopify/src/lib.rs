//! Speaks Shopify: webhooks in, the Admin GraphQL API out.
//!
//! | module | what it is |
//! |---|---|
//! | [`webhook`] | the signature of a webhook, and what its topic means to us |
//! | [`wire`] | an order's body, read into facts and a customer |
//! | [`admin`] | the Admin API client: fulfilments, cancellation, error classes, tokens |
//! | [`install`] | an app on its way into a shop: where the browser is sent, and what comes back |
//! | [`gid`] | the API's global ids |
//!
//! **Invariant:** nothing here decides about an order or repeats a call by itself, but for one whose token was refused; it
//! verifies, reads, asks, and says of every failed call whether it may have worked.
#![warn(missing_docs)]

pub mod admin;
pub mod gid;
pub mod install;
pub mod webhook;
pub mod wire;
