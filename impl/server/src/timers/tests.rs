use super::*;
use tokio::time::{advance, sleep_until};

const TICK: Duration = Duration::from_millis(2000);

async fn next(timers: &mut Timers) -> Due {
    loop {
        if let Some(due) = timers.take_due() {
            return due;
        }
        sleep_until(timers.next().expect("something is armed")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_is_pinged_twice_a_tick_and_limited_once() {
    let mut timers = Timers::new(TICK, TICK * 2);
    timers.enter_role();
    let mut counts = [0; KINDS];
    let end = Instant::now() + TICK * 4;
    while timers.next().expect("something is armed") <= end {
        counts[next(&mut timers).await as usize] += 1;
    }
    assert_eq!(counts[Due::Ping as usize], 8);
    assert_eq!(counts[Due::Tick as usize], 4);
    assert_eq!(counts[Due::Limit as usize], 1);
    timers.leave_role();
    assert_eq!(next(&mut timers).await, Due::Service);
}

#[tokio::test(start_paused = true)]
async fn waits_for_notifications_double_up_to_a_minute() {
    let mut timers = Timers::new(Duration::from_secs(100_000), TICK);
    timers.enter_election();
    let mut waits = Vec::new();
    for _ in 0..11 {
        let before = Instant::now();
        timers.arm_election(ElectionTimer::Resend);
        assert_eq!(next(&mut timers).await, Due::Resend);
        waits.push(before.elapsed().as_millis());
    }
    assert_eq!(waits[..3], [200, 400, 800]);
    assert_eq!(waits[9..], [60_000, 60_000]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_suspended_ticks_once_not_a_hundred_times() {
    let mut timers = Timers::new(TICK, TICK);
    timers.enter_role();
    advance(TICK * 100).await;
    let mut ticks = 0;
    while let Some(due) = timers.take_due() {
        ticks += u32::from(due == Due::Tick);
    }
    assert_eq!(ticks, 1);
}

#[tokio::test(start_paused = true)]
async fn reads_are_due_when_no_leader_was_found_in_a_tick_or_two_seconds() {
    for (tick_ms, due_ms) in [(1000, 2000), (3000, 3000)] {
        let mut timers = Timers::new(Duration::from_millis(tick_ms), TICK);
        let began = Instant::now();
        timers.enter_election();
        timers.await_reads();
        while next(&mut timers).await != Due::Reads {}
        assert_eq!(began.elapsed().as_millis(), due_ms);
        timers.await_reads();
        timers.enter_role();
        let end = Instant::now() + TICK * 9;
        while timers.next().expect("something is armed") <= end {
            assert_ne!(next(&mut timers).await, Due::Reads, "there is a role");
        }
    }
}
