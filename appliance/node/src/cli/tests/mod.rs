//! The command line as a whole: its help, its tables, and what each verb sends.

mod help;
mod jobs;
mod money;
mod tables;
mod trading;
mod vault;
mod vault_cold;
mod verbs;
mod workers;
