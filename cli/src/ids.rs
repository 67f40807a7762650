//! Ids as operators read and write them: whole, or by their ends. The beginning of an id is the moment at which it was
//! made, which what was made together shares; the end is what tells it apart.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use backup_chain_core::ids::{InvalidName, PointId};

use crate::outcome::Failure;

/// The fewest letters by which an id is shown, and by which it may be asked for.
const SHOWN: usize = 8;
const ASKED: usize = 4;

/// An id as an operator names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named<I> {
    /// The whole of it.
    Whole(I),
    /// Its end.
    End(String),
}

impl<I: FromStr<Err = InvalidName>> FromStr for Named<I> {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.to_ascii_uppercase();
        let wrong = match text.parse() {
            Ok(id) => return Ok(Self::Whole(id)),
            Err(wrong) => wrong,
        };
        // The letters of a ULID.
        let is_part = |c: char| c.is_ascii_alphanumeric() && !"ILOU".contains(c);
        if (ASKED..26).contains(&text.len()) && text.chars().all(is_part) {
            return Ok(Self::End(text));
        }
        Err(format!("{wrong}, or at least {ASKED} characters of its end"))
    }
}

impl<I: fmt::Display + Ord> Named<I> {
    /// The one id that is meant. Those there are, `all`, are read only where an end is given; `list` is the command that
    /// shows them.
    ///
    /// # Errors
    /// When none or several end like that, and of the reading.
    pub async fn among<A: IntoIterator<Item = I>>(
        self,
        what: &str,
        all: impl AsyncFnOnce() -> Result<A, Failure>,
        list: &str,
    ) -> Result<I, Failure> {
        let end = match self {
            Self::Whole(id) => return Ok(id),
            Self::End(end) => end,
        };
        let all = all().await?;
        let mut found: BTreeSet<I> = all.into_iter().filter(|id| id.to_string().ends_with(&end)).collect();
        match (found.pop_first(), found.is_empty()) {
            (Some(id), true) => Ok(id),
            (Some(first), false) => {
                let named: Vec<String> = [first].iter().chain(&found).map(ToString::to_string).collect();
                Err(Failure::refused(format!(
                    "{what} {end} may be {}: write more of its end",
                    named.join(" or ")
                )))
            }
            (None, _) => Err(Failure::refused(format!("no {what} ends with {end}: see {list}"))),
        }
    }
}

/// Shortens the cells of a column, where all are ids, to ends that tell them apart.
pub(crate) fn shorten<'a>(column: impl Iterator<Item = &'a mut String>) {
    let mut cells: Vec<&mut String> = column.collect();
    if cells.iter().any(|cell| cell.parse::<PointId>().is_err()) {
        return;
    }
    let ids: BTreeSet<&str> = cells.iter().map(|cell| cell.as_str()).collect();
    let parts =
        |id: &str, length: usize| id.get(id.len().saturating_sub(length)..).unwrap_or_default().to_owned();
    let is_apart = |length: &usize| {
        let ends: BTreeSet<String> = ids.iter().map(|id| parts(id, *length)).collect();
        ends.len() == ids.len()
    };
    let length = (SHOWN..26).find(is_apart).unwrap_or(26);
    for cell in &mut cells {
        **cell = parts(cell, length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "01KE73DJG0C1V5K6TP3T2ZJ4ZD";
    const TWO: &str = "01KE73DJG0C1V5K6TP4T2ZJ4ZD";

    fn named(text: &str) -> Named<PointId> {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn an_id_is_meant_by_as_much_of_its_end_as_tells_it_apart() {
        let all = || [ONE, TWO, TWO].map(|id| id.parse::<PointId>().unwrap());
        let among = async |text: &str| {
            named(text).among("restore point", async || Ok(all()), "backup-chain points orders").await
        };
        assert_eq!(among(ONE).await.unwrap().as_str(), ONE);
        assert_eq!(among("3T2ZJ4ZD").await.unwrap().as_str(), ONE);
        assert_eq!(among("p4t2zj4zd").await.unwrap().as_str(), TWO);
        assert_eq!(
            among("J4ZD").await.unwrap_err().to_string(),
            "restore point J4ZD may be 01KE73DJG0C1V5K6TP3T2ZJ4ZD or 01KE73DJG0C1V5K6TP4T2ZJ4ZD: write more of its end"
        );
        assert_eq!(
            among("0000").await.unwrap_err().to_string(),
            "no restore point ends with 0000: see backup-chain points orders"
        );
        assert!(["", "ZJ4", "J4ZI", "J4-D"].iter().all(|text| text.parse::<Named<PointId>>().is_err()));
    }

    #[test]
    fn ids_are_shortened_as_far_as_they_stay_apart() {
        let shortened = |cells: &[&str]| {
            let mut cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
            shorten(cells.iter_mut());
            cells
        };
        assert_eq!(shortened(&[ONE, ONE]), ["3T2ZJ4ZD", "3T2ZJ4ZD"]);
        let apart = ["01KE73DJG0C1V5K6TP3T2ZJ4ZD", "01KE73DJG0C1V5K6TQ3T2ZJ4ZD"];
        assert_eq!(shortened(&apart), ["P3T2ZJ4ZD", "Q3T2ZJ4ZD"]);
        assert_eq!(shortened(&[ONE, "orders"]), [ONE, "orders"]);
    }
}
