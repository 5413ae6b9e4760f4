//! What bodies, requests and connections are held to.

use std::time::Duration;

pub(crate) const MOST_BODY_BYTES: usize = 1024 * 1024;
/// The most bytes of a shop's webhook: an order of 500 lines with their taxes has 1.2 MB.
pub(crate) const MOST_WEBHOOK_BYTES: usize = 5 * 1024 * 1024;
/// The most items of an order, or of one request for stock.
pub(crate) const MOST_ITEMS: usize = 500;
/// How long a request may take, its body included.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(10);
/// How long requests under way may take at the end.
pub(crate) const CLOSING_TIME_LIMIT: Duration = Duration::from_secs(5);
/// Bytes of headers that are held for one connection.
pub(crate) const MOST_HEADER_BYTES: usize = 64 * 1024;
/// What one address may hold at once, where addresses are told apart: of connections and requests over HTTP.
pub(crate) const MOST_OF_ONE_ADDRESS: u32 = 100;
/// The same of the inventory service, which has fewer connections.
pub(crate) const MOST_CALLERS_OF_ONE_ADDRESS: u32 = 16;

/// What connections are held to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connections {
    /// The most at once; others wait to be accepted.
    pub(crate) most: usize,
    /// As many more while all those are taken, for webhooks only.
    pub(crate) for_webhooks: usize,
    /// How long a caller may take for its headers, and be quiet between two requests.
    pub(crate) header_time_limit: Duration,
    /// The same, on a place that is for webhooks only.
    pub(crate) hurried_time_limit: Duration,
    /// How long a caller may take to read an answer.
    pub(crate) answer_time_limit: Duration,
}

pub(crate) const CONNECTIONS: Connections = Connections {
    // Most systems give a process 1024 open files unless told otherwise; 64 are the inventory service's
    // connections, 40 the database's, some are for other things.
    most: 580,
    for_webhooks: 300,
    header_time_limit: Duration::from_secs(5),
    hurried_time_limit: Duration::from_secs(1),
    answer_time_limit: Duration::from_secs(10),
};
