//! The peers' engines at the reference work.

use std::hint::black_box;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use usher_bench::reference::{self, CONTEXTS, R1, R1_PERCENT, R2, R2_WEIGHTS};
use usher_peers::{Datadog, Eppo, Flagd, GrowthBook, LaunchDarkly, Peer, Unleash};

use super::{
    flags::ReferenceFlags,
    subject::{Subject, Whose},
    verify::{self, Answers},
};

/// A peer that is ready to be measured.
pub trait Ready {
    /// What there is to measure.
    fn subjects(&self) -> [Subject<'_>; 2];
}

/// A peer with one reference flag each, and the contexts in its own form.
struct Asked<P: Peer> {
    r1: P,
    r2: P,
    contexts: Vec<P::Context>,
}

/// All peers, seen to give everybody what they should.
pub fn all(expected: &Answers) -> Result<Vec<Box<dyn Ready>>> {
    Ok(vec![
        ready::<Unleash>(expected)?,
        ready::<Datadog>(expected)?,
        ready::<Eppo>(expected)?,
        ready::<LaunchDarkly>(expected)?,
        ready::<GrowthBook>(expected)?,
        ready::<Flagd>(expected)?,
    ])
}

fn ready<P>(expected: &Answers) -> Result<Box<dyn Ready>>
where
    P: ReferenceFlags + Sync + 'static,
    P::Context: Sync,
{
    let plain = Asked::<P>::new(100, [0, 0, 1])?.answers();
    ensure!(plain.on == expected.on, "{} disagrees on who matches R1", P::NAME);
    ensure!(plain.texts == expected.texts, "{} disagrees on who matches R2", P::NAME);
    let asked = Asked::<P>::new(R1_PERCENT, R2_WEIGHTS)?;
    verify::shares(P::NAME, &asked.answers(), expected)?;
    Ok(Box::new(asked))
}

impl<P: ReferenceFlags> Asked<P> {
    fn new(percent: u32, weights: [u32; 3]) -> Result<Self> {
        let context = |n| {
            let key = (P::KEY, json!(format!("u-{n}")));
            let others = reference::attributes(n).map(|(name, value)| (name, json!(value)));
            let attributes: Vec<_> = [key].into_iter().chain(others).collect();
            P::context(&attributes)
        };
        let load = |flags: serde_json::Value| P::load(&flags.to_string()).context(P::NAME);
        Ok(Self {
            r1: load(P::r1(percent))?,
            r2: load(P::r2(weights))?,
            contexts: (0..CONTEXTS).map(context).collect::<Result<_, _>>()?,
        })
    }

    fn answers(&self) -> Answers {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Answers {
            on: self.contexts.iter().map(|context| self.r1.boolean(R1, context) == Some(true)).collect(),
            texts: self.contexts.iter().map(|context| self.r2.text(R2, context, text)).collect(),
        }
    }
}

impl<P> Ready for Asked<P>
where
    P: Peer + Sync,
    P::Context: Sync,
{
    fn subjects(&self) -> [Subject<'_>; 2] {
        let engine = || format!("{} {}", P::NAME, version(P::NAME));
        let boolean = || {
            for context in &self.contexts {
                black_box(self.r1.boolean(black_box(R1), context));
            }
        };
        let text = || {
            for context in &self.contexts {
                black_box(self.r2.text(black_box(R2), context, |text| black_box(text).map(str::len)));
            }
        };
        [Subject::new(engine(), Whose::Peer, "R1", boolean), Subject::new(engine(), Whose::Peer, "R2", text)]
    }
}

/// The version of a crate that was built, as locked.
fn version(name: &str) -> &'static str {
    let lock = include_str!("../../../../Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n")));
    let version = entry.and_then(|entry| entry.split("version = \"").nth(1)?.split('"').next());
    version.unwrap_or_default()
}
