//! The restore points and sessions of the report, packed for the page's script: JSON by columns, deflated, in base64.
//!
//! An id of 26 characters for each restore point would be most of the page. It follows from its session and its table
//! (`core::ids::PointId::of`), so the script computes it; the few that do not follow are there as they are.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;

use backup_chain_core::compliance::DayStanding;
use backup_chain_core::facts::{Chain, Facts};
use backup_chain_core::ids::{PointId, SessionId};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::retention::Reason;
use backup_chain_core::session::Session;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use jiff::Timestamp;
use serde::Serialize;

use crate::account::{Account, TableReport};
use crate::machine::CannotBeWritten;
use crate::text::{duration, word};

#[derive(Debug, Serialize)]
struct Data {
    /// When it was looked, and the window; in seconds since 1970, as all moments are.
    at: i64,
    from: i64,
    to: i64,
    sessions: Vec<SessionRow>,
    kinds: Vec<Pattern>,
    words: Vec<String>,
    tables: Vec<TableData>,
}

/// Id, slot, start, end (0 while it is open), status, policy, how it was set off, planned, available.
type SessionRow = (SessionId, i64, i64, i64, String, String, String, u32, u32);

/// What many restore points share: state, flags by their distance from the slot (tier, slot, lapse), why they are kept,
/// whether they are held, and whether they are suspect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
struct Pattern(State, Vec<(usize, i64, i64)>, Vec<usize>, u8, u8);

#[derive(Debug, Serialize)]
struct TableData {
    name: String,
    id: String,
    policy: String,
    /// How old its newest backup, and its newest copy, may be now.
    may_be: [String; 2],
    chains: Vec<ChainData>,
    /// How its backups stood on each day, in runs such as `m12 M1`, then its copies in each target.
    days: Vec<String>,
    targets: Vec<String>,
    /// How many restores ended well on which day, by its place.
    tested: BTreeMap<usize, usize>,
}

/// A chain by columns; times are in seconds after the slot of the session.
#[derive(Debug, Serialize)]
struct ChainData {
    kind: PointKind,
    vault: String,
    /// The session: the difference to that of the point before.
    s: Vec<i64>,
    /// The creation date; none where it was never made.
    c: Vec<Option<i64>>,
    /// The size.
    b: Vec<Option<i64>>,
    /// The pattern.
    p: Vec<usize>,
    /// When it was recorded as gone, by its place.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    gone: BTreeMap<usize, i64>,
    /// What else is worth knowing, by its place.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    notes: BTreeMap<usize, Vec<usize>>,
    /// Its id where that does not follow, by its place.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    ids: BTreeMap<usize, PointId>,
}

/// The data of the page.
///
/// # Errors
/// [`CannotBeWritten`].
pub(crate) fn packed(account: &Account<'_>) -> Result<String, CannotBeWritten> {
    let facts = account.facts;
    let (from, to) = account.window.bounds();
    let mut packer = Packer::new(facts);
    let tables = account.tables.iter().map(|table| packer.table(facts, table)).collect();
    let data = Data {
        at: facts.at.as_second(),
        from: from.as_second(),
        to: to.min(facts.at).as_second(),
        sessions: packer.sessions,
        kinds: packer.patterns.in_order(),
        words: packer.words.in_order(),
        tables,
    };
    let mut deflater = ZlibEncoder::new(Vec::new(), Compression::best());
    deflater.write_all(&serde_json::to_vec(&data)?)?;
    Ok(STANDARD.encode(deflater.finish()?))
}

