//! Readers of hostile files: what a taken-over one reaches (nothing), and what its death costs.

mod attacks;
