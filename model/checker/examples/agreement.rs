//! Explores the agreement grain within bounds given as `txns=1 elections=2 crashes=1 ... [warm] [bfs]`.

use quorate_checker::{Agreement, Bounds, Reductions, Verdict, exhaust, shortest_violation};
use quorate_zab::Zab;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let of = |name: &str| {
        let value = args
            .iter()
            .find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='));
        value.map_or(0, |value| value.parse().expect("a small number"))
    };
    let bounds = Bounds {
        servers: of("servers").max(3),
        observers: of("observers"),
        groups: match of("groups") {
            1 => &[&[2, 1, 1]],
            2 => &[&[1, 1, 0]],
            3 => &[&[1], &[1], &[3, 1, 1]],
            4 => &[&[3, 1, 1]],
            5 => &[&[1, 1], &[1, 1], &[1, 1]],
            _ => &[],
        },
        java: of("java"),
        txns: of("txns"),
        elections: of("elections"),
        crashes: of("crashes"),
        breaks: of("breaks"),
        pings: of("pings"),
        syncs: of("syncs"),
        purges: of("purges"),
        disk_errors: of("disk_errors"),
        wipes: of("wipes"),
        autocreate: args.iter().any(|arg| arg == "autocreate"),
        joiners: of("joiners"),
        reconfigs: of("reconfigs"),
        targets: match of("targets") {
            1 => &[&[1, 2, 3, 4]],
            2 => &[&[1, 2], &[2, 3]],
            3 => &[&[1, 2, 4], &[2, 3, 4]],
            4 => &[&[2, 3]],
            5 => &[&[2, 3, 4]],
            _ => &[&[1, 2, 3, 4], &[1, 2], &[2, 3], &[1, 2, 4], &[2, 3, 4]],
        },
        misfiled: false,
        last_counter: 0,
        warm: args.iter().any(|arg| arg == "warm"),
        elects: args.iter().any(|arg| arg == "elects"),
        late_votes: args.iter().any(|arg| arg == "late"),
        give_ups: of("give_ups"),
    };
    let breadth_first = std::env::args().any(|arg| arg == "bfs");
    let mut model = Agreement::new(Zab, bounds).with_salt(of("salt").into());
    let without = |name: &str| std::env::args().any(|arg| arg == name);
    model = model.with_reductions(Reductions {
        symmetry: !without("asymmetric"),
        numbering: !without("unnumbered"),
        quiet_arrivals: !without("unquiet"),
        epoch_files: !without("slow-epochs"),
        solitude: !without("in-company"),
        stale_greetings: !without("greeted"),
        peace: !without("warlike"),
    });
    let outcome = if breadth_first {
        shortest_violation(model, &mut |_| {})
    } else {
        exhaust(model, &mut |_| {})
    };
    println!(
        "{bounds}: {} distinct of {} parts, {} generated, {:.1} CPU s, {:.0} distinct/CPU s",
        outcome.distinct,
        outcome.parts,
        outcome.generated,
        outcome.cpu.as_secs_f64(),
        outcome.rate()
    );
    println!("witnesses: {:?}", outcome.witnesses);
    if let Verdict::Violated { property, story } = outcome.verdict {
        println!("violated: {property}");
        for (i, step) in story.iter().enumerate() {
            println!("{:3} {}", i + 1, step.text);
        }
    }
}
