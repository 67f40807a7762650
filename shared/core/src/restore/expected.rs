//! What a restored table should be like.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::rewrite::renamed;
use super::{Billing, Choices, Feature, Key, PitrChoice, Target};
use crate::settings::{
    BillingMode, Encryption, EncryptionType, KeySchema, MaxThroughput, Part, Pitr, Scaling, TableSettings,
    Throughput,
};

/// The settings that the restored table should have: those of the backup, with what was asked for, as they are for the
/// new table. A stream's resource policy still names the old stream.
pub fn expected(then: &TableSettings, choices: &Choices, target: &Target) -> TableSettings {
    chosen(renamed(then, target), choices, target)
}

/// Takes out of auto scaling what is over by a moment: scheduled actions whose end is past, which AWS would refuse, and
/// starts that are past, which are none any more. Returns the names of the actions.
pub fn expire(scaling: &mut Part<Scaling>, now: Timestamp) -> Vec<String> {
    let mut over = Vec::new();
    let Part::Known(scaling) = scaling else { return over };
    for scaled in scaling.values_mut() {
        scaled.scheduled.retain(|name, action| {
            let stays = action.end.is_none_or(|end| end > now);
            over.extend((!stays).then(|| name.clone()));
            stays
        });
        for action in scaled.scheduled.values_mut() {
            action.start = action.start.filter(|start| *start > now);
        }
    }
    over
}

/// The settings with what was asked for.
pub(super) fn chosen(mut table: TableSettings, choices: &Choices, target: &Target) -> TableSettings {
    table.replicas = None;
    leave_out_indexes(&mut table, &choices.without_indexes);
    if let Some(billing) = choices.billing {
        set_billing(&mut table, billing);
    }
    table.class = choices.class.unwrap_or(table.class);
    table.deletion_protection = choices.deletion_protection.unwrap_or(table.deletion_protection);
    if let Some(key) = &choices.encryption {
        let by = |key| Some(Encryption { kind: EncryptionType::Kms, key });
        table.encryption = match key {
            Key::AwsOwned => None,
            Key::AwsManaged => by(None),
            Key::Arn(arn) => by(Some(arn.clone())),
        };
    }
    match choices.pitr {
        Some(PitrChoice::Off) => table.pitr = Part::none(),
        Some(PitrChoice::Days(days)) => table.pitr = Part::Known(Some(Pitr { days })),
        None => {}
    }
    if let Part::Known(tags) = &mut table.tags {
        tags.extend(choices.tags.clone());
        tags.retain(|key, _| !choices.without_tags.contains(key));
    }
    for feature in Feature::ALL.into_iter().filter(|it| !choices.puts_back(*it, target.is_original())) {
        remove_feature(&mut table, feature);
    }
    table
}

fn leave_out_indexes(table: &mut TableSettings, names: &BTreeSet<String>) {
    let before = key_attributes(table);
    table.local_indexes.retain(|name, _| !names.contains(name));
    table.global_indexes.retain(|name, _| !names.contains(name));
    table.vector_indexes.retain(|name, _| !names.contains(name));
    let after = key_attributes(table);
    table.attributes.retain(|name, _| after.contains(name) || !before.contains(name));
    if let Part::Known(insights) = &mut table.insights {
        insights.indexes.retain(|name, _| !names.contains(name));
    }
    if let Part::Known(scaling) = &mut table.scaling {
        scaling.retain(|dimension, _| dimension.index.as_ref().is_none_or(|index| !names.contains(index)));
    }
}

/// The attributes that keys are made of.
fn key_attributes(table: &TableSettings) -> BTreeSet<String> {
    let local = table.local_indexes.values().map(|index| &index.keys);
    let global = table.global_indexes.values().map(|index| &index.keys);
    let all = [&table.keys].into_iter().chain(local).chain(global);
    all.flat_map(|KeySchema { hash, range }| hash.iter().chain(range)).cloned().collect()
}

fn set_billing(table: &mut TableSettings, billing: Billing) {
    let (mode, units) = match billing {
        Billing::OnDemand => (BillingMode::PayPerRequest, None),
        Billing::Provisioned { read, write } => (BillingMode::Provisioned, Some(Throughput { read, write })),
    };
    // Auto scaling moves provisioned throughput: there was none to move, or there will be none.
    if [table.billing, mode].contains(&BillingMode::PayPerRequest) {
        table.scaling = Part::none();
    }
    let max = |was: MaxThroughput| if units.is_some() { MaxThroughput::default() } else { was };
    table.billing = mode;
    table.throughput = units;
    table.on_demand_max = max(table.on_demand_max);
    for index in table.global_indexes.values_mut() {
        index.throughput = units;
        index.on_demand_max = max(index.on_demand_max);
    }
    // It followed from the throughput that is no longer wanted.
    reset_warm_throughput(table);
}

fn reset_warm_throughput(table: &mut TableSettings) {
    table.warm = None;
    table.global_indexes.values_mut().for_each(|index| index.warm = None);
}

fn remove_feature(table: &mut TableSettings, feature: Feature) {
    match feature {
        Feature::Stream => {
            table.stream = None;
            if let Part::Known(policies) = &mut table.policies {
                policies.stream = None;
            }
        }
        Feature::Kinesis => table.kinesis = Part::none(),
        Feature::Alarms => table.alarms = Part::none(),
        Feature::ScheduledScaling => {
            if let Part::Known(scaling) = &mut table.scaling {
                scaling.values_mut().for_each(|scaled| scaled.scheduled.clear());
            }
        }
        Feature::AutoScaling => table.scaling = Part::none(),
        Feature::ResourcePolicy => table.policies = Part::none(),
        Feature::ContributorInsights => table.insights = Part::none(),
        Feature::WarmThroughput => reset_warm_throughput(table),
        Feature::Ttl => table.ttl = Part::none(),
    }
}
