//! The queue: jobs belong to their transaction, run once, are tried again, given up, and wait for nobody's crowd.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kith_kernel::{Actor, Id, Role, invalid, unavailable};
use kith_platform::{
    Ctx,
    events::{self, Event},
    jobs::{self, Failure, Job, Registry, Retry, State, Worker, enqueue, enqueue_at, find},
};
use kith_store::{Insert, Migration, Select, Step, Table, Update, integer};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::{
    database::{Kind, on_both},
    house::{House, until},
};

on_both!(
    a_job_belongs_to_its_transaction,
    a_job_runs_on_behalf_of_who_asked,
    workers_that_compete_run_each_job_once,
    a_job_is_tried_again_after_a_pause,
    a_job_is_given_up,
    what_the_end_of_a_job_means_is_noted_with_it,
    a_panic_is_a_failure,
    a_crowd_of_one_tenant_makes_nobody_wait,
    long_jobs_of_one_tenant_leave_a_place,
    a_lease_that_ended_is_claimed_again,
    what_the_dead_held_is_released,
    a_node_that_stops_gives_back_what_it_holds,
    a_job_that_stops_by_itself_counts_no_attempt,
    effects_and_the_end_of_a_job_are_one_write,
    a_job_that_nobody_knows_waits,
    done_jobs_go_after_a_week,
    a_timer_wakes_the_worker,
    what_runs_is_waited_for,
);

#[derive(Serialize, Deserialize)]
struct Note {
    number: usize,
}

impl Job for Note {
    const NAME: &'static str = "test.note";
    const RETRY: Retry = Retry { attempts: 3, first_pause_seconds: 10, longest_pause_seconds: 60 };
}

/// Which notes were done, in order, with the context they ran in.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<(Actor, usize)>>>);

impl Notes {
    fn registry(&self) -> Registry {
        let notes = self.clone();
        Registry::new().on(move |job: Note, ctx| {
            let notes = notes.clone();
            async move {
                notes.0.lock().unwrap().push((ctx.actor.clone(), job.number));
                Ok(())
            }
        })
    }

    fn numbers(&self) -> Vec<usize> {
        self.0.lock().unwrap().iter().map(|(_, number)| *number).collect()
    }
}

async fn put(ctx: &Ctx, number: usize) -> Id {
    ctx.write(async |db| enqueue(ctx, db, &Note { number })).await.unwrap()
}

async fn state(ctx: &Ctx, job: Id) -> jobs::Stored {
    ctx.read(async |db| find(db, job).await).await.unwrap().unwrap()
}

fn failing(error: fn() -> Failure) -> Registry {
    Registry::new().on(move |_: Note, _| async move { Err(error()) })
}

async fn a_job_belongs_to_its_transaction(kind: Kind) {
    let house = House::fresh(kind).await;
    let ctx = house.tenant();
    let notes = Notes::default();
    let worker = Worker::new(house.app.clone(), notes.registry());
    let refused = ctx
        .write(async |db| {
            enqueue(&ctx, db, &Note { number: 1 })?;
            Err::<(), _>(invalid("name", "is wrong"))
        })
        .await;
    assert!(refused.is_err());
    assert_eq!(worker.run_due().await.unwrap(), 0);
    put(&ctx, 2).await;
    assert_eq!(worker.run_due().await.unwrap(), 1);
    assert_eq!(notes.numbers(), [2]);
    assert_eq!(worker.run_due().await.unwrap(), 0, "it is done");
}

async fn a_job_runs_on_behalf_of_who_asked(kind: Kind) {
    let house = House::fixed(kind).await;
    let new = || house.app.ids.next();
    let (member, user, request) = (new(), new(), new());
    let actor = Actor {
        member: Some(member),
        user: Some(user),
        request: Some(request),
        role: Role::Viewer,
        ..Actor::system(new())
    };
    let ctx = house.app.on_behalf_of(actor);
    let notes = Notes::default();
    let worker = Worker::new(house.app.clone(), notes.registry());
    let job = put(&ctx, 1).await;
    worker.run_due().await.unwrap();
    let ran = notes.0.lock().unwrap()[0].0.clone();
    assert_eq!(ran.tenant, ctx.actor.tenant);
    assert_eq!((ran.member, ran.user, ran.request), (Some(member), Some(user), Some(request)));
    let stored = state(&ctx, job).await;
    assert_eq!((stored.state, stored.attempts), (State::Done, 1));
    assert_eq!(stored.finished_at, Some(ctx.now()));
    let stranger = house.tenant();
    assert!(stranger.read(async |db| find(db, job).await).await.unwrap().is_none());
}

