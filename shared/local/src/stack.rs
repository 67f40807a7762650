//! A deployment of Backup Chain in the embedded AWS: what the templates would make, and what EventBridge and
//! its schedules would do, on the world's clock.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use backup_chain_aws::Edge;
use backup_chain_aws::clock::{Deadline, Random};
use backup_chain_aws::deployment::Deployment;
use backup_chain_core::ids::{Region, VaultArn};
use backup_chain_core::invoke::{RetentionRequest, SessionRequest};
use backup_chain_core::retention::Brakes;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::backup::BackupEvent;
use crate::{Answer, Function, World};

/// Anything that a deployment or a function may fail with.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The account of the deployment.
pub const ACCOUNT: &str = "111122223333";
/// Its source Region.
pub const SOURCE: &str = "eu-central-1";
/// Its target Region.
pub const TARGET: &str = "eu-west-1";
/// The vault of the source Region.
pub const VAULT: &str = "backup-chain";
/// The vault of the target Region.
pub const COPIES: &str = "backup-chain-copies";

/// What the functions' names begin with.
const FUNCTIONS: &str = "backup-chain-";
const CATALOG: &str = "backup-chain-catalog";
const SETTINGS: &str = "backup-chain-settings";

/// How the schedules run.
#[derive(Debug, Clone, Copy)]
pub struct Schedules {
    /// The time from one tick to the next.
    pub tick: SignedDuration,
    /// Whether retention runs every day.
    pub retention: bool,
    /// How long an invocation may take.
    pub timeout: SignedDuration,
}

impl Default for Schedules {
    fn default() -> Self {
        Self { tick: SignedDuration::from_mins(1), retention: true, timeout: SignedDuration::from_mins(5) }
    }
}

/// A deployment, its functions run in process.
#[derive(Debug)]
pub struct Stack {
    world: World,
    schedules: Schedules,
    session: Edge,
    copy: Edge,
    retention: Edge,
    /// As Lambda runs them: there for as long as the stack is.
    functions: Vec<Arc<Function>>,
    next_tick: Timestamp,
    next_retention: Timestamp,
    queue: VecDeque<Value>,
    reports: Vec<(Timestamp, backup_chain_retention::Report)>,
}

impl Stack {
    /// Deploys into an empty world.
    ///
    /// # Errors
    /// When the embedded AWS refuses a resource.
    pub async fn deploy(world: &World, schedules: Schedules) -> Result<Self, Failure> {
        let key = resources(world).await?;
        let deployment = Deployment {
            partition: "aws".to_owned(),
            account: ACCOUNT.parse()?,
            region: SOURCE.parse()?,
            catalog: CATALOG.to_owned(),
            settings: SETTINGS.to_owned(),
            vault: VAULT.parse()?,
            key,
            backup_role: format!("arn:aws:iam::{ACCOUNT}:role/backup-chain-backup"),
            copy_role: format!("arn:aws:iam::{ACCOUNT}:role/backup-chain-copy"),
            min_age: SignedDuration::from_hours(24),
            brakes: Brakes::default(),
            backups_in_flight: 250,
            copies_in_flight: 80,
        };
        Ok(Self::of(world, schedules, &deployment))
    }

    /// The functions of a deployment that is there already.
    pub fn of(world: &World, schedules: Schedules, deployment: &Deployment) -> Self {
        let random = {
            let world = world.clone();
            Random::new(move |bytes| bytes.copy_from_slice(&world.seeded_bytes(bytes.len())))
        };
        let edge =
            |caller| Edge::new(world.sdk_config(ACCOUNT, SOURCE, caller), deployment.clone(), random.clone());
        let [session, copy, retention] = ["session", "copy", "retention"].map(edge);
        let functions = functions(world, schedules.timeout, [&session, &copy, &retention]);
        let now = world.now();
        Self {
            world: world.clone(),
            schedules,
            session,
            copy,
            retention,
            functions,
            next_tick: now,
            next_retention: now + SignedDuration::from_hours(24),
            queue: VecDeque::new(),
            reports: Vec::new(),
        }
    }

