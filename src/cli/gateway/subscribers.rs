//! Subscribers over HTTP, as the gateway calls them: no address that the operator does not allow, no redirect, no proxy.

use std::path::Path;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::cli::failure::Failure;
use crate::cli::tls;
use crate::gateway::subscriptions::SubscriberDoor;
use crate::gateway::subscriptions::dest::{Dest, DestRules};
use crate::gateway::subscriptions::notice::{Notice, NoticeAnswer};

/// How long a subscriber may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Subscribers by their URLs.
pub struct HttpSubscribers {
    agent: ureq::Agent,
    rules: DestRules,
}

impl HttpSubscribers {
    /// Trusts the authorities in `authorities`, or the system's.
    pub fn new(authorities: Option<&Path>, rules: DestRules) -> Result<Self, Failure> {
        let config = ureq::Agent::config_builder()
            .tls_config(tls::client_config(authorities)?)
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_TIMEOUT))
            .max_redirects(0)
            // A proxy would look names up itself, and lead inside.
            .proxy(None)
            // A connection that is kept would pass by the rules of the next delivery.
            .max_idle_connections(0)
            .user_agent(concat!("sealane/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = AllowedAddresses { rules: rules.clone(), system: DefaultResolver::default() };
        Ok(Self { agent: ureq::Agent::with_parts(config, DefaultConnector::default(), resolver), rules })
    }
}

impl SubscriberDoor for HttpSubscribers {
    fn post(&self, dest: &Dest, notice: &Notice) -> NoticeAnswer {
        if !dest.is_https() && !self.rules.allows_http {
            return NoticeAnswer::Failed("the gateway's operator does not allow http: any more".to_owned());
        }
        let request = self.agent.post(dest.as_str()).header("content-type", notice.content_type);
        let request = notice.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        match request.send(&notice.body[..]) {
            Ok(answer) => match answer.status().as_u16() {
                200..300 => NoticeAnswer::Taken,
                410 => NoticeAnswer::Gone,
                413 => NoticeAnswer::TooLarge,
                status @ 300..400 => NoticeAnswer::Failed(format!(
                    "the subscriber answered with status {status}, and redirects are not followed"
                )),
                status => NoticeAnswer::Failed(format!("the subscriber answered with status {status}")),
            },
            Err(error) => NoticeAnswer::Failed(error.to_string()),
        }
    }
}

/// The system's addresses of a name, as far as the operator allows them. Those that are given are connected to, so that no name
/// means one address when it is looked at and another one a moment later.
#[derive(Debug)]
struct AllowedAddresses {
    rules: DestRules,
    system: DefaultResolver,
}

impl Resolver for AllowedAddresses {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.system.resolve(uri, config, timeout)?;
        let mut allowed = self.empty();
        for address in found.iter().filter(|address| self.rules.permit(address.ip())) {
            allowed.push(*address);
        }
        match (allowed.is_empty(), found.first()) {
            (false, _) => Ok(allowed),
            (true, Some(refused)) => {
                // The client that subscribes is not told what a name means inside.
                let host = uri.host().unwrap_or_default();
                tracing::warn!(host, address = %refused.ip(), "a subscription's name leads inside; --allow-dest would allow it");
                let told = "its name leads to an address that is not of the public internet, and the gateway's operator has not allowed \
                            that network by --allow-dest";
                Err(ureq::Error::Io(std::io::Error::other(told)))
            }
            (true, None) => Err(ureq::Error::HostNotFound),
        }
    }
}
