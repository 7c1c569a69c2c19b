//! Accelerators: data sheets, estimates of power where there is no published one, TPU slices, and other names.

use std::collections::{BTreeMap, BTreeSet};

use super::Sources;
use super::gcp::Tpu;
use super::input::Table;
use super::output::Text;
use crate::error::{Error, Result};

/// One row of the table.
#[derive(Clone, Default)]
struct Board {
    vendor: String,
    kind: String,
    year: String,
    memory_gib: String,
    bandwidth: String,
    fp16: String,
    fp32: String,
    watts: String,
    estimated: bool,
    basis: String,
    /// For a slice: the chip and how many.
    chip: String,
    chips: u32,
}

/// Every accelerator and alias.
pub(super) struct Names {
    boards: BTreeMap<String, Board>,
    aliases: BTreeMap<String, String>,
}

impl Names {
    pub(super) fn read(sources: &Sources<'_>) -> Result<Self> {
        let mut boards = BTreeMap::new();
        for row in Table::read(sources.data, "accelerators/accelerators.csv")?.rows() {
            let board = Board {
                vendor: row.get("vendor")?.into(),
                kind: row.get("kind")?.into(),
                year: row.get("year")?.into(),
                memory_gib: row.get("mem_gib")?.into(),
                bandwidth: row.get("mem_bw_gb_s")?.into(),
                fp16: row.get("fp16_dense_tflops")?.into(),
                fp32: row.get("fp32_tflops")?.into(),
                watts: row.get("board_power_w")?.into(),
                chips: 1,
                ..Board::default()
            };
            boards.insert(row.get("accelerator")?.to_owned(), board);
        }
        for row in Table::read(sources.facts, "accelerators_hand.csv")?.rows() {
            let name = row.get("name")?;
            if row.maybe("drop")?.is_some() {
                boards.remove(name).ok_or_else(|| row.wrong("there is nothing of this name to drop"))?;
                continue;
            }
            let board =
                boards.entry(name.to_owned()).or_insert_with(|| Board { chips: 1, ..Board::default() });
            for (field, column) in [
                (&mut board.vendor, "vendor"),
                (&mut board.kind, "kind"),
                (&mut board.year, "year"),
                (&mut board.memory_gib, "mem_gib"),
                (&mut board.bandwidth, "mem_bw_gb_s"),
                (&mut board.fp16, "fp16_dense_tflops"),
                (&mut board.fp32, "fp32_tflops"),
                (&mut board.watts, "board_power_w"),
            ] {
                if let Some(text) = row.maybe(column)? {
                    text.clone_into(field);
                }
            }
            if let Some(watts) = row.maybe("estimated_watts")? {
                if !board.watts.is_empty() {
                    return Err(row.wrong("the power is published; an estimate would hide it"));
                }
                watts.clone_into(&mut board.watts);
                board.estimated = true;
                row.get("basis")?.clone_into(&mut board.basis);
            }
        }
        let mut names = Self { boards, aliases: BTreeMap::new() };
        names.add_slices(sources)?;
        for row in Table::read(sources.facts, "aliases.csv")?.rows() {
            names
                .alias(row.get("alias")?, row.get("accelerator")?)
                .map_err(|error| row.wrong(&error.to_string()))?;
        }
        if let Some((name, _)) = names.boards.iter().find(|(_, board)| board.watts.is_empty()) {
            return Err(Error::new(format!("{name} has neither a published nor an estimated power")));
        }
        Ok(names)
    }

    fn add_slices(&mut self, sources: &Sources<'_>) -> Result<()> {
        for tpu in Tpu::read_all(sources)? {
            let board = self.boards.get(&tpu.chip).cloned();
            let board =
                board.ok_or_else(|| Error::new(format!("{} is not in the accelerator table", tpu.chip)))?;
            for slice in tpu.slices() {
                let chip = tpu.chip.clone();
                self.boards.insert(slice.name.clone(), Board { chip, chips: slice.chips, ..board.clone() });
                let generation = tpu.chip.trim_start_matches("tpu-");
                self.alias(&format!("{generation}-{}", slice.number), &slice.name)?;
                if generation == "v5e" {
                    self.alias(&format!("v5litepod-{}", slice.number), &slice.name)?;
                    self.alias(&format!("tpu-v5litepod-{}", slice.number), &slice.name)?;
                }
            }
        }
        Ok(())
    }

