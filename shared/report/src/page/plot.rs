//! What the sections share: the looks of days, axes of dates, the legend, and tables that scroll.

use backup_chain_core::compliance::DayStanding;
use jiff::civil::Date;
use maud::{Markup, PreEscaped, html};

/// The width of a day in a row of days; each is 20 high.
pub(super) const DAY: usize = 10;

/// The name of a day's look.
pub(super) fn name(standing: DayStanding) -> &'static str {
    match standing {
        DayStanding::Met => "met",
        DayStanding::Missed => "missed",
        DayStanding::Unknown => "unknown",
        DayStanding::NotPromised => "nothing promised",
    }
}

/// The letter that stands for it in ids and data.
pub(super) fn letter(standing: DayStanding) -> char {
    match standing {
        DayStanding::Met => 'm',
        DayStanding::Missed => 'M',
        DayStanding::Unknown => 'u',
        DayStanding::NotPromised => 'n',
    }
}

/// The looks of days: full, cut by a cross, hatched, a thin line. They differ without colour, too.
pub(super) fn patterns() -> Markup {
    html! {
        svg.defs width="0" height="0" aria-hidden="true" focusable="false" {
            defs {
                (pattern("day-m", &html! { rect.met x="0.6" width="8.8" height="20" {} }))
                (pattern("day-M", &html! { rect.missed x="0.6" width="8.8" height="20" {} path.cut d="M1.6 5l6.8 10M8.4 5l-6.8 10" {} }))
                (pattern("day-u", &html! { rect.unknown x="0.6" width="8.8" height="20" {} path.hatch d="M.6 8L4 2M.6 18L9.4 2M6 18l3.4-6" {} }))
                (pattern("day-n", &html! { rect.none x="0.6" y="9" width="8.8" height="2" {} }))
                pattern id="gap" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" { rect.gap width="2" height="6" {} }
            }
        }
    }
}

fn pattern(id: &str, look: &Markup) -> Markup {
    html! { pattern id=(id) width=(DAY) height="20" patternUnits="userSpaceOnUse" { (look) } }
}

/// A picture of one day, for legends.
pub(super) fn swatch(standing: DayStanding) -> Markup {
    html! {
        span.swatch {
            svg width="10" height="20" aria-hidden="true" focusable="false" { rect width="10" height="20" fill={ "url(#day-" (letter(standing)) ")" } {} }
            " " (name(standing))
        }
    }
}

/// The days of a table as a row, each run of like days one path.
pub(super) fn row(days: &[DayStanding], label: &str) -> Markup {
    let mut paths = [(); 4].map(|()| String::new());
    let mut first = 0;
    while first < days.len() {
        let standing = days[first];
        let run = days[first..].iter().take_while(|day| **day == standing).count();
        let (x, width) = (first * DAY, run * DAY);
        paths[standing as usize].push_str(&format!("M{x} 0h{width}v20h-{width}z"));
        first += run;
    }
    let looks = [DayStanding::Missed, DayStanding::Unknown, DayStanding::Met, DayStanding::NotPromised];
    html! {
        svg.row role="img" aria-label=(label) viewBox={ "0 0 " (days.len() * DAY) " 20" } preserveAspectRatio="none" focusable="false" {
            @for standing in looks {
                @let path = &paths[standing as usize];
                @if !path.is_empty() { path d=(path) fill={ "url(#day-" (letter(standing)) ")" } {} }
            }
        }
    }
}

/// An axis of dates over so many days: some labels, half of them where there is little room.
pub(super) fn axis(first: Date, days: usize) -> Markup {
    let step = days.div_ceil(8).max(1);
    let label = |place: usize| {
        let date = first.saturating_add(jiff::Span::new().days(i64::try_from(place).unwrap_or_default()));
        (100.0 * place as f64 / days.max(1) as f64, date.strftime("%-d %b").to_string())
    };
    let labels = (0..days.saturating_sub(step / 2)).step_by(step).map(label).enumerate();
    html! {
        svg.axis aria-hidden="true" focusable="false" width="100%" height="18" {
            @for (number, (x, text)) in labels {
                text.few[number % 4 != 0] x={ (format!("{x:.2}")) "%" } y="13" { (text) }
            }
        }
    }
}

/// The legend of the timelines.
pub(super) fn legend() -> Markup {
    let marks = [
        ("d", "daily"),
        ("w", "weekly"),
        ("m", "monthly"),
        ("y", "yearly"),
        ("h", "manual"),
        ("x", "failed"),
        ("g", "removed"),
        ("k", "held"),
        ("s", "suspect"),
        ("r", "running"),
    ];
    html! {
        ul.legend aria-label="Marks" {
            @for (class, name) in marks {
                li { svg width="16" height="16" viewBox="-8 -8 16 16" aria-hidden="true" focusable="false" { (mark(class)) } " " (name) }
            }
            li { svg width="24" height="16" aria-hidden="true" focusable="false" { rect.late width="24" height="16" fill="url(#gap)" {} } " objective missed" }
        }
    }
}

/// The mark of a tier or a state, around the origin. The script draws the same.
fn mark(class: &str) -> Markup {
    let path = match class {
        "d" => r#"<circle class="d" r="4"/>"#,
        "w" => r#"<path class="w" d="M0-5.5L5.5 0 0 5.5-5.5 0z"/>"#,
        "m" => r#"<path class="m" d="M-4.5-4.5h9v9h-9z"/>"#,
        "y" => r#"<path class="y" d="M0-6L6 4.5H-6z"/>"#,
        "h" => r#"<path class="h" d="M-2-5.5h4v3.5h3.5v4H2v3.5h-4V2h-3.5v-4H-2z"/>"#,
        "x" => r#"<path class="x" d="M-4-4l8 8M4-4l-8 8"/>"#,
        "g" => r#"<circle class="g" r="2"/>"#,
        "k" => r#"<circle class="d" r="3"/><circle class="k" r="6.5"/>"#,
        "s" => r#"<text class="s" text-anchor="middle" y="5">?</text>"#,
        _ => r#"<circle class="r" r="4"/>"#,
    };
    PreEscaped(path.to_owned())
}

/// A table that scrolls in itself where the page is too narrow for it.
pub(super) fn wide(label: &str, table: &Markup) -> Markup {
    html! { div.wide role="region" aria-label=(label) tabindex="0" { (table) } }
}
