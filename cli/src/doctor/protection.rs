//! How well the tables are protected: the same judgement as that of `status`.

use backup_chain_aws::protection;
use backup_chain_core::protection::{Protection, Standing};

use super::context::CheckContext;
use super::finding::{Check, Finding};
use crate::console::word;

/// So many tables are named.
const MAX_NAMED: usize = 20;

pub(super) async fn check(look: &CheckContext<'_>) -> Vec<Finding> {
    let report = match protection::of_account(look.app).await {
        Ok(report) => report,
        Err(error) => {
            let catalog = look.here(&look.app.context.deployment().catalog);
            return vec![Finding::unread(Check::Protection, catalog, &error)];
        }
    };
    // What is wrong beside single tables has checks of its own.
    let bad: Vec<&Protection> = report.tables.iter().filter(|table| table.standing.is_problem()).collect();
    let mut findings: Vec<Finding> = bad.iter().take(MAX_NAMED).map(|table| of_table(look, table)).collect();
    let tables = format!("tables of {}", look.app.context.deployment().account);
    if bad.len() > MAX_NAMED {
        let what = format!("{} more are not protected as promised", bad.len() - MAX_NAMED);
        findings.push(
            Finding::wrong(Check::Protection, look.here(&tables), what)
                .fix("see all of them")
                .command("backup-chain status --problems"),
        );
    }
    if findings.is_empty() {
        findings.push(Finding::ok(Check::Protection, look.here(&tables), report.headline()));
    }
    findings
}

fn of_table(look: &CheckContext<'_>, table: &Protection) -> Finding {
    let what = format!("{}: {}", word(&table.standing), table.reasons.join("; "));
    let place = look.here(table.table.as_str());
    let finding = match table.standing {
        Standing::Unknown => return Finding::not_readable(Check::Protection, place, what),
        Standing::Attention => Finding::warning(Check::Protection, place, what),
        _ => Finding::wrong(Check::Protection, place, what),
    };
    finding.fix("see how it stands").command(format!("backup-chain status --table {}", table.table))
}
