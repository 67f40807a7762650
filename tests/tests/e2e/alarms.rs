//! When the alarms of the template go off, by what the functions measure.

use backup_chain_tests::alarms::fired;
use backup_chain_tests::at;
use jiff::SignedDuration;
use serde_json::json;

/// The alarms that fire within some hours when a metric has this value, so many minutes after they began.
fn with(metric: &str, value: i64, minutes: &[i64]) -> Vec<String> {
    let from = at("2026-01-05T07:00:00Z");
    let line = |after: &i64| {
        let moment = from + SignedDuration::from_mins(*after);
        json!({ "_aws": { "Timestamp": moment.as_millisecond() }, metric: value }).to_string()
    };
    let measured: Vec<String> = minutes.iter().map(line).collect();
    let mut alarms = fired(&measured, from, from + SignedDuration::from_hours(3));
    // Of a retention run nothing is said here.
    alarms.retain(|alarm| alarm != "RetentionOverdueAlarm");
    alarms
}

#[test]
fn work_that_is_left_over_and_over_raises_an_alarm_and_a_hiccup_does_not() {
    let left = |minutes: &[i64]| with("WorkLeft", 1, minutes);
    let each_minute: Vec<i64> = (0..30).collect();
    assert_eq!(left(&each_minute), ["WorkLeftAlarm"], "for half an hour");
    assert_eq!(left(&[3, 18, 33, 48]), ["WorkLeftAlarm"], "by each sweep");
    assert_eq!(left(&[5, 25, 45]), ["WorkLeftAlarm"], "every 20 minutes");
    assert_eq!(left(&each_minute[..5]), [""; 0], "for five minutes");
    assert_eq!(left(&[7]), [""; 0], "once");
    assert_eq!(left(&[7, 47]), [""; 0], "twice in an hour");
    assert_eq!(left(&[5, 65, 125]), [""; 0], "every hour");
}

#[test]
fn what_fails_or_is_owed_raises_an_alarm_at_once() {
    for (metric, alarm) in [
        ("SessionsFailed", "SessionFailedAlarm"),
        ("SlotsOwed", "SlotsOwedAlarm"),
        ("CopiesFailed", "CopyFailedAlarm"),
        ("RestoresFailed", "RestoreFailedAlarm"),
        ("RecordsUnreadable", "RecordsUnreadableAlarm"),
        ("NoticesLost", "NoticesLostAlarm"),
        ("ObjectivesBreached", "ObjectiveBreachedAlarm"),
        ("PointsBlocked", "PointsBlockedAlarm"),
        ("PointsSuspect", "PointsSuspectAlarm"),
        ("LapsesAhead", "LapseAheadAlarm"),
        ("RunsBraked", "RunBrakedAlarm"),
    ] {
        assert_eq!(with(metric, 1, &[2]), [alarm]);
        assert_eq!(with(metric, 0, &[2]), [""; 0], "{metric}");
    }
}
