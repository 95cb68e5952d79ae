//! Answers that stay open: how many of them somebody may have at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use kith_kernel::{Error, Id, Kind, Result};

/// Open answers, counted by whose they are.
pub struct Streams {
    open: Mutex<HashMap<Id, usize>>,
    most: usize,
    /// What is told to whoever has too many.
    advice: &'static str,
}

/// A place among them; free again when it is dropped.
pub struct Place {
    streams: Arc<Streams>,
    whose: Id,
}

impl Streams {
    /// So many of each; `advice` says what to do instead of one more.
    pub fn new(most: usize, advice: &'static str) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), most, advice })
    }

    /// Takes a place.
    ///
    /// # Errors
    /// `TooMany` (`too_many_streams`) when all are taken.
    pub fn take(self: &Arc<Self>, whose: Id) -> Result<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(whose).or_default();
        if *count >= self.most {
            let why = format!("{} are open already. {}", self.most, self.advice);
            return Err(Error::new(Kind::TooMany, "too_many_streams", why).retry_after(5));
        }
        *count += 1;
        drop(open);
        Ok(Place { streams: Arc::clone(self), whose })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_free_again() {
        let streams = Streams::new(2, "Close one.");
        let (one, other) = (Id::from_bytes([1; 16]), Id::from_bytes([2; 16]));
        let first = streams.take(one).unwrap();
        let _second = streams.take(one).unwrap();
        assert_eq!(streams.take(one).err().map(|error| error.code()), Some("too_many_streams"));
        assert!(streams.take(other).is_ok());
        drop(first);
        assert!(streams.take(one).is_ok());
    }
}
