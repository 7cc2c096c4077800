//! Prepared images and registrations of earlier runs, keyed by content: a run with other labels or one more example
//! computes only what is new.

use super::NamedImage;
use super::content::content;
use super::prepare::{Prepared, PreparedContent};
use super::register::{Registered, RegisteredContent, register};
use imaging::Result;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a cache unless another limit is set: 88 registrations and 75 images on a working grid of 48³.
pub const CACHE_BYTES: usize = 256 << 20;

/// Cubes that a registration holds: the target's and the example's image, the three components of the displacement
/// field, and the deformed image. The field counts from the start, although it is computed later.
const REGISTRATION_CUBES: usize = 6;
/// Shares of the limit for prepared images and for registrations.
const SHARES: [usize; 2] = [1, 7];

/// Results of [`super::prepare()`] and [`register()`] by the content of the images, whatever their names: equal content
/// is computed once. At the limit, the least recently used results are evicted.
///
/// A key has 128 bits: two SipHash-1-3 with random keys of this process over voxels, shape, affine and the working
/// grid's side. It is computed once for each image and run.
pub struct Cache {
    prepared: Mutex<Recent<u128, PreparedContent>>,
    registered: Mutex<Recent<[u128; 2], RegisteredContent>>,
}

/// What was computed because it was not in the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Computed {
    /// Images prepared.
    pub prepared: usize,
    /// Examples registered with a target.
    pub registered: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Self::new(CACHE_BYTES)
    }
}

impl Cache {
    /// An empty cache that holds at most `limit` bytes; with 0 it keeps nothing.
    pub fn new(limit: usize) -> Self {
        let [prepared, registered] = SHARES.map(|share| limit / (SHARES[0] + SHARES[1]) * share);
        Self { prepared: Mutex::new(Recent::new(prepared)), registered: Mutex::new(Recent::new(registered)) }
    }

    /// As [`super::prepare()`].
    ///
    /// # Errors
    /// As [`super::prepare()`].
    pub fn prepare(&self, image: &NamedImage, side: usize) -> Result<Prepared> {
        let key = content(&image.volume, side);
        if let Some(content) = lock(&self.prepared).get(&key) {
            return Ok(Prepared { image: image.clone(), content });
        }
        let prepared = Prepared::of(image, side, key)?;
        lock(&self.prepared).put(key, &prepared.content, cube_bytes(side));
        Ok(prepared)
    }

    /// As [`register()`].
    ///
    /// # Errors
    /// As [`register()`].
    pub fn register(&self, example: &Prepared, target: &Prepared) -> Result<Registered> {
        let key = [example.content.key, target.content.key];
        if let Some(content) = lock(&self.registered).get(&key) {
            return Ok(Registered { example: example.clone(), content });
        }
        let registered = register(example, target)?;
        let bytes = REGISTRATION_CUBES * cube_bytes(target.content.working.side);
        lock(&self.registered).put(key, &registered.content, bytes);
        Ok(registered)
    }

    /// Bytes that the cached results occupy.
    pub fn bytes(&self) -> usize {
        lock(&self.prepared).bytes + lock(&self.registered).bytes
    }

    /// How much has been computed so far.
    pub fn computed(&self) -> Computed {
        Computed { prepared: lock(&self.prepared).computed, registered: lock(&self.registered).computed }
    }

    /// Drops all cached results.
    pub fn clear(&self) {
        lock(&self.prepared).clear();
        lock(&self.registered).clear();
    }
}

fn cube_bytes(side: usize) -> usize {
    size_of::<f32>() * side.pow(3)
}

/// A poisoned lock is safe to use: entries are added and removed in one step, so a panic leaves no partial state.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most recently used values, by key.
struct Recent<K, V> {
    limit: usize,
    bytes: usize,
    /// Counter of uses; an entry with a smaller number was used longer ago.
    now: u64,
    computed: usize,
    entries: HashMap<K, Entry<V>>,
}

struct Entry<V> {
    value: Arc<V>,
    bytes: usize,
    used: u64,
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    fn new(limit: usize) -> Self {
        Self { limit, bytes: 0, now: 0, computed: 0, entries: HashMap::new() }
    }

    fn get(&mut self, key: &K) -> Option<Arc<V>> {
        self.now += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.now;
        Some(entry.value.clone())
    }

    fn put(&mut self, key: K, value: &Arc<V>, bytes: usize) {
        self.computed += 1;
        if bytes > self.limit {
            return;
        }
        while self.bytes + bytes > self.limit {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key);
            let evicted = oldest.and_then(|key| self.entries.remove(&key));
            self.bytes -= evicted.expect("bytes are those of the entries").bytes;
        }
        let new = Entry { value: value.clone(), bytes, used: self.now };
        let replaced = self.entries.insert(key, new).map_or(0, |old| old.bytes);
        self.bytes = self.bytes + bytes - replaced;
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }
}
