//! Case tables: a document's `spec`, and what is reported about it.

use plimsoll_model::{Document, read};

use super::*;

/// `field-position message → help` of every finding, in order.
fn findings(text: &str) -> Vec<String> {
    let read =
        read::documents("t", text.as_bytes()).unwrap_or_else(|problems| panic!("{}\n{text}", problems[0]));
    let (mut workloads, mut estate) = (Vec::new(), None);
    for document in read {
        let (value, place) = document.split();
        match value {
            Document::Workload(value) => workloads.push(place.map(|()| *value)),
            Document::Estate(value) => estate = Some(place.map(|()| *value)),
            Document::Foreign => unreachable!("the tests state documents of ours"),
        }
    }
    let mut problems = validate(&workloads, estate.as_ref());
    problems.extend(places(&workloads, estate.as_ref(), &[]));
    problems
        .into_iter()
        .map(|p| {
            let help = p.help.map(|help| format!(" → {help}")).unwrap_or_default();
            format!("{}:{} {}{help}", p.span.unwrap().line, p.span.unwrap().column, p.message)
        })
        .collect()
}

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!("apiVersion: plimsoll.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n")
}

/// Each case: fields of `spec` on line 4, and the findings without their lines.
fn check(kind: &str, base: &str, cases: &[(&str, &[&str])]) {
    for (spec, expected) in cases {
        let spec = format!("{spec}{base}");
        let found: Vec<String> = findings(&document(kind, "a", &spec))
            .into_iter()
            .map(|line| line.split_once(' ').map(|(_, rest)| rest.to_owned()).unwrap())
            .collect();
        assert_eq!(found, *expected, "{spec}");
    }
}

const CPU: &str = ", request: {cpu: 1}";

#[test]
fn requests() {
    check(
        "Workload",
        "",
        &[
            ("request: {cpu: 1}", &[]),
            (
                "request: {}",
                &["`spec.request`: asks for nothing → state accelerators, cpu, memory or instanceType"],
            ),
            (
                "request: {cpu: 0, memory: 0}",
                &["`spec.request`: asks for nothing → state accelerators, cpu, memory or instanceType"],
            ),
            ("request: {instanceType: m5.large}", &[]),
            ("request: {instanceType: ['']}", &["`spec.request.instanceType[0]`: must not be empty"]),
            ("request: {accelerators: {count: 0.25, kind: gpu}}", &[]),
            (
                "request: {accelerators: {count: 2}}",
                &[
                    "`spec.request.accelerators`: says not which → state `anyOf` (names) or `kind` (gpu, tpu, npu, fpga)",
                ],
            ),
            (
                "request: {accelerators: {anyOf: [], count: 0}}",
                &[
                    "`spec.request.accelerators`: says not which → state `anyOf` (names) or `kind` (gpu, tpu, npu, fpga)",
                    "`spec.request.accelerators.count`: must not be 0 → leave `accelerators` out to ask for none",
                ],
            ),
            ("replicas: 0, request: {cpu: 1}", &["`spec.replicas`: must be at least 1"]),
            ("perInstance: 0, request: {cpu: 1}", &["`spec.perInstance`: must be at least 1"]),
            ("request: {cpu: 1}, alternatives: [{request: {cpu: 2}}, {clouds: aws, zones: []}]", &[]),
            (
                "request: {cpu: 1}, alternatives: [{}, {request: {}, capacity: [], regions: [''], maxHourly: -1}]",
                &[
                    "`spec.alternatives[0]`: changes nothing → state what stands in place of the workload's own fields",
                    "`spec.alternatives[1].request`: asks for nothing → state accelerators, cpu, memory or instanceType",
                    "`spec.alternatives[1].capacity`: allows nothing → leave it out to allow every class",
                    "`spec.alternatives[1].regions[0]`: must not be empty",
                    "`spec.alternatives[1].maxHourly`: must not be negative",
                ],
            ),
            (
                "request: {cpu: 1}, alternatives: [{clouds: [AWS]}]",
                &[
                    "`spec.alternatives[0].clouds[0]`: there is no place `AWS` → did you mean `aws`? Case counts but for countries, EU, EEA and continents",
                ],
            ),
        ],
    );
}

