//! Every way an order can take, each through the doors that everybody uses.

mod api_orders;
mod cancelling;
mod events;
mod gate;
mod holds;
mod looks;
mod news;
mod parking;
pub(crate) mod places;
mod privacy;
mod resets;
mod returns;
mod stock;
pub(crate) mod two_systems;
mod warehouse;
