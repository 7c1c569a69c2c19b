//! Holding the Lease.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{Api, Client, api::PostParams};

use crate::{
    clock,
    cluster::Millis,
    lease::{Election, Observed, Step},
};

/// What the rest of the program asks.
#[derive(Debug)]
pub(crate) struct Leading {
    begun: Instant,
    /// Until when this replica leads, since `begun`: whoever asks compares, so that a replica which was frozen, or waits for
    /// the API server, stops leading at that moment and not when it next looks.
    until: AtomicI64,
    /// When the API server last answered: our view was no older then than its watches.
    heard: AtomicI64,
}

impl Default for Leading {
    fn default() -> Self {
        Self { begun: clock::instant(), until: AtomicI64::new(0), heard: AtomicI64::new(0) }
    }
}

impl Leading {
    /// The time of a clock that only goes forward.
    fn now(&self) -> Millis {
        self.begun.elapsed().as_millis() as Millis
    }

    pub(crate) fn leads(&self) -> bool {
        self.now() < self.until.load(Ordering::Acquire)
    }

    pub(crate) fn heard(&self) -> Millis {
        self.heard.load(Ordering::Acquire)
    }
}

/// The Lease of a replica.
pub(crate) struct Held {
    api: Api<Lease>,
    name: String,
    me: String,
    duration: Millis,
    leading: Arc<Leading>,
}

impl Held {
    pub(crate) fn new(
        client: Client,
        namespace: &str,
        name: &str,
        me: &str,
        duration: Millis,
        leading: Arc<Leading>,
    ) -> Self {
        let api = Api::namespaced(client, namespace);
        Self { api, name: name.to_owned(), me: me.to_owned(), duration, leading }
    }

    /// Seeks and holds the Lease until dropped, while this replica may have it.
    pub(crate) async fn hold(&self, may_lead: impl Fn() -> bool, wake: impl Fn()) {
        let mut has_led = false;
        let mut election = Election::new(&*self.me, self.duration);
        let pause = Duration::from_millis((self.duration as u64 / 8).clamp(100, 2_000));
        loop {
            let at = self.leading.now();
            let tried = tokio::time::timeout(
                Duration::from_millis(self.duration as u64 / 3),
                self.try_once(&mut election, at, may_lead()),
            )
            .await;
            match tried {
                Ok(Ok(())) => self.leading.heard.store(clock::now(), Ordering::Release),
                Ok(Err(error)) => tracing::warn!(%error, "the Lease cannot be read or written"),
                Err(_) => tracing::warn!("the API server does not answer about the Lease"),
            }
            self.leading.until.store(election.until().unwrap_or(0), Ordering::Release);
            let leads = self.leading.leads();
            if std::mem::replace(&mut has_led, leads) != leads {
                tracing::info!(leads, "this replica {}", if leads { "plans" } else { "no longer plans" });
                wake();
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn try_once(&self, election: &mut Election, at: Millis, may_lead: bool) -> Result<(), kube::Error> {
        let lease = self.api.get_opt(&self.name).await?;
        let observed = lease.as_ref().map(|lease| {
            let spec = lease.spec.as_ref();
            Observed {
                resource_version: lease.metadata.resource_version.clone().unwrap_or_default(),
                holder: spec.and_then(|spec| spec.holder_identity.clone()).unwrap_or_default(),
                transitions: spec.and_then(|spec| spec.lease_transitions).unwrap_or(0),
            }
        });
        let written = match election.step(observed.as_ref(), at) {
            Step::Wait => return Ok(()),
            // It runs out, and another takes it.
            _ if !may_lead => return Ok(()),
            Step::Create => self.api.create(&PostParams::default(), &self.lease(&self.me, None, 0)).await,
            Step::Renew { resource_version, transitions } | Step::Take { resource_version, transitions } => {
                let lease = self.lease(&self.me, Some(resource_version), transitions);
                self.api.replace(&self.name, &PostParams::default(), &lease).await
            }
        };
        match written {
            Ok(_) => election.held(at),
            // Another was first.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn lease(&self, holder: &str, resource_version: Option<String>, transitions: i32) -> Lease {
        let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime(
            k8s_openapi::jiff::Timestamp::from_millisecond(clock::now()).unwrap_or_default(),
        );
        let mut lease = Lease::default();
        lease.metadata.name = Some(self.name.clone());
        lease.metadata.resource_version = resource_version;
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(i32::try_from(self.duration / 1000).unwrap_or(15).max(1)),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        });
        lease
    }

    /// Gives the Lease up, if it is ours; whether another has taken it within a time.
    pub(crate) async fn release(&self, within: Duration) -> bool {
        self.leading.until.store(0, Ordering::Release);
        let holder = |lease: &Lease| {
            lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone()).unwrap_or_default()
        };
        let begun = clock::instant();
        let mut is_given = false;
        while begun.elapsed() < within {
            match self.api.get_opt(&self.name).await {
                Ok(Some(lease)) if holder(&lease) == self.me => {
                    let transitions =
                        lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or(0);
                    let empty = self.lease("", lease.metadata.resource_version.clone(), transitions);
                    is_given |= self.api.replace(&self.name, &PostParams::default(), &empty).await.is_ok();
                }
                Ok(Some(lease)) if !holder(&lease).is_empty() => return true,
                Ok(_) if !is_given => return false,
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody has to look for it to end: the loop that renews the Lease may hang, or the whole process.
    #[test]
    fn leading_ends_by_the_clock() {
        let leading = Leading::default();
        assert!(!leading.leads());
        leading.until.store(leading.now() + 50, Ordering::Release);
        assert!(leading.leads());
        std::thread::sleep(Duration::from_millis(60));
        assert!(!leading.leads());
    }
}
