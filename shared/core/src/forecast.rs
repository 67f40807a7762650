//! What a policy will hold, cost and take once it has run for long, and what AWS would refuse of it.
//!
//! Everything here is an estimate for an operator who plans a policy; nothing of it decides what is done.

mod cost;
mod length;
mod load;
mod prices;
mod steady;
mod warnings;

pub use cost::{CopyCost, Cost, StorageCost, cost};
pub use length::{SessionLength, SessionLimits, session_length};
pub use load::{Carrier, load};
pub use prices::{InvalidPrices, Prices, RegionPrices};
pub use steady::{Chain, Count, SteadyState, steady_state};
pub use warnings::{Facts, LockConflict, VaultFacts, outside_lock, tag_room, warnings};
