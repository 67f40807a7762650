//! The least that breaks a rule.

use super::act::{Act, What};

/// The fewest acts that are still bad: halves, then quarters, and at last single ones are left out while what is left
/// is bad. What lets a life be judged stays.
pub fn shrink(mut acts: Vec<(usize, Act)>, is_bad: impl Fn(&[(usize, Act)]) -> bool) -> Vec<(usize, Act)> {
    let mut part = acts.len().div_ceil(2);
    loop {
        let (mut from, mut less) = (0, false);
        while from < acts.len() {
            let to = (from + part).min(acts.len());
            let out = |place: usize, act: &Act| {
                (from..to).contains(&place) && !matches!(act.what, What::Calm | What::Quiet)
            };
            let left = acts.iter().enumerate().filter(|(place, (_, act))| !out(*place, act));
            let left: Vec<(usize, Act)> = left.map(|(_, act)| act.clone()).collect();
            if left.len() < acts.len() && is_bad(&left) {
                (acts, less) = (left, true);
            } else {
                from = to;
            }
        }
        if part == 1 && !less {
            return acts;
        }
        part = if less { part.min(acts.len().max(1)) } else { part.div_ceil(2) };
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn life(acts: usize) -> Vec<(usize, Act)> {
        let what = |number| if number % 10 == 9 { What::Quiet } else { What::Retention };
        let act = |number| (number, Act { after: SignedDuration::ZERO, what: what(number) });
        (0..acts).map(act).collect()
    }

    fn numbers(acts: &[(usize, Act)]) -> Vec<usize> {
        acts.iter().map(|(number, _)| *number).collect()
    }

    #[test]
    fn what_is_not_needed_is_left_out_but_for_the_looks() {
        let both = |acts: &[(usize, Act)]| [4, 27].iter().all(|number| numbers(acts).contains(number));
        assert_eq!(numbers(&shrink(life(40), both)), [4, 9, 19, 27, 29, 39]);
        assert_eq!(numbers(&shrink(life(30), |_| true)), [9, 19, 29]);
        assert_eq!(numbers(&shrink(life(7), |acts| acts.len() == 7)), [0, 1, 2, 3, 4, 5, 6]);
    }
}
