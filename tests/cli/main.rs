//! The program as a script meets it: exit codes, files, sentences.

mod demo;
mod inputs;
mod odd;
mod outputs;
mod reference;
mod resources;
mod runs;
mod streams;
