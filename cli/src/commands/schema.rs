//! `plimsoll schema`: the JSON Schema of a document.

use clap::Args;
use plimsoll_model::{schema, yaml::nearest};

use crate::{args::Common, examples, exit::Exit, failure::Failure, output};

/// Print the JSON Schema of a kind of document
#[derive(Debug, Args)]
#[command(after_help = examples::SCHEMA)]
pub(crate) struct SchemaArgs {
    /// workload, estate, offer, catalog, plan, packing, explanation, front, serve, scenario or
    /// simulation
    #[arg(value_name = "KIND")]
    kind: String,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &SchemaArgs) -> Result<Exit, Failure> {
    let Some(text) = schema::text(&args.kind) else {
        let near = nearest(&args.kind.to_lowercase(), schema::kinds().map(|(kind, _)| kind));
        let help = near.map_or_else(all, |near| format!("did you mean `{near}`?"));
        return Err(Failure::usage(format!("there is no schema of `{}`", args.kind)).with_help(help));
    };
    output::text(&args.common, &text).map(|()| Exit::Done)
}

fn all() -> String {
    let kinds: Vec<String> = schema::kinds().map(|(kind, about)| format!("{kind} ({about})")).collect();
    format!("there are schemas of {}", kinds.join(", "))
}
