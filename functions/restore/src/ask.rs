//! A request: every table of it is planned and checked, and only when nothing is in the way is any of them begun.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_aws::{Edge, Meaning};
use backup_chain_core::history::Action;
use backup_chain_core::ids::{Region, RestoreId, TableArn};
use backup_chain_core::invoke::{Ask, Wanted};
use backup_chain_core::plan::{StartCopy, token};
use backup_chain_core::point::RestorePoint;
use backup_chain_core::restore::{Choices, CopyBack, Plan, Restore, Stage, Start, Step, Told};
use backup_chain_core::retention::place_of;
use backup_chain_core::settings::TableSettings;

use crate::key::key;
use crate::open::{Opened, open};
use crate::select::{Selected, name, select};
use crate::store::Store;
use crate::{RestoreError, plan, work};

/// The least that AWS documents for the role that restores a table from an advanced backup.
const ROLE_NEEDS: [&str; 4] =
    ["dynamodb:RestoreTableFromAwsBackup", "dynamodb:DescribeTable", "dynamodb:Query", "dynamodb:Scan"];

/// So many tags a table has at most; one is kept for the restore's own while it is under way.
const MOST_TAGS: usize = 50;

/// Plans the restores of a request, and unless that is all, records and begins them.
///
/// # Errors
/// What is in the way of any of them; nothing is begun then.
pub(crate) async fn ask(
    edge: &Edge,
    store: &Store,
    ask: &Ask,
    points: &BTreeMap<String, Vec<RestorePoint>>,
    until: jiff::Timestamp,
) -> Result<Vec<Told>, RestoreError> {
    if ask.tables.is_empty() {
        return Err(RestoreError::NoTables);
    }
    if let Some(both) = ask.choices.tags.keys().find(|key| ask.choices.without_tags.contains(*key)) {
        return Err(RestoreError::Choice(format!("tag {both:?} is to be set and left out: choose one")));
    }
    if let Some(both) = ask.choices.with.intersection(&ask.choices.without).next() {
        return Err(RestoreError::Choice(format!("{both} is to be switched on and left off: choose one")));
    }
    let others = match store {
        Store::Catalog => edge.catalog().open_restores().await?,
        Store::File(_) => Vec::new(),
    };
    let mut planned = Vec::new();
    for wanted in &ask.tables {
        let points = points.get(wanted.table.as_str()).cloned().unwrap_or_default();
        planned.push(plan_one(edge, ask, wanted, points, &others, until).await?);
    }
    let mut targets = BTreeSet::new();
    if let Some(twice) = planned.iter().find(|told| !targets.insert(&told.restore.target)) {
        return Err(RestoreError::Twice(Box::new(twice.restore.target.clone())));
    }
    if ask.dry_run {
        return Ok(planned);
    }
    for told in &mut planned {
        let restore = &mut told.restore;
        let mut entry = edge.entry(Action::RestoreStarted, restore.target.to_string(), ask.by.clone());
        entry.reason.clone_from(&ask.reason);
        entry.details.push(format!("restore {}", restore.id));
        entry.details.push(format!("restore point {}/{}", place_of(&restore.vault), restore.point));
        store.save(edge, restore, Some(entry)).await?;
    }
    for told in &mut planned {
        // What is cut off here is taken up by the next tick.
        match work::begin(edge, store, &mut told.restore).await {
            Err(RestoreError::Aws(error)) if error.is_transient() => {
                backup_chain_aws::logs::of_restore(&told.restore)
                    .in_scope(|| tracing::warn!(%error, "left to the next tick"));
            }
            begun => begun?,
        }
    }
    Ok(planned)
}

