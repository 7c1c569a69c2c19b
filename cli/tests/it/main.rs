//! The program from outside: what it prints, where, and with which exit code.
//!
//! Every run has a clean environment and the folder of test data as its current folder, so that no
//! output holds a path of this machine.

mod cluster;
mod devices;
mod documents;
mod errors;
mod examples;
mod explain;
mod flags;
mod front;
mod html;
mod interrupt;
mod kubernetes;
mod offers;
mod output;
mod packing;
mod plan;
mod readme;
mod run;
mod simulate;
mod skypilot;
mod verify;
