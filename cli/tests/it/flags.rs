//! Bad usage, help, and the table of exit codes.

use crate::run::run;

#[test]
fn help_has_every_command_and_the_exit_codes() {
    insta::assert_snapshot!(run("--help").all());
    for command in ["plan", "explain", "verify", "offers", "schema", "completions", "man"] {
        let help = run(&format!("{command} --help"));
        assert_eq!((help.code, &*help.err), (0, ""));
        insta::assert_snapshot!(format!("help-{command}"), help.out);
    }
}

#[test]
fn flags_that_mean_nothing_are_refused() {
    for args in [
        "plan small --carbon-price -5",
        "plan small --carbon-price NaN",
        "plan small --carbon-price 1e30",
        "plan small --gap -1%",
        "plan small --gap two",
        "plan small --horizon 0h",
        "plan small --time-limit forever",
        "plan small --now yesterday",
        "plan small --now 2026-03-01T06:00:00",
        "plan small --effort -1",
        "plan small --seed x",
        "plan small -o xml",
        "plan small --cluster nodes.yaml --carbon-price 5",
        "plan small --cluster nodes.yaml --scenarios average",
        "plan small --cluster nodes.yaml --pareto cost,carbon",
        "plan small --cluster nodes.yaml --add none,spot",
        "plan small --cluster nodes.yaml --add gold",
        "plan small --add spot",
        "plan small --cluster nodes.yaml -o html",
        "plan small --cluster nodes.yaml --moves 1",
        "plan small --moves 1",
        "plan small --color blue",
        "plan small -q -v",
        "offers --kind cpu --kind gpu",
        "offers --limit -1",
        "explain plan.json",
        "",
    ] {
        let run = run(args);
        assert_eq!((run.code, &*run.out), (2, ""), "{args}: {}", run.all());
        assert!(!run.err.is_empty(), "{args}");
    }
    insta::assert_snapshot!(run("plan small --carbon-price -5").err);
    insta::assert_snapshot!(run("plan small --carbn-price 5").err);
    insta::assert_snapshot!(run("paln small").err);
}
