//! Slots for connections and requests, and who may hold how many.
//!
//! **Invariant:** while others hold all places they may have, a webhook still finds one.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    limits::{MOST_CALLERS_OF_ONE_ADDRESS, MOST_OF_ONE_ADDRESS},
    problem::Problem,
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[derive(Clone)]
pub(crate) struct ConnectionSlots {
    general: Arc<Semaphore>,
    for_webhooks: Arc<Semaphore>,
}

pub(crate) struct ConnectionSlot {
    _permit: OwnedSemaphorePermit,
    /// Whether it is one of those that are webhooks' only.
    pub(crate) is_for_webhooks: bool,
}

impl ConnectionSlots {
    pub(crate) fn new(general: usize, for_webhooks: usize) -> Self {
        Self {
            general: Arc::new(Semaphore::new(general)),
            for_webhooks: Arc::new(Semaphore::new(for_webhooks)),
        }
    }

    /// Waits for a place. One of those for webhooks is given while all others are taken.
    pub(crate) async fn take(&self) -> Option<ConnectionSlot> {
        if let Ok(permit) = Arc::clone(&self.general).try_acquire_owned() {
            return Some(ConnectionSlot { _permit: permit, is_for_webhooks: false });
        }
        // Nobody closes the semaphores, so there is always a place in the end.
        tokio::select! {
            biased;
            permit = Arc::clone(&self.general).acquire_owned() => {
                Some(ConnectionSlot { _permit: permit.ok()?, is_for_webhooks: false })
            }
            permit = Arc::clone(&self.for_webhooks).acquire_owned() => {
                Some(ConnectionSlot { _permit: permit.ok()?, is_for_webhooks: true })
            }
        }
    }
}

/// The addresses that callers have, and what each of them holds.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// Whose `X-Forwarded-For` is believed. Without any, addresses are not told apart: all may be one proxy's.
    proxies: Arc<[IpNet]>,
    most: u32,
    held: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

/// Something that an address holds, until it is dropped.
pub(crate) struct Held {
    address: IpAddr,
    held: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

impl Addresses {
    /// Believes these proxies.
    #[must_use]
    pub fn behind(proxies: Vec<IpNet>) -> Self {
        Self { proxies: proxies.into(), most: MOST_OF_ONE_ADDRESS, held: Arc::default() }
    }

    /// The same proxies in front of the inventory service, and what is held there.
    #[must_use]
    pub fn of_the_inventory_service(&self) -> Self {
        let proxies = Arc::clone(&self.proxies);
        Self { proxies, most: MOST_CALLERS_OF_ONE_ADDRESS, held: Arc::default() }
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxies.iter().any(|network| network.contains(&address))
    }

    /// The address a request came from: the peer's own, and behind a proxy the last one that is no proxy's
    /// of those it names.
    pub(crate) fn of(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.is_proxy(peer) {
            return peer;
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
        let named: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        for text in named.iter().rev() {
            match text.parse::<IpAddr>() {
                Ok(address) if self.is_proxy(address) => {}
                Ok(address) => return address,
                // What comes before was written by whoever wrote this.
                Err(_) => break,
            }
        }
        peer
    }

    /// The address a request came from, and what it holds while it is answered: nothing of its own where its
    /// connection does.
    ///
    /// # Errors
    /// [`Problem::TooManyRequests`] where the address holds as many as it may.
    pub(crate) fn hold_for(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
    ) -> Result<(IpAddr, Option<Held>), Problem> {
        let address = self.of(peer, headers);
        let held = if address == peer { Some(None) } else { self.hold(address) };
        Ok((address, held.ok_or(Problem::TooManyRequests(Duration::from_secs(1)))?))
    }

    /// Holds one more; none where the address holds as many as it may. A proxy holds what its callers do, and
    /// has no limit itself.
    pub(crate) fn hold(&self, address: IpAddr) -> Option<Option<Held>> {
        if self.proxies.is_empty() || self.is_proxy(address) {
            return Some(None);
        }
        let address = network_of(address);
        let mut held = self.held.lock();
        let count = held.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(held);
        Some(Some(Held { address, held: Arc::clone(&self.held) }))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

/// Whoever has a network of IPv6 has all its addresses (RFC 6177).
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn forwarded(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (FORWARDED_FOR, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn behind_a_proxy_the_last_address_that_is_none_of_ours_counts() {
        let addresses = Addresses::behind(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let of = |peer: &str, lines: &[&str]| addresses.of(ip(peer), &forwarded(lines));
        assert_eq!(of("10.0.0.1", &["192.0.2.7"]), ip("192.0.2.7"));
        assert_eq!(of("10.0.0.1", &["203.0.113.9, 192.0.2.7, 10.1.1.1"]), ip("192.0.2.7"));
        assert_eq!(of("10.0.0.1", &["203.0.113.9", "192.0.2.7"]), ip("192.0.2.7"));
        assert_eq!(of("fd00::1", &["2001:db8::1"]), ip("2001:db8::1"));
        // What a stranger says of itself is not believed, and rubbish is no address.
        assert_eq!(of("192.0.2.1", &["203.0.113.9"]), ip("192.0.2.1"));
        assert_eq!(of("10.0.0.1", &["203.0.113.9, rubbish"]), ip("10.0.0.1"));
        assert_eq!(of("10.0.0.1", &[]), ip("10.0.0.1"));
    }

    #[test]
    fn an_address_holds_so_many_and_a_proxy_any_number() {
        let addresses = Addresses::behind(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut held: Vec<_> = (0..MOST_OF_ONE_ADDRESS).map(|_| addresses.hold(ip("192.0.2.7"))).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(addresses.hold(ip("192.0.2.7")).is_none());
        assert!(addresses.hold(ip("192.0.2.8")).is_some());
        held.pop();
        assert!(addresses.hold(ip("192.0.2.7")).is_some());
        for _ in 0..2 * MOST_OF_ONE_ADDRESS {
            assert!(addresses.hold(ip("10.0.0.1")).is_some());
        }
        drop(held);
        assert!(addresses.held.lock().is_empty());
    }

    #[test]
    fn one_network_of_ipv6_is_one_address_and_without_proxies_nobody_is_told_apart() {
        assert_eq!(network_of(ip("2001:db8:1:2:3::4")), network_of(ip("2001:db8:1:2:ffff::1")));
        let anybody = Addresses::default();
        let held: Vec<_> = (0..1000).map(|_| anybody.hold(ip("192.0.2.7"))).collect();
        assert!(held.iter().all(Option::is_some));
    }

    #[tokio::test]
    async fn the_last_places_are_webhooks_only() {
        let places = ConnectionSlots::new(1, 1);
        let first = places.take().await.unwrap();
        assert!(!first.is_for_webhooks);
        let second = places.take().await.unwrap();
        assert!(second.is_for_webhooks);
        drop(first);
        assert!(!places.take().await.unwrap().is_for_webhooks);
    }
}
