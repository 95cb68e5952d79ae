//! Who is there and what they look at, as far as this node knows: from its own sockets, from heartbeats, and from what
//! other nodes say of theirs. What changed is gathered, and told when it is settled.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Instant,
};

use kith_kernel::Id;
use serde::{Deserialize, Serialize};

/// A socket shows itself in so many rooms, those that it came to last.
const MOST_LOOKED_AT: usize = 10;

/// A member of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Who {
    pub(super) tenant: Id,
    pub(super) member: Id,
}

/// Whether somebody is there; who is there twice is as much there as where they are most.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub(super) enum Status {
    /// Not known to be there.
    #[default]
    Offline,
    /// There, and busy with something else, as their client says.
    Away,
    /// There.
    Online,
}

/// By what somebody is known to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A socket of this node.
    Socket(Id),
    /// A word by HTTP, which counts for a while.
    Heartbeat,
    /// What another node says.
    Node(Id),
}

/// How somebody is there, all in all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    pub(super) status: Status,
    /// The rooms in which they show themselves.
    pub(super) looks_at: BTreeSet<Box<str>>,
}

/// One place at which somebody is.
#[derive(Debug)]
struct Seat {
    by: By,
    status: Status,
    looks_at: Vec<Box<str>>,
    until: Option<Instant>,
}

/// Somebody, with what was said of them to the sockets of this node and to the other nodes.
#[derive(Debug, Default)]
struct Person {
    seats: Vec<Seat>,
    told: State,
    announced: State,
}

#[derive(Debug, Default)]
struct Tenant {
    people: HashMap<Id, Person>,
    /// Who was told to look at what.
    rooms: HashMap<Box<str>, BTreeSet<Id>>,
}

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Table {
    tenants: HashMap<Id, Tenant>,
    changed: HashSet<Who>,
    /// Until when each other node is taken to be there.
    nodes: HashMap<Id, Instant>,
    /// Nothing ends before this.
    next_end: Option<Instant>,
}

/// What is to be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Who came, went, or is otherwise there, for each tenant.
    pub(super) statuses: HashMap<Id, Vec<(Id, Status)>>,
    /// All who look at something, where that changed: tenant, room, members.
    pub(super) viewers: Vec<(Id, Box<str>, Vec<Id>)>,
    /// What is new of this node's own, for the others; all of it, where that is asked for.
    pub(super) own: Vec<(Who, State)>,
}

impl Person {
    fn state(&self, counts: impl Fn(By) -> bool) -> State {
        let mut state = State::default();
        for seat in self.seats.iter().filter(|seat| counts(seat.by)) {
            state.status = state.status.max(seat.status);
            state.looks_at.extend(seat.looks_at.iter().cloned());
        }
        state
    }
}

impl Table {
    fn seat(&mut self, who: Who, by: By) -> Option<&mut Seat> {
        let person = self.tenants.get_mut(&who.tenant)?.people.get_mut(&who.member)?;
        person.seats.iter_mut().find(|seat| seat.by == by)
    }

    fn ends_at(&mut self, until: Option<Instant>) {
        if let Some(until) = until {
            self.next_end = Some(self.next_end.map_or(until, |at| at.min(until)));
        }
    }

    /// Somebody is there, until they leave or for a while.
    pub(super) fn arrive(&mut self, who: Who, by: By, status: Status, until: Option<Instant>) {
        self.ends_at(until);
        if let Some(seat) = self.seat(who, by) {
            seat.until = until;
            if seat.status != status {
                seat.status = status;
                self.changed.insert(who);
            }
            return;
        }
        let people = &mut self.tenants.entry(who.tenant).or_default().people;
        let seats = &mut people.entry(who.member).or_default().seats;
        // They are back: what was kept for them has done its work.
        seats.retain(|seat| seat.until.is_none() || !matches!(seat.by, By::Socket(_)));
        seats.push(Seat { by, status, looks_at: Vec::new(), until });
        self.changed.insert(who);
    }

    /// Somebody goes; they count as there for a moment yet, in case they come back, but look at nothing.
    pub(super) fn leave(&mut self, who: Who, by: By, until: Instant) {
        if let Some(seat) = self.seat(who, by) {
            seat.until = Some(until);
            seat.looks_at = Vec::new();
            self.changed.insert(who);
            self.ends_at(Some(until));
        }
    }

    /// A socket says how much its owner is there; says whether it is one that counts.
    pub(super) fn set_status(&mut self, who: Who, by: By, status: Status) -> bool {
        let Some(seat) = self.seat(who, by).filter(|seat| seat.until.is_none()) else {
            return false;
        };
        seat.status = status;
        self.changed.insert(who);
        true
    }

