//! The columns of each format, and how a row of it is a job.

use crate::{
    Fault,
    jobs::{
        TracedJob,
        steps::{self, Places},
        time,
    },
    table::{Row, alternatives, quoted, wrong},
};

/// A format of jobs with times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobFormat {
    /// Plimsoll's own: `id`, `submit_s`, `duration_s`, and any of the optional columns.
    Native,
    /// `job_id,num_gpu,submit_time,iterations,model_name,duration,interval` (Gu et al., NSDI 2019).
    Tiresias,
    /// `submit_s,duration_s,num_gpus,vc` (Jeon et al., ATC 2019, reduced).
    Philly,
    /// Gavel's and Shockwave's lists: job types, steps and accelerators, with arrivals in seconds or in mean gaps
    /// (Narayanan et al., OSDI 2020; Zheng et al., NSDI 2023).
    Gavel,
    /// Hours or seconds and CPUs (Weng et al., NSDI 2022, and Cortez et al., SOSP 2017, as GAIA reduced them).
    Pai,
}

/// The columns of a native file.
const NATIVE: [&str; 13] = [
    "id",
    "submit_s",
    "duration_s",
    "gpus",
    "accelerator",
    "cpus",
    "memory_mib",
    "deadline_s",
    "earliest_s",
    "interruptible",
    "team",
    "priority",
    "partition",
];
const TIRESIAS: [&str; 7] =
    ["job_id", "num_gpu", "submit_time", "iterations", "model_name", "duration", "interval"];
const PHILLY: [&str; 4] = ["submit_s", "duration_s", "num_gpus", "vc"];
const PAI_HOURS: [&str; 3] = ["arrival_h", "length_h", "cpus"];
const PAI_SECONDS: [&str; 3] = ["arrival_time", "length", "cpus"];

const SECOND: f64 = 1e6;
const HOUR: f64 = 3.6e9;
pub(crate) const MOST_GPUS: u64 = 60_000;
const MOST_CPUS: f64 = 1e6;
const MOST_MIB: u64 = 1 << 40;

/// What a header was found to be.
pub(super) enum Columns {
    /// Where each of [`NATIVE`] is.
    Native(Box<[Option<usize>; 13]>),
    Tiresias,
    Philly,
    /// Microseconds of a unit of time.
    Pai(f64),
    Gavel(Places),
}

impl JobFormat {
    /// Recognises a header.
    pub(super) fn columns(self, header: &[&str]) -> Result<(Columns, usize), Fault> {
        let refuse =
            |expected: &str| Err(Fault::Columns { found: header.join(","), expected: expected.to_owned() });
        let columns = match self {
            Self::Native => {
                if let Some(unknown) = header.iter().find(|name| !NATIVE.contains(name)) {
                    let known = format!("{} (`{unknown}` is not known)", NATIVE.join(", "));
                    return refuse(&format!("id, submit_s, duration_s and any others of {known}"));
                }
                let found = NATIVE.map(|name| header.iter().position(|found| *found == name));
                if let Some(missing) = NATIVE[..3].iter().zip(found).find(|(_, at)| at.is_none()) {
                    return refuse(&format!("id, submit_s and duration_s (`{}` is missing)", missing.0));
                }
                if (1..header.len()).any(|at| header[..at].contains(&header[at])) {
                    return refuse("each column once");
                }
                Columns::Native(Box::new(found))
            }
            Self::Tiresias if header == TIRESIAS => Columns::Tiresias,
            Self::Tiresias => return refuse(&TIRESIAS.join(",")),
            Self::Philly if header == PHILLY => Columns::Philly,
            Self::Philly => return refuse(&PHILLY.join(",")),
            Self::Gavel => Columns::Gavel(steps::columns(header)?),
            Self::Pai if header == PAI_HOURS => Columns::Pai(HOUR),
            Self::Pai if header == PAI_SECONDS => Columns::Pai(SECOND),
            Self::Pai => return refuse(&format!("{} or {}", PAI_HOURS.join(","), PAI_SECONDS.join(","))),
        };
        Ok((columns, header.len()))
    }
}

impl Columns {
    /// A row as a job.
    pub(super) fn job(&self, row: &Row<'_>) -> Result<TracedJob, Fault> {
        match self {
            Self::Native(columns) => native(row, columns),
            Self::Tiresias => Ok(TracedJob {
                name: format!("job-{}", row.name(0, "job_id")?),
                gpus: row.number(1, "num_gpu", MOST_GPUS)?,
                submit: time(row, 2, "submit_time", SECOND)?,
                duration_us: Some(time(row, 5, "duration", SECOND)?),
                ..TracedJob::default()
            }),
            Self::Philly => Ok(TracedJob {
                name: row.ordinal(),
                submit: time(row, 0, "submit_s", SECOND)?,
                duration_us: Some(time(row, 1, "duration_s", SECOND)?),
                gpus: row.number(2, "num_gpus", MOST_GPUS)?,
                partition: Some(row.name(3, "vc")?.to_owned()),
                ..TracedJob::default()
            }),
            Self::Gavel(places) => places.job(row),
            Self::Pai(unit) => Ok(TracedJob {
                name: row.ordinal(),
                submit: time(row, 0, "arrival", *unit)?,
                duration_us: Some(time(row, 1, "length", *unit)?),
                cpu_milli: cpus(row, 2)?,
                ..TracedJob::default()
            }),
        }
    }
}

