//! Numbers as text in the form that Prometheus reads (text format 0.0.4).

use std::fmt::{Display, Write};

/// The type of such a text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Metrics being written. All samples of a metric follow its head.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
}

/// One metric, whose samples are being written.
pub(crate) struct Metric<'a> {
    name: &'static str,
    text: &'a mut String,
}

impl Exposition {
    /// Begins a metric that goes up and down, of a name that was not used before.
    pub(crate) fn gauge(&mut self, name: &'static str, help: &str) -> Metric<'_> {
        self.begin(name, help, "gauge")
    }

    /// Begins a metric that only goes up.
    pub(crate) fn counter(&mut self, name: &'static str, help: &str) -> Metric<'_> {
        self.begin(name, help, "counter")
    }

    fn begin(&mut self, name: &'static str, help: &str, kind: &str) -> Metric<'_> {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "# HELP {name} {}\n# TYPE {name} {kind}\n", escaped(help, false));
        Metric { name, text: &mut self.text }
    }

    /// The text.
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

impl Metric<'_> {
    /// A number, with labels that are its own within the metric.
    pub(crate) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.text.push_str(self.name);
        for (place, (name, label)) in labels.iter().enumerate() {
            self.text.push(if place == 0 { '{' } else { ',' });
            // Writing to a string cannot fail.
            let _ = write!(self.text, "{name}=\"{}\"", escaped(label, true));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
        self
    }
}

/// A text in which nothing ends a line or a label before its time.
fn escaped(text: &str, quotes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            other => out.push(other),
        }
    }
    out
}

/// Bytes of memory that this process has in use, where the system tells.
pub(crate) fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_break_out() {
        let mut exposition = Exposition::default();
        exposition
            .gauge("a_metric", "with a\nline and \"quotes\"")
            .sample(&[], 1)
            .sample(&[("one", "a\"} 9\nfake 1"), ("two", "C:\\x")], 2.5);
        assert_eq!(
            exposition.into_text(),
            "# HELP a_metric with a\\nline and \"quotes\"\n# TYPE a_metric gauge\na_metric 1\n\
             a_metric{one=\"a\\\"} 9\\nfake 1\",two=\"C:\\\\x\"} 2.5\n"
        );
    }

    #[test]
    fn a_process_has_memory() {
        assert!(resident_memory().unwrap() > 1 << 20);
    }
}
