//! Every way an order can take, each through the doors that everybody uses.

mod api_orders;
mod cancelling;
mod gate;
mod news;
mod parking;
mod places;
mod returns;
mod stock;
mod warehouse;
