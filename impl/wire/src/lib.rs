//! ZooKeeper's bytes: jute records, client frames, learner packets, election frames.
