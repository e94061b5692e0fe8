//! Measures the pure core alone: commands decided and folded per second. Prints one JSON line.
#![expect(clippy::print_stdout, reason = "the figures are its output")]

use std::time::Instant;

use towpath_testkit::history::History;

/// Events to make; the world grows to what a team has after years.
const EVENTS: usize = 200_000;

fn main() {
    let Some((mut history, mut events)) = History::begin() else { return };
    let mut count = events.len();
    let started = Instant::now();
    while count < EVENTS {
        events.clear();
        match history.cycle() {
            Ok(more) => count += more.len(),
            Err(refusal) => return eprintln!("{refusal}"),
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let (commands, events) = (history.commands as f64 / seconds, count as f64 / seconds);
    println!("{{\"commands_per_s\":{commands:.0},\"events_per_s\":{events:.0}}}");
}
