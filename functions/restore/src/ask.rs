//! A request: every table of it is planned and checked, and only when nothing is in the way is any of them begun.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_aws::backup::Point;
use backup_chain_aws::clock::Deadline;
use backup_chain_aws::{App, Meaning};
use backup_chain_core::history::Action;
use backup_chain_core::ids::{Region, RestoreId, TableArn};
use backup_chain_core::invoke::{Ask, MAX_TABLES, Wanted};
use backup_chain_core::lock;
use backup_chain_core::plan::{StartCopy, token};
use backup_chain_core::point::RestorePoint;
use backup_chain_core::restore::{
    self, Choices, CopyBack, MAX_CONCURRENT_RESTORES, NameBound, Plan, Restore, RestoreView, Stage, Start,
    Step, expire,
};
use backup_chain_core::settings::TableSettings;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};

use crate::error::RestoreError;
use crate::key::key;
use crate::open::{Opened, open};
use crate::select::{Candidates, Selected, name, select, skipped_newer};
use crate::store::Store;
use crate::wait::is_transient;
use crate::{stage, tag, work};

/// The least that AWS documents for the role that restores a table from an advanced backup.
const ROLE_NEEDS: [&str; 4] =
    ["dynamodb:RestoreTableFromAwsBackup", "dynamodb:DescribeTable", "dynamodb:Query", "dynamodb:Scan"];

/// How many tables of a request are looked at side by side.
pub(crate) const MAX_CONCURRENCY: usize = 8;

/// So many tags a table has at most; one is kept for the restore's own while it is under way.
const MAX_TAGS: usize = 50;

/// What is asked to be otherwise is in the record of each table: all of them together have at most so many bytes.
const MAX_CHOICES_BYTES: usize = 2_000_000;

/// Above this many tables the answer leaves out their settings, and the commands that hold these.
const MAX_TABLES_WITH_SETTINGS: usize = 20;

/// Plans the restores of a request, and unless it is a dry run, records and begins them.
///
/// # Errors
/// What is in the way of any of them; nothing is begun then.
pub(crate) async fn ask(
    app: &App,
    store: &Store,
    ask: &Ask,
    candidates: &BTreeMap<String, Candidates>,
    deadline: Option<Deadline>,
) -> Result<Vec<RestoreView>, RestoreError> {
    require_consistent(ask)?;
    let others = match store {
        Store::Catalog => app.catalog.restores().await?,
        Store::File(_) => Vec::new(),
    };
    let others: Vec<Restore> = others.into_iter().filter(|restore| restore.stage.is_open()).collect();
    app.aws.forget_surroundings().await;
    // In the order of the request, as lists show them.
    let now = app.context.now();
    let mut ids: Vec<RestoreId> =
        ask.tables.iter().map(|_| RestoreId::new(now, app.context.random().number())).collect();
    ids.sort();
    let mut plans = Vec::new();
    for (wanted, id) in ask.tables.iter().zip(ids) {
        let candidates = candidates.get(wanted.table.as_str()).cloned().unwrap_or_default();
        plans.push(plan_one(app, ask, wanted, id, candidates, &others).boxed());
    }
    let mut planned: Vec<RestoreView> = stream::iter(plans).buffered(MAX_CONCURRENCY).try_collect().await?;
    let mut targets = BTreeSet::new();
    if let Some(twice) = planned.iter().find(|view| !targets.insert(&view.restore.target)) {
        return Err(RestoreError::Twice(Box::new(twice.restore.target.clone())));
    }
    if *store == Store::Catalog {
        warn_if_abac_off(app, &mut planned).await;
    }
    start_or_queue(app, &mut planned, others);
    if planned.len() > MAX_TABLES_WITH_SETTINGS {
        for view in &mut planned {
            view.shorten();
            view.notes.push(format!(
                "its settings are shown in a request of at most {MAX_TABLES_WITH_SETTINGS} tables"
            ));
        }
    }
    if ask.dry_run {
        return Ok(planned);
    }
    for view in &mut planned {
        view.restore.check_at = deadline.map_or(view.restore.check_at, Deadline::ends);
    }
    record(app, store, ask, &mut planned).await?;
    for view in planned.iter_mut().filter(|view| view.restore.stage != Stage::Waiting) {
        let span = backup_chain_aws::logs::of_restore(&view.restore);
        if deadline.is_some_and(|deadline| !deadline.allows_work(app.context.now())) {
            span.in_scope(|| tracing::info!("out of time: the next tick begins it"));
            break;
        }
        // What is cut off here is taken up by the next tick.
        match Box::pin(work::begin(app, store, &mut view.restore)).await {
            Err(error) if *store == Store::Catalog || is_transient(&error) => {
                span.in_scope(|| tracing::warn!(%error, "left to the next tick"));
            }
            begun => begun?,
        }
    }
    Ok(planned)
}

