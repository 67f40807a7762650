//! Whether catalog and vaults agree: every difference, and what it means. It only reads.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_aws::backup::{Point, PointState};
use backup_chain_aws::seal::OpenError;
use backup_chain_aws::seen::Seen;
use backup_chain_aws::{App, Meaning};
use backup_chain_core::ids::{RecoveryPointArn, VaultArn};
use backup_chain_core::metadata::tags;
use backup_chain_core::point::{RestorePoint, State};
use serde::Serialize;

use crate::console::count;
use crate::deployment::Deployed;
use crate::fold::cell;
use crate::outcome::{Failure, Outcome};
use crate::{Console, points};

/// What is not the same in the catalog and in a vault.
#[derive(Debug, Serialize)]
struct Difference {
    vault: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_point: Option<RecoveryPointArn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restore_point: Option<String>,
    what: String,
}

/// What a vault was compared to.
#[derive(Debug, Default, Serialize)]
struct Verified {
    vaults: Vec<String>,
    /// Restore points whose record and recovery point agree.
    agree: usize,
    /// Recovery points that are none of ours.
    foreign: usize,
    /// What a job is running on.
    under_way: usize,
    differences: Vec<Difference>,
}

impl Verified {
    fn differ(
        &mut self,
        vault: String,
        recovery_point: Option<RecoveryPointArn>,
        restore_point: Option<String>,
        what: String,
    ) {
        self.differences.push(Difference { vault, recovery_point, restore_point, what });
    }
}

pub(crate) async fn run(
    named: &[String],
    open: bool,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let app = &deployed.app;
    let mut vaults: BTreeMap<VaultArn, Vec<RestorePoint>> = BTreeMap::new();
    for vault in app.policies.vaults().await? {
        vaults.entry(vault).or_default();
    }
    for text in named {
        let (region, name) = points::parts(text).map_err(Failure::refused)?;
        vaults.entry(VaultArn { region, ..app.context.deployment().vault_arn(&name) }).or_default();
    }
    console.note("the catalog is read ...")?;
    for point in app.catalog.all_live_points().await? {
        vaults.entry(point.vault.clone()).or_default().push(point);
    }
    let mut verified = Verified::default();
    for (vault, points) in vaults {
        console.note(format_args!("{} is compared ...", vault.place()))?;
        verified.vaults.push(vault.place());
        if let Err(error) = (Comparison { app, vault: &vault, open }).make(points, &mut verified).await {
            let what = format!("it could not be compared: {error}");
            verified.differ(vault.place(), None, None, what);
        }
    }
    for unreadable in app.catalog.unreadable() {
        let what = format!("{unreadable}; {}", unreadable.way_out());
        verified.differ(String::new(), None, None, what);
    }
    if json {
        let text = |name: Option<String>| name.unwrap_or_default();
        let row = |it: &Difference| {
            let arn = it.recovery_point.as_ref().map(ToString::to_string);
            [it.vault.clone(), text(it.restore_point.clone()), text(arn), it.what.clone()]
        };
        let heading = ["VAULT", "POINT", "RECOVERY POINT", "WHAT"];
        console.list(&verified, heading, verified.differences.iter().map(row))?;
    } else {
        say(&verified, console)?;
    }
    Ok(if verified.differences.is_empty() { Outcome::Done } else { Outcome::Attention })
}

fn say(verified: &Verified, console: &mut Console<'_>) -> Result<(), Failure> {
    let Verified { vaults, agree, foreign, under_way, differences } = verified;
    for Difference { vault, recovery_point, restore_point, what } in differences {
        let names =
            [Some(vault.clone()), restore_point.clone(), recovery_point.as_ref().map(ToString::to_string)];
        console.line(names.into_iter().flatten().collect::<Vec<_>>().join("  "))?;
        for line in cell(what).lines() {
            console.line(format_args!("  {line}"))?;
        }
    }
    console.line(format_args!(
        "{} in {} agree with the catalog; {}, {foreign} foreign, {under_way} under way",
        count(*agree, "restore point"),
        count(vaults.len(), "vault"),
        count(differences.len(), "difference"),
    ))
}

