//! Which servers count together, and for how much? `group.G=N:N:...` and `weight.N=W`.
//!
//! One such line, and the ensemble is counted by groups: every server has to be in exactly one, and weighs 1
//! unless a line says otherwise.

use super::properties::Property;
use super::server_line::Member;
use quorate_zab::{Ensemble, ServerId};
use std::collections::BTreeMap;
use std::fmt;

/// The groups of an ensemble.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Groups {
    /// The servers of each group, by its number, ascending.
    groups: BTreeMap<u64, Vec<ServerId>>,
    /// The weight of every server.
    weights: BTreeMap<ServerId, u32>,
}

/// What is wrong, and with which line; `None` if a line is missing.
type Wrong = (Option<Property>, String);

impl Groups {
    /// Whether `key` asks for groups.
    pub(super) fn has(key: &str) -> bool {
        key.starts_with("group") || key.starts_with("weight")
    }

    /// Reads the lines of groups and weights of an ensemble of `members`. With it come the lines that say
    /// something of nobody, which is harmless.
    pub(super) fn read(
        lines: Vec<Property>,
        members: &BTreeMap<ServerId, Member>,
    ) -> Result<(Self, Vec<Property>), Vec<Wrong>> {
        let (mut read, mut strangers, mut wrong) = (Self::default(), Vec::new(), Vec::new());
        for line in lines {
            let taken = match line.key.strip_prefix("group.") {
                Some(number) => read.take_group(number, &line.value, members),
                None => match read.take_weight(&line, members) {
                    Ok(false) => {
                        strangers.push(line);
                        continue;
                    }
                    Ok(true) => Ok(()),
                    Err(what) => Err(what),
                },
            };
            if let Err(what) = taken {
                wrong.push((Some(line), what));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let voters = members.iter().filter(|(_, member)| !member.observes);
        for (&server, _) in voters {
            read.weights.entry(server).or_insert(1);
            if read.group_of(server).is_none() {
                wrong.push((
                    None,
                    format!(
                        "server {server} is in no group: with group.G or weight.N lines each server.N has to be \
                         in one"
                    ),
                ));
            }
        }
        if wrong.is_empty() && read.weights.values().all(|&weight| weight == 0) {
            wrong.push((
                None,
                "no server weighs anything: nobody could ever lead".to_owned(),
            ));
        }
        if wrong.is_empty() {
            Ok((read, strangers))
        } else {
            Err(wrong)
        }
    }

    fn take_group(
        &mut self,
        number: &str,
        value: &str,
        members: &BTreeMap<ServerId, Member>,
    ) -> Result<(), String> {
        let Some(number) = whole(number) else {
            return Err("the key must be group.G, with G a number".to_owned());
        };
        if self.groups.contains_key(&number) {
            return Err(format!("group {number} is there twice"));
        }
        let mut group = Vec::new();
        for server in value.split(':') {
            let Some(server) = whole(server.trim()).map(ServerId::new) else {
                return Err("must be the numbers of servers, with colons between them".to_owned());
            };
            match members.get(&server) {
                None => return Err(format!("says {server}, which no server.N line lists")),
                Some(member) if member.observes => {
                    return Err(format!("says {server}, which observes and has no vote"));
                }
                Some(_) => {}
            }
            if group.contains(&server) {
                return Err(format!("server {server} is there twice"));
            }
            if let Some(other) = self.group_of(server) {
                return Err(format!("server {server} is in group {other} as well"));
            }
            group.push(server);
        }
        group.sort_unstable();
        self.groups.insert(number, group);
        Ok(())
    }

    /// Whether the weight is one of a server.
    fn take_weight(&mut self, line: &Property, members: &BTreeMap<ServerId, Member>) -> Result<bool, String> {
        let number = line.key.strip_prefix("weight.").and_then(whole);
        let Some(server) = number.map(ServerId::new) else {
            return Err("the key must be group.G or weight.N, with G and N numbers".to_owned());
        };
        let weight = line.value.parse().ok().filter(|weight| *weight <= WEIGHT_MAX);
        let Some(weight) = weight else {
            return Err(format!("must be a whole number from 0 to {WEIGHT_MAX}"));
        };
        if members.get(&server).is_none_or(|member| member.observes) {
            return Ok(false);
        }
        match self.weights.insert(server, weight) {
            None => Ok(true),
            Some(_) => Err(format!("the weight of server {server} is there twice")),
        }
    }

    fn group_of(&self, server: ServerId) -> Option<u64> {
        let found = self.groups.iter().find(|(_, group)| group.contains(&server));
        found.map(|(number, _)| *number)
    }

    /// The ensemble that is counted by these groups.
    pub fn ensemble(&self) -> Ensemble {
        Ensemble::hierarchical(self.groups.values().map(|group| {
            let weighted = group.iter().map(|server| (*server, self.weights[server]));
            weighted.collect()
        }))
    }
}

/// Apache's weights are 64 bits wide and may be negative, which makes a quorum of less.
const WEIGHT_MAX: u32 = i32::MAX as u32;

fn whole(text: &str) -> Option<u64> {
    text.parse().ok().filter(|&number| number <= i64::MAX as u64)
}

/// The lines as ZooKeeper has them in `conf` and in `/zookeeper/config`.
impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, group) in &self.groups {
            let servers: Vec<_> = group.iter().map(ServerId::to_string).collect();
            writeln!(f, "group.{number}={}", servers.join(":"))?;
        }
        for (server, weight) in &self.weights {
            writeln!(f, "weight.{server}={weight}")?;
        }
        Ok(())
    }
}
