//! What AWS Backup asks for DynamoDB backups.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::Region;

/// Prices in USD without taxes or discounts, as of a date. A GB is 2^30 bytes, as AWS bills it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The day as of which they are right.
    pub as_of: Date,
    /// What an operator should know about them, told with every estimate.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The prices of each Region that is known.
    pub regions: BTreeMap<Region, RegionPrices>,
    /// Those of any other Region.
    pub other_regions: RegionPrices,
}

/// The prices of one Region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionPrices {
    /// Warm storage, USD per GB and month.
    pub warm: f64,
    /// Cold storage, USD per GB and month.
    pub cold: f64,
    /// A restore from warm storage, USD per GB.
    pub restore_warm: f64,
    /// A restore from cold storage, USD per GB.
    pub restore_cold: f64,
    /// A copy that leaves the Region, USD per GB.
    pub copy: f64,
    /// The same to certain Regions, where it differs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub copy_to: BTreeMap<Region, f64>,
}

/// A price file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidPrices {
    /// It is no price file.
    #[error("the text is no price file: {0}")]
    Form(String),
    /// A price is negative or not finite.
    #[error("{path} is {price}: write a price in USD that is not negative")]
    Price {
        /// Which, such as `regions.eu-central-1.warm`.
        path: String,
        /// What was given.
        price: String,
    },
}

impl Prices {
    /// The prices that this version was built with.
    pub fn embedded() -> Self {
        Self::parse(include_str!("prices.yaml")).expect("a test reads the embedded prices")
    }

    /// Reads a price file, in YAML or JSON, of the form of the embedded one.
    ///
    /// # Errors
    /// [`InvalidPrices`]: what is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, InvalidPrices> {
        let prices: Self = serde_saphyr::from_str(text)
            .map_err(|error| InvalidPrices::Form(error.without_snippet().to_string()))?;
        for (region, of) in &prices.regions {
            of.check(&format!("regions.{region}"))?;
        }
        prices.other_regions.check("other_regions")?;
        Ok(prices)
    }

    /// The prices of a Region.
    pub fn of(&self, region: &Region) -> &RegionPrices {
        self.regions.get(region).unwrap_or(&self.other_regions)
    }

    /// The price of a copy from one Region to another, in USD per GB. It is billed where the copy comes from.
    pub fn copy(&self, from: &Region, to: &Region) -> f64 {
        let source = self.of(from);
        source.copy_to.get(to).copied().unwrap_or(source.copy)
    }
}

impl RegionPrices {
    fn check(&self, path: &str) -> Result<(), InvalidPrices> {
        let Self { warm, cold, restore_warm, restore_cold, copy, copy_to } = self;
        let named = [
            ("warm", warm),
            ("cold", cold),
            ("restore_warm", restore_warm),
            ("restore_cold", restore_cold),
            ("copy", copy),
        ];
        let named = named.into_iter().map(|(name, price)| (name.to_owned(), price));
        let pairs = copy_to.iter().map(|(region, price)| (format!("copy_to.{region}"), price));
        match named.chain(pairs).find(|(_, price)| !price.is_finite() || **price < 0.0) {
            Some((name, price)) => {
                Err(InvalidPrices::Price { path: format!("{path}.{name}"), price: price.to_string() })
            }
            None => Ok(()),
        }
    }
}
