//! Copies that an operator asks for: planned here, and started by the tick like any other.

use backup_chain_aws::catalog::Write;
use backup_chain_aws::clock::Deadline;
use backup_chain_aws::{App, Error};
use backup_chain_core::copying::asked::{self, AskedView, Verdict};
use backup_chain_core::history::Action;
use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::CopyAsk;

use crate::error::CopyError;

/// Plans what is missing of each table. What cannot be done for one does not stop the others.
pub(crate) async fn ask(app: &App, ask: &CopyAsk, deadline: Deadline) -> Result<Vec<AskedView>, CopyError> {
    if ask.tables.is_empty() {
        return Err(CopyError::NoTables);
    }
    if ask.point.is_some() && ask.tables.len() > 1 {
        return Err(CopyError::NotOneTable);
    }
    let mut told = Vec::new();
    for table in &ask.tables {
        if !deadline.allows_work(app.context.now()) {
            told.push(AskedView::refused(table, &"left for lack of time: ask for it again"));
            continue;
        }
        match of_table(app, ask, table).await {
            Ok(mut views) => told.append(&mut views),
            Err(error) => told.push(AskedView::refused(table, &error)),
        }
    }
    Ok(told)
}

async fn of_table(app: &App, ask: &CopyAsk, table: &TableName) -> Result<Vec<AskedView>, Error> {
    let points = app.catalog.whole_points_of_table(table).await?;
    let asked =
        match asked::asked(&points, table, ask.point.as_ref(), ask.vault.as_deref(), app.context.now()) {
            Ok(asked) => asked,
            Err(why) => return Ok(vec![AskedView::refused(table, &why)]),
        };
    let views = asked.iter().map(|asked| AskedView::of(table, asked)).collect();
    let mut entry = app.context.entry(Action::CopiesRequested, table.to_string(), ask.by.clone());
    entry.reason.clone_from(&ask.reason);
    let mut planned = Vec::new();
    for asked in asked {
        if let Verdict::Copy { copy, was_past } = asked.verdict {
            entry.details.push(format!("{} into {}", copy.id, copy.place()));
            planned.push((*copy, was_past));
        }
    }
    if ask.dry_run || planned.is_empty() {
        return Ok(views);
    }
    let write =
        |(copy, was_past): &mut (_, bool)| if *was_past { Write::back(copy) } else { Write::of(copy) };
    app.catalog.commit(planned.iter_mut().map(write).chain([Write::of(&mut entry)])).await?;
    Ok(views)
}
