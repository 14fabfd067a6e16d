//! When was what is under way sent? Worlds do not know: the state of a run has no past. A story does.

use crate::link::{End, Link};
use crate::node::Frame;
use crate::world::{World, id, index};
use std::collections::VecDeque;

/// For each link of a world and each end, the steps in which the frames on their way to it were sent.
#[derive(Clone, Debug)]
pub(super) struct Posts(Vec<[VecDeque<Option<usize>>; 2]>);

const ENDS: [End; 2] = [End::Learner, End::Leader];

impl Posts {
    /// What is under way in the first world was sent before.
    pub(super) fn before(world: &World) -> Self {
        let unknown = |link: &Link| ENDS.map(|end| link.incoming(end).iter().map(|_| None).collect());
        Self(world.links.iter().map(|link| unknown(link)).collect())
    }

    /// When the next frame on its way to this end was sent.
    pub(super) fn sent(&self, link: usize, end: End) -> Option<usize> {
        self.0[link][end as usize].front().copied().flatten()
    }

    /// Takes in step `number`: from `before` to `performed` links stay in their order, some go, and one may come;
    /// `after` is the same world with servers called `to`, links in another order and numbered otherwise.
    pub(super) fn step(
        &mut self,
        number: usize,
        before: &World,
        performed: &World,
        after: &World,
        to: &[usize],
    ) {
        let mut old = before.links.iter().zip(&self.0).peekable();
        let mut posts: Vec<[VecDeque<Option<usize>>; 2]> = Vec::new();
        for link in &performed.links {
            while old.peek().is_some_and(|(was, _)| !is_same(was, link)) {
                old.next();
            }
            let was = old.next();
            posts.push(ENDS.map(|end| {
                let now = link.incoming(end);
                let Some((was, stamps)) = was else {
                    return now.iter().map(|_| Some(number)).collect();
                };
                let taken = taken(was.incoming(end), now);
                let kept = stamps[end as usize].iter().skip(taken).copied();
                let sent = std::iter::repeat(Some(number));
                kept.chain(sent).take(now.len()).collect()
            }));
        }
        let renamed = |server| to.get(index(server)).map_or(server, |&place| id(place));
        let mut moved: Vec<Option<[VecDeque<Option<usize>>; 2]>> = posts.into_iter().map(Some).collect();
        self.0 = after
            .links
            .iter()
            .map(|link| {
                let stands_for = |was: &Link| {
                    renamed(was.learner) == link.learner
                        && renamed(was.leader) == link.leader
                        && ENDS.iter().all(|&end| {
                            was.conn(end).is_some() == link.conn(end).is_some()
                                && was.incoming(end).len() == link.incoming(end).len()
                        })
                };
                let at = (0..moved.len()).find(|&at| moved[at].is_some() && stands_for(&performed.links[at]));
                at.and_then(|at| moved[at].take()).unwrap_or_default()
            })
            .collect();
    }
}

/// Whether a link is the one that was there before, perhaps with an end closed since.
fn is_same(was: &Link, now: &Link) -> bool {
    was.learner == now.learner
        && was.leader == now.leader
        && ENDS
            .iter()
            .all(|&end| now.conn(end).is_none() || now.conn(end) == was.conn(end))
}

/// How many frames of the queue `was` are gone from its front in `now`: the fewest that explain it.
fn taken(was: &VecDeque<Frame>, now: &VecDeque<Frame>) -> usize {
    let explains = |taken: &usize| {
        let rest = was.iter().skip(*taken);
        was.len() - taken <= now.len() && rest.zip(now).all(|(was, now)| was == now)
    };
    (0..=was.len()).find(explains).unwrap_or(was.len())
}
