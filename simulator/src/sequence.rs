//! `mode = "sequence"`: a scenario's arrivals offered one by one, through the replay of the published comparison.
//!
//! For openb the draws are those of the published runs (Go's generator), so that published rows come out seed by
//! seed; for other traces they are `ChaCha8`'s.

use indexmap::IndexMap;
use plimsoll_model::{
    scenario::{Order, PowerSpec, TraceFormat},
    simulation::Metric,
};
use plimsoll_packing::{
    fleet::{Hold, Node},
    scores::{Mix, Power, Sockets, Watts},
};
use plimsoll_traces::openb as trace;

use crate::{
    draws::Draws,
    events::{Event, Log, Row, Sink},
    experiment::{Context, Outcome, Problems, of_trace},
    openb,
    replay::{Arrivals, Input, Policy, Rule, Watch, watched},
};

mod policies;

/// A scenario's sequence, ready to run.
pub struct Sequence {
    input: Input,
    arrivals: Arrivals,
    policies: Vec<Policy>,
    /// As the scenario writes them, with their numbers.
    levels: Vec<(String, f64)>,
    has_power: bool,
    pue: f64,
    /// Whether the draws are Go's.
    go: bool,
}

impl Sequence {
    /// Reads and checks.
    pub(crate) fn prepare(context: &mut Context<'_>) -> Result<Self, Problems> {
        let scenario = &context.point.scenario.value;
        let go = scenario.trace.format == Some(TraceFormat::Openb);
        let mut input = match scenario.trace.format {
            Some(TraceFormat::Openb) => of_openb(context)?,
            format => {
                let format = format.map_or("", TraceFormat::as_str);
                let message = format!("traces of format {format} are not replayed as a sequence yet");
                return context.refuse("trace.format", message, "openb is");
            }
        };
        if let Some(typical) = scenario.report.typical {
            if !(0.0..=1.0).contains(&typical) {
                return context.refuse("report.typical", "must lie between 0 and 1", "0.95 is usual");
            }
            let percent = (typical * 100.0).round() as u32;
            input.typical =
                Mix::typical(input.pods.iter().map(|class| &input.classes[*class as usize]), percent);
        }
        if let Some(power) = &scenario.power {
            input.power = Some(of_power(context, power, &input.models)?);
        }
        let arrivals = arrivals(context)?;
        for (at, level) in scenario.report.levels.iter().enumerate() {
            if !(*level >= 0.0 && level.is_finite()) {
                let field = format!("report.levels[{at}]");
                return context.refuse(&field, "must be a percentage of 0 or more", "");
            }
        }
        let policies = policies::all(context, &input)?;
        let levels = scenario.report.levels.iter().map(|level| (level.to_string(), *level)).collect();
        Ok(Self {
            arrivals,
            policies,
            levels,
            has_power: scenario.power.is_some(),
            pue: scenario.power.as_ref().and_then(|power| power.pue).unwrap_or(1.0),
            go,
            input,
        })
    }

    /// Makes a run.
    pub(crate) fn run(&self, policy: usize, seed: u64, sink: &mut dyn Sink) -> Outcome {
        let draws = if self.go { Draws::go(seed) } else { Draws::chacha(seed) };
        let mut watch =
            Recorder { input: &self.input, log: Log::new(sink), times: vec![0; self.input.pods.len()] };
        for node in &self.input.nodes {
            watch.node(node);
        }
        let result = watched(&self.input, self.arrivals, &self.policies[policy], draws, &mut watch);
        let (events, digest) = watch.log.finish();
        let arrived = result.curve.len() as u64 - 1;
        let mut metrics = IndexMap::new();
        let mut by_level = |name: &str, of: &dyn Fn(crate::replay::Level) -> f64| {
            let metric = if self.levels.is_empty() {
                Metric::Number(of(result.at(f64::INFINITY)))
            } else {
                let levels = self.levels.iter();
                Metric::ByLevel(levels.map(|(name, level)| (name.clone(), of(result.at(*level)))).collect())
            };
            metrics.insert(name.to_owned(), metric);
        };
        by_level("gpu_allocation_percent", &|level| level.allocation);
        by_level("gpu_fragmentation_percent", &|level| level.fragmentation);
        if self.has_power {
            by_level("power_w", &|level| level.watts as f64 * self.pue);
        }
        for (name, count) in
            [("placed", arrived - result.lost.pods), ("failed", result.lost.pods), ("unfinished", 0)]
        {
            metrics.insert(name.to_owned(), Metric::Number(count as f64));
        }
        Outcome { jobs: arrived, events, digest, metrics, ..Outcome::default() }
    }
}

/// Puts arrivals into the log.
struct Recorder<'a> {
    input: &'a Input,
    log: Log<'a>,
    /// How often each pod has come: a pod that is drawn again is another job.
    times: Vec<u32>,
}

