//! The services that `make run`, `make demo` and the tests use on one machine: a private MariaDB, two Redis
//! servers, an S3 server and a mail catcher inside this process, and our own programs as child processes.

pub mod mail;
pub mod mariadb;
pub mod net;
pub mod ports;
pub mod processes;
pub mod programs;
pub mod proxy;
pub mod redis;
pub mod s3;
pub mod services;
