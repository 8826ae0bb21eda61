//! A nano's way from the upload to its readers.

mod bad_input;
mod catalogue;
mod edits;
mod events;
mod own_events;
mod owner;
mod pipeline;
mod sample_nano;
mod unpackers;
mod uploads;
