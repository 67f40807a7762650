//! A deployment that is lived in, and what people do in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use backup_chain_checker::{Intent, Policy};
use backup_chain_core::ids::{PolicyName, TableName};
use backup_chain_core::invoke::{
    Ask, From, Removal, RestoreRequest, RetentionRequest, SessionRequest, Wanted, Which,
};
use backup_chain_core::point::{RestorePoint, State};
use backup_chain_core::replies::SessionReply;
use backup_chain_core::settings::{Digest, TableSettings};
use backup_chain_deployed::stack::{
    ACCOUNT, COPIES, COPY, Failure, RESTORE, RETENTION, SESSION, SOURCE, Stack, TARGET,
};
use backup_chain_local::World;
use backup_chain_session::SessionError;
use serde_json::json;

use super::act::What;
use super::history::History;
use crate::{dynamodb, tables};

/// How long somebody waits before they ask again.
const PAUSE: Duration = Duration::from_secs(600);
/// How often they ask for what must be done: for three days.
const MANY: u32 = 432;
/// How often they ask for what may be left undone: for three hours.
const FEW: u32 = 18;
/// How long a function may take.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A deployment that is lived in.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) stack: Stack,
    pub(super) history: History,
    /// The tables that there are, and how often each has been written to.
    tables: Mutex<BTreeMap<String, u32>>,
    /// The restores that were asked for, by the names of their tables, and that have not been seen to end.
    pub(super) restores: Mutex<BTreeSet<String>>,
    /// The recovery points that are held by law, by the numbers that chose them.
    by_law: Mutex<BTreeMap<u32, String>>,
}

impl Scene {
    pub(super) fn new(world: World, stack: Stack) -> Self {
        Self {
            world,
            stack,
            history: History::default(),
            tables: Mutex::default(),
            restores: Mutex::default(),
            by_law: Mutex::default(),
        }
    }

    pub(super) fn note(&self, what: Intent) {
        self.history.note(&self.world, what);
    }

    /// The restore points that there are, in a fixed order.
    pub(super) async fn points(&self) -> Result<Vec<RestorePoint>, Failure> {
        let mut points = self.stack.app().catalog.all_live_points().await?;
        points.retain(|point| point.state() == State::Available);
        points.sort_by(|a, b| {
            (&a.id, &a.vault, a.recovery_point()).cmp(&(&b.id, &b.vault, b.recovery_point()))
        });
        Ok(points)
    }

    async fn point(&self, chosen: u32) -> Result<Option<RestorePoint>, Failure> {
        let mut points = self.points().await?;
        let count = u32::try_from(points.len())?;
        Ok((count > 0).then(|| points.swap_remove(usize::try_from(chosen % count).unwrap_or_default())))
    }

    /// Somebody does something, and asks again where they are not answered.
    ///
    /// # Errors
    /// When the embedded AWS does not do what it is there for.
    pub(super) async fn operate(&self, what: What) -> Result<(), Failure> {
        match what {
            What::Create(table) => self.create(&table).await,
            What::Drop(table) => self.drop(&table).await,
            What::Write(table) => self.write(&table).await,
            What::Apply(policy) => self.apply(*policy).await,
            What::Switch(policy, true) => {
                let name: PolicyName = policy.parse()?;
                let request = SessionRequest::Enable { policy: name, by: None };
                self.ask_until(&policy.clone(), request, Intent::PolicyEnabled { policy }).await
            }
            What::Switch(policy, false) => {
                let name: PolicyName = policy.parse()?;
                let request = SessionRequest::Disable { policy: name, by: None };
                self.ask_until(&policy.clone(), request, Intent::PolicyDisabled { policy }).await
            }
            What::Delete(policy) => {
                let name: PolicyName = policy.parse()?;
                let request = SessionRequest::Delete { policy: name, by: None };
                self.ask_until(&policy.clone(), request, Intent::PolicyDeleted { policy }).await
            }
            What::Run(policy) => {
                let request = SessionRequest::run(policy.parse()?);
                if self.session(request).await.is_ok() {
                    self.note(Intent::SessionAsked { policy });
                }
                Ok(())
            }
            What::Backup(table) => {
                let request = SessionRequest::backup(vec![table.clone()]);
                if self.session(request).await.is_ok() {
                    self.note(Intent::ManualAsked { table });
                }
                Ok(())
            }
            What::Retention => {
                self.note(Intent::RetentionAsked);
                let _ = self.within(self.stack.retention(RetentionRequest::run())).await;
                Ok(())
            }
            What::Hold(chosen) => self.hold(chosen).await,
            What::Lift(chosen) => self.lift(chosen).await,
            What::Remove(chosen, overrides) => self.remove(chosen, overrides).await,
            What::Restore(table, from_copy) => self.restore(&table, from_copy).await,
            What::Rebuild => self.rebuild().await,
            _ => Ok(()),
        }
    }

    /// A function does what it is asked for, or is ended as Lambda would.
    async fn within<T>(&self, done: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::time::timeout(TIMEOUT, done).await.map_err(|_| "the function took too long")?
    }

