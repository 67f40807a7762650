//! The tables named for a manual backup.

use backup_chain_aws::scope::Selected;
use backup_chain_core::ids::{TableArn, TableName};
use backup_chain_core::policy::Home;
use backup_chain_core::session::Skipped;

/// The tables named for a manual backup, by name or ARN.
pub(crate) fn named(home: &Home, names: &[String]) -> Selected {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_elsewhere_and_what_is_no_name_are_skipped_with_the_reason() {
        let home = Home {
            partition: "aws".to_owned(),
            account: "111122223333".parse().unwrap(),
            region: "eu-central-1".parse().unwrap(),
        };
        let names = [
            "orders",
            "arn:aws:dynamodb:eu-central-1:111122223333:table/carts",
            "arn:aws:dynamodb:eu-west-1:111122223333:table/mails",
            "arn:aws:dynamodb:eu-central-1:999988887777:table/notes",
            "no name",
        ];
        let Selected { tables, skipped, unknown } = named(&home, &names.map(str::to_owned));
        assert_eq!(tables.iter().map(TableName::as_str).collect::<Vec<_>>(), ["carts", "orders"]);
        assert!(unknown.is_empty() && skipped.iter().all(|table| table.warning));
        let lines: Vec<String> =
            skipped.into_iter().map(|table| format!("{}: {}", table.table, table.why)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
    arn:aws:dynamodb:eu-west-1:111122223333:table/mails: it is in eu-west-1 of account 111122223333, this deployment protects eu-central-1 of account 111122223333
    arn:aws:dynamodb:eu-central-1:999988887777:table/notes: it is in eu-central-1 of account 999988887777, this deployment protects eu-central-1 of account 111122223333
    no name: "no name" is no table name: 3 to 255 letters, digits, '_', '.' or '-'
    "#);
    }
}