/// What contradicts itself, or is too large, is refused.
fn require_consistent(ask: &Ask) -> Result<(), RestoreError> {
    if ask.tables.is_empty() {
        return Err(RestoreError::NoTables);
    }
    if let Some(both) = ask.choices.tags.keys().find(|key| ask.choices.without_tags.contains(*key)) {
        return Err(RestoreError::Choice(format!("tag {both:?} is to be set and left out: choose one")));
    }
    if let Some(both) = ask.choices.with.intersection(&ask.choices.without).next() {
        return Err(RestoreError::Choice(format!("{both} is to be switched on and left off: choose one")));
    }
    let chosen = serde_json::to_vec(&ask.choices).map_or(0, |choices| choices.len());
    let most = MAX_TABLES.min(MAX_CHOICES_BYTES / chosen.max(1));
    match ask.tables.len() {
        count if count > most => Err(RestoreError::Choice(format!(
            "{count} tables are too many for one request: ask for {most} at a time"
        ))),
        _ => Ok(()),
    }
}

/// Where DynamoDB judges no right by tags, tables are made and cannot be changed: that is reported beforehand.
async fn warn_if_abac_off(app: &App, planned: &mut [RestoreView]) {
    let regions: BTreeSet<Region> = planned.iter().map(|view| view.restore.start.region.clone()).collect();
    for region in regions {
        if tag::check(app, &region).await.tag_conditions != Some(false) {
            continue;
        }
        let note = format!(
            "attribute-based access control seems to be off in {region}: the table is made, and its settings are left \
             to be put back by hand; see docs/restore.md"
        );
        for view in planned.iter_mut().filter(|view| view.restore.start.region == region) {
            view.notes.push(note.clone());
        }
    }
}

/// Those for which AWS has a place begin at once, the others wait.
fn start_or_queue(app: &App, planned: &mut [RestoreView], mut open: Vec<Restore>) {
    let now = app.context.now();
    for view in planned {
        if view.restore.may_start(&open) {
            view.restore.start(now);
        } else {
            view.notes.push(format!(
                "it waits for its turn: {MAX_CONCURRENT_RESTORES} are made at a time in a Region"
            ));
        }
        open.push(view.restore.clone());
    }
}

/// Records every restore, with an entry in the history. A transaction takes 50 of them: where a later one fails,
/// those of the earlier ones are closed again, before anything was asked of AWS.
async fn record(
    app: &App,
    store: &Store,
    ask: &Ask,
    planned: &mut [RestoreView],
) -> Result<(), RestoreError> {
    let entry = |restore: &Restore| {
        let mut entry = app.context.entry(Action::RestoreStarted, restore.target.to_string(), ask.by.clone());
        entry.reason.clone_from(&ask.reason);
        entry.details.push(format!("restore {}", restore.id));
        entry.details.push(format!("restore point {}/{}", restore.place(), restore.point));
        entry
    };
    let mut records: Vec<_> = planned
        .iter_mut()
        .map(|view| {
            let entry = entry(&view.restore);
            (&mut view.restore, entry)
        })
        .collect();
    let Err(error) = store.save_all(app, &mut records).await else { return Ok(()) };
    for (restore, _) in records {
        // A restore that was not recorded is skipped; one that cannot be ended is continued by a tick.
        let Ok(mut recorded) = store.read(app, restore).await else { continue };
        let why = "another table of the request could not be recorded: nothing was restored".to_owned();
        if let Err(error) = stage::end_failed(app, store, &mut recorded, why).await {
            tracing::warn!(restore = %recorded.id, %error, "it is continued with");
        }
    }
    Err(error)
}