    async fn session(&self, request: SessionRequest) -> Result<SessionReply, Failure> {
        self.within(self.stack.session(request)).await
    }

    /// Asks until it is done. What is refused by what it says is given up at last.
    async fn ask_until(&self, policy: &str, request: SessionRequest, what: Intent) -> Result<(), Failure> {
        self.note(Intent::PolicyAsked { policy: policy.to_owned() });
        if self.until(MANY, || self.session(request.clone())).await {
            self.note(what);
        }
        Ok(())
    }

    async fn until<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        tries: u32,
        ask: impl Fn() -> F,
    ) -> bool {
        for _ in 0..tries {
            match ask().await {
                Ok(_) => return true,
                Err(error) if is_refused(&error) => return false,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        false
    }

    async fn create(&self, table: &str) -> Result<(), Failure> {
        if self.tables().contains_key(table) {
            return Ok(());
        }
        let settings = settings(table);
        tables::create(&self.world, table, &settings).await?;
        self.note(Intent::Markers { values: vec![marker(table)] });
        self.tables().insert(table.to_owned(), 0);
        self.put(table, 3).await?;
        self.note(Intent::TableCreated { table: table.to_owned(), id: self.table_id(table).await? });
        Ok(())
    }

    async fn table_id(&self, table: &str) -> Result<String, Failure> {
        let _scene = self.world.scene();
        let described = dynamodb(&self.world).describe_table().table_name(table).send().await?;
        Ok(described.table.and_then(|table| table.table_id).ok_or("a table without an id")?)
    }

    async fn drop(&self, table: &str) -> Result<(), Failure> {
        if self.tables().remove(table).is_some() {
            let id = self.table_id(table).await?;
            dynamodb(&self.world).delete_table().table_name(table).send().await?;
            self.note(Intent::TableDropped { table: table.to_owned(), id });
        }
        Ok(())
    }

    async fn write(&self, table: &str) -> Result<(), Failure> {
        if self.tables().contains_key(table) { self.put(table, 2).await } else { Ok(()) }
    }

    async fn put(&self, table: &str, count: u32) -> Result<(), Failure> {
        let first = self.tables().get(table).copied().unwrap_or_default();
        let (client, _scene) = (dynamodb(&self.world), self.world.scene());
        for number in first..first + count {
            let put = client
                .put_item()
                .table_name(table)
                .item("id", AttributeValue::S(format!("{table}-{number}")));
            put.item("number", AttributeValue::N(number.to_string())).send().await?;
        }
        self.tables().insert(table.to_owned(), first + count);
        Ok(())
    }

    async fn apply(&self, policy: Policy) -> Result<(), Failure> {
        let request = SessionRequest::Apply { document: policy.document(), by: None };
        self.ask_until(&policy.name.clone(), request, Intent::PolicyApplied(policy)).await
    }

    async fn hold(&self, chosen: u32) -> Result<(), Failure> {
        let Some(point) = self.point(chosen).await? else { return Ok(()) };
        let vault = place(&point);
        self.note(Intent::HoldAsked { id: point.id.to_string(), vault: vault.clone(), until: None });
        let request = RetentionRequest::Hold {
            table: point.table.arn.name.clone(),
            point: point.id.clone(),
            vault: Some(vault),
            reason: "an audit".to_owned(),
            until: None,
            by: None,
        };
        self.until(FEW, || self.within(self.stack.hold(request.clone()))).await;
        Ok(())
    }

    async fn lift(&self, chosen: u32) -> Result<(), Failure> {
        let mut held = self.points().await?;
        held.retain(|point| point.hold.is_some());
        let Some(count) = u32::try_from(held.len()).ok().filter(|count| *count > 0) else { return Ok(()) };
        let point = held.swap_remove(usize::try_from(chosen % count)?);
        let vault = place(&point);
        self.note(Intent::HoldLifted { id: point.id.to_string(), vault: vault.clone() });
        let request = RetentionRequest::LiftHold {
            table: point.table.arn.name.clone(),
            point: point.id.clone(),
            vault: Some(vault),
            by: None,
            reason: None,
        };
        self.until(FEW, || self.within(self.stack.hold(request.clone()))).await;
        Ok(())
    }

    async fn remove(&self, chosen: u32, overrides: bool) -> Result<(), Failure> {
        let Some(point) = self.point(chosen).await? else { return Ok(()) };
        let vault = place(&point);
        let guards = if overrides {
            ["live-flag", "newest", "hold", "suspect", "being-copied"].to_vec()
        } else {
            Vec::new()
        };
        self.note(Intent::RemovalAsked {
            table: point.table.arn.name.to_string(),
            id: Some(point.id.to_string()),
            vault: Some(vault.clone()),
            overridden: guards.iter().map(ToString::to_string).collect(),
        });
        let mut removal = Removal::of(point.table.arn.name.clone(), Which::Point(point.id.clone()));
        removal.vault = Some(vault);
        removal.override_guards = guards.iter().map(|guard| guard.parse()).collect::<Result<_, _>>()?;
        removal.reason = overrides.then(|| "somebody knows better".to_owned());
        // A removal that is not answered has begun or has not: it is not asked for twice.
        let _ = self.within(self.stack.retention(RetentionRequest::Remove(removal))).await;
        Ok(())
    }

    async fn restore(&self, table: &str, from_copy: bool) -> Result<(), Failure> {
        let target = format!("back-{}-{table}", self.world.now().as_second());
        let name: TableName = target.parse()?;
        let wanted = Wanted {
            table: table.parse()?,
            from: From::Newest,
            vault: from_copy.then(|| format!("{TARGET}/{COPIES}")),
            name: Some(name),
            region: from_copy.then(|| SOURCE.parse()).transpose()?,
        };
        let ask = Ask { tables: vec![wanted], ..Ask::default() };
        self.note(Intent::RestoreAsked {
            table: table.to_owned(),
            target: target.clone(),
            region: SOURCE.to_owned(),
        });
        self.restores.lock().unwrap_or_else(PoisonError::into_inner).insert(target);
        if let Err(error) = self.within(self.stack.restore(ask)).await {
            self.note(Intent::Note { text: format!("the restore of {table} is refused: {error}") });
        }
        Ok(())
    }

    /// The drill: the rows of tables are gone, and come back from the vaults.
    async fn rebuild(&self) -> Result<(), Failure> {
        let catalog = self.stack.app().context.deployment().catalog.clone();
        let client = aws_sdk_dynamodb::Client::new(&self.world.sdk_config(ACCOUNT, SOURCE, "operator"));
        self.note(Intent::CatalogLost);
        {
            let _scene = self.world.scene();
            for item in self.world.items(ACCOUNT, SOURCE, &catalog) {
                let part = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
                let (pk, sk) = (part("pk"), part("sk"));
                if pk.starts_with("table#") {
                    let delete = client.delete_item().table_name(&catalog);
                    delete.key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(sk)).send().await?;
                }
            }
        }
        self.note(Intent::RebuildAsked);
        self.until(MANY, || self.within(self.stack.rebuild())).await;
        Ok(())
    }

    /// A function is asked for a tick, whether one is running or not.
    pub(super) async fn tick(&self, function: &'static str) {
        let tick = || json!({"action": "tick"});
        // What it fails with is what its schedule would meet too.
        let _ = match function {
            SESSION => self.session(SessionRequest::Tick {}).await.map(drop),
            COPY => self.within(self.stack.copy(tick())).await.map(drop),
            RETENTION => {
                let run = RetentionRequest::run();
                self.within(self.stack.retention(run)).await.map(drop)
            }
            RESTORE => {
                let tick = serde_json::to_value(RestoreRequest::Tick {}).unwrap_or_default();
                self.within(self.stack.ask_restore(tick)).await.map(drop)
            }
            _ => Ok(()),
        };
    }

    fn tables(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn by_law(&self) -> MutexGuard<'_, BTreeMap<u32, String>> {
        self.by_law.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tables that there are.
    pub(super) fn names(&self) -> Vec<String> {
        self.tables().keys().cloned().collect()
    }
}

/// Whether asking again is of no use.
fn is_refused(error: &Failure) -> bool {
    error.downcast_ref::<SessionError>().is_some_and(|error| !matches!(error, SessionError::Aws(_)))
}

fn place(point: &RestorePoint) -> String {
    format!("{}/{}", point.vault.region, point.vault.name)
}

/// What stands in the settings of a table, and nowhere else.
fn marker(table: &str) -> String {
    format!("secret-of-{table}")
}

fn settings(table: &str) -> TableSettings {
    let marker = marker(table);
    // Long names that do not compress: the settings stand in the settings table, under one digest for all its points.
    let projected: Vec<String> = match table {
        "bronze-notes" => {
            let word = |name: u32| Digest::of(format!("{table} {name}").as_bytes()).to_string();
            (0..20).map(|name| [word(name), word(name + 20), word(name + 40)].concat()).collect()
        }
        _ => Vec::new(),
    };
    let projection = if projected.is_empty() { json!("ALL") } else { json!({"INCLUDE": projected}) };
    // One leaves no room for its metadata in a recovery point's tags, another none for any tag of ours.
    let count = match table {
        "gold-users" => 45,
        "silver-mails" => 50,
        _ => 1,
    };
    let tags: BTreeMap<String, String> =
        (0..count).map(|tag| (format!("own-{tag}"), "shop".to_owned())).collect();
    let settings = json!({
        "attributes": {"id": "S", (marker.clone()): "S"},
        "keys": {"hash": ["id"]},
        "global": {(format!("{marker}-index")): {"keys": {"hash": [marker]}, "projection": projection}},
        "ttl": {"attribute": format!("{marker}-ends")},
        "tags": tags,
    });
    TableSettings::from_bytes(settings.to_string().as_bytes()).expect("settings in their normal form")
}

#[cfg(test)]
mod tests {
    use super::super::draw::TABLES;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_table_of_the_lives_can_be_made() {
        let (world, _) = crate::deployed("2026-01-05T06:00:00Z").await;
        for table in TABLES {
            tables::create(&world, table, &settings(table))
                .await
                .unwrap_or_else(|why| panic!("{table}: {why:?}"));
        }
    }
}