async fn plan_one(
    edge: &Edge,
    ask: &Ask,
    wanted: &Wanted,
    points: Vec<RestorePoint>,
    others: &[Restore],
    until: jiff::Timestamp,
) -> Result<Told, RestoreError> {
    let now = edge.clock().now();
    let Selected { mut point, region } = select(edge, wanted, points.clone(), now)?;
    let mut choices = ask.choices.clone();
    let mut notes = Vec::new();
    if let Some(near) = sibling(&points, &point, &region) {
        notes.push(format!(
            "its backup is in {} still, and is taken in place of the copy",
            place_of(&near.vault)
        ));
        point = near;
    }
    let Opened { found, settings } = open(edge, &point).await?;
    let settings = match (settings, ask.items_only) {
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
    let services = edge.region(&region);
    if services.dynamodb.look(&target.name).await?.is_some() {
        return Err(RestoreError::Taken(Box::new(target)));
    }
    if let Some(settings) = &settings {
        require_indexes(settings, &choices)?;
        notes.extend(make_room(settings, &mut choices));
    } else if !choices.without_indexes.is_empty() {
        return Err(RestoreError::Choice(
            "indexes cannot be left out where the settings are not known".to_owned(),
        ));
    }
    let key = key(edge, settings.as_ref(), &choices, &point.table.arn.region, &region).await?;
    let native = !choices.without_indexes.is_empty();
    let role = edge.deployment().restore_role.clone();
    if !native {
        notes.extend(require_rights(edge, &role, &target).await?);
    }
    let id = RestoreId::new(now, edge.random().number());
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
        notes.push(format!("its copy is first copied back from {} to {region}", place_of(&point.vault)));
        Some(copy_back(edge, &point, &arn, &id).await?)
    };
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
        stage: if copy_back.is_some() { Stage::CopyingBack } else { Stage::Starting },
        requested_at: now,
        copy_back,
        start: Start { region, point: arn, table: name(wanted), role, token, native },
        job: None,
        made: None,
        steps: BTreeMap::new(),
        report: Vec::new(),
        problem: None,
        reason: ask.reason.clone(),
        by: ask.by.clone(),
        check_at: until,
        ended_at: None,
        rev: 0,
    };
    let plan = plan(settings.as_ref(), &restore);
    require_room_for_tags(&plan)?;
    let mut told = Told::of(restore, &plan);
    told.dry_run = ask.dry_run;
    told.key = Some(key);
    told.notes = notes;
    told.settings = settings.and_then(|settings| serde_json::to_value(settings).ok());
    Ok(told)
}

/// The same restore point in the Region wanted, where the one that was selected is elsewhere.
fn sibling(points: &[RestorePoint], selected: &RestorePoint, region: &Region) -> Option<RestorePoint> {
    (selected.vault.region != *region)
        .then(|| {
            points
                .iter()
                .find(|point| point.id == selected.id && point.vault.region == *region && point.counts())
        })
        .flatten()
        .cloned()
}

fn require_indexes(settings: &TableSettings, choices: &Choices) -> Result<(), RestoreError> {
    let known = |name: &String| {
        settings.global_indexes.contains_key(name) || settings.local_indexes.contains_key(name)
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
    let last = kept.last().filter(|_| kept.len() >= MOST_TAGS)?;
    choices.without_tags.insert((*last).clone());
    Some(format!(
        "the table had {} tags, and the restore's own takes the place of one: {last} is left out, and can be added when \
         the restore has ended",
        kept.len()
    ))
}

fn require_room_for_tags(plan: &Plan) -> Result<(), RestoreError> {
    let tags = plan.steps.iter().find_map(|step| match step {
        Step::Tags(tags) => Some(tags),
        _ => None,
    });
    if let Some(bad) = tags.and_then(|tags| tags.keys().find(|key| key.starts_with("aws:"))) {
        return Err(RestoreError::Choice(format!(
            "{bad:?} cannot be a tag: names that begin with aws: are AWS's"
        )));
    }
    match tags.map(BTreeMap::len).filter(|count| *count >= MOST_TAGS) {
        Some(count) => Err(RestoreError::Choice(format!(
            "the table would have {count} tags, and {} is the most beside the restore's own: leave some out",
            MOST_TAGS - 1
        ))),
        None => Ok(()),
    }
}

/// Refuses when the service role lacks a right. Where that cannot be known, it is said.
async fn require_rights(edge: &Edge, role: &str, target: &TableArn) -> Result<Option<String>, RestoreError> {
    match edge.role_lacks(role, &ROLE_NEEDS, &target.to_string()).await {
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

/// Copies a copy back into the stack's own vault, where it is a restore point of its table's backup chain again:
/// retention keeps it as long as its flags say.
async fn copy_back(
    edge: &Edge,
    point: &RestorePoint,
    arn: &backup_chain_core::ids::RecoveryPointArn,
    id: &RestoreId,
) -> Result<CopyBack, RestoreError> {
    let deployment = edge.deployment();
    let home = deployment.vault_arn(&deployment.vault);
    let lock = edge.lock_of(&home).await?;
    let (cold_after_days, delete_after_days) = edge.lifecycle(None, point, lock);
    Ok(CopyBack {
        from: point.vault.clone(),
        request: StartCopy {
            source: arn.clone(),
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
