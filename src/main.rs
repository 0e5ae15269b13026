//! The `adjutant` command: parses the command line and hands over.

fn main() {}
