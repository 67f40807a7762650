//! What a restore is to do otherwise than the backup has it: as options, and in words.

use std::collections::BTreeSet;

use backup_chain_core::restore::{Billing, Choices, Feature, Key, PitrChoice};
use backup_chain_core::settings::TableClass;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::console::count;

/// What is to be otherwise than it was, in each of the tables.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Otherwise than it was")]
pub(crate) struct ChoiceOptions {
    /// Billed by request
    #[arg(long, conflicts_with = "provisioned")]
    on_demand: bool,
    /// Billed by so many read and write units a second, the table and each global index
    #[arg(long, value_name = "READ,WRITE", value_parser = provisioned)]
    provisioned: Option<Billing>,
    /// The table class
    #[arg(long, value_name = "CLASS", value_parser = class())]
    class: Option<TableClass>,
    /// The key to encrypt with: the ARN, the id or the alias (alias/...) of one in KMS, aws-owned or aws-managed
    #[arg(long, value_parser = key)]
    key: Option<Key>,
    /// Whether the table refuses to be deleted
    #[arg(long, value_name = "SWITCH", value_parser = switch())]
    deletion_protection: Option<bool>,
    /// Point-in-time recovery: off, or so many days back, 1 to 35
    #[arg(long, value_name = "off|DAYS", value_parser = pitr)]
    pitr: Option<PitrChoice>,
    /// An index that is not restored; DynamoDB's own restore is then used in place of AWS Backup's
    #[arg(long = "without-index", value_name = "NAME")]
    without_indexes: Vec<String>,
    /// A tag to add or to change
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// A tag to leave out
    #[arg(long = "without-tag", value_name = "KEY")]
    without_tags: Vec<String>,
    /// Features to switch on that stay off under another name: stream, kinesis, alarms, scheduled-scaling,
    /// warm-throughput or ttl
    #[arg(long, value_name = "FEATURE", value_delimiter = ',')]
    with: Vec<Feature>,
    /// Features to leave off: those, auto-scaling, resource-policy or contributor-insights
    #[arg(long, value_name = "FEATURE", value_delimiter = ',')]
    without: Vec<Feature>,
}

impl ChoiceOptions {
    pub fn choices(self) -> Choices {
        Choices {
            billing: if self.on_demand { Some(Billing::OnDemand) } else { self.provisioned },
            class: self.class,
            encryption: self.key,
            deletion_protection: self.deletion_protection,
            pitr: self.pitr,
            without_indexes: self.without_indexes.into_iter().collect(),
            tags: self.tags.into_iter().collect(),
            without_tags: self.without_tags.into_iter().collect(),
            with: self.with.into_iter().collect(),
            without: self.without.into_iter().collect(),
        }
    }
}

fn provisioned(text: &str) -> Result<Billing, String> {
    let units = |text: &str| text.trim().parse().ok().filter(|units| *units > 0);
    let both = text.split_once(',').and_then(|(read, write)| Some((units(read)?, units(write)?)));
    let (read, write) = both.ok_or("write read and write units such as 10,5; 1 is the least")?;
    Ok(Billing::Provisioned { read, write })
}

fn class() -> impl TypedValueParser<Value = TableClass> {
    PossibleValuesParser::new(["standard", "infrequent-access"]).map(|text| match text.as_str() {
        "standard" => TableClass::Standard,
        _ => TableClass::StandardInfrequentAccess,
    })
}

fn switch() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["on", "off"]).map(|text| text == "on")
}

fn key(text: &str) -> Result<Key, String> {
    match text {
        "aws-owned" => Ok(Key::AwsOwned),
        "aws-managed" => Ok(Key::AwsManaged),
        name if ["arn:", "alias/", "mrk-"].iter().any(|start| name.starts_with(start)) => {
            Ok(Key::Arn(name.to_owned()))
        }
        // The id of a key: a UUID.
        id if id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') => {
            Ok(Key::Arn(id.to_owned()))
        }
        _ => Err("write the ARN, the id or the alias of a key, aws-owned or aws-managed".to_owned()),
    }
}

fn pitr(text: &str) -> Result<PitrChoice, String> {
    if text == "off" {
        return Ok(PitrChoice::Off);
    }
    let days = text.parse().ok().filter(|days| (1..=35).contains(days));
    Ok(PitrChoice::Days(days.ok_or("write off, or 1 to 35 days")?))
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write the tag's key and value, such as team=shop".to_owned()),
    }
}

/// What is to be otherwise, in words.
pub(crate) fn asked(choices: &Choices) -> Vec<String> {
    let Choices {
        billing,
        class,
        // The key is reported whether it was asked for or not.
        encryption: _,
        deletion_protection,
        pitr,
        without_indexes,
        tags,
        without_tags,
        with,
        without,
    } = choices;
    let mut asked = Vec::new();
    asked.extend(billing.map(|billing| match billing {
        Billing::OnDemand => "on demand".to_owned(),
        Billing::Provisioned { read, write } => format!("provisioned for {read} reads and {write} writes"),
    }));
    asked.extend(class.map(|class| match class {
        TableClass::Standard => "class standard".to_owned(),
        TableClass::StandardInfrequentAccess => "class infrequent-access".to_owned(),
    }));
    let on_off = |on: bool| if on { "on" } else { "off" };
    asked.extend(deletion_protection.map(|on| format!("deletion protection {}", on_off(on))));
    asked.extend(pitr.map(|pitr| match pitr {
        PitrChoice::Off => "point-in-time recovery off".to_owned(),
        PitrChoice::Days(days) => format!("point-in-time recovery over {}", count(days as usize, "day")),
    }));
    asked.extend(without_indexes.iter().map(|index| format!("without index {index}")));
    asked.extend(tags.iter().map(|(key, value)| format!("tag {key}={value}")));
    asked.extend(without_tags.iter().map(|key| format!("without tag {key}")));
    let features = |features: &BTreeSet<Feature>| {
        let names: Vec<&str> = features.iter().copied().map(Feature::as_str).collect();
        names.join(", ")
    };
    asked.extend((!with.is_empty()).then(|| format!("with {}", features(with))));
    asked.extend((!without.is_empty()).then(|| format!("without {}", features(without))));
    asked
}

/// A key, in words.
pub(crate) fn encrypted(key: &Key) -> String {
    match key {
        Key::AwsOwned => "a key that AWS owns".to_owned(),
        Key::AwsManaged => "the key aws/dynamodb".to_owned(),
        Key::Arn(arn) => arn.clone(),
    }
}
