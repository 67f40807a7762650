//! What a policy costs in a month.

use jiff::civil::Date;
use serde::Serialize;

use super::{Chain, Prices, SteadyState};
use crate::ids::{Region, VaultArn};
use crate::policy::{COLD_DAYS, Policy};

/// USD a month in the steady state, restores and taxes not included.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// The day as of which the prices are right.
    pub prices_as_of: Date,
    /// Storage of the backups.
    pub backups: StorageCost,
    /// Storage and traffic of the copies, for each target vault.
    pub copies: Vec<CopyCost>,
    /// All of it.
    pub total: f64,
    /// What an operator should know about these numbers.
    pub notes: Vec<String>,
}

/// USD a month for what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StorageCost {
    /// In warm storage.
    pub warm: f64,
    /// In cold storage.
    pub cold: f64,
}

/// USD a month for the copies in one vault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CopyCost {
    /// The vault.
    pub vault: VaultArn,
    /// What is stored there.
    pub storage: StorageCost,
    /// What is sent there, billed in the home Region.
    pub traffic: f64,
}

impl StorageCost {
    /// Both.
    pub fn total(self) -> f64 {
        self.warm + self.cold
    }
}

/// AWS bills by GB of 2^30 bytes.
const GB: f64 = (1u64 << 30) as f64;

/// The monthly cost of a policy of the Region `home`, where it is known, over tables of these sizes in bytes. Give a single table
/// for its own share.
///
/// Every backup is a full one, so it is as large as its table is now. Storage is the average number of points
/// over the year; a point that has moved to cold storage is billed for at least 90 days there, and the policy
/// moves only those that stay so long. Not counted is what an outdated point costs until the next retention
/// run, up to a day.
pub fn cost(
    policy: &Policy,
    home: Option<&Region>,
    steady: &SteadyState,
    tables: &[u64],
    prices: &Prices,
) -> Cost {
    let gb = tables.iter().map(|bytes| *bytes as f64).sum::<f64>() / GB;
    let storage = |chain: &Chain, region: Option<&Region>| {
        let (of, cold) =
            (region.map_or(&prices.other_regions, |region| prices.of(region)), chain.cold.average);
        StorageCost { warm: gb * (chain.points.average - cold) * of.warm, cold: gb * cold * of.cold }
    };
    let copies: Vec<CopyCost> = steady
        .copies
        .iter()
        .flat_map(|chain| policy.copies.iter().map(move |target| (chain, &target.vault)))
        .map(|(chain, vault)| CopyCost {
            vault: vault.clone(),
            storage: storage(chain, Some(&vault.region)),
            traffic: gb
                * chain.made_per_month
                * home.map_or(prices.other_regions.copy, |home| prices.copy(home, &vault.region)),
        })
        .collect();
    let backups = storage(&steady.backups, home);
    let total = backups.total() + copies.iter().map(|copy| copy.storage.total() + copy.traffic).sum::<f64>();

    let mut notes = prices.notes.clone();
    if backups.cold > 0.0 || copies.iter().any(|copy| copy.storage.cold > 0.0) {
        notes.push(format!(
            "AWS bills a point in cold storage for at least {COLD_DAYS} days there, even if it is removed sooner by an operator"
        ));
    }
    let mut regions: Vec<&Region> = copies.iter().map(|copy| &copy.vault.region).chain(home).collect();
    regions.sort();
    regions.dedup();
    regions.retain(|region| !prices.regions.contains_key(region));
    notes.extend(
        regions
            .iter()
            .map(|region| format!("the prices do not list {region}: those of other_regions are taken")),
    );
    if home.is_none() {
        notes.push(
            "the source Region is not known: name it with --region, until then high prices are taken"
                .to_owned(),
        );
    }
    Cost { prices_as_of: prices.as_of, backups, copies, total, notes }
}
