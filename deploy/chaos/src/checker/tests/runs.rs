//! What the fleet did: runs, ticks, and what an operator asked for.

use super::*;

#[test]
fn a_job_that_two_workers_run_at_once_is_seen() {
    let again = |it: &mut Evidence, number: u32, from: i64, until: Option<i64>| {
        let other = RunFact { pid: 8, ..run(&it.jobs[0], number, Uuid::new_v4(), from, until) };
        it.jobs[0].runs = it.jobs[0].runs.max(number);
        it.journal.runs.push(other);
    };
    // The same claim handed out again: 44 of them were not noticed once.
    assert_eq!(after(|it, _| again(it, 1, 0, Some(1))), counts(0, 1, 0, 0, 0));
    assert_eq!(after(|it, _| again(it, 1, 5, Some(6))), counts(0, 1, 0, 0, 0), "also one after the other");
    assert_eq!(after(|it, _| again(it, 2, 0, Some(9))), counts(0, 1, 0, 0, 0));
    assert_eq!(after(|it, _| again(it, 2, 1, Some(9))), counts(0, 0, 0, 0, 0), "the next run after the first is none");
    let never_claimed = |it: &mut Evidence, _: &[Accepted]| {
        again(it, 2, 1, Some(9));
        it.jobs[0].runs = 1;
    };
    assert_eq!(after(never_claimed), counts(0, 1, 0, 0, 0));
}

#[test]
fn a_second_run_is_excused_by_a_death_a_pause_or_a_lost_lease_before_it() {
    // The first run has no end; the second begins at 20.
    let begun_again = |change: &dyn Fn(&mut Evidence)| {
        let accepted = uploads();
        let mut it = clean(&accepted);
        it.journal.runs[0].ended = None;
        it.jobs[0].runs = 2;
        let second = RunFact { pid: 8, ..run(&it.jobs[0], 2, Uuid::new_v4(), 20, Some(21)) };
        it.journal.runs.push(second);
        change(&mut it);
        judge(&it, &accepted).to_string()
    };
    let first = |it: &Evidence| (it.journal.runs[0].job, it.journal.runs[0].run);
    assert_eq!(begun_again(&|_| {}), counts(0, 1, 1, 0, 0), "twice at once, and the first never ended");
    assert_eq!(begun_again(&|it| it.blows.deaths.push((7, at(10)))), counts(0, 0, 0, 0, 0));
    assert_eq!(begun_again(&|it| it.blows.deaths.push((7, at(25)))), counts(0, 1, 0, 0, 0), "it died too late");
    assert_eq!(begun_again(&|it| it.blows.deaths.push((9, at(10)))), counts(0, 1, 1, 0, 0), "another one died");
    let paused = |pid, from, until| {
        move |it: &mut Evidence| {
            it.journal.runs[0].ended = Some(at(30));
            it.blows.pauses.push((pid, at(from), at(until)));
        }
    };
    assert_eq!(begun_again(&paused(7, 2, 14)), counts(0, 0, 0, 0, 0));
    assert_eq!(begun_again(&paused(8, 2, 14)), counts(0, 1, 0, 0, 0), "another one was paused");
    assert_eq!(begun_again(&paused(7, 25, 28)), counts(0, 1, 0, 0, 0), "it was paused later");
    let taken = |outcome: &'static str, noticed: i64, dead: bool| {
        move |it: &mut Evidence| {
            it.journal.runs[0].ended = Some(at(30));
            let attempt = AttemptFact { outcome: outcome.into(), finished: at(noticed) };
            it.attempts.insert(first(it), attempt);
            if dead {
                it.dead_workers.insert(it.journal.runs[0].worker);
            }
        }
    };
    assert_eq!(begun_again(&taken("lost", 15, true)), counts(0, 0, 0, 0, 0));
    assert_eq!(begun_again(&taken("lost", 15, false)), counts(0, 1, 0, 0, 0), "its worker kept its lease");
    assert_eq!(begun_again(&taken("lost", 25, true)), counts(0, 1, 0, 0, 0), "it was given out before");
    assert_eq!(begun_again(&taken("retry", 15, true)), counts(0, 1, 0, 0, 0));
}