    /// The same deployment with changed settings, as an update of the stack would make it.
    pub fn reconfigure(&mut self, change: impl FnOnce(&mut Deployment)) {
        let mut deployment = self.session.deployment().clone();
        change(&mut deployment);
        let Self { session, copy, retention, functions, .. } =
            Self::of(&self.world, self.schedules, &deployment);
        (self.session, self.copy, self.retention, self.functions) = (session, copy, retention, functions);
    }

    /// The edge as one who looks at the deployment from outside has it.
    pub fn edge(&self) -> &Edge {
        &self.session
    }

    /// The vault of the source Region.
    pub fn vault(&self) -> VaultArn {
        self.session.deployment().vault_arn(&self.session.deployment().vault)
    }

    /// The vault of the target Region.
    ///
    /// # Errors
    /// Never: the names are fixed.
    pub fn copies(&self) -> Result<VaultArn, Failure> {
        Ok(VaultArn { region: TARGET.parse::<Region>()?, name: COPIES.parse()?, ..self.vault() })
    }

    /// What every retention run by schedule reported, with its moment.
    pub fn reports(&self) -> &[(Timestamp, backup_chain_retention::Report)] {
        &self.reports
    }

    fn deadline(&self) -> Deadline {
        Deadline::at(self.world.now() + self.schedules.timeout)
    }

    /// Invokes the session function.
    ///
    /// # Errors
    /// What the function fails with, or that it died at a crash point.
    pub async fn session(&self, request: SessionRequest) -> Result<backup_chain_session::Reply, Failure> {
        alive(&self.world, backup_chain_session::handle(&self.session, request, self.deadline())).await
    }

    /// Invokes the copy function.
    ///
    /// # Errors
    /// What the function fails with, or that it died at a crash point.
    pub async fn copy(&self, payload: Value) -> Result<backup_chain_copy::Reply, Failure> {
        alive(&self.world, backup_chain_copy::handle(&self.copy, payload, self.deadline())).await
    }

    /// Invokes the retention function.
    ///
    /// # Errors
    /// What the function fails with, or that it died at a crash point.
    pub async fn retention(
        &self,
        request: RetentionRequest,
    ) -> Result<backup_chain_retention::Report, Failure> {
        alive(&self.world, backup_chain_retention::handle(&self.retention, request, self.deadline())).await
    }

    /// Lets the world go on until `moment`: schedules fire, jobs end, events reach the queue and the queue the
    /// function. A failed invocation is logged and nothing more, as in Lambda: the next tick goes on.
    pub async fn live_until(&mut self, moment: Timestamp) {
        loop {
            self.world.settle();
            self.deliver().await;
            let now = self.world.now();
            if self.next_tick <= now {
                self.next_tick = now + self.schedules.tick;
                note("session", self.session(SessionRequest::Tick {}).await);
                note("copy", self.copy(json!({"action": "tick"})).await);
            }
            if self.schedules.retention && self.next_retention <= now {
                self.next_retention += SignedDuration::from_hours(24);
                let ran = self.retention(RetentionRequest::Run { dry_run: false, confirm: None }).await;
                if let Some(report) = note("retention", ran) {
                    self.reports.push((now, report));
                }
            }
            let now = self.world.now();
            if moment <= now {
                return;
            }
            let mut next = moment.min(self.next_tick);
            if self.schedules.retention {
                next = next.min(self.next_retention);
            }
            let next = self.world.next_at().map_or(next, |due| next.min(due));
            let wait = next.duration_since(self.world.now()).max(SignedDuration::from_millis(1));
            tokio::time::sleep(wait.unsigned_abs()).await;
        }
    }

    /// Lets the world go on for so long.
    pub async fn live(&mut self, time: SignedDuration) {
        self.live_until(self.world.now() + time).await;
    }

