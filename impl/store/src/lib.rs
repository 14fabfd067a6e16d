//! ZooKeeper's files: transaction log, snapshots, epoch files, directory lock.
