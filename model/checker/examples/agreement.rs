//! Explores the agreement grain within bounds given as `txns elections crashes breaks`.

use quorate_checker::{Agreement, Bounds, Reductions, Verdict, exhaust, shortest_violation};
use quorate_zab::Zab;

fn main() {
    let args: Vec<u8> = std::env::args()
        .skip(1)
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let at = |i: usize| args.get(i).copied().unwrap_or(0);
    let bounds = Bounds {
        servers: at(6).max(3),
        observers: at(8),
        groups: match at(9) {
            1 => &[&[2, 1, 1]],
            2 => &[&[1, 1, 0]],
            3 => &[&[1], &[1], &[3, 1, 1]],
            4 => &[&[3, 1, 1]],
            5 => &[&[1, 1], &[1, 1], &[1, 1]],
            _ => &[],
        },
        purges: at(7),
        java: at(4),
        txns: at(0),
        elections: at(1),
        crashes: at(2),
        breaks: at(3),
        pings: at(5),
        syncs: at(5),
        warm: std::env::args().any(|arg| arg == "warm"),
    };
    let breadth_first = std::env::args().any(|arg| arg == "bfs");
    let mut model = Agreement::new(Zab, bounds);
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