    /// The rule sends job events to the queue, the queue sends batches to the function, and what the function
    /// names as failed comes again.
    async fn deliver(&mut self) {
        let now = self.world.now();
        let events = self.world.with_backup(|backup| backup.take_events(now));
        let ours = |event: &BackupEvent| {
            let kind = event.event.get("detail-type").and_then(Value::as_str).unwrap_or_default();
            event.account == ACCOUNT && event.region == SOURCE && kind.ends_with("Job State Change")
        };
        self.queue.extend(events.into_iter().filter(ours).map(|event| event.event));
        if self.queue.is_empty() {
            return;
        }
        let batch: Vec<Value> = self.queue.drain(..self.queue.len().min(10)).collect();
        let records: Vec<Value> = batch
            .iter()
            .enumerate()
            .map(|(number, event)| json!({"messageId": number.to_string(), "body": event.to_string()}))
            .collect();
        let reply = note("copy", self.copy(json!({"Records": records})).await);
        for (number, event) in batch.into_iter().enumerate() {
            let failed = reply.as_ref().is_none_or(|reply| {
                reply.batch_item_failures.iter().any(|failure| failure.item_identifier == number.to_string())
            });
            if failed {
                self.queue.push_back(event);
            }
        }
    }
}

/// Runs an invocation to its end, or to a crash point of the world: there it is dropped where it stands.
async fn alive<T, E: Into<Failure>>(
    world: &World,
    invocation: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        done = invocation => done.map_err(Into::into),
        () = world.crashed() => Err("the function died".into()),
    }
}

/// Registers the functions with Lambda, each under the name that the template gives it.
fn functions(
    world: &World,
    timeout: SignedDuration,
    [session, copy, retention]: [&Edge; 3],
) -> Vec<Arc<Function>> {
    let environment = environment(session.deployment());
    let register = |name: &str, function: Function| {
        let function = Arc::new(function);
        world.register(ACCOUNT, SOURCE, &format!("{FUNCTIONS}{name}"), &function);
        function
    };
    let deadline = move |world: &World| Deadline::at(world.now() + timeout);
    let [session, copy, retention] = [session, copy, retention].map(|edge| (world.clone(), edge.clone()));
    let session = Function::new(environment.clone(), move |payload| {
        let (world, edge) = session.clone();
        async move {
            let done = backup_chain_session::handle(&edge, request(payload)?, deadline(&world));
            answer(alive(&world, done).await)
        }
    });
    let copy = Function::new(environment.clone(), move |payload| {
        let (world, edge) = copy.clone();
        async move { answer(alive(&world, backup_chain_copy::handle(&edge, payload, deadline(&world))).await) }
    });
    let retention = Function::new(environment, move |payload| {
        let (world, edge) = retention.clone();
        async move {
            let done = backup_chain_retention::handle(&edge, request(payload)?, deadline(&world));
            answer(alive(&world, done).await)
        }
    });
    vec![register("session", session), register("copy", copy), register("retention", retention)]
}

/// Reads a payload as the Lambda runtime does.
fn request<T: DeserializeOwned>(payload: Value) -> Result<T, String> {
    serde_json::from_value(payload).map_err(|error| {
        format!("failed to deserialize the incoming data into the function's payload type: {error}")
    })
}

fn answer<T: Serialize>(done: Result<T, Failure>) -> Answer {
    let reply = done.map_err(|error| error.to_string())?;
    serde_json::to_value(reply).map_err(|error| error.to_string())
}

/// The variables that the template sets for a function: what [`Deployment::read`] reads.
fn environment(deployment: &Deployment) -> BTreeMap<String, String> {
    let Deployment { partition, account, region: _, catalog, settings, vault, key, .. } = deployment;
    let variables = [
        ("PARTITION", partition.clone()),
        ("ACCOUNT", account.to_string()),
        ("CATALOG", catalog.clone()),
        ("SETTINGS", settings.clone()),
        ("VAULT", vault.to_string()),
        ("KEY", key.clone()),
        ("BACKUP_ROLE", deployment.backup_role.clone()),
        ("COPY_ROLE", deployment.copy_role.clone()),
        ("MIN_AGE_HOURS", deployment.min_age.as_hours().to_string()),
        ("PAUSE_DELETION", deployment.brakes.paused.to_string()),
        ("MOST_DELETIONS", deployment.brakes.most_deletions.to_string()),
        ("BACKUPS_IN_FLIGHT", deployment.backups_in_flight.to_string()),
        ("COPIES_IN_FLIGHT", deployment.copies_in_flight.to_string()),
    ];
    variables.into_iter().map(|(name, value)| (format!("BACKUP_CHAIN_{name}"), value)).collect()
}