    /// A socket shows itself in a room, or no more.
    pub(super) fn look(&mut self, who: Who, by: By, (room, is_seen): (&str, bool)) {
        let Some(seat) = self.seat(who, by).filter(|seat| seat.until.is_none()) else { return };
        seat.looks_at.retain(|one| **one != *room);
        if is_seen {
            if seat.looks_at.len() >= MOST_LOOKED_AT {
                seat.looks_at.remove(0);
            }
            seat.looks_at.push(room.into());
        }
        self.changed.insert(who);
    }

    /// Another node is there; says whether it was not known to be.
    pub(super) fn meet(&mut self, node: Id, until: Instant) -> bool {
        self.ends_at(Some(until));
        self.nodes.insert(node, until).is_none()
    }

    /// Another node says how somebody is there.
    pub(super) fn hear(&mut self, who: Who, node: Id, state: State, until: Instant) {
        let by = By::Node(node);
        if state.status == Status::Offline {
            if self.seat(who, by).is_some() {
                self.remove(who, |seat| seat.by == by);
            }
            return;
        }
        self.arrive(who, by, state.status, Some(until));
        let Some(seat) = self.seat(who, by) else { return };
        if !seat.looks_at.iter().eq(&state.looks_at) {
            seat.looks_at = state.looks_at.into_iter().collect();
            self.changed.insert(who);
        }
    }

    /// Another node ends: those who were there come to one that goes on, or are gone soon.
    pub(super) fn part_from(&mut self, node: Id, until: Instant) {
        self.nodes.remove(&node);
        let there: Vec<Who> = self
            .everybody()
            .filter(|(_, person)| person.seats.iter().any(|seat| seat.by == By::Node(node)))
            .map(|(who, _)| who)
            .collect();
        for who in there {
            self.leave(who, By::Node(node), until);
        }
    }

    fn everybody(&self) -> impl Iterator<Item = (Who, &Person)> {
        self.tenants.iter().flat_map(|(tenant, of)| {
            of.people
                .iter()
                .map(|(member, person)| (Who { tenant: *tenant, member: *member }, person))
        })
    }

    fn remove(&mut self, who: Who, goes: impl Fn(&Seat) -> bool) {
        let person =
            self.tenants.get_mut(&who.tenant).and_then(|of| of.people.get_mut(&who.member));
        if let Some(person) = person {
            person.seats.retain(|seat| !goes(seat));
            self.changed.insert(who);
        }
    }

