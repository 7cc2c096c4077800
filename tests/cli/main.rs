//! The program as a script meets it: exit codes, files, sentences.

#[cfg(unix)]
mod case;
mod demo;
mod inputs;
mod odd;
mod outputs;
mod reference;
mod resources;
mod runs;
mod streams;