fn note<T>(function: &str, done: Result<T, Failure>) -> Option<T> {
    done.inspect_err(|error| tracing::warn!(function, %error, "invocation failed")).ok()
}

/// Makes what the templates make, and tells the metadata key's ARN.
async fn resources(world: &World) -> Result<String, Failure> {
    let source = world.sdk_config(ACCOUNT, SOURCE, "operator");
    let target = world.sdk_config(ACCOUNT, TARGET, "operator");
    let kms = aws_sdk_kms::Client::new(&source);
    let made = kms.create_key().multi_region(true).description("Backup Chain metadata").send().await?;
    let key =
        made.key_metadata().and_then(|key| key.arn()).ok_or("KMS made a key without an ARN")?.to_owned();
    kms.replicate_key().key_id(&key).replica_region(TARGET).send().await?;
    for (config, vault) in [(&source, VAULT), (&target, COPIES)] {
        let kms = aws_sdk_kms::Client::new(config);
        let made = kms.create_key().description("Backup Chain vault").send().await?;
        let vault_key =
            made.key_metadata().and_then(|key| key.arn()).ok_or("KMS made a key without an ARN")?;
        let backup = aws_sdk_backup::Client::new(config);
        backup.create_backup_vault().backup_vault_name(vault).encryption_key_arn(vault_key).send().await?;
        table(&aws_sdk_dynamodb::Client::new(config), SETTINGS, &[]).await?;
    }
    let number = ScalarAttributeType::N;
    let indexes = [("due", "queue", "due_at", number), ("session", "session", "pk", ScalarAttributeType::S)];
    table(&aws_sdk_dynamodb::Client::new(&source), CATALOG, &indexes).await?;
    Ok(key)
}

/// A table of ours: `pk` and `sk`, and indexes as (name, partition key, sort key, type of the sort key).
async fn table(
    client: &aws_sdk_dynamodb::Client,
    name: &str,
    indexes: &[(&str, &str, &str, ScalarAttributeType)],
) -> Result<(), Failure> {
    let attribute = |name: &str, kind: &ScalarAttributeType| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind.clone()).build()
    };
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let text = ScalarAttributeType::S;
    let mut create = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key("pk", KeyType::Hash)?)
        .key_schema(key("sk", KeyType::Range)?)
        .attribute_definitions(attribute("pk", &text)?)
        .attribute_definitions(attribute("sk", &text)?);
    for (index, hash, range, range_type) in indexes {
        create = create.attribute_definitions(attribute(hash, &text)?).global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(*index)
                .key_schema(key(hash, KeyType::Hash)?)
                .key_schema(key(range, KeyType::Range)?)
                .projection(Projection::builder().projection_type(ProjectionType::All).build())
                .build()?,
        );
        if *range != "pk" {
            create = create.attribute_definitions(attribute(range, range_type)?);
        }
    }
    create.send().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    #[tokio::test(start_paused = true)]
    async fn the_functions_are_configured_as_the_deployment_is() {
        let world = World::new(Options { start: Timestamp::UNIX_EPOCH, seed: 7 });
        let mut stack = Stack::deploy(&world, Schedules::default()).await.unwrap();
        stack.reconfigure(|deployment| {
            deployment.min_age = SignedDuration::from_hours(5);
            deployment.brakes.paused = true;
            deployment.brakes.most_deletions = 7;
            (deployment.backups_in_flight, deployment.copies_in_flight) = (11, 13);
        });
        let deployment = stack.edge().deployment();
        let variables = environment(deployment);
        let read = Deployment::read(|name| match name {
            "AWS_REGION" => Some(SOURCE.to_owned()),
            name => variables.get(name).cloned(),
        });
        assert_eq!(format!("{:?}", read.unwrap()), format!("{deployment:?}"));
    }
}