    /// When something ends that nobody tells of.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.next_end
    }

    fn end_what_is_over(&mut self, now: Instant) {
        if self.next_end.is_none_or(|at| at > now) {
            return;
        }
        self.nodes.retain(|_, until| *until > now);
        let is_over = |seat: &Seat| seat.until.is_some_and(|until| until <= now);
        let over: Vec<Who> = self
            .everybody()
            .filter(|(_, person)| person.seats.iter().any(is_over))
            .map(|(who, _)| who)
            .collect();
        for who in over {
            self.remove(who, is_over);
        }
        let seats = self.everybody().flat_map(|(_, person)| &person.seats);
        let ends = seats.filter_map(|seat| seat.until).chain(self.nodes.values().copied());
        self.next_end = ends.min();
    }

    /// What changed since the last time, and from now on counts as told; and all of this node's own for nodes that shall
    /// know the whole of it.
    pub(super) fn settle_whole(&mut self, now: Instant) -> Settled {
        let mut settled = self.settle(now);
        // Who is gone is told by what is new alone.
        settled.own.retain(|(_, state)| state.status == Status::Offline);
        settled.own.extend(self.own());
        settled
    }

    /// What changed since the last time, and from now on counts as told.
    pub(super) fn settle(&mut self, now: Instant) -> Settled {
        self.end_what_is_over(now);
        let mut settled = Settled::default();
        let mut rooms = BTreeSet::new();
        for who in std::mem::take(&mut self.changed) {
            let Some(tenant) = self.tenants.get_mut(&who.tenant) else { continue };
            let Some(person) = tenant.people.get_mut(&who.member) else { continue };
            let own = person.state(|by| !matches!(by, By::Node(_)));
            if own != person.announced {
                settled.own.push((who, own.clone()));
                person.announced = own;
            }
            let state = person.state(|_| true);
            if state.status != person.told.status {
                settled.statuses.entry(who.tenant).or_default().push((who.member, state.status));
            }
            for room in person.told.looks_at.symmetric_difference(&state.looks_at) {
                let inside = tenant.rooms.entry(room.clone()).or_default();
                if !inside.remove(&who.member) {
                    inside.insert(who.member);
                }
                rooms.insert((who.tenant, room.clone()));
            }
            person.told = state;
            if person.seats.is_empty() {
                tenant.people.remove(&who.member);
            }
        }
        for (tenant, room) in rooms {
            settled.viewers.push((tenant, room.clone(), self.viewers(tenant, &room)));
            self.forget_empty(tenant, &room);
        }
        self.tenants.retain(|_, of| !of.people.is_empty());
        settled
    }

    fn forget_empty(&mut self, tenant: Id, room: &str) {
        let Some(of) = self.tenants.get_mut(&tenant) else { return };
        if of.rooms.get(room).is_some_and(BTreeSet::is_empty) {
            of.rooms.remove(room);
        }
    }

    /// Who is there in a tenant, as was told last.
    pub(super) fn present(&self, tenant: Id) -> Vec<(Id, Status)> {
        let people = self.tenants.get(&tenant).into_iter().flat_map(|of| &of.people);
        let there = people.filter(|(_, person)| person.told.status != Status::Offline);
        let mut all: Vec<_> = there.map(|(member, person)| (*member, person.told.status)).collect();
        all.sort_unstable();
        all
    }

    /// Who looks at something, as was told last.
    pub(super) fn viewers(&self, tenant: Id, room: &str) -> Vec<Id> {
        let inside = self.tenants.get(&tenant).and_then(|of| of.rooms.get(room));
        inside.into_iter().flatten().copied().collect()
    }

    /// All of this node's own that the others were told of.
    fn own(&self) -> impl Iterator<Item = (Who, State)> {
        let own = self.everybody().filter(|(_, person)| person.announced.status != Status::Offline);
        own.map(|(who, person)| (who, person.announced.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const TENANT: Id = Id::NIL;
    const ROOMS: [&str; 3] = ["deal:1", "deal:2", "deal:3"];

    fn id(number: u8) -> Id {
        Id::from_bytes([number + 1; 16])
    }

    fn who(number: u8) -> Who {
        Who { tenant: TENANT, member: id(number) }
    }

    fn after(begin: Instant, seconds: u64) -> Instant {
        begin + Duration::from_secs(seconds)
    }

    #[test]
    fn whoever_comes_back_in_time_was_never_gone() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.arrive(who(0), By::Socket(id(1)), Status::Online, None);
        table.look(who(0), By::Socket(id(1)), (ROOMS[0], true));
        let settled = table.settle(now);
        assert_eq!(settled.statuses[&TENANT], [(id(0), Status::Online)]);
        assert_eq!(settled.viewers, [(TENANT, ROOMS[0].into(), vec![id(0)])]);
        table.leave(who(0), By::Socket(id(1)), after(now, 5));
        assert_eq!(table.next_end(), Some(after(now, 5)));
        let settled = table.settle(after(now, 1));
        assert!(settled.statuses.is_empty());
        assert_eq!(settled.viewers, [(TENANT, ROOMS[0].into(), vec![])]);
        table.arrive(who(0), By::Socket(id(2)), Status::Online, None);
        assert_eq!(table.settle(after(now, 9)), Settled::default());
        assert_eq!(table.present(TENANT), [(id(0), Status::Online)]);
        table.leave(who(0), By::Socket(id(2)), after(now, 14));
        let settled = table.settle(after(now, 14));
        assert_eq!(settled.statuses[&TENANT], [(id(0), Status::Offline)]);
        assert_eq!(settled.own, [(who(0), State::default())]);
        assert!(table.tenants.is_empty() && table.next_end().is_none());
    }

    #[test]
    fn whoever_is_there_twice_is_as_much_there_as_where_they_are_most() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.arrive(who(0), By::Socket(id(1)), Status::Online, None);
        table.arrive(who(0), By::Heartbeat, Status::Away, Some(after(now, 300)));
        table.settle(now);
        assert!(table.set_status(who(0), By::Socket(id(1)), Status::Away));
        assert_eq!(table.settle(now).statuses[&TENANT], [(id(0), Status::Away)]);
        table.leave(who(0), By::Socket(id(1)), after(now, 5));
        assert!(!table.set_status(who(0), By::Socket(id(1)), Status::Online), "it is gone");
        assert!(table.settle(after(now, 6)).statuses.is_empty());
        assert_eq!(table.settle(after(now, 300)).statuses[&TENANT], [(id(0), Status::Offline)]);
    }

    #[test]
    fn a_socket_shows_itself_where_it_came_last() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.arrive(who(0), By::Socket(id(1)), Status::Online, None);
        for room in 0..=MOST_LOOKED_AT {
            table.look(who(0), By::Socket(id(1)), (&format!("deal:{room}"), true));
        }
        assert_eq!(table.settle(now).viewers.len(), MOST_LOOKED_AT);
        assert!(table.viewers(TENANT, "deal:0").is_empty());
        assert_eq!(table.viewers(TENANT, "deal:10"), [id(0)]);
    }

    #[test]
    fn a_node_that_says_nothing_more_is_believed_for_a_while() {
        let (mut table, now) = (Table::default(), Instant::now());
        let state = State { status: Status::Online, looks_at: [ROOMS[0].into()].into() };
        assert!(table.meet(id(9), after(now, 75)));
        table.hear(who(0), id(9), state.clone(), after(now, 75));
        assert_eq!(table.settle(now).own, [], "it is not this node's to tell");
        assert!(!table.meet(id(9), after(now, 100)));
        table.hear(who(0), id(9), state, after(now, 100));
        assert_eq!(table.settle(after(now, 80)), Settled::default());
        let settled = table.settle(after(now, 100));
        assert_eq!(settled.statuses[&TENANT], [(id(0), Status::Offline)]);
        assert_eq!(settled.viewers, [(TENANT, ROOMS[0].into(), vec![])]);
        assert!(table.meet(id(9), after(now, 200)), "it is as new");
        let away = State { status: Status::Away, ..State::default() };
        table.hear(who(1), id(9), away, after(now, 200));
        table.settle(after(now, 101));
        table.part_from(id(9), after(now, 110));
        assert_eq!(table.present(TENANT), [(id(1), Status::Away)]);
        table.settle(after(now, 110));
        assert!(table.tenants.is_empty() && table.nodes.is_empty());
    }

    #[derive(Debug, Clone)]
    enum Step {
        Arrive(u8, u8, bool),
        Leave(u8, u8),
        Look(u8, u8, usize, bool),
        Beat(u8),
        Settle(u64, bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..3_u8, 0..3_u8, any::<bool>()).prop_map(|(who, by, up)| Step::Arrive(who, by, up)),
            (0..3_u8, 0..3_u8).prop_map(|(who, by)| Step::Leave(who, by)),
            (0..3_u8, 0..3_u8, 0..3_usize, any::<bool>())
                .prop_map(|(who, by, room, seen)| Step::Look(who, by, room, seen)),
            (0..3_u8).prop_map(Step::Beat),
            (0..8_u64, any::<bool>())
                .prop_map(|(seconds, is_whole)| Step::Settle(seconds, is_whole)),
        ]
    }

    proptest! {
        /// Whatever happens at a node, one that is told of its changes alone knows the same, and so does whoever heard
        /// what was told to sockets.
        #[test]
        fn what_is_told_is_all_that_there_is(steps in prop::collection::vec(step(), 1..60)) {
            let (mut here, mut there) = (Table::default(), Table::default());
            let mut now = Instant::now();
            let far = after(now, 1_000_000);
            let (mut statuses, mut rooms) = (HashMap::new(), HashMap::new());
            for step in steps.into_iter().chain([Step::Settle(400, false)]) {
                match step {
                    Step::Arrive(one, by, is_online) => {
                        let status = if is_online { Status::Online } else { Status::Away };
                        here.arrive(who(one), By::Socket(id(by)), status, None);
                    }
                    Step::Leave(one, by) => here.leave(who(one), By::Socket(id(by)), after(now, 5)),
                    Step::Look(one, by, room, is_seen) => {
                        here.look(who(one), By::Socket(id(by)), (ROOMS[room], is_seen));
                    }
                    Step::Beat(one) => {
                        here.arrive(who(one), By::Heartbeat, Status::Online, Some(after(now, 300)));
                    }
                    Step::Settle(seconds, is_whole) => {
                        now = after(now, seconds);
                        let settled = if is_whole { here.settle_whole(now) } else { here.settle(now) };
                        for (one, state) in settled.own {
                            there.hear(one, id(99), state, far);
                        }
                        there.settle(now);
                        statuses.extend(settled.statuses.into_values().flatten());
                        rooms.extend(settled.viewers.into_iter().map(|(_, room, all)| (room, all)));
                        prop_assert_eq!(here.present(TENANT), there.present(TENANT));
                        for room in ROOMS {
                            let seen = here.viewers(TENANT, room);
                            prop_assert_eq!(&seen, &there.viewers(TENANT, room));
                            prop_assert_eq!(seen, rooms.get(room).cloned().unwrap_or_default());
                        }
                        let mut told: Vec<_> = statuses.iter().map(|(id, one)| (*id, *one)).collect();
                        told.retain(|(_, status)| *status != Status::Offline);
                        told.sort_unstable();
                        prop_assert_eq!(here.present(TENANT), told);
                        let mut people = here.everybody();
                        prop_assert!(people.all(|(_, person)| !person.seats.is_empty()), "somebody without a seat");
                    }
                }
            }
        }
    }
}