    fn alias(&mut self, alias: &str, name: &str) -> Result<()> {
        if !self.boards.contains_key(name) {
            return Err(Error::new(format!("{name} is not an accelerator")));
        }
        let key = folded(alias);
        if self.boards.keys().any(|board| folded(board) == key) {
            return Err(Error::new(format!("{alias} is the name of an accelerator itself")));
        }
        match self.aliases.insert(key, name.to_owned()) {
            None => Ok(()),
            Some(_) => Err(Error::new(format!("{alias} is there twice"))),
        }
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.boards.contains_key(name)
    }

    /// The name in the table for any name of a list.
    pub(super) fn canonical(&self, name: &str) -> Option<String> {
        if self.knows(name) { Some(name.to_owned()) } else { self.aliases.get(&folded(name)).cloned() }
    }

    /// The same, where not to know it is an error.
    pub(super) fn expect(&self, name: &str) -> Result<String> {
        self.canonical(name)
            .ok_or_else(|| Error::new(format!("no accelerator is named {name:?}; add it to catalog/facts")))
    }

    pub(super) fn alias_table(&self) -> (String, String) {
        let mut text = Text::new(
            "Other names of accelerators, in lower case with - for spaces and underscores. From catalog/facts/aliases.csv, and
             for TPU slices by rule: v4-8, v5litepod-16, v5e-16 and so on.",
            "alias,accelerator",
        );
        for (alias, name) in &self.aliases {
            text.row([alias, name]);
        }
        text.into_file("aliases.csv")
    }
}

/// How names are compared.
fn folded(name: &str) -> String {
    name.chars()
        .map(|letter| if matches!(letter, ' ' | '_') { '-' } else { letter.to_ascii_lowercase() })
        .collect()
}

pub(super) fn table(names: &Names) -> (String, String) {
    let mut text = Text::new(
        "Accelerators. memory_gib, bandwidth_gb_s, fp16_tflops (dense), fp32_tflops and watts are of one chip or board; a TPU slice
         is `chips` times its `chip`, and offers hold one slice. watts: power of the board under load, from the vendor's data sheet;
         estimated 1: the vendor publishes none, `basis` says how it was reckoned, and every use shows it as an assumption.
         Empty: not published, or without meaning for the kind. Sources: vendors' data sheets; estimates from
         catalog/facts/accelerators_hand.csv. RTXA6000 is A6000, A100-80GB-SXM is A100-80GB, H100-SXM and H100-MEGA are H100.
         Where a provider's list says H100 for a PCIe board (Lambda, RunPod) the offer still says H100, as the list does.",
        "name,vendor,kind,year,memory_gib,bandwidth_gb_s,fp16_tflops,fp32_tflops,watts,estimated,chip,chips,basis",
    );
    let mut order: Vec<(&str, u32, &str)> =
        names.boards.iter().map(|(name, board)| (board.chip.as_str(), board.chips, name.as_str())).collect();
    order.sort_unstable();
    let mut seen = BTreeSet::new();
    for (_, _, name) in order {
        let board = &names.boards[name];
        assert!(seen.insert(folded(name)), "{name} is there twice when case is ignored");
        let estimated = if board.estimated { "1" } else { "" };
        let chips = if board.chip.is_empty() { String::new() } else { board.chips.to_string() };
        text.row([
            name,
            &board.vendor,
            &board.kind,
            &board.year,
            &board.memory_gib,
            &board.bandwidth,
            &board.fp16,
            &board.fp32,
            &board.watts,
            estimated,
            &board.chip,
            &chips,
            &board.basis,
        ]);
    }
    text.into_file("accelerators.csv")
}