#[test]
fn runs() {
    check(
        "Workload",
        CPU,
        &[
            (
                "duration: 6h, speed: {H100: 2, cpu: 0.5}, pausable: true, slots: 30m, checkpoint: {every: 0s}",
                &[],
            ),
            ("duration: 0s", &["`spec.duration`: must be above 0 → leave it out for a service"]),
            ("speed: {}", &["`spec.speed`: allows nothing → leave it out to run at speed 1 everywhere"]),
            (
                "speed: {H100: 0}",
                &["`spec.speed[\"H100\"]`: must be above 0 → leave out what it cannot run on"],
            ),
            ("slots: 0h", &["`spec.slots`: must be above 0"]),
            ("pausable: true", &["`spec.pausable`: needs `duration` → a service cannot pause"]),
            ("capacity: []", &["`spec.capacity`: allows nothing → leave it out to allow every class"]),
            // The past is explained by the planner, not refused.
            ("duration: 1h, earliest: 2026-01-02T00:00:00Z, deadline: 2026-01-01T00:00:00Z", &[]),
        ],
    );
}

#[test]
fn data() {
    check(
        "Workload",
        CPU,
        &[
            ("outputs: [{to: aws/us-east-1, size: 20Gi}]", &[]),
            ("outputs: [{to: '', size: 1}]", &["`spec.outputs[0].to`: must not be empty"]),
            (
                "inputs: [{size: 1Gi}]",
                &["`spec.inputs[0]`: says not what to read → state `dataset` or `from`"],
            ),
            (
                "inputs: [{dataset: d}]",
                &[
                    "`spec.inputs[0].dataset`: there is no dataset `d` → there is no Estate, which would list datasets",
                ],
            ),
            (
                "inputs: [{from: a, size: 1Gi}]",
                &["`spec.inputs[0].from`: a workload cannot read its own output"],
            ),
            (
                "inputs: [{from: bb, size: 1Gi}]",
                &[
                    "`spec.inputs[0].from`: there is no workload `bb` → `from` names a workload among the files",
                ],
            ),
            (
                "inputs: [{from: a1}]",
                &[
                    "`spec.inputs[0]`: missing field `size` → say how much the other workload hands over",
                    "`spec.inputs[0].from`: there is no workload `a1` → did you mean `a`?",
                ],
            ),
        ],
    );
}

#[test]
fn services() {
    check(
        "Workload",
        CPU,
        &[
            ("clients: [{region: aws/eu-west-1, share: 0.7}, {region: x}], latency: {p99: 60ms}", &[]),
            ("clients: [{region: x}]", &[]),
            (
                "clients: [{region: x, share: 0}, {region: y, share: 0}]",
                &["`spec.clients`: at least one `share` must be above 0"],
            ),
            (
                "clients: [{region: x}], latency: {p99: 60ms, price: 1}",
                &["`spec.latency`: has both `p99` and `price`: it is a bound or a price"],
            ),
            (
                "clients: [{region: x}], latency: {}",
                &["`spec.latency`: says nothing → state `p99` (a bound) or `price` ($ per ms and hour)"],
            ),
            ("clients: [{region: x}], latency: {p99: 0s}", &["`spec.latency.p99`: must be above 0"]),
            (
                "clients: [{region: x}], latency: {price: -0.1}",
                &["`spec.latency.price`: must not be negative"],
            ),
            (
                "latency: {p99: 1ms}",
                &[
                    "`spec.latency`: needs `clients` → say where the users are: clients: [{region: aws/eu-west-1}]",
                ],
            ),
        ],
    );
}

#[test]
fn worth() {
    check(
        "Workload",
        CPU,
        &[
            ("value: 500, maxCost: 0, maxHourly: 1, current: x, moveCost: 3, required: false", &[]),
            (
                "value: 5, required: true",
                &[
                    "`spec.required`: contradicts `value` → what has a value may be left out: remove one of the two",
                ],
            ),
            (
                "ordered: true",
                &["`spec.ordered`: orders nothing → state `alternatives`, the most wanted first"],
            ),
            (
                "ordered: true, alternatives: [{clouds: aws}], value: 5",
                &[
                    "`spec.ordered`: is for what must be placed → what has a `value` weighs its ways by dollars: remove one of the two",
                ],
            ),
            ("ordered: true, alternatives: [{clouds: aws}]", &[]),
            ("together: {name: rl, in: zone}", &[]),
            ("together: {name: ''}", &["`spec.together.name`: must not be empty"]),
            (
                "required: false",
                &["`spec.required`: needs `value` → say what placing it is worth, in dollars"],
            ),
            (
                "value: -1, maxCost: -1, maxHourly: -1, moveCost: -1",
                &[
                    "`spec.value`: must not be negative",
                    "`spec.maxHourly`: must not be negative",
                    "`spec.maxCost`: must not be negative",
                    "`spec.moveCost`: must not be negative",
                ],
            ),
            (
                "team: '', regions: ['eu '], residency: ''",
                &[
                    "`spec.regions[0]`: must not begin or end with a space",
                    "`spec.residency[0]`: must not be empty",
                    "`spec.team`: must not be empty",
                ],
            ),
        ],
    );
}

