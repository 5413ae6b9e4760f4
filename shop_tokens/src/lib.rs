//! How each shop is called: with a token that never ends, with one that our app asks for itself, or with one that somebody
//! of the shop granted by installing the app, which is kept here and rotates.
//!
//! | module | what it is |
//! |---|---|
//! | [`access`] | which of the three, and the client that goes with it |
//! | [`keys`] | what tokens are kept under (`WAYBILL_KEYS`) |
//! | [`store`] | the table `integration.shop_tokens` |
//! | [`installed`] | the token of an installed app, refreshed by one process at a time |
//!
//! **Invariant:** a refresh token is used by whoever holds its row's lock, and what it was answered with is committed
//! under that lock. Nothing leaves this room unsealed but to Shopify.
#![warn(missing_docs)]

pub mod access;
pub mod installed;
pub mod keys;
pub mod store;

pub use access::ShopAccess;
pub use installed::InstalledApp;
pub use keys::{Keys, WrongKeys};
pub use store::{StoreError, TokenStore};
