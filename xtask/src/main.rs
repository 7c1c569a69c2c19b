//! Makes the generated files of the repository: catalogue tables, JSON schemas.

fn main() {}
