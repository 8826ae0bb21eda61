//! Uploads while programs are killed and services are away.

mod chaos;
mod kill;
mod outage;
