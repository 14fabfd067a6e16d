//! Will clients believe this server, and it them?

use super::Findings;
use jiff::Timestamp;
use quorate_server::config::Tls;
use quorate_server::tls::{Look, Seen, look};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const DAY: i64 = 24 * 60 * 60;

/// Who has less time than this should renew a certificate.
const SOON: i64 = 30 * DAY;

pub(super) fn check(tls: &Tls, now: i64, findings: &mut Findings) {
    let found = match look(tls) {
        Ok(found) => found,
        Err(error) => {
            return findings.fail(
                "tls",
                error.to_string(),
                "see ssl.keyStore.* and ssl.trustStore.*; a password may be wrong, or a key another certificate's",
            );
        }
    };
    let renewal = match tls.reload {
        true => "renew it: the server reads the new file without a restart",
        false => "renew it and restart, or set client.certReload=true first",
    };
    own(&found, now, renewal, findings);
    for believed in &found.believed {
        hold(
            believed,
            now,
            "put the authority's next certificate beside it",
            findings,
        );
    }
    if let Some(Err(why)) = &found.vouched {
        let what = format!(
            "{}: nobody in the trust store vouches for it: {why}",
            found.own.file.display()
        );
        findings.warn(
            "tls",
            what,
            "fine if clients believe another authority; otherwise the key store lacks certificates between",
        );
    }
    if others_may_read(&found.own.file) {
        let what = format!(
            "{}: every user of this machine may read it",
            found.own.file.display()
        );
        findings.warn("tls", what, "chmod 600");
    }
}

fn own(found: &Look, now: i64, renewal: &str, findings: &mut Findings) {
    let Seen { file, subject, .. } = &found.own;
    if found.names.is_empty() {
        let what = format!("{}: {subject} is for no host", file.display());
        findings.warn(
            "tls",
            what,
            "name its hosts in subjectAltName: clients that look at names will not believe it",
        );
    }
    if hold(&found.own, now, renewal, findings) {
        let until = date(found.own.ends);
        let names = found.names.join(", ");
        findings.ok(
            "tls",
            format!("{}: {subject}, for {names}, until {until}", file.display()),
        );
    }
}

/// Whether it holds, and for some time.
fn hold(seen: &Seen, now: i64, remedy: &str, findings: &mut Findings) -> bool {
    let (file, subject) = (seen.file.display(), &seen.subject);
    let what = if now < seen.begins {
        format!("{file}: {subject} does not hold before {}", date(seen.begins))
    } else if now >= seen.ends {
        format!("{file}: {subject} has ended on {}", date(seen.ends))
    } else if seen.ends - now < SOON {
        let days = (seen.ends - now) / DAY;
        format!("{file}: {subject} ends on {}, in {days} days", date(seen.ends))
    } else {
        return true;
    };
    findings.warn("tls", what, remedy);
    false
}

fn others_may_read(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0)
}

fn date(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| "a day beyond the calendar".to_owned(),
        |at| at.strftime("%Y-%m-%d").to_string(),
    )
}
