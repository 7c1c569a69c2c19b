//! The files that an estate names: catalogues and carbon series.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use plimsoll_catalog::{CatalogFile, FileError, FileErrors, FileOffer, SkyPilotFile};
use plimsoll_model::{
    AcceleratorCount, AcceleratorKind, Arch, Bytes, Capacity, Cpu, Diagnostic, Estate, OfferSpec, PerHour,
    Ratio, Series, Source, Span, Usd, Watts, estate::EMBEDDED, plan::Assumption, quantity::decimal::SCALE,
    read, read::Located,
};

use super::{LoadError, digest::Digest, files, validate};

/// What the files say.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) offers: Vec<OfferSpec>,
    pub(super) series: BTreeMap<String, Series>,
    /// What of them was passed over.
    pub(super) assumptions: Vec<Assumption>,
}

/// Reads them in the order of the estate: the catalogues, then the series, each file once.
pub(super) fn read(estate: &Located<Estate>, folder: &Path, digest: &mut Digest) -> Result<Named, LoadError> {
    let mut problems = Vec::new();
    let spec = &estate.value.spec;
    let mut named = Named::default();
    for (index, path) in spec.catalog.iter().flatten().enumerate() {
        if path == EMBEDDED {
            continue;
        }
        let field = format!("spec.catalog[{index}]");
        for path in tables(&folder.join(path), path) {
            match bytes(estate, &field, folder, &path) {
                Ok((name, bytes)) => {
                    digest.add("catalog", &bytes);
                    match catalog(&name, &bytes, &mut named.assumptions) {
                        Ok(more) => named.offers.extend(more),
                        Err(more) => problems.extend(more),
                    }
                }
                Err(problem) => problems.push(*problem),
            }
        }
    }
    let series = &mut named.series;
    for (index, row) in spec.carbon_intensity.iter().enumerate() {
        let Some(path) = row.series.as_ref().filter(|path| !series.contains_key(*path)) else { continue };
        let field = format!("spec.carbonIntensity[{index}].series");
        match bytes(estate, &field, folder, path) {
            Ok((name, bytes)) => {
                digest.add("series", &bytes);
                match read::series(&name, &bytes) {
                    Ok(rows) => _ = series.insert(path.clone(), rows),
                    Err(more) => problems.extend(more),
                }
            }
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.is_empty() { Ok(named) } else { Err(problems.into()) }
}

/// The files that a path of `catalog` means: itself, or what a folder of SkyPilot's catalogue holds: a
/// folder a cloud with `vms.csv`, or such a table a cloud beside each other.
fn tables(full: &Path, path: &str) -> Vec<String> {
    let inside = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut paths: Vec<PathBuf> = entries.collect();
        paths.sort();
        paths
    };
    if !full.is_dir() {
        return vec![path.to_owned()];
    }
    let is_table = |path: &PathBuf| files::bytes_of(path).is_ok_and(|bytes| SkyPilotFile::is_one(&bytes));
    let of_entry = |entry: PathBuf| {
        if entry.is_dir() {
            Some(entry.join("vms.csv")).filter(|table| table.is_file())
        } else {
            let csv = entry.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
            Some(entry).filter(|entry| csv && is_table(entry))
        }
    };
    let found: Vec<String> = inside(full)
        .into_iter()
        .filter_map(of_entry)
        .filter_map(|table| {
            let inner = table.strip_prefix(full).ok()?;
            Some(Path::new(path).join(inner).display().to_string())
        })
        .collect();
    // A folder without any is named itself, to be refused.
    if found.is_empty() { vec![path.to_owned()] } else { found }
}

/// A named file; when it cannot be read, the problem is where the estate names it.
fn bytes(
    estate: &Located<Estate>,
    field: &str,
    folder: &Path,
    path: &str,
) -> Result<(String, Vec<u8>), Box<Diagnostic>> {
    let full = folder.join(path);
    match files::bytes_of(&full) {
        Ok(bytes) => Ok((full.display().to_string(), bytes)),
        Err(problem) => {
            let message = format!("`{field}`: {} ({})", problem.message, full.display());
            let help = if full.is_dir() {
                "a folder is one of SkyPilot's catalogue: `CLOUD/vms.csv` or `CLOUD.csv` for each cloud"
            } else {
                "paths are relative to this document"
            };
            Err(Box::new(estate.problem(field, message).with_help(help)))
        }
    }
}

/// The offers of a catalogue file: YAML or JSON by its extension, else CSV.
fn catalog(
    name: &str,
    bytes: &[u8],
    assumptions: &mut Vec<Assumption>,
) -> Result<Vec<OfferSpec>, Vec<Diagnostic>> {
    if read::is_document(name) {
        let located = read::catalog(name, bytes)?;
        let problems = validate::catalog(&located);
        return if problems.is_empty() { Ok(located.value) } else { Err(problems) };
    }
    let source = Source::new(name, String::from_utf8_lossy(bytes));
    let refused = |errors: FileErrors| {
        let mut problems: Vec<Diagnostic> =
            errors.errors.iter().map(|error| row_problem(&source, error)).collect();
        if errors.more > 0 {
            problems.push(Diagnostic::of_file(name, format!("and {} more problems", errors.more)));
        }
        problems
    };
    let rows = if SkyPilotFile::is_one(bytes) {
        let table = SkyPilotFile::parse(name, cloud_of(name), bytes).map_err(refused)?;
        assumptions.extend(table.passed_over.into_iter().map(|(reason, rows)| Assumption {
            // Not the path: plans hold none.
            what: format!("rows passed over of {}", cloud_of(name)),
            value: format!("{rows} that {reason}"),
            source: "SkyPilot's catalogue".to_owned(),
            as_of: None,
        }));
        table.offers
    } else {
        CatalogFile::parse(name, bytes).map_err(refused)?.offers
    };
    let (mut offers, mut problems, mut lines) = (Vec::new(), Vec::new(), BTreeMap::new());
    for row in rows {
        let line = row.line;
        let read = offer(row).and_then(|offer| match lines.insert(offer.full_name(), line) {
            Some(first) => Err(format!(
                "a second offer `{}`, after line {first}: give one of them a `name`",
                offer.full_name()
            )),
            None => Ok(offer),
        });
        match read {
            Ok(offer) => offers.push(offer),
            Err(message) => {
                let error = FileError { file: name.to_owned(), line, column: None, message };
                problems.push(row_problem(&source, &error));
            }
        }
    }
    if problems.is_empty() { Ok(offers) } else { Err(problems) }
}

/// The cloud that a table of SkyPilot's is of: the folder of `aws/vms.csv`, the name of `aws.csv`.
fn cloud_of(name: &str) -> &str {
    let mut parts = name.rsplit(['/', '\\']);
    let stem = parts.next().map_or(name, |file| file.rsplit_once('.').map_or(file, |(stem, _)| stem));
    if stem == "vms" { parts.next().filter(|folder| !folder.is_empty()).unwrap_or(stem) } else { stem }
}

fn row_problem(source: &Source, error: &FileError) -> Diagnostic {
    let line = u32::try_from(error.line).unwrap_or(u32::MAX).max(1);
    let text = source.line(line).unwrap_or_default();
    let field = error.column.clone().unwrap_or_default();
    let message = match &error.column {
        Some(column) => format!("column `{column}`: {}", error.message),
        None => error.message.clone(),
    };
    let span = cell(source, line, &field).unwrap_or(Span {
        line,
        column: 1,
        length: u32::try_from(text.chars().count()).unwrap_or(1).max(1),
    });
    source.problem(span, field, message)
}

/// Where the cell of a column stands in a row. Rows with quotes are pointed at as a whole.
fn cell(source: &Source, line: u32, column: &str) -> Option<Span> {
    let header = (1..line).filter_map(|line| source.line(line)).find(|line| !line.starts_with('#'))?;
    let index = header.split(',').position(|name| name.trim() == column)?;
    let text = source.line(line).filter(|text| !text.contains('"'))?;
    let before: usize = text.split(',').take(index).map(|cell| cell.chars().count() + 1).sum();
    let length = text.split(',').nth(index)?.chars().count();
    Some(Span { line, column: u32::try_from(before + 1).ok()?, length: u32::try_from(length).ok()?.max(1) })
}

/// A row as an offer.
fn offer(row: FileOffer) -> Result<OfferSpec, String> {
    if row.accelerators_milli.is_some_and(|milli| milli > AcceleratorCount::MOST.milli()) {
        return Err(format!("`accelerators` must be at most {}", AcceleratorCount::MOST));
    }
    let count = row.count.map(u32::try_from).transpose().map_err(|_| "`count` is too large".to_owned())?;
    Ok(OfferSpec {
        name: row.name,
        cloud: Some(row.cloud),
        region: row.region,
        zone: row.zone,
        instance_type: Some(row.instance_type),
        accelerator: row.accelerator,
        accelerator_kind: row.accelerator_kind.map(kind),
        accelerators: row.accelerators_milli.map(AcceleratorCount),
        accelerator_memory: row.accelerator_memory_bytes.map(Bytes),
        cpu: row.cpu_milli.map(Cpu),
        memory: row.memory_bytes.map(Bytes),
        arch: row.arch.map(arch),
        capacity: capacity(row.capacity),
        hourly: Usd::from_pico(i128::from(row.hourly_nano_usd) * (SCALE / 1_000_000_000)),
        list_hourly: None,
        count,
        watts: row.watts.map(Watts::from_f64).transpose()?,
        pue: row.pue.map(Ratio::from_f64).transpose()?,
        interruptions_per_hour: row.interruptions_per_hour.map(PerHour::from_f64).transpose()?,
        source: row.source,
        as_of: row.as_of,
    })
}

fn kind(kind: plimsoll_catalog::Kind) -> AcceleratorKind {
    match kind {
        plimsoll_catalog::Kind::Gpu => AcceleratorKind::Gpu,
        plimsoll_catalog::Kind::Tpu => AcceleratorKind::Tpu,
        plimsoll_catalog::Kind::Npu => AcceleratorKind::Npu,
        plimsoll_catalog::Kind::Fpga => AcceleratorKind::Fpga,
    }
}

fn arch(arch: plimsoll_catalog::Arch) -> Arch {
    match arch {
        plimsoll_catalog::Arch::Amd64 => Arch::Amd64,
        plimsoll_catalog::Arch::Arm64 => Arch::Arm64,
    }
}

fn capacity(class: plimsoll_catalog::Capacity) -> Capacity {
    match class {
        plimsoll_catalog::Capacity::Spot => Capacity::Spot,
        plimsoll_catalog::Capacity::OnDemand => Capacity::OnDemand,
        plimsoll_catalog::Capacity::Reserved => Capacity::Reserved,
        plimsoll_catalog::Capacity::OnPrem => Capacity::OnPrem,
    }
}