async fn workers_that_compete_run_each_job_once(kind: Kind) {
    let house = House::fresh(kind).await;
    let tenants = [house.tenant(), house.tenant(), house.tenant()];
    for number in 0..60 {
        put(&tenants[number % 3], number).await;
    }
    let apps = [house.app.clone(), house.another_node(), house.another_node()];
    let (all, gate) = (Notes::default(), Arc::new(Semaphore::new(0)));
    let begun: Vec<Arc<AtomicUsize>> = apps.iter().map(|_| Arc::default()).collect();
    for (app, begun) in apps.iter().zip(&begun) {
        let (notes, gate, begun) = (all.clone(), Arc::clone(&gate), Arc::clone(begun));
        let registry = Registry::new().on(move |job: Note, ctx| {
            begun.fetch_add(1, Ordering::SeqCst);
            let (notes, gate) = (notes.clone(), Arc::clone(&gate));
            async move {
                drop(gate.acquire().await);
                notes.0.lock().unwrap().push((ctx.actor.clone(), job.number));
                Ok(())
            }
        });
        Worker::new(app.clone(), registry).start();
    }
    let busy = async || begun.iter().all(|begun| begun.load(Ordering::SeqCst) > 0);
    until("each node has begun something", busy).await;
    gate.add_permits(60);
    until("all jobs are settled", async || house.wakeups().await == 0).await;
    let mut numbers = all.numbers();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..60).collect::<Vec<_>>());
    for app in &apps {
        assert!(app.tasks.stop(Duration::from_secs(10)).await);
    }
}

async fn a_job_is_tried_again_after_a_pause(kind: Kind) {
    let house = House::fixed(kind).await;
    let ctx = house.tenant();
    let worker = Worker::new(
        house.app.clone(),
        failing(|| Failure::Retry(unavailable("The far side is away."))),
    );
    let job = put(&ctx, 1).await;
    assert_eq!(worker.run_due().await.unwrap(), 1);
    let first = state(&ctx, job).await;
    assert_eq!((first.state, first.attempts), (State::Queued, 1));
    assert_eq!(first.error.as_deref(), Some("The far side is away."));
    assert!(first.due > ctx.now().plus_seconds(7) && first.due <= ctx.now().plus_seconds(10));
    house.app.clock.advance_seconds(5);
    assert_eq!(worker.run_due().await.unwrap(), 0, "it is not due yet");
    house.app.clock.advance_seconds(5);
    assert_eq!(worker.run_due().await.unwrap(), 1);
    house.app.clock.advance_seconds(14);
    assert_eq!(worker.run_due().await.unwrap(), 0, "the second pause is twice as long");
    house.app.clock.advance_seconds(6);
    assert_eq!(worker.run_due().await.unwrap(), 1);
    let last = state(&ctx, job).await;
    assert_eq!((last.state, last.attempts), (State::Failed, 3));
    house.app.clock.advance_seconds(600);
    assert_eq!(worker.run_due().await.unwrap(), 0);
}

async fn a_job_is_given_up(kind: Kind) {
    let house = House::fixed(kind).await;
    let ctx = house.tenant();
    let refusing = failing(|| Failure::from(invalid("to", "is no address")));
    let worker = Worker::new(house.app.clone(), refusing);
    let job = put(&ctx, 1).await;
    assert_eq!(worker.run_due().await.unwrap(), 1);
    let stored = state(&ctx, job).await;
    assert_eq!((stored.state, stored.attempts), (State::Failed, 1));
    assert_eq!(stored.error.as_deref(), Some("to is no address"));
    let event = Select::from("events").whose("name", "job.failed").whose("record_id", job);
    assert_eq!(ctx.read(async |db| db.count(event).await).await.unwrap(), 1);
    assert_eq!(house.wakeups().await, 0);
}

