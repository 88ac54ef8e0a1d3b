//! The floor: the least that an SDK-shaped call can do for the reference flags, written by hand for them alone.
//!
//! It swaps snapshots, finds the flag by its text, finds attributes by the hashes of their names, compares, and
//! draws with xxh3, like a real client; but it knows its two flags by heart, gives no reasons, and can do
//! nothing else. Versions and hashes of the contexts are prepared, as ours are.

use std::hash::{BuildHasherDefault, Hasher};

use arc_swap::ArcSwap;
use hashbrown::HashMap;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::reference;

/// A hasher that is as quick as the one of the real thing.
#[derive(Default)]
struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 ^= xxh3_64(bytes);
    }

    // The end of a text, which only sets it apart from a following one.
    fn write_u8(&mut self, _: u8) {}
}

type Version = (u64, u64, u64);

struct Attribute {
    name: u64,
    hash: u64,
    text: String,
    version: Option<Version>,
}

/// A context with all that comparisons need.
pub struct Person(Vec<Attribute>);

impl Person {
    #[inline]
    fn get(&self, name: u64) -> Option<&Attribute> {
        self.0.iter().find(|attribute| attribute.name == name)
    }
}

fn version(text: &str) -> Option<Version> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

/// The reference contexts, for the floor.
#[must_use]
pub fn people() -> Vec<Person> {
    let hash = |text: &str| xxh3_64(text.as_bytes());
    let person = |n| {
        let key = ("targetingKey", format!("u-{n}"));
        let all = [key].into_iter().chain(reference::attributes(n));
        let attributes = all.map(|(name, text)| Attribute {
            name: hash(name),
            hash: hash(&text),
            version: version(&text),
            text,
        });
        Person(attributes.collect())
    };
    (0..reference::CONTEXTS).map(person).collect()
}

enum Flag {
    /// Venues, by hash and text; the first version; the bound of the draw in thousandths of a percent.
    Pilot { venue: u64, venues: Vec<(u64, String)>, version_name: u64, from: Version, below: u64 },
    /// Pairs of attribute and value that must both fit; the last pair's draw picks one of the variants.
    Rules(Vec<[(u64, u64, String); 2]>),
}

/// A client that knows nothing but the reference flags.
pub struct Floor {
    flags: ArcSwap<HashMap<String, Flag, BuildHasherDefault<Quick>>>,
    targeting_key: u64,
}

impl Default for Floor {
    fn default() -> Self {
        let hash = |text: &str| xxh3_64(text.as_bytes());
        let pilot = Flag::Pilot {
            venue: hash("venue"),
            venues: reference::R1_VENUES.map(|venue| (hash(venue), venue.to_owned())).into(),
            version_name: hash("appVersion"),
            from: version(reference::R1_VERSION).unwrap_or_default(),
            below: 25_000,
        };
        let conditions = reference::r2_conditions().into_iter();
        let rules =
            conditions.map(|pair| pair.map(|(name, value)| (hash(name), hash(&value), value))).collect();
        let flags = [(reference::R1.to_owned(), pilot), (reference::R2.to_owned(), Flag::Rules(rules))];
        Self {
            flags: ArcSwap::from_pointee(flags.into_iter().collect()),
            targeting_key: hash("targetingKey"),
        }
    }
}

impl Floor {
    /// The index of the variant that a person gets: for R1 1 is `on`; none for an unknown flag.
    #[inline]
    #[must_use]
    pub fn evaluate(&self, flag: &str, person: &Person) -> Option<u64> {
        let flags = self.flags.load();
        match flags.get(flag)? {
            Flag::Pilot { venue, venues, version_name, from, below } => {
                let here = person.get(*venue)?;
                let fits = venues.iter().any(|(hash, text)| *hash == here.hash && *text == here.text)
                    && person.get(*version_name)?.version.is_some_and(|version| version >= *from);
                Some(u64::from(fits && self.draw(person, 100_000)? < *below))
            }
            Flag::Rules(rules) => {
                let fits = |(name, hash, text): &(u64, u64, String)| {
                    person.get(*name).is_some_and(|own| own.hash == *hash && own.text == *text)
                };
                let last = rules.len() - 1;
                match rules.iter().position(|pair| pair.iter().all(fits))? {
                    matched if matched == last => self.draw(person, 3),
                    _ => Some(0),
                }
            }
        }
    }

    /// `(xxh3(seed ␟ targetingKey) · total) >> 64`, as the real thing draws.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // Shifted down to less than `total`.
    fn draw(&self, person: &Person, total: u64) -> Option<u64> {
        let key = &person.get(self.targeting_key)?.text;
        let mut bytes = [0; 64];
        let seed = reference::SEED.as_bytes();
        let length = seed.len() + 1 + key.len();
        let hash = if length <= bytes.len() {
            bytes[..seed.len()].copy_from_slice(seed);
            bytes[seed.len()] = 0x1F;
            bytes[seed.len() + 1..length].copy_from_slice(key.as_bytes());
            xxh3_64(&bytes[..length])
        } else {
            let mut hash = Xxh3::new();
            hash.update(seed);
            hash.update(&[0x1F]);
            hash.update(key.as_bytes());
            hash.digest()
        };
        Some(((u128::from(hash) * u128::from(total)) >> 64) as u64)
    }
}
