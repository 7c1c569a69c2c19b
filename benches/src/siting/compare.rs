//! Two records beside each other.

use std::fmt::Write as _;

use super::{Method, Record};

/// What changed from one record to another, for the instances that both have.
///
/// # Errors
/// When they have no instance in common, or one of the same name is not the same.
pub fn compare(before: &Record, after: &Record) -> Result<String, String> {
    let mut out = String::new();
    let commit = |record: &Record| record.commit.clone().unwrap_or_else(|| record.version.clone());
    _ = writeln!(out, "from {} to {}", commit(before), commit(after));
    if before.machine != after.machine {
        _ = writeln!(out, "on different machines or builds: CPU seconds and memory do not compare");
    }
    if (before.seed, before.effort) != (after.seed, after.effort) {
        _ = writeln!(
            out,
            "seed {}, effort {} before; seed {}, effort {} after",
            before.seed, before.effort, after.seed, after.effort
        );
    }
    let mut common = 0;
    for new in &after.instances {
        let Some(old) = before.instances.iter().find(|old| old.name == new.name) else { continue };
        if old.hash != new.hash {
            return Err(format!(
                "`{}` is another instance in each of them: its generator or seed changed",
                new.name
            ));
        }
        common += 1;
        _ = writeln!(
            out,
            "\n{}  stated in {:.2} → {:.2} s",
            new.name, old.stating_seconds, new.stating_seconds
        );
        for method in &new.methods {
            let Some(was) = old.methods.iter().find(|old| old.name == method.name) else { continue };
            if was.skipped.is_none() && method.skipped.is_none() {
                line(&mut out, was, method);
            }
        }
    }
    if common == 0 { Err("they have no instance in common".into()) } else { Ok(out) }
}

fn line(out: &mut String, old: &Method, new: &Method) {
    let pair = |old: Option<f64>, new: Option<f64>, digits: usize| {
        let text = |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.digits$}"));
        format!("{} → {}", text(old), text(new))
    };
    let percent = |gap: Option<f64>| gap.map(|gap| 100.0 * gap);
    _ = writeln!(
        out,
        "  {:<28}total $ {}; bound $ {}; gap % {}; CPU s {}; MiB {}",
        new.name,
        pair(old.total_usd, new.total_usd, 2),
        pair(old.bound_usd, new.bound_usd, 2),
        pair(percent(old.gap), percent(new.gap), 3),
        pair(Some(old.cpu_seconds), Some(new.cpu_seconds), 2),
        pair(Some(old.peak_mib), Some(new.peak_mib), 0),
    );
}