#[test]
fn names_are_unique_and_printable() {
    let two =
        [document("Workload", "a", "request: {cpu: 1}"), document("Workload", "a", "request: {cpu: 1}")];
    assert_eq!(findings(&two.join("---\n")), ["8:18 a second Workload `a` → the first is at t:3"]);
    for (name, problem) in [
        ("''", "must not be empty"),
        ("\"a\\n\"", "must not hold control characters"),
        ("' a'", "must not begin or end with a space"),
        (&*"x".repeat(254), "must have at most 253 characters"),
    ] {
        let text = document("Workload", name, "request: {cpu: 1}");
        assert_eq!(findings(&text), [format!("3:18 `metadata.name`: {problem}")], "{name}");
    }
}

#[test]
fn workflows_do_not_close() {
    let reads = |name: &str, from: &str| {
        let inputs =
            from.split(' ').map(|f| format!("{{from: {f}, size: 1Gi}}")).collect::<Vec<_>>().join(", ");
        document("Workload", name, &format!("inputs: [{inputs}], request: {{cpu: 1}}"))
    };
    let root = document("Workload", "root", "request: {cpu: 1}");
    let diamond = [reads("top", "left right"), reads("left", "root"), reads("right", "root"), root.clone()];
    assert!(findings(&diamond.join("---\n")).is_empty());
    let cycle = [reads("a", "root c"), root, reads("b", "a"), reads("c", "b")];
    assert_eq!(
        findings(&cycle.join("---\n")),
        ["14:24 workloads wait for each other: a → b → c → a → remove one of these inputs"]
    );
    // A long cycle is found without recursion and shown in short.
    let long: Vec<String> =
        (0..3000).map(|n| reads(&format!("w{n}"), &format!("w{}", (n + 1) % 3000))).collect();
    let found = findings(&long.join("---\n"));
    assert_eq!(found.len(), 1);
    assert!(found[0].len() < 250 && found[0].contains("more …"), "{found:?}");
}

#[test]
fn datasets() {
    let estate = document("Estate", "e", "datasets: [{name: imagenet, size: 1Ti, at: aws/us-east-1}]");
    let text = format!(
        "{estate}---\n{}",
        document("Workload", "a", "inputs: [{dataset: imagenett}, {dataset: x}], request: {cpu: 1}")
    );
    assert_eq!(
        findings(&text),
        [
            "9:27 `spec.inputs[0].dataset`: there is no dataset `imagenett` → did you mean `imagenet`?",
            "9:49 `spec.inputs[1].dataset`: there is no dataset `x` → the estate has `imagenet`",
        ]
    );
    check(
        "Estate",
        "",
        &[
            (
                "datasets: [{name: d, size: 1, at: []}]",
                &["`spec.datasets[0].at`: lists no copy → name the regions or sites that hold the data"],
            ),
            (
                "datasets: [{name: d, size: 1, at: x}, {name: d, size: 1, at: y}]",
                &["`spec.datasets[1].name`: a second dataset `d` → the first is at t:4"],
            ),
        ],
    );
}

