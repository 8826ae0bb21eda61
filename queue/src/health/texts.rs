//! How everything is, in German and in English.

use chrono::TimeDelta;

use super::{Facts, Verdict};
use crate::ledger::list::Total;

pub(super) mod en {
    use super::{Facts, Total, Verdict, finished, joined, number, pace, span};

    pub(in crate::health) fn sentence(facts: &Facts<'_>) -> String {
        let name = facts.queues.first().map_or("", |line| line.name);
        let others = facts.queues.len().saturating_sub(1);
        match facts.verdict {
            Verdict::Paused => "Everything is paused: no job starts.".into(),
            Verdict::NoWorkers => "No worker is running: no job starts.".into(),
            Verdict::Unserved => match others {
                0 => format!("{name} has no worker."),
                1 => format!("{name} and another queue have no worker."),
                _ => format!("{name} and {others} other queues have no worker."),
            },
            Verdict::Behind => {
                let time = facts.queues.first().map_or_else(String::new, |line| span(line.age, "d"));
                match others {
                    0 => format!("{name} is {time} behind; everything else is on time."),
                    1 => format!("{name} is {time} behind, and so is another queue."),
                    _ => format!("{name} is {time} behind, and so are {others} other queues."),
                }
            }
            Verdict::QueuesPaused => match others {
                0 => format!("{name} is paused; everything else is on time."),
                1 => format!("{name} and another queue are paused."),
                _ => format!("{name} and {others} other queues are paused."),
            },
            Verdict::GivenUp if facts.open.count == 1 => "Everything is on time; one job was discarded.".into(),
            Verdict::GivenUp => {
                format!("Everything is on time; {} jobs were discarded.", number(facts.open, ','))
            }
            Verdict::Fine => "Everything is on time.".into(),
        }
    }

    pub(in crate::health) fn detail(facts: &Facts<'_>) -> String {
        let waiting = match facts.waiting.count {
            0 => "Nothing waits.".to_owned(),
            1 => "One job waits.".to_owned(),
            _ => format!("{} jobs wait.", number(facts.waiting, ',')),
        };
        let start = if facts.waiting.count == 1 { "it" } else { "them" };
        let start = format!("Nothing is lost; start a worker that takes {start}.");
        let parts = match facts.verdict {
            Verdict::Paused | Verdict::QueuesPaused => vec![finished(facts.reason), waiting],
            Verdict::NoWorkers | Verdict::Unserved => vec![waiting, start],
            Verdict::Behind => vec![waiting, until_done(facts)],
            Verdict::GivenUp if facts.open.count == 1 => vec![waiting],
            Verdict::GivenUp if facts.causes == 1 => vec!["They have the same cause.".into()],
            Verdict::GivenUp => vec![format!("They have {} causes.", facts.causes)],
            Verdict::Fine => vec![waiting],
        };
        let open = match facts.open.count {
            0 => String::new(),
            _ if facts.verdict == Verdict::GivenUp => String::new(),
            1 => "One job is discarded.".into(),
            _ => format!("{} jobs are discarded.", number(facts.open, ',')),
        };
        joined(parts, open)
    }

    fn until_done(facts: &Facts<'_>) -> String {
        let Some(minutes) = facts.minutes() else { return "Nothing completed there within the last hour.".into() };
        let rate = pace(facts.per_minute, '.', ',');
        match minutes {
            1 => format!("{rate} complete in a minute: that takes about a minute."),
            _ => {
                let minutes = number(Total { count: minutes, capped: false }, ',');
                format!("{rate} complete in a minute: that takes about {minutes} minutes.")
            }
        }
    }
}

pub(super) mod de {
    use super::{Facts, Total, Verdict, finished, joined, number, pace, span};

    pub(in crate::health) fn sentence(facts: &Facts<'_>) -> String {
        let name = facts.queues.first().map_or("", |line| line.name);
        let others = facts.queues.len().saturating_sub(1);
        match facts.verdict {
            Verdict::Paused => "Alles ist pausiert: Kein Job beginnt.".into(),
            Verdict::NoWorkers => "Kein Worker läuft: Kein Job beginnt.".into(),
            Verdict::Unserved => match others {
                0 => format!("{name} hat keinen Worker."),
                1 => format!("{name} und eine weitere Queue haben keinen Worker."),
                _ => format!("{name} und {others} weitere Queues haben keinen Worker."),
            },
            Verdict::Behind => {
                let time = facts.queues.first().map_or_else(String::new, |line| span(line.age, "T"));
                match others {
                    0 => format!("{name} ist {time} im Rückstand; alles andere ist pünktlich."),
                    1 => format!("{name} ist {time} im Rückstand, und eine weitere Queue auch."),
                    _ => format!("{name} ist {time} im Rückstand, und {others} weitere Queues auch."),
                }
            }
            Verdict::QueuesPaused => match others {
                0 => format!("{name} ist pausiert; alles andere ist pünktlich."),
                1 => format!("{name} und eine weitere Queue sind pausiert."),
                _ => format!("{name} und {others} weitere Queues sind pausiert."),
            },
            Verdict::GivenUp if facts.open.count == 1 => "Alles ist pünktlich; ein Job ist aufgegeben.".into(),
            Verdict::GivenUp => format!("Alles ist pünktlich; {} Jobs sind aufgegeben.", number(facts.open, '.')),
            Verdict::Fine => "Alles ist pünktlich.".into(),
        }
    }

