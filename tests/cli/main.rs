//! The program as a script meets it: exit codes, files, sentences.

mod demo;
mod inputs;
mod odd;
mod reference;
mod runs;
