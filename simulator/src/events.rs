//! The log of a run: what happened, when, to whom, and what it cost.
//!
//! Every run has a log, written or not: its rows are counted and digested as they come. A row's canonical form is a
//! line of CSV without the column `run`, so that a run has the same digest whichever others are made beside it. At one
//! moment nodes come first, then finishes and stops, arrivals, starts.

use std::fmt::Write as _;

use plimsoll_packing::fleet::Hold;
use plimsoll_traces::quoted;
use sha2::{Digest as _, Sha256};

/// The columns of a log on disk; the digest is over all but the first.
pub const COLUMNS: [&str; 14] = [
    "run",
    "seq",
    "time_us",
    "event",
    "job",
    "node",
    "cpu_milli",
    "memory_mib",
    "devices",
    "work_s",
    "lost_s",
    "usd",
    "carbon_g",
    "reason",
];

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A node is there, or an instance was rented.
    NodeUp,
    /// It is gone.
    NodeDown,
    /// A job came.
    Arrive,
    /// A job was put off.
    Defer,
    /// A job, or a part of it, runs on a node.
    Start,
    /// It does no longer, and is not done.
    Stop,
    /// It is done.
    Finish,
    /// It will never run.
    Reject,
    /// Idle hours and commitments.
    Charge,
}

impl Event {
    /// The name in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NodeUp => "node-up",
            Self::NodeDown => "node-down",
            Self::Arrive => "arrive",
            Self::Defer => "defer",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Finish => "finish",
            Self::Reject => "reject",
            Self::Charge => "charge",
        }
    }

    /// Its place among the events of one moment.
    const fn class(self) -> u8 {
        match self {
            Self::NodeUp | Self::NodeDown => 0,
            Self::Stop | Self::Finish => 1,
            Self::Arrive | Self::Defer | Self::Reject => 2,
            Self::Start => 3,
            Self::Charge => 4,
        }
    }
}

/// A row.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Microseconds from the start.
    pub time_us: u64,
    /// What happened.
    pub event: Event,
    /// The job; empty for none.
    pub job: &'a str,
    /// The node, instance or pool; empty for none.
    pub node: &'a str,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// MiB.
    pub memory_mib: u64,
    /// Devices with what is held of each.
    pub devices: &'a [Hold],
    /// Microseconds of work: of the whole job on arrival, done since the start on stop and finish.
    pub work_us: Option<u64>,
    /// Microseconds of work that are lost.
    pub lost_us: u64,
    /// Billionths of a dollar.
    pub nano_usd: i128,
    /// Millionths of a gram of CO2e.
    pub micro_g: i128,
    /// Why.
    pub reason: &'static str,
}

impl Row<'_> {
    /// A row of an event, with nothing else said.
    pub fn new(time_us: u64, event: Event) -> Self {
        Row {
            time_us,
            event,
            job: "",
            node: "",
            cpu_milli: 0,
            memory_mib: 0,
            devices: &[],
            work_us: None,
            lost_us: 0,
            nano_usd: 0,
            micro_g: 0,
            reason: "",
        }
    }
}

/// Who is given the rows of a run.
pub trait Sink {
    /// A row, as its canonical line with the line feed.
    fn line(&mut self, line: &str);
}

/// Keeps nothing.
impl Sink for () {
    fn line(&mut self, _: &str) {}
}

/// Keeps all.
impl Sink for String {
    fn line(&mut self, line: &str) {
        self.push_str(line);
    }
}

/// The log of one run.
pub struct Log<'a> {
    sink: &'a mut dyn Sink,
    hash: Sha256,
    rows: u64,
    /// Lines that are not digested yet.
    pending: String,
    line: String,
    /// Rows of this moment without their numbers: their text, and of each its class, where it begins and where it ends.
    moment: String,
    rows_of_it: Vec<(u8, usize, usize)>,
}

impl<'a> Log<'a> {
    /// A log whose lines go to a sink.
    pub fn new(sink: &'a mut dyn Sink) -> Self {
        Self {
            sink,
            hash: Sha256::new(),
            rows: 0,
            pending: String::with_capacity(1 << 16),
            line: String::new(),
            moment: String::new(),
            rows_of_it: Vec::new(),
        }
    }

    /// Adds a row to those of this moment.
    pub fn add(&mut self, row: &Row<'_>) {
        let from = self.moment.len();
        write_row(&mut self.moment, row);
        self.rows_of_it.push((row.event.class(), from, self.moment.len()));
    }

