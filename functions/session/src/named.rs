//! The tables named for a manual backup.

use backup_chain_aws::App;
use backup_chain_aws::scope::Selected;
use backup_chain_core::ids::{TableArn, TableName};
use backup_chain_core::session::Skipped;

/// The tables named for a manual backup, by name or ARN.
pub(crate) fn named(app: &App, names: &[String]) -> Selected {
    let home = app.context.deployment();
    let mut selected = Selected::default();
    for text in names {
        let name = match text.parse::<TableArn>() {
            Ok(arn) if arn.account == home.account && arn.region == home.region => Ok(arn.name),
            Ok(arn) => Err(format!(
                "it is in {} of account {}, this deployment protects {} of account {}",
                arn.region, arn.account, home.region, home.account
            )),
            Err(_) => text.parse::<TableName>().map_err(|error| error.to_string()),
        };
        match name {
            Ok(name) => {
                selected.tables.insert(name);
            }
            Err(why) => selected.skipped.push(Skipped { table: text.clone(), why, warning: true }),
        }
    }
    selected
}
