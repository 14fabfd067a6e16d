//! Which commands are there, and which options has each?

/// A command.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    /// What follows the name, as zkCli writes it.
    pub(crate) usage: &'static str,
    pub(crate) about: &'static str,
    pub(crate) options: &'static [Opt],
}

/// An option, with one dash.
#[derive(Debug)]
pub(crate) struct Opt {
    pub(crate) name: &'static str,
    pub(crate) takes_value: bool,
    pub(crate) about: &'static str,
}

const fn flag(name: &'static str, about: &'static str) -> Opt {
    Opt {
        name,
        takes_value: false,
        about,
    }
}

const fn value(name: &'static str, about: &'static str) -> Opt {
    Opt {
        name,
        takes_value: true,
        about,
    }
}

const fn spec(name: &'static str, usage: &'static str, about: &'static str, options: &'static [Opt]) -> Spec {
    Spec {
        name,
        usage,
        about,
        options,
    }
}

const STAT: Opt = flag("s", "print the stat too");

/// All of them, by name.
pub(crate) const COMMANDS: &[Spec] = &[
    spec(
        "addWatch",
        "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE",
        "adds a watch that stays",
        &[value("m", "PERSISTENT or PERSISTENT_RECURSIVE")],
    ),
    spec("addauth", "scheme auth", "adds an identity to this session", &[]),
    spec("close", "", "ends the session, and stays", &[]),
    spec(
        "config",
        "[-c] [-w] [-s]",
        "prints the ensemble's configuration",
        &[
            STAT,
            flag("w", "watch for changes"),
            flag("c", "print the version and the addresses for clients"),
        ],
    ),
    spec("connect", "host:port", "begins a session, here or elsewhere", &[]),
    spec(
        "create",
        "[-s] [-e] [-c] [-t ttl] path [data] [acl]",
        "creates a znode",
        &[
            flag("e", "ephemeral"),
            flag("s", "sequential"),
            flag("c", "container"),
            value("t", "time to live in ms"),
        ],
    ),
    spec(
        "delete",
        "[-v version] path",
        "deletes a znode without children",
        &[value("v", "only if this is its version")],
    ),
    spec(
        "deleteall",
        "path [-b batch size]",
        "deletes a znode and all below it",
        &[value("b", "how many at once; 0 is one by one, without multi")],
    ),
    spec(
        "delquota",
        "[-n|-b|-N|-B] path",
        "takes a quota away, or one limit of it",
        &[
            flag("n", "the soft limit of znodes"),
            flag("b", "the soft limit of bytes"),
            flag("N", "the hard limit of znodes"),
            flag("B", "the hard limit of bytes"),
        ],
    ),
    spec("exit", "", "as quit", &[]),
    spec(
        "get",
        "[-s] [-w] [-b] [-x] path",
        "prints a znode's data",
        &[
            STAT,
            flag("w", "watch for changes"),
            flag("b", "in base64"),
            flag("x", "as a hex dump"),
        ],
    ),
    spec("getAcl", "[-s] path", "prints who may do what", &[STAT]),
    spec(
        "getAllChildrenNumber",
        "path",
        "counts what is below a znode",
        &[],
    ),
    spec("getEphemerals", "path", "lists the session's ephemerals", &[]),
    spec("help", "[command]", "says what there is", &[]),
    spec("history", "", "lists the last commands, for redo", &[]),
    spec("listquota", "path", "prints limits and usage", &[]),
    spec(
        "ls",
        "[-s] [-w] [-R] path",
        "lists children",
        &[
            flag("?", "help"),
            STAT,
            flag("w", "watch for changes"),
            flag("R", "all below, as paths"),
        ],
    ),
    spec(
        "printwatches",
        "on|off",
        "whether what watches report is printed",
        &[],
    ),
    spec("quit", "", "ends the session, and the shell", &[]),
    spec(
        "reconfig",
        "[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | [-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]",
        "changes the ensemble",
        &[
            STAT,
            value("v", "only if this is the configuration's version, in hex"),
            value("file", "members from a file"),
            value("members", "the members from now on"),
            value("add", "members that join"),
            value("remove", "ids of members that leave"),
        ],
    ),
    spec("redo", "cmdno", "does a command of the history again", &[]),
    spec(
        "removewatches",
        "path [-c|-d|-p|-r|-a] [-l]",
        "takes watches away",
        &[
            flag("c", "those of children"),
            flag("d", "those of data"),
            flag("p", "the persistent one"),
            flag("r", "the persistent recursive one"),
            flag("a", "all"),
            flag("l", "here at least, if the server does not"),
        ],
    ),
    spec(
        "set",
        "path data [-s] [-v version] [-b]",
        "replaces a znode's data",
        &[
            STAT,
            value("v", "only if this is its version"),
            flag("b", "the data is base64"),
        ],
    ),
    spec(
        "setAcl",
        "[-s] [-v version] [-R] path acl",
        "replaces who may do what",
        &[
            STAT,
            value("v", "only if this is the ACL's version"),
            flag("R", "of all below too"),
        ],
    ),
    spec(
        "setquota",
        "-n|-b|-N|-B val path",
        "limits a subtree",
        &[
            value("n", "soft limit of znodes"),
            value("b", "soft limit of bytes"),
            value("N", "hard limit of znodes"),
            value("B", "hard limit of bytes"),
        ],
    ),
    spec(
        "stat",
        "[-w] path",
        "prints a znode's stat",
        &[flag("w", "watch for changes")],
    ),
    spec(
        "sync",
        "path",
        "waits until this server has what the leader had",
        &[],
    ),
    spec(
        "tree",
        "[-d depth] path",
        "draws all below a znode",
        &[value("d", "this many levels at most")],
    ),
    spec("version", "", "prints this program's version", &[]),
    spec(
        "watch",
        "[-m mode] [-n count] path",
        "prints what changes, a line each, until interrupted",
        &[
            value("m", "PERSISTENT or PERSISTENT_RECURSIVE, which is the default"),
            value("n", "end after so many events"),
        ],
    ),
    spec("whoami", "", "prints this session's identities", &[]),
];

/// The command of this name.
pub(crate) fn find(name: &str) -> Option<&'static Spec> {
    COMMANDS.iter().find(|spec| spec.name == name)
}

impl Spec {
    /// Name and usage, as zkCli writes them.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.name, self.usage).trim_end().to_owned()
    }

    /// The usage and what each option means.
    pub(crate) fn help(&self) -> String {
        let mut text = format!("{}\n    {}", self.line(), self.about);
        for option in self.options {
            let name = format!(
                "-{}{}",
                option.name,
                if option.takes_value { " <arg>" } else { "" }
            );
            text.push_str(&format!("\n {name:<15} {}", option.about));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_in_order_and_have_names_of_their_own() {
        let names: Vec<_> = COMMANDS.iter().map(|spec| spec.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
    }
}
