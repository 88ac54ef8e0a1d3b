//! Asking about keys again while they are in use: what was revoked is closed out.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use usher_core::protocol::KeyBody;
use usher_server::{Secret, surface::Surface};

use super::{
    Entry, Keys,
    question::{QUESTIONS, Said, Why, here},
};
use crate::relay::Relay;

impl Keys {
    /// Asks about keys again that are in use, for ever.
    pub(crate) async fn keep_checking(self: Arc<Self>, relay: Arc<Relay>, surface: Arc<Surface>) {
        let mut tick = tokio::time::interval(self.check_every / 6);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let own = &self;
            let ask = |(hash, secret): (String, Secret)| async move {
                let said = own.question(secret.expose()).await;
                (hash, said)
            };
            let mut asked = stream::iter(self.due()).map(ask).buffer_unordered(QUESTIONS);
            while let Some((hash, said)) = asked.next().await {
                match said {
                    Said::Live(told) => self.renew(&relay, &hash, told),
                    Said::Refused(why) => self.refuse(&hash, why, &surface),
                    // What was true when it was last asked is the best that is known.
                    Said::Unreachable(_) => break,
                }
            }
        }
    }

    /// Keys that are in use and were last asked about a while ago.
    fn due(&self) -> Vec<(String, Secret)> {
        let recently = self.millis().saturating_sub(millis_of(self.check_every * 2));
        // A round comes after the time it takes to get there: so that the promised time is kept, it is asked earlier.
        let old =
            |checked: Option<Instant>| checked.is_none_or(|at| at.elapsed() >= self.check_every.mul_f64(0.8));
        let due = self.all.iter().filter_map(|entry| match &*entry {
            Entry::Live(live) if old(live.checked) && live.used.load(Ordering::Relaxed) >= recently => {
                Some((entry.key().clone(), live.secret.clone()?))
            }
            _ => None,
        });
        due.collect()
    }

    fn renew(&self, relay: &Relay, hash: &str, told: KeyBody) {
        let Ok(credential) = here(relay, &told, hash) else { return };
        if let Some(mut entry) = self.all.get_mut(hash)
            && let Entry::Live(live) = &mut *entry
        {
            if live.told != told {
                (live.told, live.credential) = (told, credential);
                self.changed.notify_one();
            }
            live.checked = Some(Instant::now());
        }
    }

    fn refuse(&self, hash: &str, why: Why, surface: &Surface) {
        let until = Instant::now() + self.check_every;
        if let Some(Entry::Live(live)) = self.all.insert(hash.to_owned(), Entry::Refused { why, until }) {
            tracing::info!(key = %live.credential.key, "a key was revoked: its streams are closed");
            surface.close_credential(&live.credential.key);
            self.changed.notify_one();
        }
    }
}

fn millis_of(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
