//! "Did you mean": names near a mistyped one.

/// Up to `most` of `known` that are spelt nearly like `given`, the nearest first.
pub fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let given = given.to_lowercase();
    let length = given.chars().count();
    let allowed = (length / 3).max(1);
    let mut near: Vec<(usize, &str)> = known
        // What differs more in length alone is not near, and comparing it with a long text takes long.
        .filter(|name| name.chars().count().abs_diff(length) <= allowed)
        .map(|name| (strsim::damerau_levenshtein(&given, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .collect();
    near.sort();
    let best = near.first().map_or(0, |(distance, _)| *distance);
    near.into_iter().filter(|(distance, _)| *distance <= best + 1).map(|(_, name)| name).take(most).collect()
}

/// Which of `known` was meant, or else `all`, which says them in few words.
pub(crate) fn hint<'a>(given: &str, known: impl Iterator<Item = &'a str>, all: &str) -> String {
    let near: Vec<String> = nearest(given, known, 2).into_iter().map(|name| format!("{name:?}")).collect();
    let near: Vec<&str> = near.iter().map(String::as_str).collect();
    if near.is_empty() { all.to_owned() } else { format!("did you mean {}?", any_of(&near)) }
}

/// `a`, `a or b`, `a, b or c`.
pub fn any_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}
