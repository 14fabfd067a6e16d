//! Many who watch one znode are told in slices: nobody else's answer waits for all of them.

use super::*;

impl Host {
    /// So many clients that watch `/a`, and one that does not.
    fn watched_by(count: usize, watch: Request) -> (Host, Vec<Client>, Client) {
        let mut host = Host::standalone();
        let mut writer = host.client();
        host.ask(&mut writer, 1, create("/a", 0));
        let mut watchers: Vec<_> = (0..count).map(|_| host.client()).collect();
        for watcher in &mut watchers {
            host.ask(watcher, 1, watch.clone());
        }
        (host, watchers, writer)
    }

    fn set(&mut self, writer: &Client, xid: i32) {
        self.send(writer, &[(xid, set_data("/a", "new"))]);
        self.run();
    }
}

impl Client {
    /// The xids of what was handed over, without another round.
    fn handed(&mut self) -> Vec<i32> {
        self.unread.extend_from_slice(&self.queue.take().bytes);
        let mut xids = Vec::new();
        while let Some(frame) = take_frame(&mut self.unread, FRAME_MAX).expect("a frame in bounds") {
            xids.push(ReplyHeader::decode(&mut Reader::new(&frame)).unwrap().xid);
        }
        xids
    }
}

#[test]
fn a_round_tells_a_slice_of_the_watchers_and_answers_everybody() {
    let (mut host, mut watchers, mut other) = Host::watched_by(1000, get_data("/a", true));
    host.set(&other, 2);
    let mut told = vec![0; watchers.len()];
    let mut rounds = 0;
    while rounds == 0 || host.service.owes() {
        host.send(&other, &[(100 + rounds, exists("/a", false))]);
        host.flush();
        let answers = if rounds == 0 {
            vec![2, 100]
        } else {
            vec![100 + rounds]
        };
        assert_eq!(other.handed(), answers, "an answer waits for no watcher");
        let before: usize = told.iter().sum();
        for (told, watcher) in told.iter_mut().zip(&mut watchers) {
            let xids = watcher.handed();
            assert!(xids.iter().all(|&xid| xid == -1), "{xids:?}");
            *told += xids.len();
        }
        assert!(told.iter().sum::<usize>() - before <= TOLD_MAX);
        rounds += 1;
    }
    assert!(told.iter().all(|&told| told == 1), "each watcher is told once");
    assert_eq!(rounds as usize, told.len().div_ceil(TOLD_MAX));
    assert_eq!(host.service.owed_bytes, 0);
}

#[test]
fn slices_are_a_millisecond_apart_however_many_rounds_there_are() {
    let (mut host, mut watchers, other) = Host::watched_by(3 * TOLD_MAX, get_data("/a", true));
    host.set(&other, 2);
    let mut told = |host: &mut Host, now_ms| {
        host.service.flush();
        host.service.tell_watchers(now_ms);
        let told = watchers.iter_mut().map(|watcher| watcher.handed().len());
        told.sum::<usize>()
    };
    let slices = [7, 7, 7, 8, 8, 9].map(|now_ms| told(&mut host, now_ms));
    assert_eq!(slices, [TOLD_MAX, 0, 0, TOLD_MAX, 0, TOLD_MAX]);
    assert!(!host.service.owes());
}

#[test]
fn a_watcher_that_asks_is_told_before_it_is_answered_and_not_again() {
    let (mut host, mut watchers, other) = Host::watched_by(3 * TOLD_MAX, get_data("/a", true));
    host.set(&other, 2);
    host.flush();
    let last = watchers.last_mut().expect("there are watchers");
    assert_eq!(last.handed(), Vec::<i32>::new());
    host.send(last, &[(2, get_data("/a", true))]);
    host.flush();
    assert_eq!(last.handed(), [-1, 2]);
    // Another change while some have not heard of the first.
    host.set(&other, 3);
    while host.service.owes() {
        host.flush();
    }
    assert_eq!(last.handed(), [-1]);
    for watcher in &mut watchers[..3 * TOLD_MAX - 1] {
        assert_eq!(
            watcher.handed(),
            [-1],
            "its watch was used up by the first change"
        );
    }
}

#[test]
fn what_watchers_are_owed_is_bounded_and_goes_with_them() {
    let watch = Request::AddWatch {
        path: "/a".into(),
        mode: 0,
    };
    let (mut host, watchers, other) = Host::watched_by(3 * TOLD_MAX, watch);
    let mut xid = 2;
    while host.service.owed_bytes <= OWED_BYTES_MAX {
        host.set(&other, xid);
        xid += 1;
    }
    host.flush();
    assert!(
        host.service.owed_bytes <= OWED_BYTES_MAX,
        "it is handed over, and counts as unread"
    );
    for watcher in &watchers {
        host.gone(watcher);
    }
    host.flush();
    assert_eq!(host.service.owed_bytes, 0);
    while host.service.owes() {
        host.flush();
    }
}