/// Days in runs of the same standing, each a letter and how many.
fn runs(days: impl Iterator<Item = DayStanding>) -> String {
    let mut runs: Vec<(DayStanding, usize)> = Vec::new();
    for standing in days {
        match runs.last_mut() {
            Some((last, count)) if *last == standing => *count += 1,
            _ => runs.push((standing, 1)),
        }
    }
    let letter = |standing| match standing {
        DayStanding::Missed => 'M',
        DayStanding::Unknown => 'u',
        DayStanding::Met => 'm',
        DayStanding::NotPromised => 'n',
    };
    runs.into_iter()
        .map(|(standing, count)| format!("{}{count}", letter(standing)))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Values that are written once and named by their place.
#[derive(Debug)]
struct Dictionary<T>(HashMap<T, usize>);

impl<T: std::hash::Hash + Eq> Dictionary<T> {
    fn place(&mut self, value: T) -> usize {
        let next = self.0.len();
        *self.0.entry(value).or_insert(next)
    }

    fn in_order(self) -> Vec<T> {
        let mut values: Vec<(usize, T)> = self.0.into_iter().map(|(value, place)| (place, value)).collect();
        values.sort_by_key(|(place, _)| *place);
        values.into_iter().map(|(_, value)| value).collect()
    }
}

struct Packer {
    sessions: Vec<SessionRow>,
    places: HashMap<SessionId, usize>,
    patterns: Dictionary<Pattern>,
    words: Dictionary<String>,
}

impl Packer {
    fn new(facts: &Facts) -> Self {
        let mut packer = Self {
            sessions: Vec::new(),
            places: HashMap::new(),
            patterns: Dictionary(HashMap::new()),
            words: Dictionary(HashMap::new()),
        };
        let recorded: HashMap<&SessionId, &Session> =
            facts.sessions.iter().map(|session| (&session.id, session)).collect();
        // Those of which only restore points are left, too.
        let mut slots: BTreeMap<&SessionId, Timestamp> = BTreeMap::new();
        slots.extend(facts.sessions.iter().map(|session| (&session.id, session.slot)));
        let points = facts.tables.iter().flat_map(|table| &table.points);
        slots.extend(points.map(|point| (&point.session, point.slot)));
        for (id, slot) in slots {
            packer.places.insert(id.clone(), packer.sessions.len());
            let session = recorded.get(id);
            let seconds = |at: Option<Timestamp>| at.map_or(0, Timestamp::as_second);
            packer.sessions.push((
                id.clone(),
                slot.as_second(),
                seconds(session.map(|session| session.started_at)),
                seconds(session.and_then(|session| session.ended_at)),
                session.map(|session| word(&session.status)).unwrap_or_default(),
                session
                    .and_then(|session| session.policy.as_ref())
                    .map(|made_by| made_by.name.to_string())
                    .unwrap_or_default(),
                session.map(|session| word(&session.trigger)).unwrap_or_default(),
                session.map_or(0, |session| session.planned),
                session.map_or(0, |session| session.available),
            ));
        }
        packer
    }

    fn table(&mut self, facts: &Facts, table: &TableReport<'_>) -> TableData {
        let chains = table.facts.chains();
        TableData {
            name: table.label.clone(),
            id: table.facts.table.id.to_string(),
            policy: table.policy.map(|policy| policy.name.to_string()).unwrap_or_default(),
            may_be: [table.objective, table.policy.and_then(|past| past.policy.copy_objective())]
                .map(|objective| objective.map_or_else(|| "-".to_owned(), duration)),
            chains: chains.iter().map(|chain| self.chain(facts, table, chain)).collect(),
            days: std::iter::once(runs(table.days.iter().map(|day| day.backups.0)))
                .chain(
                    (0..table.targets.len())
                        .map(|target| runs(table.days.iter().map(|day| day.copies[target].0))),
                )
                .collect(),
            targets: table
                .targets
                .iter()
                .map(|vault| vault.place_from(&table.facts.table.arn.account))
                .collect(),
            tested: table
                .days
                .iter()
                .enumerate()
                .filter(|(_, day)| !day.restores.is_empty())
                .map(|(place, day)| (place, day.restores.len()))
                .collect(),
        }
    }

    fn chain(&mut self, facts: &Facts, table: &TableReport<'_>, chain: &Chain<'_>) -> ChainData {
        let mut kept: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for verdict in table.facts.verdicts(facts, chain) {
            // Flags say for themselves that they are live or have lapsed.
            let said = |reason: &&Reason| !matches!(reason, Reason::Live { .. } | Reason::Outdated { .. });
            let reasons: Vec<String> = verdict.reasons.iter().filter(said).map(ToString::to_string).collect();
            kept.insert(verdict.index, reasons.into_iter().map(|reason| self.words.place(reason)).collect());
        }
        let mut data = ChainData {
            kind: chain.kind,
            vault: chain.vault.place_from(&table.facts.table.arn.account),
            s: Vec::new(),
            c: Vec::new(),
            b: Vec::new(),
            p: Vec::new(),
            gone: BTreeMap::new(),
            notes: BTreeMap::new(),
            ids: BTreeMap::new(),
        };
        let mut before = 0;
        for (place, point) in chain.points.iter().enumerate() {
            let session = self.places.get(&point.session).copied().unwrap_or_default();
            data.s.push(session as i64 - before);
            before = session as i64;
            // The slot that the script knows is the session's.
            let slot = self.sessions[session].1;
            data.c.push(point.created_at.map(|at| at.as_second() - slot));
            data.b.push(point.bytes);
            let kept = kept.remove(&place).unwrap_or_default();
            data.p.push(self.pattern(point, slot, kept, facts));
            if point.state() == State::Deleted
                && let Some(gone) = point.check_at
            {
                data.gone.insert(place, gone.as_second() - slot);
            }
            let notes = self.notes(point);
            if !notes.is_empty() {
                data.notes.insert(place, notes);
            }
            if point.id != PointId::of(point.session.created_at(), &point.session, &point.table.id) {
                data.ids.insert(place, point.id.clone());
            }
        }
        data
    }

    fn pattern(&mut self, point: &RestorePoint, slot: i64, kept: Vec<usize>, facts: &Facts) -> usize {
        let flag = |flag: &backup_chain_core::tier::Flag| {
            (flag.tier as usize, flag.slot.as_second() - slot, flag.lapses.as_second() - slot)
        };
        let flags = point.flags.iter().map(flag).collect();
        let is_held = point.hold.as_ref().is_some_and(|hold| hold.is_live(facts.at));
        self.patterns.place(Pattern(
            point.state(),
            flags,
            kept,
            u8::from(is_held),
            u8::from(point.suspect.is_some()),
        ))
    }

    fn notes(&mut self, point: &RestorePoint) -> Vec<usize> {
        let why = point.reason().map(|why| match point.state() {
            State::Deleted => format!("removed: {why}"),
            state => format!("{state}: {why}"),
        });
        let hold = point
            .hold
            .as_ref()
            .and_then(|hold| hold.author.as_ref())
            .map(|author| format!("held by {author}"));
        let warnings = point.warnings.iter().cloned();
        why.into_iter().chain(hold).chain(warnings).map(|note| self.words.place(note)).collect()
    }
}
