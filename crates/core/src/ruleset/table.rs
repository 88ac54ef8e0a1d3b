//! Compiled documents by key, looked up with a hash that whoever asks has already.

use std::sync::Arc;

use hashbrown::HashTable;
use smol_str::SmolStr;
use xxhash_rust::xxh3::xxh3_64;

use crate::short;

/// A key with its hash: a reference from one compiled document to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRef {
    hash: u64,
    text: SmolStr,
}

impl KeyRef {
    pub(crate) fn new(key: &str) -> Self {
        Self { hash: xxh3_64(key.as_bytes()), text: key.into() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is `text`, whose hash is `hash`.
    #[inline]
    pub(crate) fn is(&self, hash: u64, text: &str) -> bool {
        self.hash == hash && short::same(self.text.as_bytes(), text.as_bytes())
    }
}

/// What can stand in a [`Table`].
pub(crate) trait Keyed {
    fn key(&self) -> &KeyRef;
}

/// Entries by key. A clone shares them all and copies only the table of pointers.
#[derive(Debug)]
pub(crate) struct Table<T>(HashTable<Arc<T>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(HashTable::new())
    }
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Keyed> Table<T> {
    #[inline]
    pub(crate) fn get(&self, key: &str) -> Option<&T> {
        self.get_hashed(xxh3_64(key.as_bytes()), key)
    }

    #[inline]
    pub(crate) fn get_ref(&self, key: &KeyRef) -> Option<&T> {
        self.get_hashed(key.hash, &key.text)
    }

    #[inline]
    pub(crate) fn get_hashed(&self, hash: u64, key: &str) -> Option<&T> {
        self.0.find(hash, |entry| entry.key().is(hash, key)).map(|entry| &**entry)
    }

    pub(crate) fn put(&mut self, entry: T) {
        let key = entry.key().clone();
        match self.0.find_mut(key.hash, |own| *own.key() == key) {
            Some(own) => *own = Arc::new(entry),
            None => {
                self.0.insert_unique(key.hash, Arc::new(entry), |own| own.key().hash);
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        let key = KeyRef::new(key);
        if let Ok(entry) = self.0.find_entry(key.hash, |own| *own.key() == key) {
            entry.remove();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|entry| &**entry)
    }
}
