//! A plan as one page for people who do not plan: what it costs and whose money that is, where and when
//! things run, what else could have been chosen, what it all rests on.
//!
//! The page is whole in itself: no network, no state, one small script that only sorts tables. Text of
//! documents goes through [`maud`], which escapes it; nothing of it gets into the style or the script, and a
//! content security policy allows these two by their hash and nothing else. The same plan gives the same
//! bytes. Figures in charts are beside them in words, and no meaning is in colour alone: parts have
//! patterns, lines have dashes, marks have numbers.

mod axis;
mod bars;
mod candidates;
mod cost;
mod front;
mod headline;
mod left_out;
mod map;
mod parts;
mod places;
mod rests;
mod simulation;
mod table;

mod timeline;
mod words;

pub(crate) use simulation::page as simulation_page;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use plimsoll_model::{Front, Plan};
use plimsoll_planner::Detail;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/sort.js");

/// What a page shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report<'a> {
    /// The plan; with a front the one of its points that the rest of the page is about.
    pub(crate) plan: &'a Plan,
    /// What else could have been chosen, and where things are.
    pub(crate) detail: &'a Detail,
    /// The front and the point that `plan` is.
    pub(crate) front: Option<(&'a Front, usize)>,
}

/// The page.
pub(crate) fn page(report: &Report<'_>) -> String {
    let sections: Vec<(&str, &str, Markup)> = [
        ("front", "Cheaper or cleaner", front::section(report)),
        ("cost", "What it costs", cost::section(report)),
        ("where", "Where it runs", places::section(report)),
        ("when", "When it runs", timeline::section(report)),
        ("changes", "What changes", rests::changes(report)),
        ("workloads", "Workloads and their choices", candidates::section(report)),
        ("left-out", "Left out", left_out::section(report)),
        ("room", "What more room would save", rests::limits(report)),
        ("assumed", "What was assumed", rests::assumptions(report)),
        ("sources", "Where prices come from", rests::sources(report)),
        ("words", "What the words mean", words::section(report)),
    ]
    .into_iter()
    .filter_map(|(id, title, content)| Some((id, title, content?)))
    .collect();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (headline::title(report)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (bars::patterns())
                (headline::header(report))
                nav aria-label="Sections" {
                    ul { @for (id, title, _) in &sections { li { a href={ "#" (id) } { (title) } } } }
                }
                main #main tabindex="-1" {
                    @for (id, title, content) in &sections {
                        section #(id) aria-labelledby={ (id) "-title" } {
                            h2 #{ (id) "-title" } { (title) }
                            (content)
                        }
                    }
                }
                (headline::footer(report))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

/// What the page may do: show this style, run this script.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}
