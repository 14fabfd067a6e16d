//! The agreement grain as stateright sees it.

use crate::property::Property;
use crate::world::{Action, Agreement, World};
use quorate_zab::Rules;
use stateright::Model;

macro_rules! always {
    ($($name:ident),+ $(,)?) => {
        vec![$(stateright::Property::always(Property::$name.text(), |_, world: &World| {
            world.ghost.broken() != Some(Property::$name)
        })),+]
    };
}

impl<R: Rules + Send + Sync + 'static> Model for Agreement<R> {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.init()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        self.enabled(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        Some(self.apply(world, action))
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        let all = always![
            OneLeader,
            Integrity,
            Agreement,
            TotalOrder,
            PrimaryIntegrity,
            InitialHistory,
            CommitConsistency,
            HistoryConsistency,
            CommittedStays,
            ServedStays,
            MessagesAreLegal,
            EpochsGrow,
            PromiseIsDurable,
            Fencing,
            QuorumLog,
            BetterVoteKnowsMore,
            LogMatching,
            AlwaysBoots,
            SyncIsLinearizable,
        ];
        assert_eq!(all.len(), Property::ALL.len(), "every property is checked");
        all
    }
}