impl Recorder<'_> {
    fn node(&mut self, node: &Node) {
        let devices: Vec<Hold> =
            (0..node.devices).map(|index| Hold { index, milli: 1000, parts: 0 }).collect();
        self.log.add(&Row {
            node: &node.name,
            cpu_milli: node.cpu_milli,
            memory_mib: node.memory_mib,
            devices: &devices,
            ..Row::new(0, Event::NodeUp)
        });
    }
}

impl Watch for Recorder<'_> {
    fn arrived(&mut self, pod: u32, placed: Option<(usize, &[Hold])>) {
        let request = &self.input.classes[self.input.pods[pod as usize] as usize];
        let times = &mut self.times[pod as usize];
        *times += 1;
        let name = self.input.names.get(pod as usize).map_or("", String::as_str);
        let again = format!("{name}/{times}");
        let job = if *times == 1 { name } else { &again };
        let row = Row {
            job,
            cpu_milli: request.cpu_milli,
            memory_mib: request.memory_mib,
            ..Row::new(0, Event::Arrive)
        };
        self.log.add(&row);
        match placed {
            Some((node, devices)) => {
                let node = &self.input.nodes[node].name;
                self.log.add(&Row { event: Event::Start, node, devices, ..row });
            }
            None => self.log.add(&Row { event: Event::Reject, reason: "no node has room", ..row }),
        }
        // There is no clock: each arrival is a moment of its own.
        self.log.settle();
    }
}

fn of_openb(context: &mut Context<'_>) -> Result<Input, Problems> {
    let files = &context.point.scenario.value.trace;
    let (name, bytes) = context.file("trace.nodes", files.nodes.as_deref())?;
    let nodes = trace::nodes(&name, &bytes, context.tolerance).map_err(|error| of_trace(&error))?;
    let (name, bytes) = context.file("trace.jobs", files.jobs.as_deref())?;
    let pods = trace::pods(&name, &bytes, context.tolerance).map_err(|error| of_trace(&error))?;
    context.note_dropped(&nodes.dropped);
    context.note_dropped(&pods.dropped);
    Ok(openb::input(&nodes.rows, &pods.rows))
}

fn arrivals(context: &Context<'_>) -> Result<Arrivals, Problems> {
    let spec = &context.point.scenario.value.arrivals;
    if let Some(inflate) = spec.inflate
        && !(inflate > 0.0 && inflate <= 1000.0)
    {
        return context.refuse("arrivals.inflate", "must lie above 0 and be at most 1000", "1.3 is usual");
    }
    for (field, given) in [
        ("arrivals.window", spec.window.is_some()),
        ("arrivals.first", spec.first.is_some()),
        ("arrivals.rate_per_hour", spec.rate_per_hour.is_some()),
        ("arrivals.speed", spec.speed.is_some()),
    ] {
        if given {
            return context.refuse(field, "has no meaning in a sequence, which has no clock", "remove it");
        }
    }
    let openb = context.point.scenario.value.trace.format == Some(TraceFormat::Openb);
    Ok(Arrivals {
        shuffle: spec.order == Some(Order::Shuffle),
        inflate: spec.inflate,
        rule: if openb { Rule::PerDeviceUnder } else { Rule::Whole },
    })
}

/// What machines draw, as the scenario says.
fn of_power(context: &Context<'_>, spec: &PowerSpec, models: &[String]) -> Result<Power, Problems> {
    let watts = |field: &str, [idle, busy]: [f64; 2]| {
        let right = |value: f64| (0.0..=1e6).contains(&value) && value.fract() == 0.0;
        if right(idle) && right(busy) && idle <= busy {
            return Ok(Watts { idle: idle as u32, busy: busy as u32 });
        }
        context.refuse(field, "must be whole watts, idle first and busy not below it", "[10, 70]")
    };
    let mut devices = vec![Watts::default(); models.len()];
    for (kind, pair) in &spec.accelerators {
        let found = models.iter().position(|model| model.eq_ignore_ascii_case(kind));
        let pair = watts(&format!("power.accelerators.{kind}"), *pair)?;
        // A kind that this cluster lacks draws nothing here; tables are written for more than one cluster.
        if let Some(at) = found {
            devices[at] = pair;
        }
    }
    for model in models {
        if !spec.accelerators.is_empty()
            && !spec.accelerators.keys().any(|kind| kind.eq_ignore_ascii_case(model))
        {
            let message = format!("says nothing of `{model}`, which nodes or jobs of the trace name");
            return context.refuse("power.accelerators", message, &format!("add {model} = [idle, busy]"));
        }
    }
    let sockets = match &spec.cpu {
        Some(cpu) => Sockets {
            cores: cpu.cores_per_socket.max(1),
            threads: cpu.threads_per_core.unwrap_or(1).max(1),
            watts: watts("power.cpu.watts", cpu.watts)?,
        },
        None => Sockets { watts: Watts::default(), ..Sockets::default() },
    };
    Ok(Power { devices, sockets })
}
