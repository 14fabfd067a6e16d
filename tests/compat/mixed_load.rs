//! Servers of both kinds in one ensemble, under constant load, while each kind of leader dies: is
//! anything acknowledged missing, and do all servers compute the same tree?

use quorate_tests::load::{Load, Written};
use quorate_tests::{Ensemble, Kind, LONG, Member, Writers, wait_until};

use crate::common::{agree, builder, one_of_apaches, one_of_ours, plant, stop_and_audit};

/// Enough for several recorded digests after the last restart: one each 128 transactions.
const WRITES: u64 = 300;

/// So many acknowledged writes are progress of a client that we did not write.
const PROGRESS: u64 = 20;

/// Clients that we did not write: kazoo at every server, and Apache's at the servers of each kind.
struct Loads {
    kazoo: Load,
    java: Vec<(Kind, Load)>,
}

impl Loads {
    fn start(ensemble: &Ensemble) -> Loads {
        let of = |kind: Option<Kind>| {
            let members = ensemble.members().iter();
            members
                .filter(move |member| kind.is_none_or(|kind| member.kind() == kind))
                .map(Member::client_address)
        };
        let present = |kind: &Kind| of(Some(*kind)).next().is_some();
        let java = [Kind::Apache, Kind::Quorate].into_iter().filter(present);
        let java = java.map(|kind| {
            let root = format!("/java-at-{kind:?}");
            (kind, Load::java(ensemble.dir(), of(Some(kind)), &root))
        });
        let java = java.collect();
        Loads {
            kazoo: Load::kazoo(ensemble.dir(), of(None), "/kazoo"),
            java,
        }
    }

    /// Waits for progress of each that has a server left.
    #[track_caller]
    fn wait_more(&self, ensemble: &Ensemble) {
        self.kazoo.wait_more(PROGRESS);
        for (kind, load) in &self.java {
            let runs = |member: &Member| member.kind() == *kind && member.is_running();
            if ensemble.members().iter().any(runs) {
                load.wait_more(PROGRESS);
            }
        }
    }

    fn finish(self) -> Vec<Written> {
        let java = self.java.into_iter().map(|(_, load)| load);
        [self.kazoo].into_iter().chain(java).map(Load::finish).collect()
    }
}

fn leaders_die_under_load(name: &str, kinds: [Kind; 3]) {
    let mut ensemble = builder(name, kinds).start_led_by(3);
    let writers = Writers::start(
        ensemble
            .members()
            .iter()
            .map(|member| (member.id(), member.client_address())),
    );
    let loads = Loads::start(&ensemble);
    writers.wait_more(&[1, 2, 3], WRITES);
    for id in [1, 2, 3] {
        plant(&ensemble, id, &format!("/varied-{id}"));
    }

    // The first to die leads by the order of starting. Its successor is one of the other two, which are of the
    // other kind, and still leads when the first is back.
    for (turn, kind) in [(1, kinds[2]), (2, kinds[0])] {
        writers.wait_more(&[1, 2, 3], WRITES);
        loads.wait_more(&ensemble);
        let leader = ensemble.wait_all_serve();
        assert_eq!(
            ensemble.at(leader).kind(),
            kind,
            "turn {turn}: server {leader} leads"
        );
        ensemble.member(leader).kill();
        ensemble.wait_leader(&[leader]);
        writers.wait_more(&ensemble.others(&[leader]), WRITES);
        loads.wait_more(&ensemble);
        ensemble.member(leader).start();
        ensemble.wait_all_serve();
        for id in [1, 2, 3] {
            plant(&ensemble, id, &format!("/varied-{id}-turn-{turn}"));
        }
        writers.wait_more(&[1, 2, 3], WRITES);
        loads.wait_more(&ensemble);
    }

    let ledger = writers.finish();
    let written = loads.finish();
    for member in ensemble.members() {
        let mut client = member.client();
        ledger.check(&mut client);
        for written in &written {
            written.check(&mut client);
        }
    }
    wait_until(LONG, "every server serves", || ensemble.leader());
    agree(&ensemble);
    stop_and_audit(ensemble);
}

#[test]
fn one_of_our_servers_leads_two_of_apaches_dies_and_returns_and_nothing_is_lost() {
    leaders_die_under_load("ours-first", one_of_ours());
}

#[test]
fn one_of_apaches_servers_leads_two_of_ours_dies_and_returns_and_nothing_is_lost() {
    leaders_die_under_load("apaches-first", one_of_apaches());
}