struct Comparison<'a> {
    app: &'a App,
    vault: &'a VaultArn,
    /// Whether the metadata of what agrees is opened as well.
    open: bool,
}

impl Comparison<'_> {
    async fn make(&self, points: Vec<RestorePoint>, verified: &mut Verified) -> Result<(), Failure> {
        let backup = &self.app.aws.region(&self.vault.region).backup;
        let listed = backup.points(&self.vault.name).await?;
        let recorded: BTreeSet<RecoveryPointArn> =
            points.iter().filter_map(|point| point.recovery_point().cloned()).collect();
        let open: BTreeSet<&str> =
            points.iter().filter(|point| point.state().is_open()).map(|point| point.id.as_str()).collect();
        let strangers = listed.iter().filter(|point| !recorded.contains(&point.arn));
        for found in strangers {
            self.unrecorded(found, &open, verified).await?;
        }
        let by_arn: BTreeMap<&RecoveryPointArn, &Point> =
            listed.iter().map(|point| (&point.arn, point)).collect();
        for point in &points {
            let found = point.recovery_point().and_then(|arn| by_arn.get(arn).copied());
            let what = match (point.state(), found) {
                (state, _) if state.is_open() => {
                    verified.under_way += 1;
                    continue;
                }
                (_, Some(found)) => self.recorded(point, found).await?,
                (_, None) => self.missing(point).await?,
            };
            match what {
                None => verified.agree += 1,
                Some(what) => {
                    verified.differ(
                        self.vault.place(),
                        point.recovery_point().cloned(),
                        Some(point.id.to_string()),
                        what,
                    );
                }
            }
        }
        Ok(())
    }

    /// A record whose recovery point is not listed.
    async fn missing(&self, point: &RestorePoint) -> Result<Option<String>, Failure> {
        let Some(arn) = point.recovery_point() else {
            return Ok(Some(format!("it is {}, and its recovery point is not recorded", point.state())));
        };
        let backup = &self.app.aws.region(&self.vault.region).backup;
        match backup.point(&self.vault.name, arn).await {
            Err(error) if error.meaning == Meaning::NotFound && point.state() == State::Deleting => Ok(None),
            Err(error) if error.meaning == Meaning::NotFound => Ok(Some(
                "it is in the catalog and not in the vault: somebody removed it at AWS Backup. The next run of \
                 retention records that, and its slots are owed"
                    .to_owned(),
            )),
            // A listing trails.
            Ok(found) => self.recorded(point, &found).await,
            Err(error) => Err(error.into()),
        }
    }

    /// A record and its recovery point.
    async fn recorded(&self, point: &RestorePoint, found: &Point) -> Result<Option<String>, Failure> {
        if let Some(why) = &point.suspect {
            return Ok(Some(format!(
                "it is suspect: {why}. It is kept, counts for nothing, and its items can be restored"
            )));
        }
        let ours = (&point.created_at, &point.bytes);
        let what = match &found.state {
            PointState::Usable | PointState::Creating if ours != (&found.created_at, &found.bytes) => Some(
                "its creation date or its size is another than the record says: somebody changed the record".to_owned(),
            ),
            PointState::Usable => None,
            PointState::Creating => Some("it is recorded as available, and AWS is still making it".to_owned()),
            PointState::Deleting => None,
            PointState::Expired => Some(
                "AWS calls it EXPIRED: its deletion was tried and is not allowed, by a lock, a legal hold or a right \
                 that is missing"
                    .to_owned(),
            ),
            PointState::Other(state) => Some(format!("AWS says that it is {state}")),
        };
        if what.is_some() {
            return Ok(what);
        }
        // Who held it by the tag alone may lift it by the tag alone.
        let now = self.app.context.now();
        let is_held = point.hold.as_ref().is_some_and(|hold| hold.since.is_some() && hold.is_live(now));
        if is_held && !point.message_stored {
            let tags = self.app.aws.region(&self.vault.region).backup.tags(&found.arn).await?;
            if !tags.contains_key(tags::HOLD) {
                return Ok(Some(
                    "it is held, and the tag of its hold is gone: without the catalog it would not be held. The next run \
                     of retention puts it back"
                        .to_owned(),
                ));
            }
        }
        if self.open { self.opened(point, found).await } else { Ok(None) }
    }

    /// What is wrong with the metadata of a point, opened.
    async fn opened(&self, point: &RestorePoint, found: &Point) -> Result<Option<String>, Failure> {
        let tags = self.app.aws.region(&self.vault.region).backup.tags(&found.arn).await?;
        let seen = Seen::of(found, &tags, &self.vault.region);
        match self.app.sealer.open(point, &seen).await {
            Err(OpenError::Aws(error)) => Err(error.into()),
            Err(error) => Ok(Some(format!(
                "its metadata is not believed: {error}. The next run of retention that looks at it keeps it as suspect"
            ))),
            Ok((document, _)) => {
                let Some(digest) = point.sealed else { return Ok(None) };
                if point.message_stored && !self.app.sealer.is_named(point).await? {
                    return Ok(Some(
                        "what leads to its message in the settings table is gone or another's: without the catalog it \
                         would not be found. The next run of retention puts it back"
                            .to_owned(),
                    ));
                }
                let is_other = |id: &String| *id != point.id.as_str();
                if tags.get(tags::ID).map_or(!point.message_stored, is_other) {
                    return Ok(Some(format!(
                        "its tag {} is gone or another's: whoever looks for it by its tags does not find it",
                        tags::ID
                    )));
                }
                let bound = self.app.sealer.bound(&seen, &document.table, &digest).await?;
                Ok(bound.err().map(|why| format!("{why}: without the catalog it would not be believed")))
            }
        }
    }

    /// A recovery point that no record names.
    async fn unrecorded(
        &self,
        found: &Point,
        open: &BTreeSet<&str>,
        verified: &mut Verified,
    ) -> Result<(), Failure> {
        let tags = self.app.aws.region(&self.vault.region).backup.tags(&found.arn).await?;
        let id = tags.get(tags::ID).cloned();
        let is_under_way = id.as_deref().is_some_and(|id| open.contains(id));
        if found.state == PointState::Creating || is_under_way {
            verified.under_way += 1;
            return Ok(());
        }
        let is_ours = self.app.context.deployment().may_have_made(found);
        let what = match (is_ours, &id) {
            (false, None) => {
                verified.foreign += 1;
                return Ok(());
            }
            (false, Some(_)) => format!(
                "it carries our id and was made by another role, {}: it is not ours, and is kept",
                found.role.as_deref().unwrap_or_default()
            ),
            (true, _) => match self.app.sealer.describe(self.vault, found, &tags, None).await {
                Ok(RestorePoint { table, suspect: None, .. }) => format!(
                    "it is a restore point of {} that the catalog does not know: a rebuild adds it",
                    table.arn.name
                ),
                Ok(RestorePoint { table, suspect: Some(why), .. }) => format!(
                    "it says that it is a restore point of {}, and the catalog does not know it: a rebuild adds it as \
                     suspect, for {why}",
                    table.arn.name
                ),
                Err(OpenError::Aws(error)) => return Err(error.into()),
                Err(OpenError::Foreign) => {
                    "our role made it, and it carries no metadata of ours: it is kept".to_owned()
                }
                Err(OpenError::Suspect(why)) => {
                    format!(
                        "the catalog does not know it, and its metadata is not believed: {why}. It is kept"
                    )
                }
            },
        };
        verified.differ(self.vault.place(), Some(found.arn.clone()), id, what);
        Ok(())
    }
}
