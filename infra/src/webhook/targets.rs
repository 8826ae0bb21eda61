//! Where webhooks of people may go: nobody reaches our own network through us. A name is checked again whenever a connection is
//! made, and the connection goes to the addresses that were checked.

use std::{
    error::Error,
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use domain::webhook::is_public;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// For the addresses of a name.
const LOOKUP_WITHIN: Duration = Duration::from_secs(5);

/// Which addresses are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetPolicy {
    /// Only those on the internet, and only encrypted.
    Public,
    /// All of them, for development and tests.
    Any,
}

/// Finds the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Why nothing is sent to an address. The texts do not say what a name stands for: it may be a name of our own network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("must begin with https://")]
    Scheme,
    #[error("must not have a user or password in it")]
    Credentials,
    #[error("does not lead to the internet, but into somebody's own network")]
    NotPublic,
    /// The same for names that nobody knows and for those of a network: whoever asks learns nothing of ours.
    #[error("names no host of the internet, or none at the moment")]
    Name,
}

/// The rule, and who knows names. Cheap to clone.
#[derive(Clone)]
pub struct Targets {
    policy: TargetPolicy,
    lookup: Lookup,
}

impl fmt::Debug for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Targets").field(&self.policy).finish()
    }
}

impl Targets {
    /// Asks whom this machine asks.
    pub fn new(policy: TargetPolicy) -> Self {
        Self::with_lookup(policy, Arc::new(|host| Box::pin(ask_the_system(host))))
    }

    pub fn with_lookup(policy: TargetPolicy, lookup: Lookup) -> Self {
        Self { policy, lookup }
    }

    /// Whether the policy is that for production.
    pub(super) fn are_public(&self) -> bool {
        self.policy == TargetPolicy::Public
    }

    /// Whether this may be told, as far as its address says by itself.
    pub fn check_address(&self, url: &Url) -> Result<(), TargetError> {
        if url.scheme() != "https" && (self.are_public() || url.scheme() != "http") {
            return Err(TargetError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials);
        }
        match url.host() {
            None => Err(TargetError::Name),
            Some(Host::Domain(_)) => Ok(()),
            Some(Host::Ipv4(address)) => self.check_all(&[address.into()]),
            Some(Host::Ipv6(address)) => self.check_all(&[address.into()]),
        }
    }

    /// The same, and what its name stands for now.
    pub async fn check(&self, url: &Url) -> Result<(), TargetError> {
        self.check_address(url)?;
        if let (true, Some(Host::Domain(name))) = (self.are_public(), url.host()) {
            self.addresses(name.to_owned()).await?;
        }
        Ok(())
    }

    /// What a name stands for. One address that is not public refuses all: no honest name has both.
    async fn addresses(&self, name: String) -> Result<Vec<IpAddr>, TargetError> {
        let found = tokio::time::timeout(LOOKUP_WITHIN, (self.lookup)(name)).await;
        let addresses = found.map_err(|_| TargetError::Name)?.map_err(|_| TargetError::Name)?;
        if addresses.is_empty() {
            return Err(TargetError::Name);
        }
        self.check_all(&addresses).map_err(|_| TargetError::Name)?;
        Ok(addresses)
    }

    fn check_all(&self, addresses: &[IpAddr]) -> Result<(), TargetError> {
        if self.are_public() && !addresses.iter().all(|address| is_public(*address)) {
            return Err(TargetError::NotPublic);
        }
        Ok(())
    }
}

/// For the connections of an HTTP client: they go to what is answered here, and nowhere else.
impl Resolve for Targets {
    fn resolve(&self, name: Name) -> Resolving {
        let (targets, name) = (self.clone(), name.as_str().to_owned());
        Box::pin(async move {
            match targets.addresses(name).await {
                // Port 0 stands for the one in the address.
                Ok(found) => Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs),
                Err(error) => Err(Box::new(error) as Box<dyn Error + Send + Sync>),
            }
        })
    }
}

async fn ask_the_system(host: String) -> io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(policy: TargetPolicy, addresses: &'static [&'static str]) -> Targets {
        let found: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let lookup: Lookup = Arc::new(move |_| {
            let found = found.clone();
            Box::pin(async move { Ok(found) })
        });
        Targets::with_lookup(policy, lookup)
    }

    async fn checked(targets: &Targets, url: &str) -> Result<(), TargetError> {
        targets.check(&url.parse().unwrap()).await
    }

    #[tokio::test]
    async fn public_names_are_told_and_nothing_else() {
        let public = targets(TargetPolicy::Public, &["93.184.215.14", "2606:4700::1111"]);
        assert_eq!(checked(&public, "https://hooks.example/path?key=1").await, Ok(()));
        assert_eq!(checked(&public, "https://1.1.1.1:8443/").await, Ok(()));
        assert_eq!(checked(&public, "http://hooks.example/").await, Err(TargetError::Scheme));
        assert_eq!(checked(&public, "ftp://hooks.example/").await, Err(TargetError::Scheme));
        assert_eq!(checked(&public, "https://ada:secret@hooks.example/").await, Err(TargetError::Credentials));
        assert_eq!(checked(&public, "https://ada@hooks.example/").await, Err(TargetError::Credentials));
        let mixed = targets(TargetPolicy::Public, &["93.184.215.14", "10.0.0.1"]);
        assert_eq!(checked(&mixed, "https://hooks.example/").await, Err(TargetError::Name));
        let nobody = targets(TargetPolicy::Public, &[]);
        assert_eq!(checked(&nobody, "https://hooks.example/").await, Err(TargetError::Name));
    }

    #[tokio::test]
    async fn numbers_are_read_as_those_who_connect_read_them() {
        let public = targets(TargetPolicy::Public, &["93.184.215.14"]);
        for url in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://017700000001/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a00:1]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://0/",
        ] {
            assert_eq!(checked(&public, url).await, Err(TargetError::NotPublic), "{url}");
        }
    }

    #[tokio::test]
    async fn for_development_all_are_told() {
        let any = targets(TargetPolicy::Any, &["127.0.0.1"]);
        assert_eq!(checked(&any, "http://localhost:9000/").await, Ok(()));
        assert_eq!(checked(&any, "http://127.0.0.1:9000/").await, Ok(()));
        assert_eq!(checked(&any, "file:///etc/passwd").await, Err(TargetError::Scheme));
    }
}