    pub(in crate::health) fn detail(facts: &Facts<'_>) -> String {
        let waiting = match facts.waiting.count {
            0 => "Nichts wartet.".to_owned(),
            1 => "Ein Job wartet.".to_owned(),
            _ => format!("{} Jobs warten.", number(facts.waiting, '.')),
        };
        let takes = if facts.waiting.count == 1 { "ihn" } else { "sie" };
        let start = format!("Nichts geht verloren; starten Sie einen Worker, der {takes} nimmt.");
        let parts = match facts.verdict {
            Verdict::Paused | Verdict::QueuesPaused => vec![finished(facts.reason), waiting],
            Verdict::NoWorkers | Verdict::Unserved => vec![waiting, start],
            Verdict::Behind => vec![waiting, until_done(facts)],
            Verdict::GivenUp if facts.open.count == 1 => vec![waiting],
            Verdict::GivenUp if facts.causes == 1 => vec!["Sie haben dieselbe Ursache.".into()],
            Verdict::GivenUp => vec![format!("Sie haben {} Ursachen.", facts.causes)],
            Verdict::Fine => vec![waiting],
        };
        let open = match facts.open.count {
            0 => String::new(),
            _ if facts.verdict == Verdict::GivenUp => String::new(),
            1 => "Ein Job ist aufgegeben.".into(),
            _ => format!("{} Jobs sind aufgegeben.", number(facts.open, '.')),
        };
        joined(parts, open)
    }

    fn until_done(facts: &Facts<'_>) -> String {
        let Some(minutes) = facts.minutes() else {
            return "In der letzten Stunde wurde dort nichts fertig.".into();
        };
        let rate = pace(facts.per_minute, ',', '.');
        match minutes {
            1 => format!("Fertig werden {rate} in der Minute: So dauert es etwa eine Minute."),
            _ => {
                let minutes = number(Total { count: minutes, capped: false }, '.');
                format!("Fertig werden {rate} in der Minute: So dauert es etwa {minutes} Minuten.")
            }
        }
    }
}

/// `1,312`; with a plus where it was not counted to the end.
fn number(total: Total, separator: char) -> String {
    let digits = total.count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    if total.capped {
        text.push('+');
    }
    text
}

/// Whole from ten on, with a tenth below, and with a hundredth where that would say nothing.
fn pace(per_minute: f64, point: char, separator: char) -> String {
    if per_minute >= 9.95 {
        // A pace that was counted fits.
        return number(Total { count: per_minute.round() as u64, capped: false }, separator);
    }
    let text = if per_minute < 0.1 { format!("{per_minute:.2}") } else { format!("{per_minute:.1}") };
    let text = text.strip_suffix(".0").unwrap_or(&text);
    text.replace('.', &point.to_string())
}

/// `4 min`, `2 h 5 min`, from two days on `3 d`.
fn span(age: TimeDelta, day: &str) -> String {
    let minutes = age.num_minutes();
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours @ 48.., _) => format!("{} {day}", hours / 24),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// What somebody wrote, as a sentence among sentences.
fn finished(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

fn joined(mut parts: Vec<String>, last: String) -> String {
    parts.push(last);
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_paces_and_times_are_short() {
        let total = |count, capped| number(Total { count, capped }, ',');
        assert_eq!([total(0, false), total(999, false), total(10_000, true)], ["0", "999", "10,000+"]);
        assert_eq!(total(1_234_567, false), "1,234,567");
        let paces = [0.016, 0.5, 1.0, 9.94, 52.4, 1_312.0].map(|rate| pace(rate, ',', '.'));
        assert_eq!(paces, ["0,02", "0,5", "1", "9,9", "52", "1.312"]);
        let times = [61, 3_600, 7_500, 172_800].map(|seconds| span(TimeDelta::seconds(seconds), "d"));
        assert_eq!(times, ["1 min", "1 h", "2 h 5 min", "2 d"]);
        assert_eq!([finished("it moves"), finished("Why? "), finished("")], ["it moves.", "Why?", ""]);
    }
}
