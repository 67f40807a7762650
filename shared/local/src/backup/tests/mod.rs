//! The behaviours of AWS Backup that Backup Chain leans on, one by one. What each states is AWS's
//! documented behaviour, or the strictest reading where the documentation disagrees with itself.

mod copies;
mod events;
mod histories;
mod holds;
mod jobs;
mod lags;
mod points;
mod restores;
mod roles;
mod support;
mod tags;
mod vaults;