#[test]
fn offers() {
    let offer = |fields: &str| {
        format!("offers: [{{cloud: aws, region: r, instanceType: m, capacity: spot, hourly: 0{fields}}}]")
    };
    let one = |fields: &str, expected: &[&str]| check("Estate", "", &[(&*offer(fields), expected)]);
    one("", &[]);
    one(", accelerator: H100", &[]);
    one(", accelerators: 2", &["`spec.offers[0].accelerators`: says not which → name them in `accelerator`"]);
    one(
        ", accelerator: H100, accelerators: 0",
        &["`spec.offers[0].accelerators`: must not be 0 → leave `accelerator` out for a plain machine"],
    );
    one(", pue: 0.9", &["`spec.offers[0].pue`: must be at least 1"]);
    one(", asOf: 2026-08-03", &[]);
    one(", asOf: 2026-08-03T10:00:00Z", &[]);
    one(
        ", asOf: last week",
        &["`spec.offers[0].asOf`: `last week` is neither a date (2026-08-03) nor a time with a zone"],
    );
    one(", zone: ''", &["`spec.offers[0].zone`: must not be empty"]);
    check(
        "Estate",
        "",
        &[
            (
                "offers: [{region: r, capacity: spot, hourly: -1}]",
                &["`spec.offers[0].hourly`: must not be negative"],
            ),
            (
                "offers: [{region: r, capacity: spot, hourly: 1}, {region: r, capacity: spot, hourly: 2}]",
                &["`spec.offers[1]`: a second offer `r/spot` → the first is at t:4; give this one a `name`"],
            ),
            (
                "offers: [{name: s/n/on-prem, region: r, capacity: on-prem, hourly: 1}], sites: [{name: s, nodes: [{name: n, hourly: 0}]}]",
                &[
                    "`spec.offers[0]`: a second offer `s/n/on-prem` → a site's nodes are the offer of this name; give this one a `name`",
                ],
            ),
        ],
    );
}

#[test]
fn sites() {
    check(
        "Estate",
        "",
        &[
            (
                "sites: [{name: s, country: de, pue: 1.2, electricity: 0.1, carbon: {gramsPerKwh: 0}, nodes: [{name: n, count: 0, hourly: 0}]}]",
                &[],
            ),
            ("sites: [{name: s, carbon: {zone: DE}}], carbonIntensity: [{zone: DE, gramsPerKwh: 300}]", &[]),
            (
                "sites: [{name: s, carbon: {zone: DEU}}], carbonIntensity: [{zone: DE, gramsPerKwh: 300}]",
                &["`spec.sites[0].carbon.zone`: `carbonIntensity` has no zone `DEU` → did you mean `DE`?"],
            ),
            (
                "sites: [{name: s, carbon: {zone: X}}]",
                &[
                    "`spec.sites[0].carbon.zone`: `carbonIntensity` has no zone `X` → add a row with this `zone` to `carbonIntensity`",
                ],
            ),
            (
                "sites: [{name: s, carbon: {}}]",
                &["`spec.sites[0].carbon`: says nothing → state `zone` or `gramsPerKwh`"],
            ),
            (
                "sites: [{name: s, carbon: {zone: X, gramsPerKwh: 1}}], carbonIntensity: [{zone: X, gramsPerKwh: 1}]",
                &["`spec.sites[0].carbon`: has both `zone` and `gramsPerKwh`: it is one of them"],
            ),
            (
                "sites: [{name: s, country: Germany, pue: 0, electricity: -1}]",
                &[
                    "`spec.sites[0].country`: `Germany` is not a country code of two letters (ISO 3166), such as DE",
                    "`spec.sites[0].pue`: must be at least 1",
                    "`spec.sites[0].electricity`: must not be negative",
                ],
            ),
            (
                "sites: [{name: s}, {name: s, nodes: [{name: n, hourly: -1}, {name: n, hourly: 0, accelerators: 1}]}]",
                &[
                    "`spec.sites[1].nodes[0].hourly`: must not be negative",
                    "`spec.sites[1].nodes[1].accelerators`: says not which → name them in `accelerator`",
                    "`spec.sites[1].nodes[1].name`: a second node group `n` → the first is at t:4",
                    "`spec.sites[1].name`: a second site `s` → the first is at t:4",
                ],
            ),
        ],
    );
}

