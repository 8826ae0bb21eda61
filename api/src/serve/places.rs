//! Places for connections: so many in all, and so many for one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Cheap to clone.
#[derive(Clone)]
pub struct Places(Arc<Shared>);

struct Shared {
    all: usize,
    per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    All,
    Address,
}

impl Full {
    /// As a label of metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Address => "address",
        }
    }
}

/// One place, free again when it is dropped.
pub struct Place {
    places: Places,
    address: Option<IpAddr>,
}

impl Places {
    pub fn new(all: usize, per_address: usize) -> Self {
        Self(Arc::new(Shared { all, per_address, taken: Mutex::default() }))
    }

    /// A place for a connection of `address`, which is `None` for proxies: many clients are behind each.
    pub fn take(&self, address: Option<IpAddr>) -> Result<Place, Full> {
        let address = address.map(household);
        let mut taken = self.taken();
        if taken.all >= self.0.all {
            return Err(Full::All);
        }
        if let Some(address) = address {
            let of_address = taken.by_address.entry(address).or_default();
            if *of_address >= self.0.per_address {
                return Err(Full::Address);
            }
            *of_address += 1;
        }
        taken.all += 1;
        Ok(Place { places: self.clone(), address })
    }

    /// How many places there are in all.
    pub fn all(&self) -> usize {
        self.0.all
    }

    /// How many of them are taken.
    pub fn in_use(&self) -> usize {
        self.taken().all
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Some(address) = self.address
            && let Some(of_address) = taken.by_address.get_mut(&address)
        {
            *of_address -= 1;
            if *of_address == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

/// Who has one IPv6 address has its whole /64.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn places_are_counted_and_come_back() {
        let places = Places::new(3, 2);
        let first = places.take(address("192.0.2.1")).ok();
        let second = places.take(address("::ffff:192.0.2.1")).ok();
        assert_eq!(places.take(address("192.0.2.1")).err(), Some(Full::Address), "however it is written");
        let third = places.take(address("192.0.2.2")).ok();
        assert!(first.is_some() && second.is_some() && third.is_some());
        assert_eq!(places.take(address("192.0.2.3")).err(), Some(Full::All));
        assert_eq!(places.take(None).err(), Some(Full::All));
        drop(second);
        assert_eq!(places.in_use(), 2);
        let again = places.take(address("192.0.2.1"));
        assert!(again.is_ok());
        drop((first, third, again));
        assert_eq!(places.in_use(), 0);
        assert!(places.taken().by_address.is_empty(), "addresses are forgotten");
    }

    #[test]
    fn proxies_have_no_cap_of_their_own_and_households_share_one() {
        let places = Places::new(100, 1);
        let proxied: Vec<_> = (0..50).map(|_| places.take(None).ok()).collect();
        assert!(proxied.iter().all(Option::is_some));
        let one = places.take(address("2001:db8:1:2::1"));
        assert_eq!(places.take(address("2001:db8:1:2:ffff::9")).err(), Some(Full::Address));
        assert!(one.is_ok() && places.take(address("2001:db8:1:3::1")).is_ok());
    }
}
