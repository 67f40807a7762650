//! What stays of a run: its record, one for each chain, and the event.

use std::collections::BTreeMap;

use backup_chain_aws::catalog::Write;
use backup_chain_aws::{App, Error};
use backup_chain_core::ids::RunId;
use backup_chain_core::notice::{Notice, RetentionEnded};
use backup_chain_core::retention::{ChainRun, Counts, Decided, PointFate, Report, Run, Watch};
use jiff::Timestamp;

/// So many points of one chain a record holds: DynamoDB's items end at 400 KB.
const MAX_POINTS: usize = 300;

/// Records a run and tells of it. A bus that cannot be reported must not make the run unrecorded; one that is not
/// recorded is noticed.
pub(crate) async fn run(app: &App, id: &RunId, report: &mut Report, began: Timestamp) -> Result<(), Error> {
    let ended = app.context.now();
    report.run = Some(id.clone());
    let mut run = Run::of(id.clone(), report, began, ended);
    let mut chains: BTreeMap<_, Vec<&Decided>> = BTreeMap::new();
    for decided in &report.points {
        chains.entry((&decided.table, &decided.vault)).or_default().push(decided);
    }
    let mut records = Vec::with_capacity(chains.len());
    for ((table, vault), mut points) in chains {
        let counts = Counts::of(points.iter().copied());
        // What is not kept comes first, should there be too many.
        points.sort_by_key(|decided| decided.fate == PointFate::Keep);
        points.truncate(MAX_POINTS);
        points.sort_by(|a, b| a.point.cmp(&b.point));
        records.push(ChainRun {
            run: id.clone(),
            ended_at: ended,
            table: table.clone(),
            vault: vault.clone(),
            counts,
            points: points.into_iter().cloned().collect(),
            rev: 0,
        });
    }
    let told = RetentionEnded::of(&run, &records);
    if let Err(error) = app.notices.publish(&Notice::RetentionEnded(told)).await {
        tracing::error!(%error, "the event bus cannot learn of the run");
    }
    for mut chain in records {
        app.catalog.commit([Write::of(&mut chain)]).await?;
    }
    app.catalog.commit([Write::of(&mut run)]).await?;
    // The session function's tick writes the same record, seldom.
    loop {
        let mut watch = app.catalog.watch().await?.unwrap_or_else(|| Watch::from(ended));
        watch.last_run = ended;
        match app.catalog.commit([Write::of(&mut watch)]).await {
            Err(error) if error.is_conflict() => {}
            done => return done,
        }
    }
}
