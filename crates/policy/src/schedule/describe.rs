//! A schedule in plain words.

use std::fmt::Display;

use super::{Battery, MonthDay, Schedule, When, Window};
use crate::duration_text;

pub(super) fn describe(schedule: &Schedule) -> String {
    let mut text = when(&schedule.when);
    let is_local = !matches!(schedule.when, When::Manual | When::Every(_)) || !schedule.windows.is_empty();
    if is_local {
        text.push(' ');
        text.push_str(&schedule.zone);
    }
    if schedule.when != When::Manual {
        if !schedule.windows.is_empty() {
            text.push_str(&format!(", within {}", listed(schedule.windows.iter().map(window))));
        }
        if !schedule.jitter.is_zero() {
            text.push_str(&format!(", up to {} later", duration_text::print(schedule.jitter)));
        }
        if !schedule.catch_up {
            text.push_str(", missed runs are left out");
        }
    }
    if schedule.conditions.battery == Battery::Avoid {
        text.push_str(", not on battery");
    }
    if let Some(limit) = schedule.conditions.max_load {
        text.push_str(&format!(", not above a load of {limit} per core"));
    }
    text
}

fn when(when: &When) -> String {
    match when {
        When::Manual => "only by hand".to_owned(),
        When::Every(period) => format!("every {period}"),
        When::Cron(expression) => format!("by the cron expression {:?},", expression.trim()),
        When::Daily { at } => format!("every day at {}", listed(at)),
        When::Weekly { days, at } => {
            format!("every {} at {}", listed(days.iter().map(|day| day.name())), listed(at))
        }
        When::Monthly { day: MonthDay::Last, at } => {
            format!("on the last day of each month at {}", listed(at))
        }
        When::Monthly { day: MonthDay::Day(day), at } => {
            format!("on day {day} of each month at {}", listed(at))
        }
    }
}

fn window(window: &Window) -> String {
    let hours = match window.from == window.until {
        true if window.from.to_string() == "00:00" => "the whole day".to_owned(),
        true => format!("the day from {}", window.from),
        false => format!("{}–{}", window.from, window.until),
    };
    match window.days.is_empty() {
        true => hours,
        false => format!("{} {hours}", listed(window.days.iter().map(|day| day.name()))),
    }
}

/// As `a, b and c`.
fn listed<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    let mut words: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
    }
}
