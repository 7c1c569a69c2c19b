//! How fast kinds of accelerators are for types of jobs: Gavel's tables (Narayanan et al., OSDI 2020).

use std::collections::BTreeMap;

use crate::{
    Fault, Tolerance, TraceError,
    jobs::MOST_GPUS,
    table::{self, wrong},
};

/// Steps per second by kind of accelerator, type of job and how many accelerators it runs on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Throughputs {
    /// The kind is empty where the table holds for all.
    by: BTreeMap<(String, String, u64), f64>,
}

impl Throughputs {
    /// Steps per second, kinds' case ignored; nothing where the table has no row, or none above 0.
    pub fn steps_per_s(&self, kind: &str, job_type: &str, scale: u64) -> Option<f64> {
        let of = |kind: String| self.by.get(&(kind, job_type.to_owned(), scale)).copied();
        of(kind.to_ascii_lowercase()).or_else(|| of(String::new())).filter(|steps| *steps > 0.0)
    }

    /// Whether any row is of a kind, or of all.
    pub fn knows(&self, kind: &str) -> bool {
        self.by.keys().any(|(known, _, _)| known.is_empty() || known.eq_ignore_ascii_case(kind))
    }
}

const COLUMNS: [&str; 5] = ["gpu", "consolidated", "job_type", "scale_factor", "steps_per_s"];
const OF_ALL_KINDS: [&str; 3] = ["job_type", "scale_factor", "steps_per_s"];
const MOST_STEPS: f64 = 1e9;

/// Reads a table: of its rows those whose accelerators lie together. Without the columns `gpu` and `consolidated` it holds
/// for all kinds.
///
/// # Errors
/// A file that is no such table, a cell that is none of its column, and two rows of one key.
pub fn throughputs(file: &str, bytes: &[u8]) -> Result<Throughputs, TraceError> {
    let mut by = BTreeMap::new();
    table::read_plain(
        file,
        bytes,
        |header| {
            let expected = || format!("{} or {}", COLUMNS.join(","), OF_ALL_KINDS.join(","));
            let first = if header == COLUMNS { Some(2) } else { (header == OF_ALL_KINDS).then_some(0) };
            first.ok_or_else(|| Fault::Columns { found: header.join(","), expected: expected() })
        },
        Tolerance::Strict,
        |row, first| {
            let together = match row.cell(1) {
                _ if *first == 0 => true,
                "True" | "true" => true,
                "False" | "false" => false,
                other => return Err(wrong("consolidated", other, "True or False is expected")),
            };
            let scale = row.number(first + 1, "scale_factor", MOST_GPUS)?;
            let cell = row.cell(first + 2);
            let steps = cell.parse::<f64>().ok().filter(|steps| (0.0..=MOST_STEPS).contains(steps));
            let steps = steps
                .ok_or_else(|| wrong("steps_per_s", cell, "a number from 0 to 1000000000 is expected"))?;
            let kind = if *first == 0 { "" } else { row.name(0, "gpu")? };
            let key = (kind.to_ascii_lowercase(), row.name(*first, "job_type")?.to_owned(), scale);
            if together && by.insert(key, steps).is_some() {
                let what = "is there twice: a kind, a type and a scale have one row".to_owned();
                return Err(Fault::Contradiction { reason: "a row that is there twice", what });
            }
            Ok(())
        },
    )?;
    Ok(Throughputs { by })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "gpu,consolidated,job_type,scale_factor,steps_per_s\n";

    #[test]
    fn rows_of_accelerators_that_lie_together_count() {
        let text = format!("{HEAD}k80,True,LM (a),1,2.5\nk80,False,LM (a),1,1\nv100,True,LM (a),2,0.0\n");
        let table = throughputs("t.csv", text.as_bytes()).unwrap();
        assert_eq!(table.steps_per_s("K80", "LM (a)", 1), Some(2.5));
        assert_eq!(table.steps_per_s("v100", "LM (a)", 2), None);
        assert!(table.knows("V100") && !table.knows("p100"));
        let table = throughputs("t.csv", b"job_type,scale_factor,steps_per_s\nLM,2,3\n").unwrap();
        assert_eq!(
            (table.steps_per_s("A100", "LM", 2), table.steps_per_s("A100", "LM", 1)),
            (Some(3.0), None)
        );
        assert!(table.knows("A100"));
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let of = |rows: &str| {
            let read = throughputs("t.csv", format!("{HEAD}{rows}").as_bytes());
            read.unwrap_err().to_string()
        };
        assert!(of("k80,yes,a,1,2\n").contains("row 2: consolidated is `yes`"));
        assert!(of("k80,True,a,1,-2\n").contains("steps_per_s is `-2`"));
        assert!(of("k80,True,a,1,2\nK80,True,a,1,3\n").contains("row 3: is there twice"));
        assert!(throughputs("t.csv", b"gpu,steps\n").unwrap_err().to_string().contains("are expected"));
    }
}
