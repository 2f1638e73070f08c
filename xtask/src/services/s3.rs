//! The S3 service that all programs use: a process of its own, with everything in memory.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

pub(super) struct S3 {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    told: Value,
}

impl S3 {
    pub(super) fn start(program: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the S3 service")?;
        let orders = child.stdin.take().context("the S3 service takes no orders")?;
        let answers = BufReader::new(child.stdout.take().context("the S3 service answers nothing")?);
        let mut s3 = Self { child, orders, answers, told: Value::Null };
        s3.told = s3.answer()?;
        Ok(s3)
    }

    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.answers.read_line(&mut line).context("the S3 service cannot be heard")?;
        serde_json::from_str(&line).with_context(|| format!("the S3 service answers {line:?}"))
    }

    /// Has it do something, as `bench/s3` understands it.
    pub(super) fn order(&mut self, order: &str) -> Result<Value> {
        writeln!(self.orders, "{order}")
            .with_context(|| format!("the S3 service takes no order {order:?}"))?;
        self.answer().with_context(|| format!("the order {order:?}"))
    }

    /// How many requests there were since the last time, by operation.
    pub(super) fn counts(&mut self) -> Result<BTreeMap<String, u64>> {
        serde_json::from_value(self.order("counts")?).context("the S3 service counts wrongly")
    }

    fn text(&self, field: &str) -> Result<&str> {
        self.told
            .get(field)
            .and_then(Value::as_str)
            .with_context(|| format!("the S3 service tells no {field}"))
    }

    pub(super) fn url(&self) -> Result<&str> {
        self.text("url")
    }

    /// The id of the key that it knows, and its secret.
    pub(super) fn key(&self) -> Result<(&str, &str)> {
        Ok((self.text("key")?, self.text("secret")?))
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
