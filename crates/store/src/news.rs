//! What the nodes of an installation tell one another: that something changed, never what or whose.

use std::sync::atomic::{AtomicU8, Ordering};

/// What those who hear it look at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// A job was enqueued, or is due at another time.
    Jobs,
    /// A session, key, member or tenant is not what it was.
    Access,
    /// A tenant's catalog of custom fields is not what it was.
    Fields,
    /// A job whose progress somebody may be watching got on.
    Progress,
    /// Events were sealed, so that there is something to read.
    Seals,
    /// Somebody was erased, whom what is remembered may name.
    Erased,
}

impl News {
    /// All there are.
    pub const ALL: [Self; 6] =
        [Self::Jobs, Self::Access, Self::Fields, Self::Progress, Self::Seals, Self::Erased];

    const fn bit(self) -> u8 {
        match self {
            Self::Jobs => 1,
            Self::Access => 2,
            Self::Fields => 4,
            Self::Progress => 8,
            Self::Seals => 16,
            Self::Erased => 32,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Access => "access",
            Self::Fields => "fields",
            Self::Progress => "progress",
            Self::Seals => "seals",
            Self::Erased => "erased",
        }
    }
}

/// Some of them; what is added twice is told once.
#[derive(Debug, Default)]
pub(crate) struct Untold(AtomicU8);

impl Untold {
    pub(crate) fn add(&self, news: News) {
        self.0.fetch_or(news.bit(), Ordering::AcqRel);
    }

    pub(crate) fn has(&self, news: News) -> bool {
        self.0.load(Ordering::Acquire) & news.bit() != 0
    }

    pub(crate) fn take(&self) -> Vec<News> {
        let bits = self.0.swap(0, Ordering::AcqRel);
        News::ALL.into_iter().filter(|news| bits & news.bit() != 0).collect()
    }
}

/// The words by which a node tells some news.
pub(crate) fn written(node: &str, news: &[News]) -> String {
    let names: Vec<&str> = news.iter().map(|news| news.name()).collect();
    format!("{node} {}", names.join(" "))
}

/// What another node told; nothing where the words are one's own. Words that only a newer node knows are passed over.
pub(crate) fn read(words: &str, me: &str) -> Vec<News> {
    let mut words = words.split(' ');
    if words.next() == Some(me) {
        return Vec::new();
    }
    words.filter_map(|word| News::ALL.into_iter().find(|news| news.name() == word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_heard_by_others_alone() {
        let words = written("a", &[News::Jobs, News::Fields]);
        assert_eq!(read(&words, "b"), [News::Jobs, News::Fields]);
        assert_eq!(read(&words, "a"), []);
        assert_eq!(read("c weather access", "b"), [News::Access]);
        assert_eq!(read("", "b"), []);
    }

    #[test]
    fn what_is_added_twice_is_told_once() {
        let untold = Untold::default();
        untold.add(News::Access);
        untold.add(News::Access);
        assert_eq!(untold.take(), [News::Access]);
        assert_eq!(untold.take(), []);
    }
}