#[test]
fn limits() {
    check(
        "Estate",
        "",
        &[
            ("horizon: 0s", &["`spec.horizon`: must be above 0"]),
            ("catalog: ['']", &["`spec.catalog[0]`: must not be empty"]),
            ("quotas: [{match: {cloud: aws}, accelerators: 0}, {instances: 2}]", &[]),
            (
                "quotas: [{}]",
                &["`spec.quotas[0]`: limits nothing → state `accelerators`, `instances`, `cpu` or `memory`"],
            ),
            (
                "quotas: [{accelerators: 1, instances: 1}]",
                &[
                    "`spec.quotas[0]`: has both `accelerators` and `instances`: a quota counts one of them → write two quotas",
                ],
            ),
            (
                "quotas: [{match: {zone: ' '}, instances: 1}]",
                &["`spec.quotas[0].match.zone`: must not begin or end with a space"],
            ),
            (
                "quotas: [{name: pool, match: {cloud: [aws, gcp]}, team: [a, b], cpu: 3500m, counts: asked}, {memory: 2Ti}]",
                &[],
            ),
            (
                "quotas: [{cpu: 1, memory: 1Gi}, {instances: 1, counts: asked}, {match: {cloud: [], region: ['']}, team: ' a', cpu: 1}]",
                &[
                    "`spec.quotas[0]`: has both `cpu` and `memory`: a quota counts one of them → write two quotas",
                    "`spec.quotas[1].counts`: `asked` does not go with `instances`: nobody asks for instances",
                    "`spec.quotas[2].match.cloud`: lists nothing → leave the field out to mean any",
                    "`spec.quotas[2].match.region`: must not be empty",
                    "`spec.quotas[2].team`: must not begin or end with a space",
                ],
            ),
            ("only: [{}, {match: {capacity: [spot, on-demand]}, team: a}]", &[]),
            (
                "only: [{name: '', match: {capacity: []}}]",
                &[
                    "`spec.only[0].name`: must not be empty",
                    "`spec.only[0].match.capacity`: lists nothing → leave the field out to mean any",
                ],
            ),
            ("prices: [{add: -0.5}]", &[]),
            (
                "budgets: [{team: a, usd: 0}, {team: b, usd: -1}, {team: a, usd: 1}], carbonBudgets: [{team: a, kg: -1}, {team: a, kg: 1}]",
                &[
                    "`spec.budgets[1].usd`: must not be negative",
                    "`spec.budgets[2].team`: a second budget of team `a` → the first is at t:4",
                    "`spec.carbonBudgets[0].kg`: must not be negative",
                    "`spec.carbonBudgets[1].team`: a second carbon budget of team `a` → the first is at t:4",
                ],
            ),
            ("prices: [{multiply: 0}, {match: {}, hourly: 0}]", &[]),
            (
                "prices: [{}, {multiply: 1, hourly: 1}, {hourly: -1}]",
                &[
                    "`spec.prices[0]`: changes nothing → state `multiply`, `hourly` or `add`",
                    "`spec.prices[1]`: has both `multiply` and `hourly`: a rule does one of them → write two rules; each works on the result of the one before",
                    "`spec.prices[2].hourly`: must not be negative",
                ],
            ),
            ("reservations: [{offer: '', count: 0}]", &["`spec.reservations[0].offer`: must not be empty"]),
            (
                "interruptions: [{match: {offer: ''}, perHour: 1}]",
                &["`spec.interruptions[0].match.offer`: must not be empty"],
            ),
        ],
    );
}

#[test]
fn networks() {
    check(
        "Estate",
        "",
        &[
            (
                "egress: [{from: '*', to: aws, usdPerGb: 0}], latency: [{from: a, to: b, ms: 0}], throughput: [{from: a, to: b, gbps: 0.1}]",
                &[],
            ),
            (
                "egress: [{from: '', to: aws, usdPerGb: -1}]",
                &[
                    "`spec.egress[0].from`: must not be empty",
                    "`spec.egress[0].usdPerGb`: must not be negative",
                ],
            ),
            ("throughput: [{from: a, to: b, gbps: 0}]", &["`spec.throughput[0].gbps`: must be above 0"]),
            ("regions: [{name: r, country: ch, lat: -90, lon: 180}]", &[]),
            (
                "regions: [{name: r, country: C1, lat: 91, lon: .nan}, {name: r, lat: 1}]",
                &[
                    "`spec.regions[0].country`: `C1` is not a country code of two letters (ISO 3166), such as DE",
                    "`spec.regions[0].lat`: must lie between -90 and 90 degrees",
                    "`spec.regions[0].lon`: must lie between -180 and 180 degrees",
                    "`spec.regions[1]`: needs both `lat` and `lon`, or neither",
                    "`spec.regions[1].name`: a second region `r` → the first is at t:4",
                ],
            ),
            (
                "carbonIntensity: [{}, {region: r, zone: z, gramsPerKwh: 1, series: s.csv}]",
                &[
                    "`spec.carbonIntensity[0]`: says not where → state `region` or `zone`",
                    "`spec.carbonIntensity[0]`: says nothing → state `gramsPerKwh` or `series` (a CSV file)",
                    "`spec.carbonIntensity[1]`: has both `region` and `zone`: a row is about one of them",
                    "`spec.carbonIntensity[1]`: has both `gramsPerKwh` and `series`: it is one of them",
                ],
            ),
        ],
    );
}

