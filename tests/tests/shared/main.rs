//! What others published, held against what we do: Shopify's schema and captured answers, webhook
//! samples, signature vectors. They live in the folder named by `WAYBILL_SHARED` (by default
//! `../shared` beside the checkout) and are no part of the project.

mod captures;
mod contract;
mod fixtures;
mod samples;
mod schema;
mod signatures;