#[test]
fn claims_without_a_begin_and_ends_without_one_are_seen() {
    assert_eq!(after(|it, _| drop(it.journal.runs.remove(0))), counts(1, 0, 0, 0, 0));
    let attempted = |outcome: &'static str| {
        after(move |it, _| {
            let missing = it.journal.runs.remove(0);
            it.jobs[0].runs = 2;
            it.journal.runs.push(run(&it.jobs[0], 2, Uuid::new_v4(), 20, Some(21)));
            it.attempts.insert((missing.job, 1), AttemptFact { outcome: outcome.into(), finished: at(9) });
        })
    };
    assert_eq!(attempted("retry"), counts(1, 0, 0, 0, 0));
    assert_eq!(attempted("lost"), counts(0, 0, 0, 0, 0), "its process died before it began");
    assert_eq!(after(|it, _| it.journal.ends_of_nothing.push("run 1".into())), counts(0, 1, 0, 0, 0));
    assert_eq!(after(|it, _| it.journal.torn = 1), counts(1, 0, 0, 0, 0));
    let killed = |it: &mut Evidence, _: &[Accepted]| {
        it.journal.torn = 1;
        it.blows.deaths.push((99, at(0)));
    };
    assert_eq!(after(killed), counts(0, 0, 0, 0, 0), "one line for each death");
    let unknown = |it: &mut Evidence, _: &[Accepted]| it.journal.runs[0].job = Uuid::new_v4();
    assert_eq!(after(unknown), counts(2, 0, 0, 0, 0), "a run of nothing, and a claim without one");
}

#[test]
fn ticks_that_are_missing_and_jobs_without_one_are_seen() {
    assert_eq!(after(|it, _| drop(it.ticks.remove(4))), counts(1, 0, 0, 0, 0));
    // Job and all: nothing but the gap of two seconds is left of it.
    let without_job = |it: &mut Evidence, _: &[Accepted]| {
        let job = it.ticks[4].job;
        it.ticks.drain(4..6);
        it.jobs.retain(|known| Some(known.id) != job);
        it.journal.runs.retain(|run| Some(run.job) != job);
    };
    assert_eq!(after(without_job), counts(1, 0, 0, 0, 0));
    assert_eq!(after(|it, _| it.ticks[4].job = None), counts(1, 0, 0, 0, 0));
    assert_eq!(after(|it, _| it.ticks[4].job = Some(Uuid::new_v4())), counts(1, 0, 0, 0, 0));
    assert_eq!(after(|it, _| it.ticks[4].job = it.jobs.first().map(|job| job.id)), counts(1, 0, 0, 0, 0));
    let extra = |it: &mut Evidence, _: &[Accepted]| {
        let job = JobFact { id: Uuid::new_v4(), ..job(it, "tick").clone() };
        it.journal.runs.push(run(&job, 1, Uuid::new_v4(), 0, Some(1)));
        it.jobs.push(job);
    };
    assert_eq!(after(extra), counts(0, 1, 0, 0, 0));
    assert_eq!(after(|it, _| it.ticks[4].decided = at(60)), counts(1, 0, 0, 0, 0), "its job ran before it was decided");
}

