//! Paging: a token names the last entry told, so that what comes and goes between pages shifts nothing.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::api::ApiError;

/// The token of the page that follows the entry of this key.
pub(crate) fn token(last: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(last)
}

/// The key that a page begins behind, of the token that asks for it; `refusal` is for one that is no token of ours.
pub(crate) fn after(
    token: Option<&str>,
    refusal: impl FnOnce() -> ApiError,
) -> Result<Option<String>, ApiError> {
    token.map(|token| key(token).ok_or_else(refusal)).transpose()
}

/// The key that a token names; `None` when it is no token of ours.
fn key(token: &str) -> Option<String> {
    BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

/// One key of several parts: such keys sort as their parts do, since nothing sorts before what joins them.
pub(crate) fn joined(parts: &[&str]) -> String {
    parts.join("\0")
}

/// The next `size` of entries in the order of their keys, from behind `after`; and the token of the page
/// that follows, when one does.
pub(crate) fn page<K: AsRef<str>, T>(
    entries: impl IntoIterator<Item = (K, T)>,
    after: Option<&str>,
    size: usize,
) -> (Vec<T>, Option<String>) {
    let (mut found, mut last) = (Vec::new(), None::<K>);
    for (key, entry) in entries {
        if after.is_some_and(|after| key.as_ref() <= after) {
            continue;
        }
        if found.len() == size {
            return (found, last.map(|last| token(last.as_ref())));
        }
        found.push(entry);
        last = Some(key);
    }
    (found, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let entries = || ["a", "b", "c"].map(|key| (key.to_owned(), key));
        let (first, next) = page(entries(), None, 2);
        assert_eq!(first, ["a", "b"]);
        let after = key(&next.unwrap()).unwrap();
        assert_eq!(page(entries(), Some(&after), 2), (vec!["c"], None));
        assert_eq!(key("no token!"), None);
    }

    #[test]
    fn keys_of_parts_sort_as_their_parts() {
        let parts = [["table/a", "w"], ["table/a-b", "r"], ["table/a/index/i", "r"], ["table/b", "r"]];
        assert!(parts.is_sorted());
        assert!(parts.map(|parts| joined(&parts)).is_sorted());
    }
}
