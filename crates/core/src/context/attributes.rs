//! Attributes by name.

use smol_str::SmolStr;
use xxhash_rust::xxh3::xxh3_64;

use super::AttributeValue;

/// An attribute's name with its hash: how attributes are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    hash: u64,
    pub(crate) text: Box<str>,
}

impl Name {
    /// Its xxh3 hash.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self { hash: xxh3_64(text.as_bytes()), text: text.into() }
    }
}

/// Attributes by name. Contexts and venues have few, so a look-up goes through the hashes of their names, which
/// lie side by side, each with that of its value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Attributes {
    /// Of the name, and [`AttributeValue::hash`].
    hashes: Vec<(u64, u64)>,
    /// Name and value, in the order of `hashes`.
    entries: Vec<(SmolStr, AttributeValue)>,
}

impl Attributes {
    /// Room for so many.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { hashes: Vec::with_capacity(capacity), entries: Vec::with_capacity(capacity) }
    }

    pub(super) const NONE: Self = Self { hashes: Vec::new(), entries: Vec::new() };

    /// By the hash alone, of 64 bits: the texts would have to be fetched from elsewhere in memory. Who makes a
    /// name that collides with another gains nothing by it, for they could have used that other name.
    #[inline]
    pub(crate) fn get(&self, name: &Name) -> Option<&AttributeValue> {
        let n = self.hashes.iter().position(|(hash, _)| *hash == name.hash)?;
        self.entries.get(n).map(|(_, value)| value)
    }

    /// [`AttributeValue::hash`] of what has a name with this hash, without a look at the value itself.
    #[inline]
    pub(super) fn value_hash(&self, name: u64) -> Option<u64> {
        self.hashes.iter().find(|(hash, _)| *hash == name).map(|(_, value)| *value)
    }

    /// Whether it is there, or something within it: nested ones are kept under their dotted names.
    pub(crate) fn has(&self, name: &Name) -> bool {
        let within = |own: &str| own.strip_prefix(&*name.text).is_some_and(|rest| rest.starts_with('.'));
        self.get(name).is_some() || self.entries.iter().any(|(own, _)| within(own))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn set(&mut self, name: &str, value: AttributeValue) {
        let hash = xxh3_64(name.as_bytes());
        let hashes = (hash, value.hash());
        match self.hashes.iter().position(|(own, _)| *own == hash) {
            Some(n) => {
                self.hashes[n] = hashes;
                self.entries[n].1 = value;
            }
            None => {
                self.hashes.push(hashes);
                self.entries.push((name.into(), value));
            }
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(n) = self.entries.iter().position(|(own, _)| *own == *name) {
            self.hashes.remove(n);
            self.entries.remove(n);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }
}