async fn plan_one(
    app: &App,
    ask: &Ask,
    wanted: &Wanted,
    id: RestoreId,
    candidates: Candidates,
    others: &[Restore],
) -> Result<RestoreView, RestoreError> {
    let now = app.context.now();
    let Selected { mut point, region } = select(app, wanted, &candidates, now)?;
    let mut choices = ask.choices.clone();
    let mut notes = skipped_newer(wanted, &candidates, &point);
    if let Some(near) = sibling(&candidates.points, &point, &region) {
        notes.push(format!("its backup is in {} still, and is taken in place of the copy", near.place()));
        point = near;
    }
    let Opened { found, settings } = open(app, &point).await?;
    let mut settings = match (settings, ask.items_only) {
        (Ok(_), true) => {
            notes.push("only items, keys and indexes are restored, as asked".to_owned());
            None
        }
        (Ok(settings), false) => Some(settings),
        (Err(why), true) => {
            notes.push(format!(
                "its metadata is not believed: {why}; only items, keys and indexes are restored"
            ));
            None
        }
        (Err(why), false) => return Err(RestoreError::NotBelieved { point: point.id, why }),
    };
    let target = TableArn { region: region.clone(), name: name(wanted), ..point.table.arn.clone() };
    if let Some(other) = others.iter().find(|other| other.target == target) {
        return Err(RestoreError::UnderWay { target: Box::new(target), restore: other.id.clone() });
    }
    let services = app.aws.region(&region);
    if services.dynamodb.live_table(&target.name).await?.is_some() {
        return Err(RestoreError::Taken(Box::new(target)));
    }
    if let Some(settings) = &mut settings {
        require_known_indexes(settings, &choices)?;
        if region == point.table.arn.region {
            app.aws.region(&region).name_key(settings).await;
        }
        let over = expire(&mut settings.scaling, now);
        notes.extend(
            over.iter().map(|name| format!("scheduled action {name:?} is left out: its end is past")),
        );
        notes.extend(make_room(settings, &mut choices));
    } else if !choices.without_indexes.is_empty() {
        return Err(RestoreError::Choice(
            "indexes cannot be left out where the settings are not known".to_owned(),
        ));
    }
    let key = key(app, settings.as_ref(), &choices, &point.table.arn.region, &region).await?;
    if choices.encryption.is_some() {
        // By whatever name it was asked for: the table tells this one.
        choices.encryption = Some(key.clone());
    }
    // The restore of DynamoDB itself is the one that can leave out indexes.
    let native = !choices.without_indexes.is_empty();
    let role = app.context.deployment().restore_role.clone();
    if !native {
        notes.extend(require_rights(app, &role, &target).await?);
    }
    let arn = found.arn.clone();
    let token = token("restore", id.as_str(), now, &point.table.id, &point.vault, 1);
    let copy_back = if region == point.vault.region {
        None
    } else if found.cold == Some(true) {
        let why = format!(
            "it is in cold storage, from where AWS copies nothing: restore it in {}, where it is",
            point.vault.region
        );
        return Err(RestoreError::Unfit { point: point.id, why });
    } else {
        notes.push(format!("its copy is first copied back from {} to {region}", point.place()));
        Some(plan_copy_back(app, &point, &found, &id).await?)
    };
    let name_bound = left_behind(app, &target, &mut notes).await;
    let restore = Restore {
        id,
        point: point.id.clone(),
        table: point.table.clone(),
        vault: point.vault.clone(),
        arn: arn.clone(),
        sealed: point.sealed,
        moment: found.created_at,
        target,
        choices,
        items_only: settings.is_none(),
        stage: Stage::Waiting,
        requested_at: now,
        copy_back,
        start: Start { region, point: arn, table: name(wanted), role, token, native },
        attempt: 1,
        started_at: None,
        job: None,
        leftovers: name_bound.keys(&name(wanted)),
        made: None,
        mark: None,
        steps: BTreeMap::new(),
        report: Vec::new(),
        hitch: None,
        problem: None,
        reason: ask.reason.clone(),
        by: ask.by.clone(),
        check_at: now,
        ended_at: None,
        rev: 0,
    };
    let unknown = TableSettings::default();
    let captured = settings.as_ref().unwrap_or(&unknown);
    let target = restore.target();
    let plan = restore::plan(captured, &restore.choices, &target, &name_bound, &restore.leftovers);
    require_valid_tags(&plan)?;
    let expected = restore::expected(captured, &restore.choices, &target);
    let mut view = RestoreView::of(restore, &plan);
    view.dry_run = ask.dry_run;
    view.key = Some(key);
    view.notes = notes;
    view.leftovers = name_bound.views(&expected, target.name());
    view.settings = settings.and_then(|settings| serde_json::to_value(settings).ok());
    Ok(view)
}

/// What a dropped table of that name has left. Where that cannot be known it is said: the comparison finds it
/// afterwards.
async fn left_behind(app: &App, target: &TableArn, notes: &mut Vec<String>) -> NameBound {
    let unseen = |what: &str, why: &dyn std::fmt::Display| {
        format!("whether a dropped table of that name has left {what} is not known: {why}")
    };
    match app.aws.region(&target.region).name_bound(&target.name).await {
        Ok(name_bound) => {
            notes.extend(name_bound.unreadable().iter().map(|(what, why)| unseen(what, why)));
            name_bound
        }
        Err(error) => {
            notes.push(unseen("auto scaling or alarms", &error));
            NameBound::default()
        }
    }
}

