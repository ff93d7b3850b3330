//! The table that is printed, and what the machine was like meanwhile.

use crate::rounds::Spread;

/// What a value must be.
#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// It is only told.
    None,
}

/// The report as it is printed, one row at a time.
pub struct Report {
    short: Vec<String>,
}

impl Report {
    /// Says what machine this is, and begins the table.
    pub fn start() -> Self {
        let cores = std::thread::available_parallelism().map_or(0, |cores| cores.get());
        println!("{cores} cores, {}; load {}", cpu(), load());
        println!(
            "each value is the median of all rounds, with its quartiles; goals are for a machine with two idle cores\n"
        );
        println!("| what | value | quartiles | goal | |\n|---|---|---|---|---|");
        Self { short: Vec::new() }
    }

    /// One row of the table.
    pub fn row(&mut self, what: &str, value: Spread, unit: &str, goal: Goal) {
        let (wanted, met) = match goal {
            Goal::AtLeast(bound) => (format!("≥ {bound}"), Some(value.median >= bound)),
            Goal::AtMost(bound) => (format!("≤ {bound}"), Some(value.median <= bound)),
            Goal::None => (String::new(), None),
        };
        let verdict = match met {
            Some(true) => "met",
            Some(false) => "**short**",
            None => "",
        };
        let quartiles = format!("{} to {}", digits(value.low), digits(value.high));
        println!(
            "| {what} | {} {unit} | {quartiles} | {wanted} | {verdict} |",
            digits(value.median)
        );
        if met == Some(false) {
            self.short.push(what.to_owned());
        }
    }

    /// A row for a value that was taken once.
    pub fn once(&mut self, what: &str, value: f64, unit: &str, goal: Goal) {
        self.row(what, Spread { low: value, median: value, high: value }, unit, goal);
    }

    /// Ends the table, and names what fell short.
    pub fn end(self) {
        println!("\nload {}", load());
        match &self.short[..] {
            [] => println!("every goal was met"),
            short => println!("short of the goal: {}", short.join("; ")),
        }
    }
}

/// Three significant digits.
fn digits(value: f64) -> String {
    let places = match value.abs() {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.places$}")
}

/// Jobs that ran or waited on average: 1, 5 and 15 minutes.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let minutes: Vec<&str> = load.split(' ').take(3).collect();
    if minutes.len() == 3 { minutes.join(" ") } else { "unknown".into() }
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    model.map_or("unknown CPU", |model| model.trim_start_matches(['\t', ':', ' '])).to_owned()
}
