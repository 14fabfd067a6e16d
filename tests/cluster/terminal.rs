//! Is the shell at home on a terminal: completion, Ctrl-C, Ctrl-D, a history without passwords?

use quorate_tests::{Ensemble, Kind, command, python};
use serde_json::json;

#[test]
fn the_shell_completes_is_interrupted_and_remembers_no_password() {
    let ensemble = Ensemble::builder("term", [Kind::Quorate]).start();
    ensemble.wait_all_serve();
    let binary = command::binary().display().to_string();
    let host = python::hosts(ensemble.members().iter().map(|member| member.client_address()));
    assert_eq!(
        python::run("terminal.py", &[&binary, &host]),
        [
            json!({"step": "completed"}),
            json!({"step": "left the line"}),
            json!({"step": "ended a watch"}),
            json!({"step": "ended", "codes": [0, 0]}),
            json!({"step": "history", "kept": true, "secret": false}),
        ]
    );
}
