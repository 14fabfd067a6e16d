//! A `zoo.cfg`: whatever it says, it is a configuration that can be served by, or faults that name their lines.
//!
//! `@` in it is a directory that is there, with a `myid` of 1.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate_fuzz::{Directory, bounded};
use quorate_server::config::{Config, ConfigError, Loaded, Mode};
use std::fs;

thread_local! {
    static DIRECTORY: Directory = {
        let directory = Directory::new();
        fs::write(directory.path().join("myid"), "1\n").expect("it is written");
        directory
    };
}

fuzz_target!(|input: &[u8]| {
    DIRECTORY.with(|directory| {
        let text = String::from_utf8_lossy(input);
        let text = text.replace('@', &directory.path().display().to_string());
        judge(directory, &text);
    });
});

fn load(directory: &Directory, text: &str) -> Result<Loaded, ConfigError> {
    let file = directory.path().join("zoo.cfg");
    fs::write(&file, text).expect("it is written");
    // Every line is told of, with its file, key and value.
    bounded(text.len(), 256 << 10, 512, || Config::load(&file))
}

fn judge(directory: &Directory, text: &str) {
    let lines = text.lines().count();
    let loaded = load(directory, text);
    let told = match &loaded {
        Ok(loaded) => loaded.warnings.clone(),
        Err(error) => {
            assert!(
                !error.faults.is_empty(),
                "a configuration is refused without a reason"
            );
            assert!(!error.to_string().is_empty());
            error.faults.iter().chain(&error.warnings).cloned().collect()
        }
    };
    for fault in &told {
        assert!(!fault.what.is_empty() && !fault.to_string().is_empty());
        assert!(
            fault.line.is_none_or(|line| (1..=lines).contains(&line)),
            "{fault}"
        );
    }
    if let Ok(Loaded { config, warnings: _ }) = loaded {
        can_be_served(&config);
        said_again(directory, &config);
    }
}

/// What the server relies on.
fn can_be_served(config: &Config) {
    assert!(config.tick_ms > 0 && config.handshake_timeout_ms > 0);
    assert!(config.frame_bytes_max >= 1024 && config.outstanding_max > 0);
    assert!(!config.data_dir.as_os_str().is_empty() && !config.data_log_dir.as_os_str().is_empty());
    assert!(config.min_session_timeout_ms >= 0);
    assert!(
        config.min_session_timeout_ms <= config.max_session_timeout_ms,
        "{config:?}"
    );
    assert!(config.purge.keep >= 3 && config.snap_count >= 2);
    assert_eq!(
        config.tls.is_some(),
        config.secure_client.is_some() || config.unifies_port
    );
    if let Mode::Ensemble(membership) = &config.mode {
        assert!(membership.members.contains_key(&membership.me));
        let ensemble = membership.ensemble();
        let voters: Vec<_> = membership.voters().collect();
        assert!(!voters.is_empty());
        assert!(
            ensemble.is_quorum(voters.iter().copied()),
            "all together are a quorum"
        );
        assert!(!ensemble.is_quorum([]), "nobody is no quorum");
        assert!(membership.init_limit_ticks > 0 && membership.sync_limit_ticks > 0);
    }
}

/// The ensemble's text, as servers show it to each other, says the same ensemble. It may name this server's port for clients,
/// so that there is no `clientPort` beside it.
fn said_again(directory: &Directory, config: &Config) {
    let Mode::Ensemble(membership) = &config.mode else {
        return;
    };
    let text = format!(
        "dataDir={}\ninitLimit=10\nsyncLimit=5\nstandaloneEnabled=false\n{}\n",
        directory.path().display(),
        membership.text()
    );
    let again = load(directory, &text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    let Mode::Ensemble(again) = again.config.mode else {
        panic!("{text}");
    };
    assert_eq!(
        (again.me, &again.members),
        (membership.me, &membership.members),
        "{text}"
    );
    assert_eq!(again.groups.is_some(), membership.groups.is_some());
    assert_eq!(again.text(), membership.text());
}