fn cpus(row: &Row<'_>, index: usize) -> Result<u64, Fault> {
    let cell = row.cell(index);
    match cell.parse::<f64>() {
        Ok(value) if (0.0..=MOST_CPUS).contains(&value) => Ok((value * 1000.0).round() as u64),
        _ => Err(wrong("cpus", cell, "a number from 0 to 1000000 is expected")),
    }
}

/// Whole accelerators, or a part of one to the thousandth.
fn gpus(row: &Row<'_>, index: usize) -> Result<(u64, u16), Fault> {
    let cell = row.cell(index);
    match cell.parse::<f64>() {
        Ok(part) if part > 0.0 && part < 1.0 => Ok((1, ((part * 1000.0).round() as u16).max(1))),
        Ok(count) if count >= 0.0 && count <= MOST_GPUS as f64 && count.fract() == 0.0 => {
            Ok((count as u64, 0))
        }
        _ => Err(wrong("gpus", cell, "a whole number up to 60000, or a part of one, is expected")),
    }
}

fn native(row: &Row<'_>, columns: &[Option<usize>; 13]) -> Result<TracedJob, Fault> {
    let at = |column: usize| columns[column].filter(|index| !row.cell(*index).is_empty());
    let text = |column: usize| at(column).map(|index| row.cell(index).to_owned());
    let moment = |column: usize, name| at(column).map(|index| time(row, index, name, SECOND)).transpose();
    // The first three are there, or the header would have been refused.
    let needed = |column: usize| columns[column].unwrap_or(0);
    let submit = time(row, needed(1), "submit_s", SECOND)?;
    let deadline = moment(7, "deadline_s")?;
    if deadline.is_some_and(|deadline| deadline < submit) {
        let what = "is due before it comes".to_owned();
        return Err(Fault::Contradiction { reason: "due before it comes", what });
    }
    let (gpus, gpu_milli) = at(3).map_or(Ok((0, 0)), |index| gpus(row, index))?;
    Ok(TracedJob {
        name: row.name(needed(0), "id")?.to_owned(),
        submit,
        duration_us: Some(time(row, needed(2), "duration_s", SECOND)?),
        gpus,
        gpu_milli,
        accelerators: at(4).map_or_else(Vec::new, |index| alternatives(row.cell(index))),
        cpu_milli: at(5).map_or(Ok(0), |index| cpus(row, index))?,
        memory_mib: at(6).map_or(Ok(0), |index| row.number(index, "memory_mib", MOST_MIB))?,
        deadline,
        earliest: moment(8, "earliest_s")?,
        interruptible: at(9)
            .map(|index| match row.cell(index) {
                "true" | "1" => Ok(true),
                "false" | "0" => Ok(false),
                other => Err(wrong("interruptible", other, "true or false is expected")),
            })
            .transpose()?,
        team: text(10),
        priority: at(11)
            .map(|index| {
                row.cell(index)
                    .parse()
                    .map_err(|_| wrong("priority", row.cell(index), "a whole number is expected"))
            })
            .transpose()?,
        partition: text(12),
        ..TracedJob::default()
    })
}

/// Jobs in the native format; columns that no job has are left out.
pub fn native_csv(jobs: &[TracedJob]) -> String {
    let cells: Vec<[String; 13]> = jobs.iter().map(native_cells).collect();
    let used: Vec<usize> =
        (0..NATIVE.len()).filter(|at| *at < 3 || cells.iter().any(|row| !row[*at].is_empty())).collect();
    let mut out = String::new();
    let mut line = |row: &[String]| {
        let row: Vec<&str> = row.iter().map(String::as_str).collect();
        out.push_str(&row.join(","));
        out.push('\n');
    };
    line(&used.iter().map(|at| NATIVE[*at].to_owned()).collect::<Vec<_>>());
    for row in &cells {
        line(&used.iter().map(|at| row[*at].clone()).collect::<Vec<_>>());
    }
    out
}

fn native_cells(job: &TracedJob) -> [String; 13] {
    let seconds = |micros: u64| decimal(micros, 6);
    let text = |text: &str| quoted(text).into_owned();
    let maybe = |time: Option<u64>| time.map_or(String::new(), seconds);
    let nonzero = |value: u64, cell: String| if value == 0 { String::new() } else { cell };
    let gpus = match (job.gpus, job.gpu_milli) {
        (0, _) => String::new(),
        (1, milli) if milli > 0 && milli < 1000 => decimal(milli.into(), 3),
        (count, _) => count.to_string(),
    };
    [
        text(&job.name),
        seconds(job.submit),
        seconds(job.duration_us.unwrap_or(0)),
        gpus,
        text(&job.accelerators.join("|")),
        nonzero(job.cpu_milli, decimal(job.cpu_milli, 3)),
        nonzero(job.memory_mib, job.memory_mib.to_string()),
        maybe(job.deadline),
        maybe(job.earliest),
        job.interruptible.map_or(String::new(), |may| may.to_string()),
        job.team.as_deref().map_or(String::new(), text),
        job.priority.map_or(String::new(), |priority| priority.to_string()),
        job.partition.as_deref().map_or(String::new(), text),
    ]
}

/// A count of 10^-places, without trailing zeros.
fn decimal(value: u64, places: usize) -> String {
    let unit = 10_u64.pow(places as u32);
    let fraction = format!("{:0places$}", value % unit);
    let text = format!("{}.{fraction}", value / unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