const CASE: &str = "Case counts but for countries, EU, EEA and continents";

#[test]
fn places_are_exact_but_for_jurisdictions() {
    let none = |field: &str, name: &str, near: &str| {
        format!("`spec.{field}`: there is no place `{name}` → did you mean {near}? {CASE}")
    };
    for (spec, expected) in [
        ("regions: [aws/us-east-1, us-east-1, nowhere, '*'], clouds: aws, notIn: [eu, De, ASIA]", vec![]),
        ("notIn: [AWS]", vec![none("notIn[0]", "AWS", "`aws`")]),
        ("regions: [aws, AWS/us-east-1]", vec![none("regions[1]", "AWS/us-east-1", "`aws/us-east-1`")]),
        ("clouds: [Gcp]", vec![none("clouds[0]", "Gcp", "`gcp`")]),
        ("zones: [us-EAST-1]", vec![none("zones[0]", "us-EAST-1", "`us-east-1`")]),
        ("residency: [eu, Azure]", vec![none("residency[1]", "Azure", "`azure`")]),
        ("clients: [{region: EastUS}]", vec![none("clients[0].region", "EastUS", "`eastus`")]),
        (
            "outputs: [{to: Aws/us-east-1, size: 1Gi}]",
            vec![none("outputs[0].to", "Aws/us-east-1", "`aws/us-east-1`")],
        ),
    ] {
        check("Workload", CPU, &[(spec, &expected.iter().map(String::as_str).collect::<Vec<_>>())]);
    }
    for (spec, expected) in [
        // Own names count beside the embedded ones; where data is, is a place.
        (
            "regions: [{name: AWS}], offers: [{cloud: Own, region: R1, zone: Z1, capacity: spot, hourly: 1}], \
          quotas: [{match: {cloud: Own, region: Own/R1, zone: Z1}, instances: 1}, {match: {region: R1}, instances: 1}], \
          datasets: [{name: d, size: 1, at: [Lake]}], egress: [{from: Lake, to: eu, usdPerGb: 0}]",
            vec![none("regions[0].name", "AWS", "`aws`")],
        ),
        (
            "offers: [{cloud: Own, region: R1, zone: Z1, capacity: spot, hourly: 1}], \
          quotas: [{match: {cloud: own, region: own/R1, zone: z1}, instances: 1}], \
          prices: [{match: {region: r1}, multiply: 2}], interruptions: [{match: {cloud: OWN}, perHour: 1}]",
            vec![
                none("quotas[0].match.cloud", "own", "`Own`"),
                none("quotas[0].match.region", "own/R1", "`Own/R1`"),
                none("quotas[0].match.zone", "z1", "`Z1`"),
                none("prices[0].match.region", "r1", "`R1`"),
                none("interruptions[0].match.cloud", "OWN", "`Own`"),
            ],
        ),
        (
            "sites: [{name: Lab, near: aws/US-east-1}, {name: lab}], datasets: [{name: d, size: 1, at: [LAB]}], \
          throughput: [{from: '*', to: laB, gbps: 1}], carbonIntensity: [{region: AWS/us-east-1, gramsPerKwh: 1}]",
            vec![
                none("sites[0].near", "aws/US-east-1", "`aws/us-east-1`"),
                none("datasets[0].at[0]", "LAB", "`Lab` or `lab`"),
                none("throughput[0].to", "laB", "`Lab` or `lab`"),
                none("carbonIntensity[0].region", "AWS/us-east-1", "`aws/us-east-1`"),
            ],
        ),
    ] {
        check("Estate", "", &[(spec, &expected.iter().map(String::as_str).collect::<Vec<_>>())]);
    }
}
