//! Faults: how the far side misbehaves towards certain people, told by the end of their number or id.

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `…0001`: nobody is there.
    Undeliverable,
    /// `…0002`: too many messages, twice; then it goes.
    Busy,
    /// `…0003`: it is taken, and fails later.
    FailsLater,
    /// `…0004`: it is taken, and no answer comes.
    Silent,
    /// `…0005`: its states come twice and in the wrong order.
    Disordered,
    /// `…0006`: the server is down for the first two tries.
    Down,
    /// `…0007`: the answer is no JSON.
    Garbled,
}

impl Fault {
    /// What goes wrong for a person.
    pub(crate) fn of(person: &str) -> Option<Self> {
        Some(match person.get(person.len().checked_sub(4)?..)? {
            "0001" => Self::Undeliverable,
            "0002" => Self::Busy,
            "0003" => Self::FailsLater,
            "0004" => Self::Silent,
            "0005" => Self::Disordered,
            "0006" => Self::Down,
            "0007" => Self::Garbled,
            _ => return None,
        })
    }
}
