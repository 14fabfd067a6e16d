//! What can a client ask for? Every operation of ZooKeeper 3.5 to 3.10 by its number.

/// An operation.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(i32)]
pub enum Opcode {
    /// A znode; the reply is its path.
    Create = 1,
    /// Delete a znode.
    Delete = 2,
    /// A znode's stat, if it is there.
    Exists = 3,
    /// A znode's data and stat.
    GetData = 4,
    /// Replace a znode's data.
    SetData = 5,
    /// A znode's ACL and stat.
    GetAcl = 6,
    /// Replace a znode's ACL.
    SetAcl = 7,
    /// A znode's children.
    GetChildren = 8,
    /// Wait until this server has what the leader had proposed.
    Sync = 9,
    /// A sign of life.
    Ping = 11,
    /// A znode's children and stat.
    GetChildren2 = 12,
    /// A condition inside a multi.
    Check = 13,
    /// Several writes, all or nothing.
    Multi = 14,
    /// A znode; the reply is its path and stat.
    Create2 = 15,
    /// Change the ensemble.
    Reconfig = 16,
    /// Whether this connection has a watch.
    CheckWatches = 17,
    /// Take a watch away.
    RemoveWatches = 18,
    /// A container znode.
    CreateContainer = 19,
    /// Delete an empty container: the leader's own, refused from clients.
    DeleteContainer = 20,
    /// A znode with a time to live.
    CreateTtl = 21,
    /// Several reads.
    MultiRead = 22,
    /// Add an identity to the connection.
    Auth = 100,
    /// Register again what a lost connection watched.
    SetWatches = 101,
    /// One step of a SASL exchange.
    Sasl = 102,
    /// The session's ephemerals.
    GetEphemerals = 103,
    /// Number of descendants of a znode.
    GetAllChildrenNumber = 104,
    /// As [`Self::SetWatches`], with persistent watches.
    SetWatches2 = 105,
    /// A persistent watch.
    AddWatch = 106,
    /// The identities of the connection.
    WhoAmI = 107,
    /// A session: the server's own, refused from clients.
    CreateSession = -10,
    /// End the session.
    CloseSession = -11,
}

impl Opcode {
    /// Every operation.
    pub const ALL: [Self; 31] = [
        Self::CloseSession,
        Self::CreateSession,
        Self::Create,
        Self::Delete,
        Self::Exists,
        Self::GetData,
        Self::SetData,
        Self::GetAcl,
        Self::SetAcl,
        Self::GetChildren,
        Self::Sync,
        Self::Ping,
        Self::GetChildren2,
        Self::Check,
        Self::Multi,
        Self::Create2,
        Self::Reconfig,
        Self::CheckWatches,
        Self::RemoveWatches,
        Self::CreateContainer,
        Self::DeleteContainer,
        Self::CreateTtl,
        Self::MultiRead,
        Self::Auth,
        Self::SetWatches,
        Self::Sasl,
        Self::GetEphemerals,
        Self::GetAllChildrenNumber,
        Self::SetWatches2,
        Self::AddWatch,
        Self::WhoAmI,
    ];

    /// The number on the wire.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The operation with this number; `None` is answered Unimplemented.
    pub const fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            -11 => Self::CloseSession,
            -10 => Self::CreateSession,
            1 => Self::Create,
            2 => Self::Delete,
            3 => Self::Exists,
            4 => Self::GetData,
            5 => Self::SetData,
            6 => Self::GetAcl,
            7 => Self::SetAcl,
            8 => Self::GetChildren,
            9 => Self::Sync,
            11 => Self::Ping,
            12 => Self::GetChildren2,
            13 => Self::Check,
            14 => Self::Multi,
            15 => Self::Create2,
            16 => Self::Reconfig,
            17 => Self::CheckWatches,
            18 => Self::RemoveWatches,
            19 => Self::CreateContainer,
            20 => Self::DeleteContainer,
            21 => Self::CreateTtl,
            22 => Self::MultiRead,
            100 => Self::Auth,
            101 => Self::SetWatches,
            102 => Self::Sasl,
            103 => Self::GetEphemerals,
            104 => Self::GetAllChildrenNumber,
            105 => Self::SetWatches2,
            106 => Self::AddWatch,
            107 => Self::WhoAmI,
            _ => return None,
        })
    }

    /// Whether it becomes a transaction, or (sync, check) goes the way of one: through the leader.
    pub const fn goes_through_leader(self) -> bool {
        match self {
            Self::Create
            | Self::Create2
            | Self::CreateContainer
            | Self::CreateTtl
            | Self::Delete
            | Self::DeleteContainer
            | Self::SetData
            | Self::SetAcl
            | Self::Check
            | Self::Multi
            | Self::Reconfig
            | Self::Sync
            | Self::CreateSession
            | Self::CloseSession => true,
            Self::Exists
            | Self::GetData
            | Self::GetAcl
            | Self::GetChildren
            | Self::GetChildren2
            | Self::Ping
            | Self::CheckWatches
            | Self::RemoveWatches
            | Self::MultiRead
            | Self::Auth
            | Self::SetWatches
            | Self::SetWatches2
            | Self::Sasl
            | Self::GetEphemerals
            | Self::GetAllChildrenNumber
            | Self::AddWatch
            | Self::WhoAmI => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_names_its_operation() {
        let known: Vec<_> = (-20..200).filter_map(Opcode::from_number).collect();
        assert_eq!(
            known,
            Opcode::ALL.map(|op| Opcode::from_number(op.number()).unwrap())
        );
        assert_eq!(Opcode::from_number(0), None);
        assert_eq!(Opcode::from_number(10), None);
    }
}
