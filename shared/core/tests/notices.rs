//! The samples in `events/told` are what is reported: each is read and told again, and `docs/events.md` prints the
//! same.

use std::path::Path;

use backup_chain_core::notice::{Notice, SOURCE};
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/events.md");

/// Every sample, with the name of its file.
fn samples() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/told");
    let files = std::fs::read_dir(folder).expect("the samples").map(|entry| entry.expect("a sample").path());
    let mut samples: Vec<(String, Value)> = files
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("a sample");
            (name, serde_json::from_str(&text).expect("JSON"))
        })
        .collect();
    samples.sort_by(|(one, _), (other, _)| one.cmp(other));
    samples
}

/// The notice that a sample is of.
fn notice(sample: &Value) -> serde_json::Result<Notice> {
    let detail = sample["detail"].clone();
    Ok(match sample["detail-type"].as_str() {
        Some("Backup Session Ended") => Notice::SessionEnded(serde_json::from_value(detail)?),
        Some("Backup Retried") => Notice::Retried(serde_json::from_value(detail)?),
        Some("Copy Failed") => Notice::CopyFailed(serde_json::from_value(detail)?),
        Some("Retention Run Ended") => Notice::RetentionEnded(serde_json::from_value(detail)?),
        Some("Retention Overdue") => Notice::RetentionOverdue(serde_json::from_value(detail)?),
        Some("Restore Ended") => Notice::RestoreEnded(serde_json::from_value(detail)?),
        other => panic!("{other:?} is told by nobody"),
    })
}

#[test]
fn each_sample_is_told_so() {
    for (name, sample) in samples() {
        let notice = notice(&sample).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (kind, detail) = notice.parts().expect("JSON");
        assert_eq!(kind.to_lowercase().replace(' ', "-"), name);
        assert_eq!(sample["detail-type"], kind);
        assert_eq!(sample["source"], SOURCE);
        assert_eq!(serde_json::from_str::<Value>(&detail).expect("JSON"), sample["detail"], "{name}");
    }
}

#[test]
fn the_page_prints_the_samples() {
    let blocks = PAGE.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let blocks = blocks.map(|block| serde_json::from_str::<Value>(block).expect("JSON"));
    let printed: Vec<Value> = blocks.filter(|block| block["detail-type"].is_string()).collect();
    let samples = samples();
    for (name, sample) in &samples {
        let same = |block: &&Value| block["detail-type"] == sample["detail-type"];
        let block = printed.iter().find(same).unwrap_or_else(|| panic!("{name} is not on the page"));
        assert_eq!(block["detail"], sample["detail"], "{name}");
    }
    // One of each kind that there is.
    assert_eq!((printed.len(), samples.len()), (6, 6));
}