/// The same restore point in the Region wanted, where the one that was selected is elsewhere.
fn sibling(points: &[RestorePoint], selected: &RestorePoint, region: &Region) -> Option<RestorePoint> {
    (selected.vault.region != *region)
        .then(|| {
            points
                .iter()
                .find(|point| point.id == selected.id && point.vault.region == *region && point.is_counted())
        })
        .flatten()
        .cloned()
}

fn require_known_indexes(settings: &TableSettings, choices: &Choices) -> Result<(), RestoreError> {
    let known = |name: &String| {
        settings.global_indexes.contains_key(name)
            || settings.local_indexes.contains_key(name)
            || settings.vector_indexes.contains_key(name)
    };
    match choices.without_indexes.iter().find(|name| !known(name)) {
        Some(unknown) => Err(RestoreError::Choice(format!(
            "the table had no index {unknown:?} that could be left out: a plan shows its settings"
        ))),
        None => Ok(()),
    }
}

/// Leaves out what has no room beside the restore's own tag, of a table that had as many tags as it may have.
fn make_room(settings: &TableSettings, choices: &mut Choices) -> Option<String> {
    let own = settings.tags.known().filter(|_| choices.tags.is_empty())?;
    let kept: Vec<&String> = own.keys().filter(|key| !choices.without_tags.contains(*key)).collect();
    let last = kept.last().filter(|_| kept.len() >= MAX_TAGS)?;
    choices.without_tags.insert((*last).clone());
    Some(format!(
        "the table had {} tags, and the restore's own takes the place of one: {last} is left out, and can be added when \
         the restore has ended",
        kept.len()
    ))
}

fn require_valid_tags(plan: &Plan) -> Result<(), RestoreError> {
    let tags = plan.steps.iter().find_map(|step| match step {
        Step::Tags(tags) => Some(tags),
        _ => None,
    });
    if let Some(bad) = tags.and_then(|tags| tags.keys().find(|key| key.starts_with("aws:"))) {
        return Err(RestoreError::Choice(format!(
            "{bad:?} cannot be a tag: names that begin with aws: are AWS's"
        )));
    }
    match tags.map(BTreeMap::len).filter(|count| *count >= MAX_TAGS) {
        Some(count) => Err(RestoreError::Choice(format!(
            "the table would have {count} tags, and {} is the most beside the restore's own: leave some out",
            MAX_TAGS - 1
        ))),
        None => Ok(()),
    }
}

/// Refuses when the service role lacks a right. Where that cannot be known, it is said.
async fn require_rights(app: &App, role: &str, target: &TableArn) -> Result<Option<String>, RestoreError> {
    match app.aws.missing_actions(role, &ROLE_NEEDS, &target.to_string()).await {
        Ok(lacking) if lacking.is_empty() => Ok(None),
        Ok(lacking) => Err(RestoreError::RoleLacks {
            role: role.to_owned(),
            actions: lacking.join(", "),
            target: Box::new(target.clone()),
        }),
        Err(error) if error.meaning == Meaning::NotFound || error.code == "NoSuchEntity" => {
            Err(RestoreError::Choice(format!("there is no role {role}: deploy the stack, or name another")))
        }
        Err(error) => {
            Ok(Some(format!("whether the role {role} has the rights that it needs is not known: {error}")))
        }
    }
}

/// The request that will copy a copy back into the stack's own vault. There it is a restore point of its table's backup
/// chain again: retention keeps it as long as its flags say.
async fn plan_copy_back(
    app: &App,
    point: &RestorePoint,
    found: &Point,
    id: &RestoreId,
) -> Result<CopyBack, RestoreError> {
    let deployment = app.context.deployment();
    let home = deployment.vault_arn(&deployment.vault);
    let lock = app.aws.lock_of(&home).await?;
    let made_at = point.created_at.unwrap_or_else(|| app.context.now());
    let (cold_after_days, delete_after_days) = lock::days_of(None, made_at, &point.flags, lock, found.ends);
    Ok(CopyBack {
        from: point.vault.clone(),
        request: StartCopy {
            source: found.arn.clone(),
            source_vault: point.vault.name.clone(),
            target: home.clone(),
            role: deployment.copy_role.clone(),
            token: token("copy-back", id.as_str(), point.slot, &point.table.id, &home, 1),
            cold_after_days,
            delete_after_days,
        },
        job: None,
    })
}
