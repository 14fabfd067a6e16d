//! Who is in the ensemble, and which of them is this server? The lines `server.N`, the file `myid`, and what an ensemble
//! needs besides.

use super::error::Fault;
use super::groups::Groups;
use super::reading::{MS, Reading, TICKS};
use super::server_line::{self, Member};
use super::{Membership, Mode};
use quorate_zab::ServerId;
use std::collections::BTreeMap;
use std::path::Path;

impl Reading<'_> {
    /// `peerType` says again what this server's own line says, and that counts.
    pub(super) fn peer_type(&mut self, member: Option<&Member>) {
        let Some(property) = self.take("peerType") else {
            return;
        };
        let observes = match property.value.to_ascii_lowercase().as_str() {
            "participant" => false,
            "observer" => true,
            _ => return self.fault(&property, "must be participant or observer"),
        };
        if member.is_some_and(|member| member.observes != observes) {
            self.warn(
                &property,
                "is not what this server's own server.N line says: the line counts",
            );
        }
    }

    pub(super) fn members(&mut self) -> BTreeMap<ServerId, Member> {
        let lines: Vec<_> = self
            .left
            .keys()
            .filter(|key| key.starts_with("server."))
            .cloned()
            .collect();
        let mut members = BTreeMap::new();
        for line in lines {
            let property = self.take(&line).expect("the key was listed");
            let number = line["server.".len()..]
                .parse()
                .ok()
                .filter(|&number: &u64| number <= i64::MAX as u64);
            match (number, server_line::parse(&property.value)) {
                (None, _) => self.fault(&property, "the key must be server.N, with N the server's myid"),
                (_, Err(what)) => self.fault(&property, what),
                (Some(number), Ok(member)) => {
                    if members.insert(ServerId::new(number), member).is_some() {
                        self.fault(&property, format!("server {number} is there twice"));
                    }
                }
            }
        }
        members
    }

    /// This server's number, if the file makes it a member and `myid` says which.
    pub(super) fn my_id(
        &mut self,
        members: &BTreeMap<ServerId, Member>,
        data_dir: Option<&Path>,
    ) -> Option<ServerId> {
        let alone = self
            .left
            .get("standaloneEnabled")
            .is_none_or(|p| p.value.eq_ignore_ascii_case("true"));
        if members.is_empty() || (alone && voters_of(members) < 2) {
            return None;
        }
        let file = data_dir?.join("myid");
        let listed: Vec<_> = members.keys().map(ServerId::to_string).collect();
        let wanted = format!("it must hold this server's number, one of {}", listed.join(", "));
        let what = match std::fs::read_to_string(&file) {
            Err(error) => format!("cannot be read: {error}; {wanted}"),
            Ok(text) => match text.trim().parse().map(ServerId::new) {
                Ok(me) if members.contains_key(&me) => return Some(me),
                Ok(me) => format!("says {me}, which no server.N line lists; {wanted}"),
                Err(_) => format!("says {:?}; {wanted}", text.trim()),
            },
        };
        self.faults.push(Fault {
            file,
            line: None,
            property: None,
            what,
        });
        None
    }

    /// How the members are counted, if not by their heads.
    pub(super) fn groups(&mut self, members: &BTreeMap<ServerId, Member>) -> Option<Groups> {
        let keys: Vec<_> = self.left.keys().filter(|key| Groups::has(key)).cloned().collect();
        if keys.is_empty() {
            return None;
        }
        let mut lines: Vec<_> = keys.iter().filter_map(|key| self.take(key)).collect();
        lines.sort_by_key(|line| line.line);
        match Groups::read(lines, members) {
            Ok((groups, strangers)) => {
                for stranger in strangers {
                    self.warn(&stranger, "has no effect: no server.N line lists it as a voter");
                }
                Some(groups)
            }
            Err(wrong) => {
                for (line, what) in wrong {
                    match line {
                        Some(line) => self.fault(&line, what),
                        None => self.missing(what),
                    }
                }
                None
            }
        }
    }

    pub(super) fn mode(
        &mut self,
        members: BTreeMap<ServerId, Member>,
        groups: Option<Groups>,
        me: Option<ServerId>,
    ) -> Option<Mode> {
        let alone = self.boolean("standaloneEnabled").unwrap_or(true);
        let (init, sync) = (
            self.left.contains_key("initLimit"),
            self.left.contains_key("syncLimit"),
        );
        let init_limit_ticks = self.number("initLimit", TICKS);
        let sync_limit_ticks = self.number("syncLimit", TICKS);
        let connect_limit_ticks = self
            .number("connectToLearnerMasterLimit", 0..=1_000_000)
            .unwrap_or(0);
        let election_connect_timeout_ms = self.number("cnxTimeout", MS).unwrap_or(5000) as u64;
        let listen_on_all_addresses = self.boolean("quorumListenOnAllIPs").unwrap_or(false);
        let voters = voters_of(&members);
        if voters < members.len() && (voters == 0 || alone && voters == 1) {
            self.missing(format!(
                "there are observers and {voters} voters: they need 2, or 1 with standaloneEnabled=false"
            ));
            return None;
        }
        if voters == 0 || (alone && voters == 1) {
            if voters == 1 {
                self.note(
                    "the only server.N line is ignored: one server runs standalone \
                    (standaloneEnabled=false makes it an ensemble of one)",
                );
            }
            return Some(Mode::Standalone);
        }
        for (given, key) in [(init, "initLimit"), (sync, "syncLimit")] {
            if !given {
                self.missing(format!(
                    "{key} is missing: an ensemble needs it, in ticks of tickTime"
                ));
            }
        }
        if groups.is_none() && voters.is_multiple_of(2) {
            self.note(format!(
                "{voters} voters tolerate no more failures than {}",
                voters - 1
            ));
        }
        let init_limit_ticks = init_limit_ticks? as u32;
        Some(Mode::Ensemble(Membership {
            me: me?,
            members,
            groups,
            init_limit_ticks,
            sync_limit_ticks: sync_limit_ticks? as u32,
            connect_limit_ticks: if connect_limit_ticks == 0 {
                init_limit_ticks
            } else {
                connect_limit_ticks as u32
            },
            election_connect_timeout_ms,
            listen_on_all_addresses,
        }))
    }
}

fn voters_of(members: &BTreeMap<ServerId, Member>) -> usize {
    members.values().filter(|member| !member.observes).count()
}

pub(super) fn only(members: &BTreeMap<ServerId, Member>) -> Option<&Member> {
    members.values().next().filter(|_| members.len() == 1)
}
