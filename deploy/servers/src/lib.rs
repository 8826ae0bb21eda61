//! The services that `dev`, chaos runs, tests and benchmarks use on one machine: a private MariaDB or MySQL, two Redis
//! servers, an S3 server and a mail catcher inside this process, our own programs as child processes, and what a program needs
//! that starts them: a lock, progress lines, an orderly stop.

pub mod database;
pub mod installation;
pub mod lock;
pub mod mail;
pub mod net;
pub mod ports;
pub mod processes;
pub mod programs;
pub mod progress;
pub mod proxy;
pub mod redis;
pub mod room;
pub mod s3;
pub mod services;
pub mod stop;