    /// The moment is over: its rows go out in their order.
    pub fn settle(&mut self) {
        self.rows_of_it.sort_by_key(|(class, _, _)| *class);
        for (_, from, to) in self.rows_of_it.drain(..) {
            self.line.clear();
            whole(&mut self.line, self.rows);
            self.line.push_str(&self.moment[from..to]);
            self.rows += 1;
            self.sink.line(&self.line);
            self.pending.push_str(&self.line);
        }
        self.moment.clear();
        if self.pending.len() >= 1 << 15 {
            self.hash.update(self.pending.as_bytes());
            self.pending.clear();
        }
    }

    /// How many rows there are, and their digest in hexadecimal.
    pub fn finish(mut self) -> (u64, String) {
        self.settle();
        self.hash.update(self.pending.as_bytes());
        (self.rows, hexadecimal(&self.hash.finalize()))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// All but its number.
fn write_row(out: &mut String, row: &Row<'_>) {
    out.push(',');
    whole(out, row.time_us);
    out.push(',');
    out.push_str(row.event.as_str());
    out.push(',');
    out.push_str(&quoted(row.job));
    out.push(',');
    out.push_str(&quoted(row.node));
    out.push(',');
    whole(out, row.cpu_milli);
    out.push(',');
    whole(out, row.memory_mib);
    out.push(',');
    devices(out, row.devices);
    out.push(',');
    if let Some(work) = row.work_us {
        fraction(out, work, 6);
    }
    out.push(',');
    fraction(out, row.lost_us, 6);
    out.push(',');
    signed(out, row.nano_usd, 9);
    out.push(',');
    signed(out, row.micro_g, 6);
    out.push(',');
    out.push_str(row.reason);
    out.push('\n');
}

/// By hand: `write!` takes four times as long, and this is most of what a log costs.
fn whole(out: &mut String, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend(digits[at..].iter().map(|digit| char::from(*digit)));
}

/// A count of 10^-places, without trailing zeros.
fn fraction(out: &mut String, value: u64, places: u32) {
    let unit = 10_u64.pow(places);
    whole(out, value / unit);
    tail(out, value % unit, places);
}

/// What follows the whole units.
fn tail(out: &mut String, mut rest: u64, places: u32) {
    if rest == 0 {
        return;
    }
    let mut places = places;
    while rest.is_multiple_of(10) {
        rest /= 10;
        places -= 1;
    }
    out.push('.');
    let mut width = 10_u64.pow(places - 1);
    while rest < width {
        out.push('0');
        width /= 10;
    }
    whole(out, rest);
}

fn signed(out: &mut String, value: i128, places: u32) {
    if value < 0 {
        out.push('-');
    }
    let size = value.unsigned_abs();
    if let Ok(small) = u64::try_from(size) {
        return fraction(out, small, places);
    }
    let unit = 10_u128.pow(places);
    // Writing to a string does not fail.
    _ = write!(out, "{}", size / unit);
    tail(out, (size % unit) as u64, places);
}

fn devices(out: &mut String, holds: &[Hold]) {
    let quoted = holds.len() > 1;
    if quoted {
        out.push('"');
    }
    for (index, hold) in holds.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        whole(out, hold.index.into());
        out.push(':');
        // A slice by its eighths.
        let milli = if hold.parts == 0 { u32::from(hold.milli) } else { hold.parts.count_ones() * 125 };
        whole(out, milli.into());
    }
    if quoted {
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_canonical() {
        let mut lines = String::new();
        let mut log = Log::new(&mut lines);
        let holds = [Hold { index: 0, milli: 1000, parts: 0 }, Hold { index: 3, milli: 250, parts: 0 }];
        let row = Row {
            job: "a,\"b\"",
            node: "n/0",
            cpu_milli: 1500,
            memory_mib: 64,
            devices: &holds,
            work_us: Some(12_500_000),
            lost_us: 1,
            nano_usd: -1_050_000_000,
            micro_g: 1_000_001,
            reason: "preempt",
            ..Row::new(7, Event::Stop)
        };
        log.add(&row);
        log.settle();
        log.add(&Row { devices: &holds[..1], ..Row::new(8, Event::Start) });
        let (rows, digest) = log.finish();
        assert_eq!(
            lines,
            "0,7,stop,\"a,\"\"b\"\"\",n/0,1500,64,\"0:1000,3:250\",12.5,0.000001,-1.05,1.000001,preempt\n\
             1,8,start,,,0,0,0:1000,,0,0,0,\n"
        );
        let known = hexadecimal(&Sha256::digest(lines.as_bytes()));
        assert_eq!((rows, digest), (2, known));
    }
}
