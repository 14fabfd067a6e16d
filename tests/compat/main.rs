//! Do our servers and Apache ZooKeeper agree, in one ensemble and over one data directory?
