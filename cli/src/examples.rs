//! Examples at the end of each command's help. Tests run every line that begins with `  plimsoll`, one
//! after the other, in a folder with the files of `examples/team` and the scenario `examples/what-if.toml`.

pub(crate) const PROGRAM: &str = "Examples:
  plimsoll plan workloads.yaml -e estate.yaml
  plimsoll offers --accelerator H100 --sort price --limit 5
  plimsoll help plan";

pub(crate) const PLAN: &str = "Examples:
  plimsoll plan workloads.yaml -e estate.yaml
  plimsoll plan workloads.yaml -e estate.yaml -o json --output-file plan.json
  plimsoll plan workloads.yaml -e estate.yaml --carbon-price 100 --previous plan.json

Beside its own documents it reads Kubernetes manifests, SkyPilot tasks, what a cluster says of
itself (`kubectl get nodes,nodepools,clusterqueues -o yaml`) and `terraform show -json`.
Next: `plimsoll explain` says why, `plimsoll verify` checks.";

pub(crate) const BENCH: &str = "Examples:
  plimsoll bench siting --instance company:20x200 --alone
  plimsoll bench siting --instance company:20x200 --alone -o json --output-file before.json
  plimsoll bench siting --compare before.json before.json";

pub(crate) const EXPLAIN: &str = "Examples:
  plimsoll explain plan.json
  plimsoll explain plan.json train-vision
  plimsoll explain plan.json train-vision --why-not aws/eu-west-1/p4d.24xlarge/on-demand

A plan carries the documents it was made from. Only where these name catalogue files, whose offers are
too many to carry, are the files needed again: name them with -f and -e.";

pub(crate) const VERIFY: &str = "Examples:
  plimsoll verify plan.json workloads.yaml -e estate.yaml
  plimsoll verify plan.json workloads.yaml estate.yaml --quiet

Name the files the plan was made from, in the same order. Exit code 3: something is wrong.";

pub(crate) const OFFERS: &str = "Examples:
  plimsoll offers --accelerator H100 --capacity spot --sort price --limit 5
  plimsoll offers --kind tpu --region EU
  plimsoll offers -e estate.yaml --cloud gcp --accelerator L4 -o json
  plimsoll offers --aliases";

pub(crate) const SIMULATE: &str = "Examples:
  plimsoll simulate what-if.toml --set run.seeds=1..2
  plimsoll simulate what-if.toml --set run.seeds=1 --set trace.generate.span=1d -o json

`plimsoll schema scenario` says what a scenario can hold.";

pub(crate) const SERVE: &str = "Examples:
  plimsoll serve --demo
  plimsoll serve --config serve.yaml
  plimsoll serve --open-gates

The demo needs the programs of Kubernetes, which `tools/kube/build` compiles once. `plimsoll schema serve`
says what a configuration can hold.";

pub(crate) const TRACE: &str = "Examples:
  plimsoll trace generate --profile philly --accelerators 64 --span 2d --output-file made-up.csv
  plimsoll trace doctor made-up.csv
  plimsoll trace convert made-up.csv --format native";

pub(crate) const SCHEMA: &str = "Examples:
  plimsoll schema workload
  plimsoll schema estate --output-file estate.schema.json";

pub(crate) const COMPLETIONS: &str = "Examples:
  plimsoll completions bash --output-file plimsoll.bash
  plimsoll completions zsh --output-file _plimsoll

Where they go: for bash ~/.local/share/bash-completion/completions/plimsoll, for zsh a folder of
$fpath, for fish ~/.config/fish/completions/plimsoll.fish.";

pub(crate) const MAN: &str = "Examples:
  plimsoll man --output-file plimsoll.1
  plimsoll man

Read it with `plimsoll man | man -l -`.";