async fn what_the_end_of_a_job_means_is_noted_with_it(kind: Kind) {
    let house = House::fixed(kind).await;
    let ctx = house.tenant();
    let registry = failing(|| Failure::Retry(unavailable("not now"))).when_given_up::<Note>(
        |note, ctx, db, error| {
            Box::pin(async move {
                let name = format!("note.{}.{error}", note.number);
                let event =
                    Event { name, object: "note", record: None, changes: None, batch: None };
                events::append(ctx, db, event).map(drop)
            })
        },
    );
    let worker = Worker::new(house.app.clone(), registry);
    put(&ctx, 7).await;
    let noted = async || {
        let select = Select::from("events").whose("name", "note.7.not now");
        ctx.read(async |db| db.count(select).await).await.unwrap()
    };
    for expected in [0, 0, 1, 1] {
        worker.run_due().await.unwrap();
        assert_eq!(noted().await, expected);
        house.app.clock.advance_seconds(600);
    }
}

async fn a_panic_is_a_failure(kind: Kind) {
    let house = House::fixed(kind).await;
    let ctx = house.tenant();
    let registry = Registry::new().on(|job: Note, _| async move {
        assert!(job.number > 1, "number {} is too small", job.number);
        Ok(())
    });
    let worker = Worker::new(house.app.clone(), registry);
    let job = put(&ctx, 1).await;
    assert_eq!(worker.run_due().await.unwrap(), 1);
    let stored = state(&ctx, job).await;
    assert_eq!(stored.state, State::Queued);
    assert_eq!(stored.error.as_deref(), Some("it panicked: number 1 is too small"));
}

async fn a_crowd_of_one_tenant_makes_nobody_wait(kind: Kind) {
    let house = House::fresh(kind).await;
    let (crowd, quiet) = (house.tenant(), house.tenant());
    let put_all = async |db: &kith_store::Write| {
        (0..300).try_for_each(|number| enqueue(&crowd, db, &Note { number }).map(drop))
    };
    crowd.write(put_all).await.unwrap();
    put(&quiet, 1000).await;
    let notes = Notes::default();
    Worker::new(house.app.clone(), notes.registry()).start();
    until("the quiet tenant's job ran", async || notes.numbers().contains(&1000)).await;
    let place = notes.numbers().iter().position(|number| *number == 1000).unwrap();
    assert!(place < 20, "{place} jobs of the crowd ran before it");
    house.stop().await;
}

