//! The integration suite: one binary, the real router, real databases, and the sandbox as the platforms.
mod config;

mod arrows;
