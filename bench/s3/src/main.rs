//! The S3 service of the tests as a process of its own, for benchmarks: all programs that are compared use it over loopback.
//!
//! It says where it listens in a line of JSON, then takes an order a line and answers each with a line of JSON. It ends with its input.
#![forbid(unsafe_code)]

use std::io::{BufRead, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use backstay_net::testing::{Attributes, KEY, S3Server, SECRET};
use serde_json::{Value, json};

const ORDERS: &str = "\
    make BUCKET | copy BUCKET TO | drop BUCKET | size BUCKET | fill BUCKET OBJECTS LEAST MOST | \
    latency MILLISECONDS | counts";

fn main() -> Result<()> {
    let server = S3Server::start();
    say(&json!({"url": server.url, "key": KEY, "secret": SECRET}))?;
    for line in std::io::stdin().lock().lines() {
        let line = line.context("cannot read an order")?;
        let words: Vec<&str> = line.split_whitespace().collect();
        say(&carry_out(&server, &words).with_context(|| format!("the order {line:?}"))?)?;
    }
    Ok(())
}

fn say(answer: &Value) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{answer}").and_then(|()| output.flush()).context("cannot answer")
}

fn carry_out(server: &S3Server, words: &[&str]) -> Result<Value> {
    match words {
        ["make", bucket] => server.create_bucket(bucket),
        ["copy", bucket, to] => server.copy_bucket(bucket, to),
        ["drop", bucket] => server.remove_bucket(bucket),
        ["size", bucket] => {
            let lengths: Vec<usize> = server
                .keys(bucket)
                .iter()
                .filter_map(|key| Some(server.get(bucket, key)?.bytes.len()))
                .collect();
            return Ok(json!({"objects": lengths.len(), "bytes": lengths.iter().sum::<usize>()}));
        }
        ["fill", bucket, objects, least, most] => {
            return fill(server, bucket, objects.parse()?, least.parse()?, most.parse()?);
        }
        ["latency", milliseconds] => {
            let latency = Duration::from_millis(milliseconds.parse()?);
            server.behave(|behaviour| behaviour.latency = latency);
        }
        // What was asked for since the last time.
        ["counts"] => {
            let counts = json!(server.counts());
            server.forget_counts();
            return Ok(counts);
        }
        _ => bail!("orders are: {ORDERS}"),
    }
    Ok(json!({}))
}

/// Objects in folders of a thousand, of which each is another.
fn fill(server: &S3Server, bucket: &str, objects: u64, least: u64, most: u64) -> Result<Value> {
    let mut random = Random(objects);
    let mut total = 0;
    for number in 0..objects {
        let length = least + random.next() % (most.saturating_sub(least) + 1);
        let mut bytes = Vec::new();
        // Hexadecimal digits: they shrink to about a half.
        while (bytes.len() as u64) < length {
            write!(bytes, "{:016x}", random.next())?;
        }
        bytes.truncate(usize::try_from(length)?);
        total += length;
        let attributes = Attributes { content_type: Some("text/plain".to_owned()), ..Attributes::default() };
        server.put(bucket, &format!("{:03}/{:05}.txt", number / 1000, number), bytes, attributes);
    }
    Ok(json!({"objects": objects, "bytes": total}))
}

/// SplitMix64: the same bytes on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::{S3Server, carry_out};

    #[test]
    fn orders_are_carried_out() {
        let server = S3Server::start();
        let order = |line: &str| carry_out(&server, &line.split_whitespace().collect::<Vec<_>>());
        order("make empty").unwrap();
        let filled = order("fill full 1500 10 20").unwrap();
        assert_eq!(filled["objects"], 1500);
        assert_eq!(order("size full").unwrap(), filled);
        order("copy full other").unwrap();
        assert_eq!(server.keys("other").len(), 1500);
        assert_eq!(server.get("other", "001/01499.txt").unwrap().bytes.len() / 10, 1);
        order("drop full").unwrap();
        assert_eq!(server.names(), ["empty", "other"]);
        assert!(
            order("latency 5").is_ok() && order("latency soon").is_err() && order("counts again").is_err()
        );
        assert_eq!(order("counts").unwrap(), serde_json::json!({}));
    }
}