async fn long_jobs_of_one_tenant_leave_a_place(kind: Kind) {
    let house = House::fresh(kind).await;
    let (slow, quick) = (house.tenant(), house.tenant());
    let (gate, done) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (waits, counts) = (Arc::clone(&gate), Arc::clone(&done));
    let registry = Registry::new().on(move |job: Note, _| {
        let (gate, done) = (Arc::clone(&waits), Arc::clone(&counts));
        async move {
            if job.number == 0 {
                gate.acquire().await.unwrap().forget();
            }
            done.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    });
    for _ in 0..10 {
        put(&slow, 0).await;
    }
    let worker = Worker::new(house.app.clone(), registry);
    worker.start();
    until("three of them run", async || house.running(&slow).await == 3).await;
    put(&quick, 1).await;
    until("the quick job ran", async || done.load(Ordering::SeqCst) == 1).await;
    gate.add_permits(10);
    until("the rest ran", async || done.load(Ordering::SeqCst) == 11).await;
    house.stop().await;
}

/// Jobs that hang, and a place that is free for each one that was begun.
fn hanging() -> (Registry, Arc<Semaphore>) {
    let began = Arc::new(Semaphore::new(0));
    let begins = Arc::clone(&began);
    let registry = Registry::new().on(move |_: Note, _| {
        begins.add_permits(1);
        std::future::pending()
    });
    (registry, began)
}

/// A node that begins a job and dies in the middle of it.
async fn die_at_work(house: &House) {
    let (registry, began) = hanging();
    let dead = house.another_node();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    {
        let _inside = runtime.enter();
        Worker::new(dead, registry).start();
    }
    began.acquire().await.unwrap().forget();
    runtime.shutdown_background();
}

async fn what_the_dead_held_is_released(kind: Kind) {
    let house = House::fixed(kind).await;
    let ctx = house.tenant();
    let job = put(&ctx, 7).await;
    die_at_work(&house).await;
    let notes = Notes::default();
    let worker = Worker::new(house.app.clone(), notes.registry());
    assert_eq!(worker.run_due().await.unwrap(), 0, "the lease still holds");
    assert_eq!(jobs::release_all(&house.app).await.unwrap(), 1);
    assert_eq!(worker.run_due().await.unwrap(), 1);
    assert_eq!((state(&ctx, job).await.attempts, notes.numbers()), (2, vec![7]));
    assert_eq!(jobs::release_all(&house.app).await.unwrap(), 0);
}

async fn a_node_that_stops_gives_back_what_it_holds(kind: Kind) {
    let house = House::fixed(kind).await;
    let ctx = house.tenant();
    let job = put(&ctx, 7).await;
    let (registry, began) = hanging();
    let node = house.another_node();
    Worker::new(node.clone(), registry).start();
    began.acquire().await.unwrap().forget();
    assert!(!node.tasks.stop(Duration::from_millis(1)).await, "it did not end by itself");
    let given_back = state(&ctx, job).await;
    assert_eq!((given_back.state, given_back.attempts), (State::Queued, 0));
    let notes = Notes::default();
    assert_eq!(Worker::new(house.app.clone(), notes.registry()).run_due().await.unwrap(), 1);
    assert_eq!((state(&ctx, job).await.attempts, notes.numbers()), (1, vec![7]));
}

async fn a_job_that_stops_by_itself_counts_no_attempt(kind: Kind) {
    let house = House::fixed(kind).await;
    let ctx = house.tenant();
    let job = put(&ctx, 7).await;
    let began = Arc::new(Semaphore::new(0));
    let begins = Arc::clone(&began);
    let registry = Registry::new().on(move |_: Note, ctx: jobs::Attempt| {
        begins.add_permits(1);
        async move {
            ctx.app.tasks.stopping().await;
            Err(Failure::Stopped(unavailable("The server stops.")))
        }
    });
    let node = house.another_node();
    Worker::new(node.clone(), registry).start();
    began.acquire().await.unwrap().forget();
    assert!(node.tasks.stop(Duration::from_secs(10)).await);
    let stopped = state(&ctx, job).await;
    assert_eq!((stopped.state, stopped.attempts), (State::Queued, 0));
    assert_eq!(stopped.due, ctx.now());
}

async fn a_lease_that_ended_is_claimed_again(kind: Kind) {
    let house = House::fixed(kind).await;
    let ctx = house.tenant();
    let job = put(&ctx, 7).await;
    die_at_work(&house).await;
    let notes = Notes::default();
    let worker = Worker::new(house.app.clone(), notes.registry());
    house.app.clock.advance_seconds(59);
    assert_eq!(worker.run_due().await.unwrap(), 0, "the lease still holds");
    house.app.clock.advance_seconds(1);
    assert_eq!(worker.run_due().await.unwrap(), 1);
    let stored = state(&ctx, job).await;
    assert_eq!((stored.state, stored.attempts, notes.numbers()), (State::Done, 2, vec![7]));
}

async fn effects_and_the_end_of_a_job_are_one_write(kind: Kind) {
    let house = House::fixed(kind).await;
    let tally = Table::of_tenant("tally", vec![integer("count").required()]);
    let mut migrations = kith_platform::migrations();
    migrations.push(Migration { name: "2026-12-01-tally", steps: vec![Step::Create(tally)] });
    house.app.db.migrate(&migrations).await.unwrap();
    let ctx = house.tenant();
    let cells = vec![("id", Id::NIL.into()), ("count", 0_i64.into())];
    ctx.write(async |db| db.insert(Insert::row("tally", cells)).await).await.unwrap();
    let registry = Registry::new().on(async |_: Note, ctx: jobs::Attempt| {
        let count = async |db: &kith_store::Write| {
            db.update(Update::table("tally").plus("count", 1).whose("id", Id::NIL)).await?;
            jobs::finish(&ctx, db).await
        };
        ctx.write(count).await?;
        // A second effect of the same attempt finds the job done, and is taken back whole.
        assert_eq!(ctx.write(count).await.unwrap_err().code(), "lease_lost");
        Err(Failure::Retry(unavailable("The answer was lost.")))
    });
    let worker = Worker::new(house.app.clone(), registry);
    let job = put(&ctx, 1).await;
    worker.run_due().await.unwrap();
    house.app.clock.advance_seconds(600);
    assert_eq!(worker.run_due().await.unwrap(), 0);
    assert_eq!(state(&ctx, job).await.state, State::Done);
    let once = Select::from("tally").whose("count", 1_i64);
    assert_eq!(ctx.read(async |db| db.count(once).await).await.unwrap(), 1);
}

async fn a_job_that_nobody_knows_waits(kind: Kind) {
    let house = House::fixed(kind).await;
    let ctx = house.tenant();
    let job = put(&ctx, 3).await;
    let stranger = Worker::new(house.app.clone(), Registry::new());
    assert_eq!(stranger.run_due().await.unwrap(), 1);
    assert_eq!(state(&ctx, job).await.attempts, 0);
    house.app.clock.advance_seconds(300);
    let notes = Notes::default();
    Worker::new(house.app.clone(), notes.registry()).run_due().await.unwrap();
    assert_eq!(notes.numbers(), [3]);
}

async fn done_jobs_go_after_a_week(kind: Kind) {
    const DAY: i64 = 86_400;
    let house = House::fixed(kind).await;
    let ctx = house.tenant();
    let worker = Worker::new(house.app.clone(), Notes::default().registry());
    let put_all = async |db: &kith_store::Write| {
        (0..450).try_for_each(|number| enqueue(&ctx, db, &Note { number }).map(drop))
    };
    ctx.write(put_all).await.unwrap();
    worker.run_due().await.unwrap();
    house.app.clock.advance_seconds(DAY);
    let young = put(&ctx, 1).await;
    worker.run_due().await.unwrap();
    let refusing = failing(|| Failure::GiveUp(invalid("to", "is no address")));
    let failed = put(&ctx, 2).await;
    Worker::new(house.app.clone(), refusing).run_due().await.unwrap();
    let count = async || ctx.read(async |db| db.count(Select::from("jobs")).await).await.unwrap();
    house.app.clock.advance_seconds(6 * DAY - 1);
    worker.sweep().await.unwrap();
    assert_eq!(count().await, 452);
    house.app.clock.advance_seconds(1);
    worker.sweep().await.unwrap();
    assert_eq!(count().await, 2);
    assert_eq!(state(&ctx, young).await.state, State::Done);
    house.app.clock.advance_seconds(DAY);
    worker.sweep().await.unwrap();
    assert_eq!((count().await, state(&ctx, failed).await.state), (1, State::Failed));
}

async fn a_timer_wakes_the_worker(kind: Kind) {
    let house = House::fresh(kind).await;
    let ctx = house.tenant();
    let notes = Notes::default();
    Worker::new(house.app.clone(), notes.registry()).start();
    let due = ctx.now().plus_milliseconds(150);
    ctx.write(async |db| enqueue_at(&ctx, db, &Note { number: 5 }, due)).await.unwrap();
    until("the timer went off", async || notes.numbers() == [5]).await;
    assert!(ctx.now() >= due);
    house.stop().await;
}

async fn what_runs_is_waited_for(kind: Kind) {
    let house = House::fresh(kind).await;
    let ctx = house.tenant();
    let began = Arc::new(Semaphore::new(0));
    let begins = Arc::clone(&began);
    let registry = Registry::new().on(move |_: Note, ctx: jobs::Attempt| {
        begins.add_permits(1);
        async move {
            ctx.app.tasks.stopping().await;
            Ok(())
        }
    });
    let job = put(&ctx, 1).await;
    Worker::new(house.app.clone(), registry).start();
    began.acquire().await.unwrap().forget();
    house.stop().await;
    assert_eq!(state(&ctx, job).await.state, State::Done);
}