#[test]
fn missed_and_skipped_ticks_need_their_reason() {
    let missed = |it: &mut Evidence, from: usize, until: usize| {
        for tick in &mut it.ticks[from..until] {
            (tick.outcome, tick.job, tick.decided) = ("missed".into(), None, at(until as i64));
        }
    };
    assert_eq!(after(|it, _| missed(it, 2, 6)), counts(0, 2, 0, 0, 0), "their jobs are nobody's");
    let alone = |it: &mut Evidence, _: &[Accepted]| it.ticks[9].outcome = "missed".into();
    assert_eq!(after(alone), counts(1, 0, 0, 0, 0), "none stands for it");
    let otherwise = |it: &mut Evidence, _: &[Accepted]| {
        it.ticks[5].outcome = "missed".into();
        it.ticks[5].decided = at(5);
    };
    assert_eq!(after(otherwise), counts(1, 0, 0, 0, 0), "the next one was decided at another time");
    let pause = |from, until| SchedulePause {
        name: "tick".into(),
        from: Moment { first: at(from), asked: at(from), answered: at(from) },
        until: Some(Moment { first: at(until), asked: at(until), answered: at(until) }),
    };
    let skipped = |it: &mut Evidence| it.ticks[5].outcome = "skipped".into();
    assert_eq!(after(|it, _| skipped(it)), counts(1, 0, 0, 0, 0));
    let paused = |it: &mut Evidence, _: &[Accepted]| {
        skipped(it);
        it.steering.schedule_pauses.push(pause(5, 6));
    };
    assert_eq!(after(paused), counts(0, 0, 0, 0, 0));
    assert_eq!(after(|it, _| it.steering.schedule_pauses.push(pause(4, 6))), counts(0, 1, 0, 0, 0), "fired in a pause");
}

#[test]
fn what_an_operator_asked_for_and_did_not_get_is_seen() {
    let moment = |second| Moment { first: at(second), asked: at(second), answered: at(second) };
    let asked = |second: i64, cancelled: Option<i64>| {
        after(move |it, _| {
            let job = job(it, "tick").id;
            it.steering.runs.push((job, moment(second)));
            it.steering.cancels.extend(cancelled.map(|second| (job, moment(second))));
        })
    };
    assert_eq!(asked(2, None), counts(0, 0, 0, 0, 0), "it ran at 2");
    assert_eq!(asked(3, None), counts(1, 0, 0, 0, 0), "it never ran again");
    assert_eq!(asked(3, Some(4)), counts(0, 0, 0, 0, 0), "somebody cancelled it afterwards");
    assert_eq!(asked(3, Some(2)), counts(1, 0, 0, 0, 0), "the cancel was before");
    let cancelled = |it: &mut Evidence, _: &[Accepted]| job(it, "scan_content").state = "cancelled".into();
    assert_eq!(after(cancelled), counts(1, 0, 0, 0, 0), "nobody asked for that");
    let wanted = |it: &mut Evidence, state: &str| {
        let job = job(it, "scan_content");
        job.state = state.into();
        let id = job.id;
        it.steering.cancels.push((id, moment(0)));
    };
    assert_eq!(after(|it, _| wanted(it, "cancelled")), counts(0, 0, 0, 0, 0));
    assert_eq!(after(|it, _| wanted(it, "quarantined")), counts(1, 0, 0, 1, 0));
    for leave in [
        |it: &mut Evidence, _: &[Accepted]| it.controls.paused.push("queue media".into()),
        |it: &mut Evidence, _: &[Accepted]| it.controls.blocked.push(("scan_content".into(), 2)),
        |it: &mut Evidence, _: &[Accepted]| it.controls.tenants.push(("scan_content".into(), 1)),
        |it: &mut Evidence, _: &[Accepted]| it.controls.limits.push(("scan_content".into(), 0)),
        |it: &mut Evidence, _: &[Accepted]| it.controls.flows.push("flow 1".into()),
        |it: &mut Evidence, _: &[Accepted]| it.controls.open_cancels = 1,
        |it: &mut Evidence, _: &[Accepted]| it.steering.bulks.push(Uuid::new_v4()),
    ] {
        assert_eq!(after(leave), counts(0, 0, 1, 0, 0));
    }
    let limited = |it: &mut Evidence, running: i64| {
        it.steering.limited.push("send_email".into());
        it.controls.limits.push(("send_email".into(), running));
    };
    assert_eq!(after(|it, _| limited(it, 0)), counts(0, 0, 0, 0, 0));
    assert_eq!(after(|it, _| limited(it, 1)), counts(0, 0, 1, 0, 0));
    assert_eq!(after(|it, _| it.steering.limited.push("send_email".into())), counts(1, 0, 0, 0, 0));
}
