//! Stock over gRPC: each call against a running service, and a whole Waybill whose stock is there.

mod apart;
mod away;
mod calls;
mod entrance;
